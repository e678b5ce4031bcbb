//! The path of the runtime crate in generated code.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::parse::ParseStream;
use syn::spanned::Spanned;

use crate::editor::error_span;

/// `::apideck_hooks`, or the path of the option `crate = path`.
#[derive(Default)]
pub(crate) struct Krate(Option<Path>);

impl Krate {
    /// Parses `= path`.
    ///
    /// # Errors
    ///
    /// The next tokens are not `=` and a path.
    pub(crate) fn parse_after_keyword(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse::<syn::Token![=]>()?;
        Ok(Self(Some(input.call(Path::parse_mod_style)?)))
    }

    /// Imports the runtime crate's module for macros into the generated block.
    ///
    /// This import is the only use of the path, so that a wrong path is one error, on the path.
    pub(crate) fn import(&self) -> TokenStream {
        let Some(path) = &self.0 else {
            let name = Self::at(Span::call_site());
            return quote!(use ::apideck_hooks::__private as #name;);
        };
        let span = error_span(path.span());
        let name = Self::at(span);
        quote_spanned!(span=> use #path::__private as #name;)
    }

    /// Returns the imported name with this span, where rustc reports an error in a path that starts
    /// with the name.
    pub(crate) fn at(span: Span) -> Ident {
        Ident::new("__apideck_hooks", span)
    }
}
