//! `router![…]`: a type that knows at compile time which handler each event has.

use crate::editor::{self, blamed_on};
use crate::errors::Errors;
use crate::krate::Krate;
use crate::tokens::{Part, split_at_commas};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Path, Token};

enum Entry {
    Handler(Path),
    Rest(Token![..]),
}

/// `crate = path; a, b::c, ..`: what could be understood of it.
struct List {
    krate: Krate,
    paths: Vec<Path>,
    /// Whether it ends with `..`, or has an entry that could not be read: nothing is missing then.
    open: bool,
}

impl List {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let (krate, tokens) = parse_krate.parse2(tokens).unwrap_or_else(|error| {
            errors.push(error);
            Default::default()
        });
        let mut list = List {
            krate,
            paths: Vec::new(),
            open: !errors.is_empty(),
        };
        let parts = split_at_commas(tokens);
        for (index, Part { tokens, span }) in parts.iter().enumerate() {
            match parse_entry(tokens.clone(), *span) {
                Ok(Entry::Handler(path)) => list.paths.push(path),
                Ok(Entry::Rest(token)) => {
                    list.open = true;
                    if index + 1 < parts.len() {
                        errors.on(
                            token,
                            "`..` acknowledges all other events: it stands once, and last",
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
}

/// `crate = path;`, and all that follows.
fn parse_krate(input: ParseStream<'_>) -> syn::Result<(Krate, TokenStream)> {
    let mut krate = Krate::default();
    if input.peek(Token![crate]) && input.peek2(Token![=]) {
        input.parse::<Token![crate]>()?;
        krate = Krate::parse_after_keyword(input)?;
        input.parse::<Token![;]>()?;
    }
    Ok((krate, input.parse()?))
}

fn parse_entry(tokens: TokenStream, span: Span) -> syn::Result<Entry> {
    const EXPECTED: &str =
        "expected the path of a handler, such as `start_sync` or `billing::invoice_paid`, or `..` at the end";
    let parser = |input: ParseStream<'_>| {
        if input.is_empty() {
            return Err(syn::Error::new(span, EXPECTED));
        }
        let entry = match input.peek(Token![..]) {
            true => Entry::Rest(input.parse()?),
            false => Entry::Handler(
                input
                    .call(Path::parse_mod_style)
                    .map_err(|error| syn::Error::new(error.span(), EXPECTED))?,
            ),
        };
        if input.is_empty() {
            return Ok(entry);
        }
        Err(match input.parse()? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                syn::Error::new_spanned(group, "handlers are listed, not called: leave the `(…)` out")
            }
            token => syn::Error::new_spanned(token, "expected `,`"),
        })
    };
    parser.parse2(tokens)
}

/// A path's last name: a span of several tokens would show the first one only.
fn name_span(path: &Path) -> Span {
    let last = path.segments.last();
    blamed_on(last.map_or_else(Span::call_site, |segment| segment.ident.span()))
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let List { krate, paths, open } = List::parse(input, &mut errors);
    let errors = errors.into_compile_errors();

    let import = krate.import();
    let krate = Krate::at(Span::call_site());
    let handlers: Vec<_> = (0..paths.len())
        .map(|index| format_ident!("__Handler{index}"))
        .collect();
    // One use of each path, so that a path that is no handler is one error.
    let aliases = paths
        .iter()
        .zip(&handlers)
        .map(|(path, handler)| quote_spanned!(name_span(path)=> type #handler = #path;));
    let entries = paths.iter().zip(&handlers).map(|(path, handler)| {
        let name = path.to_token_stream().to_string().replace(' ', "");
        let span = name_span(path);
        let (handler, krate) = (format_ident!("{handler}", span = span), Krate::at(span));
        let listed = quote_spanned!(span=> <#handler as #krate::Listed>::HANDLER);
        quote!(#krate::Entry { name: #name, handler: #listed })
    });
    let conflicts = paths.iter().zip(0_u16..).map(|(path, position)| {
        let span = name_span(path);
        let krate = Krate::at(span);
        quote_spanned!(span=> const _: () = #krate::check_conflict(__CLAIMS, #position);)
    });
    let gap = (!open).then(|| {
        let span = paths.last().map_or_else(Span::call_site, name_span);
        let krate = Krate::at(span);
        quote_spanned!(span=> const _: () = #krate::check_gap(__HANDLERS);)
    });
    // For an editor: the functions, beside the types of the same names.
    let shown = editor::expands().then(|| quote!(#(let _ = #paths;)*));
    quote! {{
        #errors
        #import
        #shown
        macro_rules! a_handler_is_a_function_with_the_attribute_on {
            () => { #(#aliases)* };
        }
        a_handler_is_a_function_with_the_attribute_on!();
        const __HANDLERS: &[#krate::Entry] = &[#(#entries),*];
        const __CLAIMS: &#krate::FirstHandlers = &#krate::FirstHandlers::new(__HANDLERS);
        #(#conflicts)*
        #gap
        static __PLAN: #krate::Plan = #krate::Plan::new(__HANDLERS);

        // The parameter makes the type erroneous together with the list, so that an error there has no successors.
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
    }}
}
