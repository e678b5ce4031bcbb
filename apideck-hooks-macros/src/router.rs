//! `router![…]`: a value that implements `Routes`.
//!
//! # How it works
//!
//! The macro sees paths, not the handlers behind them. So it generates constants, and the compiler
//! checks the list by evaluating them. A failed check panics, and rustc reports the panic at the
//! call of the check. That call has the span of the path at fault. The span is that of the last
//! name of the path, because rustc shows only the first token of a longer one.
//!
//! Each path is used once, in a type alias, so that a wrong path is one error. The aliases come
//! from a local macro. rustc names that macro in its error for a function without `#[on]`, so the
//! macro's name tells what a handler is.
//!
//! `Router` has the length of the list as a parameter. An error in the list is then an error in the
//! type too, and rustc reports no further errors that follow from it.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Path, Token};

use crate::editor::{self, error_span};
use crate::errors::Errors;
use crate::krate::Krate;
use crate::tokens::{Part, Taken, split_at_commas};

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let list = List::parse(input, &mut errors);
    let errors = errors.into_compile_errors();
    let import = list.krate.import();
    let for_editor = list.for_editor();
    let aliases = list.aliases();
    let checked_handlers = list.checked_handlers();
    let router = list.router();
    quote! {{
        #errors
        #import
        #for_editor
        macro_rules! a_handler_is_a_function_with_the_attribute_on {
            () => { #aliases };
        }
        a_handler_is_a_function_with_the_attribute_on!();
        // A block of its own, so that the paths above cannot mean these items.
        {
            #checked_handlers
            #router
        }
    }}
}

/// The parts of `crate = path; a, b::c, ..` that could be parsed.
struct List {
    krate: Krate,
    paths: Vec<Path>,
    /// The list need not handle every event, because it ends with `..` or has an entry that could
    /// not be parsed.
    open: bool,
}

impl List {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let (krate, tokens) = parse_krate.parse2(tokens).unwrap_or_else(|error| {
            errors.push(error);
            Default::default()
        });
        let mut list = Self {
            krate,
            paths: Vec::new(),
            open: !errors.is_empty(),
        };
        let parts = split_at_commas(tokens);
        for (index, Part { tokens, span }) in parts.iter().enumerate() {
            match parse_list_entry(tokens.clone(), *span) {
                Ok(ListEntry::Handler(path)) => list.paths.push(path),
                Ok(ListEntry::Rest(token)) => {
                    list.open = true;
                    if index + 1 < parts.len() {
                        errors.on(
                            token,
                            "`..` acknowledges all other events, so it can only be the last entry",
                        );
                    }
                }
                Err(error) => {
                    list.open = true;
                    errors.push(error);
                }
            }
        }
        list
    }

    /// Returns a type alias for each handler, which is the only use of its path.
    fn aliases(&self) -> TokenStream {
        let aliases = self
            .paths
            .iter()
            .zip(self.alias_names())
            .map(|(path, alias)| quote_spanned!(error_position(path)=> type #alias = #path;));
        aliases.collect()
    }

    fn alias_names(&self) -> impl Iterator<Item = Ident> {
        let paths = &self.paths;
        let taken = Taken::by(quote!(#(#paths)*));
        (0..paths.len()).map(move |index| taken.free(&format!("__Handler{index}"), Span::call_site()))
    }

    /// Returns the constant with the handlers, and the checks of the list.
    fn checked_handlers(&self) -> TokenStream {
        let krate = Krate::at(Span::call_site());
        let entries = self.paths.iter().zip(self.alias_names()).map(|(path, alias)| {
            let name = path.to_token_stream().to_string().replace(' ', "");
            let span = error_position(path);
            let (alias, krate) = (format_ident!("{alias}", span = span), Krate::at(span));
            let handler = quote_spanned!(span=> <#alias as #krate::Annotated>::HANDLER);
            quote!(#krate::Entry { name: #name, handler: #handler })
        });
        let conflicts = self.paths.iter().zip(0_u16..).map(|(path, position)| {
            let span = error_position(path);
            let krate = Krate::at(span);
            quote_spanned!(span=> const _: () = #krate::check_conflict(__FIRST_HANDLERS, #position);)
        });
        let gap = (!self.open).then(|| {
            let span = self.paths.last().map_or_else(Span::call_site, error_position);
            let krate = Krate::at(span);
            quote_spanned!(span=> const _: () = #krate::check_gap(__HANDLERS);)
        });
        quote! {
            const __HANDLERS: &[#krate::Entry] = &[#(#entries),*];
            const __FIRST_HANDLERS: &#krate::FirstHandlers = &#krate::FirstHandlers::new(__HANDLERS);
            #(#conflicts)*
            #gap
        }
    }

    /// Returns the plan, the type that implements `Routes`, and its value.
    fn router(&self) -> TokenStream {
        let krate = Krate::at(Span::call_site());
        let handlers: Vec<Ident> = self.alias_names().collect();
        quote! {
            static __PLAN: #krate::Plan = #krate::Plan::new(__HANDLERS);

            #[doc(hidden)]
            #[derive(::core::clone::Clone, ::core::marker::Copy)]
            pub struct Router<const LEN: #krate::usize>;

            impl<__S, const LEN: #krate::usize> #krate::Routes<__S> for Router<LEN>
            where
                __S: #krate::Send + #krate::Sync + 'static,
                #(#handlers: #krate::Handle<__S>,)*
            {
                fn plan(&self) -> &'static #krate::Plan {
                    &__PLAN
                }

                fn runs(&self) -> &#krate::Runs<__S> {
                    &[#(<#handlers as #krate::Handle<__S>>::run),*]
                }
            }
            Router::<{ __HANDLERS.len() }>
        }
    }

    /// Returns a use of each function, whose path leads an editor only to the type of the same name
    /// otherwise.
    fn for_editor(&self) -> Option<TokenStream> {
        let paths = &self.paths;
        editor::is_rust_analyzer().then(|| quote!(#(let _ = #paths;)*))
    }
}

enum ListEntry {
    Handler(Path),
    Rest(Token![..]),
}

/// Parses an optional `crate = path;` and returns the rest.
fn parse_krate(input: ParseStream<'_>) -> syn::Result<(Krate, TokenStream)> {
    let mut krate = Krate::default();
    if input.peek(Token![crate]) && input.peek2(Token![=]) {
        input.parse::<Token![crate]>()?;
        krate = Krate::parse_after_keyword(input)?;
        input.parse::<Token![;]>()?;
    }
    Ok((krate, input.parse()?))
}

fn parse_list_entry(tokens: TokenStream, span: Span) -> syn::Result<ListEntry> {
    const EXPECTED: &str =
        "expected the path of a handler, such as `start_sync` or `billing::invoice_paid`, or `..` at the end";
    let parser = |input: ParseStream<'_>| {
        if input.is_empty() {
            return Err(syn::Error::new(span, EXPECTED));
        }
        let entry = if input.peek(Token![..]) {
            ListEntry::Rest(input.parse()?)
        } else {
            let path = input.call(Path::parse_mod_style);
            ListEntry::Handler(path.map_err(|error| syn::Error::new(error.span(), EXPECTED))?)
        };
        if input.is_empty() {
            return Ok(entry);
        }
        Err(match input.parse()? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                syn::Error::new_spanned(group, "a handler is listed, not called: remove the `(…)`")
            }
            token => syn::Error::new_spanned(token, "expected `,`"),
        })
    };
    parser.parse2(tokens)
}

/// Returns the span of a path's last name, for errors about the path.
fn error_position(path: &Path) -> Span {
    let last = path.segments.last();
    error_span(last.map_or_else(Span::call_site, |segment| segment.ident.span()))
}
