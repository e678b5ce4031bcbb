//! What stands in the brackets: `"name", "other.*", unlisted = "new.name", crate = path`.

use super::selector::Selector;
use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{LitStr, Path, Token, ext::IdentExt};

/// The parsed arguments: what could be understood of them.
pub(crate) struct Args {
    pub(crate) selectors: Vec<(Selector, Span)>,
    /// The runtime crate, where it is not `::apideck_hooks`.
    pub(crate) krate: Path,
}

enum Arg {
    Name(LitStr),
    Unlisted(LitStr),
    Crate(Path),
}

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            return Ok(Arg::Name(input.parse()?));
        }
        if input.peek(syn::Ident::peek_any) {
            let option = input.call(syn::Ident::parse_any)?;
            if option == "unlisted" {
                input.parse::<Token![=]>()?;
                return Ok(Arg::Unlisted(input.parse()?));
            }
            if option == "crate" {
                input.parse::<Token![=]>()?;
                return Ok(Arg::Crate(input.call(Path::parse_mod_style)?));
            }
            return Err(syn::Error::new(
                option.span(),
                format!(
                    "no option `{option}`: expected an event name in quotes, `unlisted = \"…\"` or `crate = path`"
                ),
            ));
        }
        Err(input.error("expected an event name in quotes, such as \"vault.connection.callable\""))
    }
}

/// Reads the arguments and reports all that is wrong with them.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Args {
    let mut args = Args {
        selectors: Vec::new(),
        krate: default_crate(),
    };
    let parser = syn::punctuated::Punctuated::<Arg, Token![,]>::parse_terminated;
    let list = match parser.parse2(tokens) {
        Ok(list) => list,
        Err(error) => {
            errors.push(error);
            return args;
        }
    };
    let mut any = false;
    for arg in list {
        let (resolved, literal) = match arg {
            Arg::Crate(path) => {
                args.krate = path;
                continue;
            }
            Arg::Name(literal) => (Selector::resolve(&literal.value()), literal),
            Arg::Unlisted(literal) => (Selector::resolve_unlisted(&literal.value()), literal),
        };
        any = true;
        match resolved {
            Err(message) => errors.at(literal.span(), message),
            Ok(selector) => match args
                .selectors
                .iter()
                .find(|(earlier, _)| earlier.overlaps(&selector))
            {
                Some((earlier, _)) if *earlier == selector => {
                    errors.at(literal.span(), format!("`{}` is named twice", literal.value()));
                }
                Some((earlier, _)) => errors.at(
                    literal.span(),
                    format!(
                        "`{}` overlaps `{}` in the same list: keep the wider one",
                        literal.value(),
                        earlier.text()
                    ),
                ),
                None => args.selectors.push((selector, literal.span())),
            },
        }
    }
    if !any {
        errors.at(
            Span::call_site(),
            "`#[on]` needs the event to handle, such as `#[on(\"vault.connection.callable\")]`",
        );
    }
    args
}

pub(crate) fn default_crate() -> Path {
    syn::parse_quote!(::apideck_hooks)
}
