//! Where generated code finds the runtime crate.

use crate::editor::blamed_on;
use proc_macro2::{Ident, Punct, Spacing, Span, TokenStream};
use quote::{ToTokens, TokenStreamExt, quote, quote_spanned};
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

    /// Names the crate for the block that this stands in, so that a wrong path is one error, on the path.
    pub(crate) fn import(&self) -> TokenStream {
        let Some(path) = &self.0 else {
            let name = Krate::at(Span::call_site());
            return quote!(use ::apideck_hooks as #name;);
        };
        let span = blamed_on(path.span());
        let name = Krate::at(span);
        quote_spanned!(span=> use #path as #name;)
    }

    /// That name; an error in what follows it is shown at this place.
    pub(crate) fn at(span: Span) -> Ident {
        Ident::new("__apideck_hooks", span)
    }

    /// What it has for macros alone.
    pub(crate) fn private(span: Span) -> Private {
        Private(span)
    }
}

/// `__apideck_hooks::__private`. Not a stream: each of these that goes into another one is a call to the compiler.
#[derive(Clone, Copy)]
pub(crate) struct Private(Span);

impl ToTokens for Private {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Private(span) = *self;
        tokens.append(Krate::at(span));
        for spacing in [Spacing::Joint, Spacing::Alone] {
            let mut colon = Punct::new(':', spacing);
            colon.set_span(span);
            tokens.append(colon);
        }
        tokens.append(Ident::new("__private", span));
    }
}
