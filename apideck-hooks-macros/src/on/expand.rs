//! What `#[on]` writes beside the function.

use super::args::{self, Args};
use super::function::{Function, is_nameable};
use crate::editor::{self, blamed_on};
use crate::errors::Errors;
use crate::krate::Krate;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = syn::parse2::<Function>(item.clone());
    let attribute = match &function {
        // Resolved where the user writes, so that rustc does not blame "the attribute macro `on`".
        Ok(function) => Span::call_site().resolved_at(function.name.span()),
        Err(_) => Span::call_site(),
    };
    let args = args::parse(args, attribute, &mut errors);
    let generated = match function {
        Ok(function) => {
            function.check(&mut errors);
            if function.stands_alone() {
                TokenStream::new()
            } else {
                Handler {
                    args: &args,
                    function: &function,
                    broken: !errors.is_empty() || function.sig.is_none(),
                }
                .expand()
            }
        }
        Err(error) => {
            errors.push(error);
            TokenStream::new()
        }
    };
    let errors = errors.into_compile_errors();
    // The item comes first and unchanged, whatever else is wrong.
    quote!(#item #errors #generated)
}

struct Handler<'a> {
    args: &'a Args,
    function: &'a Function,
    /// After an error: what is written then is enough for `router!` to accept the handler silently, so that one
    /// mistake is one error.
    broken: bool,
}

impl Handler<'_> {
    fn expand(&self) -> TokenStream {
        let name = &self.function.name;
        let private = Krate::private(blamed_on(name.span()));
        let cfgs = self.function.cfgs();
        let (companion, hints) = (self.companion(), self.hints());
        let selectors = match &self.args.selectors[..] {
            [] => vec![quote!(#private::Selector::Broken)],
            known => known
                .iter()
                .map(|(selector, _)| selector.to_value(&private))
                .collect(),
        };
        let (names, checks): (Vec<_>, Vec<_>) = self.checks().unzip();
        let on = if self.broken {
            quote!(&[#private::Selector::Broken])
        } else {
            // Names the checks, so that `router!` knows of an error there and keeps silent about it.
            quote!({ #(let _ = #names;)* __ON })
        };
        let transaction = if self.broken {
            quote!(::core::option::Option::None)
        } else {
            quote_spanned! {blamed_on(name.span())=>
                match #private::one_transaction(&[#(#names),*]) {
                    ::core::result::Result::Ok(transaction) => transaction,
                    ::core::result::Result::Err(fault) => ::core::panic!("{}", fault.as_str()),
                }
            }
        };
        let (import, handle) = (self.args.krate.import(), self.handle());
        let shown = editor::expands().then(|| self.shown());
        quote! {
            #companion
            #hints
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery)]
            const _: () = {
                #import

                // The checks must not name the type: used by nothing but `router!`, it lets rustc say of a handler in
                // no list that it is never used.
                const __ON: &[#private::Selector] = &[#(#selectors),*];
                #(#checks)*

                #[automatically_derived]
                impl #private::Listed for #name {
                    const ON: &'static [#private::Selector] = #on;
                    const TRANSACTION: ::core::option::Option<&'static ::core::primitive::str> = #transaction;
                }

                #handle
                #shown
            };
        }
    }

    /// For an editor: each name of an event is its payload type, with the type's documentation.
    fn shown(&self) -> TokenStream {
        let krate = Krate::at(Span::call_site());
        let payloads = self.args.selectors.iter();
        let payloads = payloads.map(|(selector, span)| Ident::new(selector.payload_type(), *span));
        quote!(#(const _: ::core::option::Option<#krate::events::#payloads> = ::core::option::Option::None;)*)
    }

    /// The type that `router!` finds under the function's path. Its braces keep it out of the value namespace, where
    /// the function lives.
    fn companion(&self) -> TokenStream {
        let Function { vis, name, .. } = self.function;
        let texts = self.args.selectors.iter().map(|(selector, _)| selector.text());
        let doc = format!("Handles `{}`.", texts.collect::<Vec<_>>().join("`, `"));
        let cfgs = self.function.cfgs();
        // Seen on the name, but generated: rustc would call it unused together with the function otherwise.
        quote_spanned! {Span::call_site().located_at(blamed_on(name.span()))=>
            #(#cfgs)*
            #[doc(hidden)]
            #[doc = #doc]
            #[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
            #vis struct #name {}
        }
    }

    /// A macro cannot warn, but what it writes can: by a constant that is deprecated, with the advice as the reason.
    fn hints(&self) -> TokenStream {
        let cfgs: Vec<_> = self.function.cfgs().collect();
        let allows = self.function.attrs.iter();
        let allows: Vec<_> = allows.filter(|attr| attr.path().is_ident("allow")).collect();
        let hints = self.args.hints.iter().map(|(text, span)| {
            quote_spanned! {*span=>
                #(#cfgs)*
                #(#allows)*
                const _: () = {
                    #[deprecated(note = #text)]
                    const LIKELY_TYPO: () = ();
                    LIKELY_TYPO
                };
            }
        });
        hints.collect()
    }

    /// Whether each parameter fits: a constant's name, and the constant, which does not compile otherwise. It stands on
    /// the parameter's own type, so that rustc and the panic both point there.
    fn checks(&self) -> impl Iterator<Item = (Ident, TokenStream)> {
        let generic = self
            .function
            .sig
            .as_ref()
            .is_some_and(|sig| !sig.generics.params.is_empty());
        let params = self.function.params().enumerate();
        let params = params.filter(move |(_, ty)| !generic && is_nameable(ty));
        params.map(|(position, ty)| {
            let span = blamed_on(ty.span());
            let (krate, private) = (Krate::at(span), Krate::private(span));
            let name = format_ident!("__PARAM_{position}");
            let check = quote_spanned! {span=>
                const #name: ::core::option::Option<&'static ::core::primitive::str> = {
                    let needs = <#ty as #krate::FromDelivery>::NEEDS;
                    match #private::check_param(needs, #position, __ON) {
                        ::core::option::Option::None => needs.transaction,
                        ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
                    }
                };
            };
            (name, check)
        })
    }

    fn handle(&self) -> TokenStream {
        let name = &self.function.name;
        let span = blamed_on(name.span());
        let (krate, private) = (Krate::at(span), Krate::private(span));
        // On the name: a future that is not `Send` is reported on the handler.
        let future = quote_spanned! {span=>
            impl ::core::future::Future<Output = #krate::Outcome> + ::core::marker::Send
        };
        if self.broken {
            return quote! {
                #[automatically_derived]
                impl<__S: ::core::marker::Sync> #private::Handle<__S> for #name {
                    async fn call(_: &mut #private::Incoming, _: &__S) -> #krate::Outcome {
                        #krate::Outcome::Ignore
                    }
                }
            };
        }
        let params: Vec<&Type> = self.function.params().collect();
        // Of no one but the macro: neither the function's name nor what a macro of the user's wrote can be these.
        let local = |name: &str| Ident::new(name, Span::mixed_site());
        let (delivery, state, returned) = (local("delivery"), local("state"), local("returned"));
        let arguments: Vec<Ident> = (0..params.len())
            .map(|index| local(&format!("argument_{index}")))
            .collect();
        let bounds = params.iter().map(|ty| {
            let span = blamed_on(ty.span());
            let private = Krate::private(span);
            quote_spanned!(span=> #ty: #private::Extract<__S>,)
        });
        let extracts = params.iter().zip(&arguments).map(|(ty, argument)| {
            let span = blamed_on(ty.span());
            let private = Krate::private(span);
            quote_spanned! {span=>
                let #argument = match <#ty as #private::Extract<__S>>::extract(#delivery, #state).await {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(outcome) => return outcome,
                };
            }
        });
        let output = self.function.output();
        let block = quote_spanned! {span=>
            async move {
                #(#extracts)*
                let #returned = #name(#(#arguments),*).await;
                <#output as #krate::IntoOutcome>::into_outcome(#returned)
            }
        };
        quote! {
            #[automatically_derived]
            impl<__S> #private::Handle<__S> for #name
            where
                __S: ::core::marker::Send + ::core::marker::Sync,
                #(#bounds)*
            {
                fn call(#delivery: &mut #private::Incoming, #state: &__S) -> #future {
                    #block
                }
            }
        }
    }
}
