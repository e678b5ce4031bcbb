//! The annotated function, and the checks of its signature.
//!
//! # How it works
//!
//! The name is parsed before the signature and apart from it. A half-typed signature still has a
//! name, and the type for `router!` is generated from the name alone. Without that type every list
//! with the handler would be a second error.
//!
//! rustc reports a type that is missing after `:` or `->`, because the function is kept unchanged.
//! The macro does not report it again.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, Ident, LitStr, PatType, ReturnType, Safety, Signature, Token, Type, Visibility,
    parse_quote,
};

use crate::errors::Errors;
use crate::tokens::{Taken, readable, split_at_commas};

/// A function without its body.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    /// `None` if it is half-typed, which rustc reports.
    pub(crate) sig: Option<Signature>,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let ahead = input.fork();
        while !ahead.peek(Token![fn]) {
            let qualifier =
                ahead.peek(Token![async]) || ahead.peek(Token![const]) || ahead.peek(Token![unsafe]);
            if !(qualifier || ahead.peek(Token![extern]) || ahead.peek(LitStr)) {
                return Err(input.error("`#[on]` can only be applied to an `async fn`"));
            }
            ahead.parse::<TokenTree>()?;
        }
        ahead.parse::<Token![fn]>()?;
        let name = ahead.call(Ident::parse_any)?;
        // Parsed from a copy, because tokens that a failed parse leaves over would be a second
        // error.
        let sig = match input.fork().parse() {
            Ok(sig) => Some(sig),
            Err(_) if is_half_typed(ahead.parse()?) => None,
            Err(error) => return Err(error),
        };
        input.parse::<TokenStream>()?;
        Ok(Self {
            attrs,
            vis,
            name,
            sig,
        })
    }
}

impl Function {
    /// Reports every reason for which the function cannot be a handler.
    pub(crate) fn check(&self, errors: &mut Errors) {
        if let Some(other) = self.other_on() {
            errors.on(
                other,
                "a handler can have only one `#[on]`: list all its events there, as in \
                 `#[on(\"crm.lead.created\", \"crm.lead.updated\")]`",
            );
        }
        let Some(sig) = &self.sig else { return };
        if sig.asyncness.is_none() {
            errors.on(sig.fn_token, "a handler must be an `async fn`: add `async`");
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
                "a handler cannot be generic, because `router!` must know every type: put the part that varies \
                 into the state and take it as `State<T>`",
            );
        } else if let Some(clause) = &sig.generics.where_clause {
            errors.on(
                clause,
                "a handler cannot be generic, because `router!` must know every type",
            );
        }
        for input in &sig.inputs {
            match input {
                FnArg::Receiver(receiver) => errors.on(
                    receiver,
                    "a handler must be a free function: move it out of the `impl` block and take its data as \
                     `State<T>`",
                ),
                FnArg::Typed(param) => check_param(param, errors),
            }
        }
        if let ReturnType::Type(_, ty) = &sig.output
            && matches!(**ty, Type::ImplTrait(_))
        {
            errors.on(
                ty,
                "a handler must name its return type: write `()`, `Result<(), E>` or `Outcome`",
            );
        }
    }

    /// Returns `true` if no items may be generated beside the function: in an `impl` block they are
    /// not allowed, and another `#[on]` generates the same ones.
    pub(crate) fn must_stay_alone(&self) -> bool {
        let receiver = self.sig.as_ref().is_some_and(|sig| sig.receiver().is_some());
        receiver || self.other_on().is_some()
    }

    fn other_on(&self) -> Option<&Attribute> {
        let is_on = |attr: &&Attribute| attr.path().segments.last().is_some_and(|name| name.ident == "on");
        self.attrs.iter().find(is_on)
    }

    /// Returns the types of the parameters.
    pub(crate) fn params(&self) -> impl Iterator<Item = &Type> {
        let inputs = self.sig.iter().flat_map(|sig| &sig.inputs);
        inputs.filter_map(|input| match input {
            FnArg::Typed(param) => Some(&*param.ty),
            FnArg::Receiver(_) => None,
        })
    }

    /// Returns the identifiers that generated code uses beside its own names.
    pub(crate) fn identifiers(&self) -> Taken {
        let (name, sig) = (&self.name, &self.sig);
        Taken::by(quote!(#name #sig))
    }

    /// Returns the `#[cfg]` attributes, under which the generated items exist too.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// Returns the return type.
    pub(crate) fn output(&self) -> Type {
        match self.sig.as_ref().map(|sig| &sig.output) {
            Some(ReturnType::Type(_, ty)) => Type::clone(ty),
            _ => parse_quote!(()),
        }
    }
}

/// Returns `true` if the type of a parameter or the return type is missing after its `:` or `->`.
fn is_half_typed(after_name: TokenStream) -> bool {
    let ends_with = |tokens: &TokenStream, end: char| matches!(tokens.clone().into_iter().last(), Some(TokenTree::Punct(last)) if last.as_char() == end);
    let mut before = TokenStream::new();
    for token in after_name {
        if let TokenTree::Group(group) = &token {
            let half = match group.delimiter() {
                Delimiter::Parenthesis => split_at_commas(group.stream())
                    .iter()
                    .any(|part| ends_with(&part.tokens, ':')),
                Delimiter::Brace => ends_with(&before, '>') && before.to_string().trim_end().ends_with("->"),
                _ => false,
            };
            if half {
                return true;
            }
        }
        before.extend([token]);
    }
    false
}

fn check_param(param: &PatType, errors: &mut Errors) {
    let ty = &param.ty;
    for attr in param.attrs.iter().filter(|attr| attr.path().is_ident("cfg")) {
        errors.on(
            attr,
            "`#[cfg]` cannot be on a parameter: write one handler for each case, with `#[cfg]` on the handler",
        );
    }
    match &**ty {
        Type::Reference(reference) => {
            let inner = readable(&reference.elem);
            errors.on(
                ty,
                format!("a handler owns its parameters: take `{inner}` by value"),
            );
        }
        _ if borrows(ty.to_token_stream()) => {
            errors.on(
                ty,
                "a handler owns its parameters: their types cannot borrow, except for `'static`",
            );
        }
        Type::ImplTrait(_) => errors.on(
            ty,
            "a handler cannot be generic: write the type of this parameter",
        ),
        Type::Infer(_) => errors.on(ty, "write the type of this parameter"),
        _ => {}
    }
}

/// Returns `true` if the type can also be written outside of the function's signature.
pub(crate) fn is_nameable(ty: &Type) -> bool {
    !matches!(ty, Type::ImplTrait(_) | Type::Infer(_)) && !borrows(ty.to_token_stream())
}

/// Returns `true` if a lifetime is elided, as in `&T` or `'_`. Tokens in parentheses are not looked
/// at, because `fn(&str)` borrows nothing.
fn borrows(ty: TokenStream) -> bool {
    let mut tokens = ty.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek().map(ToString::to_string);
        match (token.to_string().as_str(), next.as_deref()) {
            ("&", Some("'")) => {}
            ("&", _) | ("'", Some("_")) => return true,
            _ => {}
        }
    }
    false
}
