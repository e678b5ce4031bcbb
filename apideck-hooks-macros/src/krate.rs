//! Where generated code finds the runtime crate.

use crate::editor::blamed_on;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::parse::ParseStream;
use syn::spanned::Spanned;

/// `::apideck_hooks`, or the path given with `crate = path`.
#[derive(Default)]
pub(crate) struct Krate(Option<Path>);

impl Krate {
    /// Reads `= path`.
    pub(crate) fn parse_after_keyword(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse::<syn::Token![=]>()?;
        Ok(Krate(Some(input.call(Path::parse_mod_style)?)))
    }

    /// Names what it has for macros, for the block that this stands in, so that a wrong path is one error, on the path.
    pub(crate) fn import(&self) -> TokenStream {
        let Some(path) = &self.0 else {
            let name = Krate::at(Span::call_site());
            return quote!(use ::apideck_hooks::__private as #name;);
        };
        let span = blamed_on(path.span());
        let name = Krate::at(span);
        quote_spanned!(span=> use #path::__private as #name;)
    }

    /// That name; an error in what follows it is shown at this place.
    pub(crate) fn at(span: Span) -> Ident {
        Ident::new("__apideck_hooks", span)
    }
}
