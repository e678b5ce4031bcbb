//! What `#[on]` writes beside the function.

use super::args::{self, Args};
use super::function::{Function, is_nameable};
use super::selector::Selector;
use crate::editor::{self, blamed_on};
use crate::errors::Errors;
use crate::krate::Krate;
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = syn::parse2::<Function>(head(&item));
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

/// The item with nothing in its body, which nobody reads here: syn would copy all of it.
fn head(item: &TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.clone().into_iter().collect();
    if let Some(TokenTree::Group(body)) = tokens.last_mut()
        && body.delimiter() == Delimiter::Brace
    {
        let span = body.span();
        *body = Group::new(Delimiter::Brace, TokenStream::new());
        body.set_span(span);
    }
    tokens.into_iter().collect()
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
        let cfgs = self.function.cfgs();
        let (companion, hints) = (self.companion(), self.hints());
        let import = self.args.krate.import();
        let handler = if self.broken {
            self.broken_handler()
        } else {
            self.handler()
        };
        let shown = editor::expands().then(|| self.shown());
        quote! {
            #companion
            #hints
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery)]
            const _: () = {
                #import
                #handler
                #shown
            };
        }
    }

    /// For an editor: each name of an event is its payload type, with the type's documentation.
    fn shown(&self) -> TokenStream {
        let krate = Krate::at(Span::call_site());
        let payloads = self.args.selectors.iter();
        let payloads = payloads.map(|(selector, span)| Ident::new(selector.payload_type(), *span));
        quote!(#(const _: #krate::Option<#krate::events::#payloads> = #krate::Option::None;)*)
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

    fn handler(&self) -> TokenStream {
        let name = &self.function.name;
        let krate = Krate::at(blamed_on(name.span()));
        let (checks, value) = self.checks();
        let handle = self.handle();
        quote! {
            // The checks must not name the type: used by nothing but `router!`, it lets rustc say of a handler in
            // no list that it is never used.
            #checks
            impl #krate::Listed for #name {
                const HANDLER: #krate::Handler = #value;
            }
            #handle
        }
    }

    /// How to run it. Hidden in functions, because the types of its parameters may be private.
    fn handle(&self) -> TokenStream {
        let name = &self.function.name;
        let span = blamed_on(name.span());
        let krate = Krate::at(span);
        let params: Vec<&Type> = self.function.params().collect();
        // Of no one but the macro: neither the function's name nor what a macro of the user's wrote can be these.
        let arguments: Vec<Ident> = (0..params.len())
            .map(|index| format_ident!("argument_{index}", span = Span::mixed_site()))
            .collect();
        let (types, pattern) = (list(&params), list(&arguments));
        let output = self.function.output();
        let outcome = {
            let span = blamed_on(output.span());
            let krate = Krate::at(span);
            quote_spanned!(span=> <#output as #krate::IntoOutcome>::into_outcome)
        };
        // That a parameter can be taken is said on it.
        let bounds = params.iter().map(|ty| {
            let span = blamed_on(ty.span());
            let krate = Krate::at(span);
            quote_spanned!(span=> #ty: #krate::Extract<__S>,)
        });
        // On the name: a future that is not `Send` is reported on the handler.
        let future = quote_spanned!(span=> impl #krate::Future<Output = #output> + #krate::Send);
        let call = quote_spanned!(span=> #name(#(#arguments),*));
        quote! {
            fn __call(#pattern: #types) -> #future {
                #call
            }
            impl<__S: #krate::Sync> #krate::Handle<__S> for #name where #(#bounds)* {
                fn run<'__a>(__incoming: &'__a mut #krate::Incoming, __state: &'__a __S) -> #krate::Run<'__a> {
                    #krate::run(__incoming, __state, __call, #outcome)
                }
            }
        }
    }

    /// Checks what can be of its parameters; for `router!`, it is a handler that takes nothing.
    fn broken_handler(&self) -> TokenStream {
        let name = &self.function.name;
        let span = blamed_on(name.span());
        let krate = Krate::at(span);
        let (checks, _) = self.checks();
        quote! {
            #checks
            impl #krate::Listed for #name {
                const HANDLER: #krate::Handler = #krate::BROKEN;
            }
            impl<__S> #krate::Handle<__S> for #name {
                fn run<'__a>(__incoming: &'__a mut #krate::Incoming, __state: &'__a __S) -> #krate::Run<'__a> {
                    #krate::run_nothing(__incoming, __state)
                }
            }
        }
    }

    /// Whether its parameters fit: constants that do not compile otherwise, each error on the parameter's own type; and the
    /// handler's value, which names them, so that `router!` knows of an error there and keeps silent about it.
    fn checks(&self) -> (TokenStream, TokenStream) {
        let span = blamed_on(self.function.name.span());
        let krate = Krate::at(span);
        let selectors = self.args.selectors.iter();
        let selectors = selectors.map(|(selector, _)| selector.to_value(&krate));
        let mut handler = match &self.args.selectors[..] {
            [] => quote_spanned!(span=> #krate::BROKEN),
            [(Selector::Exact(index), _)] => quote_spanned!(span=> #krate::one(#index)),
            _ => quote_spanned!(span=> #krate::several(&[#(#selectors),*])),
        };
        let sig = self.function.sig.as_ref();
        let generic = sig.is_some_and(|sig| !sig.generics.params.is_empty());
        let mut further = TokenStream::new();
        let mut value = quote_spanned!(span=> __HANDLER);
        for (position, ty) in self.function.params().enumerate() {
            if generic || !is_nameable(ty) {
                continue;
            }
            let at = blamed_on(ty.span());
            let krate = Krate::at(at);
            let needs = quote_spanned!(at=> <#ty as #krate::FromDelivery>::NEEDS);
            match position {
                0 => handler = quote_spanned!(at=> #krate::takes(#handler, #needs)),
                // Seldom wrong, so it is checked where the handler is listed: each constant costs the compiler time.
                _ if takes_no_event(ty) => value = quote_spanned!(at=> #krate::and(#value, #needs)),
                _ => {
                    let name = format_ident!("__PARAM_{position}");
                    further.extend(quote_spanned! {at=>
                        const #name: #krate::Needs = #krate::check_further(#needs);
                    });
                    value = quote_spanned!(at=> #krate::and(#value, #name));
                }
            }
        }
        let checks = quote! {
            const __HANDLER: #krate::Handler = #handler;
            #further
        };
        (checks, value)
    }
}

/// Whether this looks like a parameter that is no event: `State<T>` or `Delivery`.
fn takes_no_event(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "State" || last.ident == "Delivery")
}

/// `(a, (b, ()))`
fn list<T: ToTokens>(items: &[T]) -> TokenStream {
    let end = quote!(());
    items.iter().rfold(end, |rest, item| quote!((#item, #rest)))
}
