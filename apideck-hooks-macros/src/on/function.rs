//! The annotated function up to its body, and whether it can be a handler.

use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, ReturnType, Safety, Signature, Type, Visibility};

/// A function whose body is left as tokens.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if !(input.peek(syn::Token![fn])
            || input.peek(syn::Token![async])
            || input.peek(syn::Token![const])
            || input.peek(syn::Token![unsafe])
            || input.peek(syn::Token![extern]))
        {
            return Err(input.error("`#[on]` goes on an `async fn`"));
        }
        let sig = input.parse()?;
        input.parse::<TokenStream>()?;
        Ok(Function { attrs, vis, sig })
    }
}

impl Function {
    /// Reports all that keeps the function from being a handler.
    pub(crate) fn check(&self, errors: &mut Errors) {
        let sig = &self.sig;
        if sig.asyncness.is_none() {
            errors.on(sig.fn_token, "a handler is an `async fn`: add `async`");
        }
        if let Some(token) = &sig.constness {
            errors.on(token, "a handler cannot be `const`");
        }
        if !matches!(sig.safety, Safety::Default) {
            errors.on(&sig.safety, "a handler cannot be `unsafe` or `safe`");
        }
        if let Some(token) = &sig.abi {
            errors.on(token, "a handler cannot be `extern`");
        }
        if let Some(token) = &sig.variadic {
            errors.on(token, "a handler cannot be variadic");
        }
        if !sig.generics.params.is_empty() {
            errors.on(
                &sig.generics,
                "a handler cannot be generic: `router!` must know each type. Take what varies from `State<T>`",
            );
        } else if let Some(clause) = &sig.generics.where_clause {
            errors.on(
                clause,
                "a handler cannot be generic: `router!` must know each type",
            );
        }
        for input in &sig.inputs {
            match input {
                FnArg::Receiver(receiver) => errors.on(
                    receiver,
                    "a handler is a free function: move it out of the `impl` and take what it needs as `State<T>`",
                ),
                FnArg::Typed(typed) => match &*typed.ty {
                    Type::Reference(reference) => {
                        let inner = &reference.elem;
                        errors.on(
                            &typed.ty,
                            format!("a handler owns its parameters: take `{}` by value", quote::quote!(#inner)),
                        );
                    }
                    Type::ImplTrait(_) => {
                        errors.on(&typed.ty, "a handler cannot be generic: name the type of this parameter");
                    }
                    Type::Infer(_) => errors.on(&typed.ty, "name the type of this parameter"),
                    _ => {}
                },
            }
        }
        if let ReturnType::Type(_, ty) = &sig.output
            && matches!(**ty, Type::ImplTrait(_))
        {
            errors.on(ty, "name the return type: `()`, `Result<(), E>` or `Outcome`");
        }
    }

    /// The types of the parameters.
    pub(crate) fn params(&self) -> impl Iterator<Item = &Type> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(&*typed.ty),
            FnArg::Receiver(_) => None,
        })
    }

    /// The conditions under which the function exists, for what is generated beside it.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// Where an error about the returned value belongs.
    pub(crate) fn output_span(&self) -> proc_macro2::Span {
        match &self.sig.output {
            ReturnType::Default => self.sig.ident.span(),
            ReturnType::Type(_, ty) => ty.span(),
        }
    }
}
