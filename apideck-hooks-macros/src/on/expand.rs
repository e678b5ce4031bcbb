//! The code that `#[on]` generates beside the function.
//!
//! # How it works
//!
//! `struct start_sync {}` puts a type under the function's own path, for `router!` to find. Its
//! braces keep it out of the namespace of values, where the function is.
//!
//! rustc reports an error at the span of the code that has it. So a bound on a parameter has the
//! span of the parameter's type, and the bound on the future has the span of the handler's name. A
//! constant checks that the parameters fit the events. A call in it panics if one does not. The
//! call has the span of the parameter's type, so rustc reports the panic there.
//!
//! Every handler costs compile time. A constant costs as much as a function, so one holds the
//! events and the check of the first parameter. A further parameter has its own only if it can be
//! an event. An `async` block costs more than all the rest, so none is generated. `run` in the
//! runtime crate has one for all handlers.
//!
//! After an error in the attribute or the signature, the generated handler takes nothing and fits
//! every list. So one mistake is one error.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::args::{self, Args};
use super::function::{Function, is_nameable};
use super::selector::Selector;
use crate::editor::{self, error_span};
use crate::errors::Errors;
use crate::krate::Krate;
use crate::tokens::Taken;

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = syn::parse2::<Function>(without_body(&item));
    let attribute = match &function {
        // Resolved as the user's own code, so that rustc does not add a note about the macro `on`.
        Ok(function) => Span::call_site().resolved_at(function.name.span()),
        Err(_) => Span::call_site(),
    };
    let args = args::parse(args, attribute, &mut errors);
    let generated = match function {
        Ok(function) => {
            function.check(&mut errors);
            if function.must_stay_alone() {
                TokenStream::new()
            } else {
                Expansion {
                    args: &args,
                    function: &function,
                    taken: function.identifiers(),
                    broken: !errors.is_empty() || function.sig.is_none(),
                }
                .generate()
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

/// Empties the body of the item, because syn would copy a body that nothing reads.
fn without_body(item: &TokenStream) -> TokenStream {
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

/// The generated code of one handler.
struct Expansion<'a> {
    args: &'a Args,
    function: &'a Function,
    /// The names that generated items cannot have.
    taken: Taken,
    /// An error was reported, so the handler must fit every list without another error.
    broken: bool,
}

impl Expansion<'_> {
    fn generate(&self) -> TokenStream {
        let cfgs = self.function.cfgs();
        let (companion, warnings) = (self.companion(), self.warnings());
        let import = self.args.krate.import();
        let handler = if self.broken {
            self.broken_handler()
        } else {
            self.handler()
        };
        let for_editor = editor::is_rust_analyzer().then(|| self.for_editor());
        quote! {
            #companion
            #warnings
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery)]
            const _: () = {
                #import
                #handler
                #for_editor
            };
        }
    }

    /// Returns the type that `router!` finds under the function's path.
    fn companion(&self) -> TokenStream {
        let Function { vis, name, .. } = self.function;
        let texts = self.args.selectors.iter().map(|(selector, _)| selector.text());
        let doc = format!("Handles `{}`.", texts.collect::<Vec<_>>().join("`, `"));
        let cfgs = self.function.cfgs();
        // Located at the name, for errors. Resolved as generated code, because rustc would
        // otherwise report an unused function twice, the second time as an unused type.
        quote_spanned! {Span::call_site().located_at(error_span(name.span()))=>
            #(#cfgs)*
            #[doc(hidden)]
            #[doc = #doc]
            #[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
            #vis struct #name {}
        }
    }

    /// Returns a use of a deprecated constant for each warning, because a macro cannot warn by
    /// itself. rustc prints the text as the reason of the deprecation.
    fn warnings(&self) -> TokenStream {
        let cfgs: Vec<_> = self.function.cfgs().collect();
        let allows = self.function.attrs.iter();
        let allows: Vec<_> = allows.filter(|attr| attr.path().is_ident("allow")).collect();
        let warnings = self.args.warnings.iter().map(|(text, span)| {
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
        warnings.collect()
    }

    fn handler(&self) -> TokenStream {
        let name = &self.function.name;
        let krate = Krate::at(error_span(name.span()));
        let (checks, value) = self.checks();
        let handle = self.handle();
        quote! {
            // The checks do not name the type. Only `router!` uses it, so rustc warns that a
            // handler in no list is never used.
            #checks
            impl #krate::Annotated for #name {
                const HANDLER: #krate::Handler = #value;
            }
            #handle
        }
    }

    /// Returns the impl that calls the function. The parameters' types are named in functions only,
    /// because the types may be private.
    fn handle(&self) -> TokenStream {
        let name = &self.function.name;
        let span = error_span(name.span());
        let krate = Krate::at(span);
        let params: Vec<&Type> = self.function.params().collect();
        // Resolved as the macro's own, so that they cannot be the function's name or a name from a
        // macro of the user.
        let arguments: Vec<Ident> = (0..params.len())
            .map(|index| format_ident!("argument_{index}", span = Span::mixed_site()))
            .collect();
        let (types, pattern) = (nested_pairs(&params), nested_pairs(&arguments));
        let output = self.function.output();
        let outcome = {
            let span = error_span(output.span());
            let krate = Krate::at(span);
            quote_spanned!(span=> <#output as #krate::IntoOutcome>::into_outcome)
        };
        let state = self.taken.free("__S", Span::call_site());
        let bounds = params.iter().map(|ty| {
            let span = error_span(ty.span());
            let krate = Krate::at(span);
            quote_spanned!(span=> #ty: #krate::Extract<#state>,)
        });
        // With the span of the name, so that a future that is not `Send` is an error of the
        // handler.
        let future = quote_spanned!(span=> impl #krate::Future<Output = #output> + #krate::Send);
        // A variable, because Clippy tells to remove the `async` of a function that is only called.
        let function = Ident::new("function", Span::mixed_site());
        let call = quote_spanned!(span=> #function(#(#arguments),*));
        let call_name = self.taken.free("__call", Span::call_site());
        quote! {
            fn #call_name(#pattern: #types) -> #future {
                let #function = #name;
                #call
            }
            impl<#state: #krate::Sync> #krate::Handle<#state> for #name where #(#bounds)* {
                fn run<'__a>(__incoming: &'__a mut #krate::Incoming, __state: &'__a #state) -> #krate::Run<'__a> {
                    #krate::run(__incoming, __state, #call_name, #outcome)
                }
            }
        }
    }

    /// Returns a handler that takes nothing, and the checks of those parameters that can be
    /// checked.
    fn broken_handler(&self) -> TokenStream {
        let name = &self.function.name;
        let span = error_span(name.span());
        let krate = Krate::at(span);
        let (checks, _) = self.checks();
        quote! {
            #checks
            impl #krate::Annotated for #name {
                const HANDLER: #krate::Handler = #krate::BROKEN;
            }
            impl<__S> #krate::Handle<__S> for #name {
                fn run<'__a>(__incoming: &'__a mut #krate::Incoming, __state: &'__a __S) -> #krate::Run<'__a> {
                    #krate::run_nothing(__incoming, __state)
                }
            }
        }
    }

    /// Returns the constants that check the parameters, and the handler's value.
    ///
    /// The value names the constants. rustc then knows that an error in them is the reason of the
    /// error in `router!`, and reports it once.
    fn checks(&self) -> (TokenStream, TokenStream) {
        let span = error_span(self.function.name.span());
        let krate = Krate::at(span);
        let selectors = self.args.selectors.iter();
        let selectors = selectors.map(|(selector, _)| selector.to_value(&krate));
        let mut handler = match &self.args.selectors[..] {
            [] => quote_spanned!(span=> #krate::BROKEN),
            [(Selector::Exact(index), _)] => quote_spanned!(span=> #krate::handles_event(#index)),
            _ => quote_spanned!(span=> #krate::handles(&[#(#selectors),*])),
        };
        let sig = self.function.sig.as_ref();
        let generic = sig.is_some_and(|sig| !sig.generics.params.is_empty());
        let mut further = TokenStream::new();
        let handler_name = self.taken.free("__HANDLER", span);
        let mut value = quote!(#handler_name);
        for (position, ty) in self.function.params().enumerate() {
            if generic || !is_nameable(ty) {
                continue;
            }
            let at = error_span(ty.span());
            let krate = Krate::at(at);
            let needs = quote_spanned!(at=> <#ty as #krate::FromDelivery>::NEEDS);
            match position {
                0 => handler = quote_spanned!(at=> #krate::with_first_parameter(#handler, #needs)),
                // Rarely wrong, so it is checked as a part of the value, without a constant.
                _ if is_never_an_event(ty) => {
                    let parameter = quote_spanned!(at=> #krate::check_parameter(#needs));
                    value = quote_spanned!(at=> #krate::with_parameter(#value, #parameter));
                }
                _ => {
                    let name = self.taken.free(&format!("__PARAM_{position}"), Span::call_site());
                    further.extend(quote_spanned! {at=>
                        const #name: #krate::Parameter = #krate::check_parameter(#needs);
                    });
                    value = quote_spanned!(at=> #krate::with_parameter(#value, #name));
                }
            }
        }
        if self.args.inline {
            value = quote_spanned!(span=> #krate::inline(#value));
        }
        let checks = quote! {
            const #handler_name: #krate::Handler = #handler;
            #further
        };
        (checks, value)
    }

    /// Returns a path to the payload type at each event name, so that an editor shows the type's
    /// documentation there.
    fn for_editor(&self) -> TokenStream {
        let krate = Krate::at(Span::call_site());
        let payloads = self.args.selectors.iter();
        let payloads = payloads.map(|(selector, span)| Ident::new(selector.payload_type(), *span));
        quote!(#(const _: #krate::Option<#krate::events::#payloads> = #krate::Option::None;)*)
    }
}

/// Returns `true` for `State<T>` and `Delivery`, by their names.
fn is_never_an_event(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "State" || last.ident == "Delivery")
}

/// Returns `(a, (b, ()))`.
fn nested_pairs<T: ToTokens>(items: &[T]) -> TokenStream {
    let end = quote!(());
    items.iter().rfold(end, |rest, item| quote!((#item, #rest)))
}
