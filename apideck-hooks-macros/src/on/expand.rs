//! What `#[on]` writes beside the function.

use super::args::{self, Args};
use super::function::Function;
use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = args::parse(args, &mut errors);
    let generated = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => {
            function.check(&mut errors);
            if errors.is_empty() {
                handler(&args, &function)
            } else {
                stub(&args, &function)
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

/// The type that `router!` finds under the function's path. Its braces keep it out of the value namespace,
/// where the function lives.
fn companion(function: &Function) -> TokenStream {
    let Function { vis, sig, .. } = function;
    let (name, cfgs) = (&sig.ident, function.cfgs());
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
        #vis struct #name {}
    }
}

fn handler(args: &Args, function: &Function) -> TokenStream {
    let Args { krate, selectors } = args;
    let name = &function.sig.ident;
    let companion = companion(function);
    let cfgs = function.cfgs();
    let selectors = selectors.iter().map(|(selector, _)| selector.to_value(krate));
    let params: Vec<_> = function.params().collect();
    let arguments: Vec<Ident> = (0..params.len())
        .map(|index| format_ident!("__argument_{index}"))
        .collect();

    // On the parameter's own type, so that rustc and the panic both point there.
    let checks = params.iter().enumerate().map(|(position, ty)| {
        quote_spanned! {ty.span()=>
            const _: () = match #krate::__private::check_param::<#ty>(#position, __ON) {
                ::core::option::Option::None => {}
                ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
            };
        }
    });
    let extracts = params.iter().zip(&arguments).map(|(ty, argument)| {
        quote_spanned! {Span::call_site().located_at(ty.span())=>
            let #argument = match <#ty as #krate::__private::Extract<__S>>::extract(__delivery, __state).await {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(outcome) => return outcome,
            };
        }
    });
    let bounds = params
        .iter()
        .map(|ty| quote_spanned!(ty.span()=> #ty: #krate::__private::Extract<__S>,));
    let outcome = quote_spanned! {function.output_span()=>
        #krate::IntoOutcome::into_outcome(__returned)
    };
    // The block's span is the name's: a future that is not `Send` is reported on the handler.
    let block = quote_spanned! {name.span()=>
        async move {
            #(#extracts)*
            let __returned = #name(#(#arguments),*).await;
            #outcome
        }
    };
    quote! {
        #companion
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        const _: () = {
            // The checks must not name the type: used by nothing but `router!`, it lets rustc say of a handler in no
            // list that it is never used.
            const __ON: &[#krate::__private::Selector] = &[#(#selectors),*];
            #(#checks)*

            #[automatically_derived]
            impl #krate::__private::Listed for #name {
                const ON: &'static [#krate::__private::Selector] = __ON;
            }

            #[automatically_derived]
            impl<__S> #krate::__private::Handle<__S> for #name
            where
                __S: ::core::marker::Send + ::core::marker::Sync,
                #(#bounds)*
            {
                fn call(
                    __delivery: &mut #krate::__private::Incoming,
                    __state: &__S,
                ) -> impl ::core::future::Future<Output = #krate::Outcome> + ::core::marker::Send {
                    #block
                }
            }
        };
    }
}

/// After an error: enough for `router!` to accept the handler silently, so that one mistake is one error.
fn stub(args: &Args, function: &Function) -> TokenStream {
    let krate = &args.krate;
    let name = &function.sig.ident;
    let companion = companion(function);
    let cfgs = function.cfgs();
    quote! {
        #companion
        #(#cfgs)*
        const _: () = {
            impl #krate::__private::Listed for #name {
                const ON: &'static [#krate::__private::Selector] = &[#krate::__private::Selector::Broken];
            }
            impl<__S: ::core::marker::Sync> #krate::__private::Handle<__S> for #name {
                async fn call(_: &mut #krate::__private::Incoming, _: &__S) -> #krate::Outcome {
                    #krate::Outcome::Ignore
                }
            }
        };
    }
}
