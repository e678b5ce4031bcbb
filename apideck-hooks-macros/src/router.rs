//! `router![…]`: a type that knows at compile time which handler each event has.

use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Path, Token};

enum Entry {
    Handler(Path),
    Rest(Token![..]),
}

/// `crate = path; a, b::c, ..`
struct List {
    krate: Path,
    entries: Vec<Entry>,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut krate = syn::parse_quote!(::apideck_hooks);
        if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            krate = input.call(Path::parse_mod_style)?;
            input.parse::<Token![;]>()?;
        }
        let mut entries = Vec::new();
        while !input.is_empty() {
            entries.push(match input.peek(Token![..]) {
                true => Entry::Rest(input.parse()?),
                false => Entry::Handler(input.call(Path::parse_mod_style).map_err(|error| {
                    syn::Error::new(
                        error.span(),
                        "expected the path of a handler, such as `start_sync` or `billing::invoice_paid`, or `..` at the end",
                    )
                })?),
            });
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(List { krate, entries })
    }
}

/// A path's last name: a span of several tokens would show the first one only.
fn name_span(path: &Path) -> Span {
    path.segments
        .last()
        .map_or_else(Span::call_site, |segment| segment.ident.span())
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let List { krate, entries } = match syn::parse2(input) {
        Ok(list) => list,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let mut paths: Vec<&Path> = Vec::new();
    let mut rest = None;
    for entry in &entries {
        match entry {
            Entry::Rest(_) if rest.is_some() => {}
            Entry::Rest(token) => rest = Some(token),
            Entry::Handler(path) => paths.push(path),
        }
    }
    if let Some(token) = rest
        && !matches!(entries.last(), Some(Entry::Rest(_)))
    {
        errors.on(token, "`..` acknowledges all other events: it stands last");
    }
    if !errors.is_empty() {
        return errors.into_compile_errors();
    }

    let private = quote!(#krate::__private);
    let handlers: Vec<_> = (0..paths.len())
        .map(|index| format_ident!("__Handler{index}"))
        .collect();
    let numbers: Vec<_> = (0..paths.len()).map(|index| index as u16).collect();
    let names = paths
        .iter()
        .map(|path| path.to_token_stream().to_string().replace(' ', ""));
    // One use of each path, so that a path that is no handler is one error.
    let aliases = paths
        .iter()
        .zip(&handlers)
        .map(|(path, handler)| quote_spanned!(name_span(path)=> type #handler = #path;));
    let listed = paths
        .iter()
        .zip(&handlers)
        .map(|(path, handler)| quote_spanned!(name_span(path)=> <#handler as #private::Listed>::ON));
    let check = |check: TokenStream, span| {
        quote_spanned! {span=>
            const _: () = match #check {
                ::core::option::Option::None => {}
                ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
            };
        }
    };
    let conflicts = paths
        .iter()
        .zip(&numbers)
        .map(|(path, number)| check(quote!(#private::conflict(__HANDLERS, #number)), name_span(path)));
    let gap = rest.is_none().then(|| {
        let span = paths.last().map_or_else(Span::call_site, |path| name_span(path));
        check(quote!(#private::gap(__HANDLERS)), span)
    });
    quote! {{
        #(#aliases)*
        const __HANDLERS: &[#private::Entry] = &[#(#private::Entry { name: #names, on: #listed }),*];
        #(#conflicts)*
        #gap
        static __PLAN: #private::Plan = #private::Plan::new(__HANDLERS);

        #[doc(hidden)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct Router;

        impl<__S> #private::Routes<__S> for Router
        where
            __S: ::core::marker::Send + ::core::marker::Sync + 'static,
            #(#handlers: #private::Handle<__S>,)*
        {
            fn plan(&self) -> &'static #private::Plan {
                &__PLAN
            }

            fn dispatch(
                &self,
                __route: u16,
                __delivery: &mut #private::Incoming,
                __state: &__S,
            ) -> impl ::core::future::Future<Output = #krate::Outcome> + ::core::marker::Send {
                async move {
                    match __route {
                        #(#numbers => <#handlers as #private::Handle<__S>>::call(__delivery, __state).await,)*
                        _ => #krate::Outcome::Ignore,
                    }
                }
            }
        }
        Router
    }}
}
