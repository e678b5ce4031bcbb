//! The annotated function up to its body, and whether it can be a handler.

use crate::errors::Errors;
use crate::tokens::{readable, split_at_commas};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, Ident, LitStr, PatType, ReturnType, Safety, Signature, Token, Type, Visibility,
    parse_quote,
};

/// A function whose body is left as tokens.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    /// `None` where rustc cannot read it either, and says so itself.
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
                return Err(input.error("`#[on]` goes on an `async fn`"));
            }
            ahead.parse::<TokenTree>()?;
        }
        ahead.parse::<Token![fn]>()?;
        let name = ahead.call(Ident::parse_any)?;
        // A copy: what a failed attempt leaves over would be an error of the whole.
        let sig = match input.fork().parse() {
            Ok(sig) => Some(sig),
            Err(_) if is_half_typed(ahead.parse()?) => None,
            Err(error) => return Err(error),
        };
        input.parse::<TokenStream>()?;
        Ok(Function {
            attrs,
            vis,
            name,
            sig,
        })
    }
}

/// Whether a parameter or the returned type is still missing after its `:` or `->`: rustc never takes that, so no
/// error of ours is needed.
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

impl Function {
    /// Reports all that keeps the function from being a handler.
    pub(crate) fn check(&self, errors: &mut Errors) {
        if let Some(other) = self.other_on() {
            errors.on(
                other,
                "a handler has one `#[on]`: name all its events there, as in `#[on(\"crm.lead.created\", \
                 \"crm.lead.updated\")]`",
            );
        }
        let Some(sig) = &self.sig else { return };
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
                FnArg::Typed(param) => check_param(param, errors),
            }
        }
        if let ReturnType::Type(_, ty) = &sig.output
            && matches!(**ty, Type::ImplTrait(_))
        {
            errors.on(ty, "name the return type: `()`, `Result<(), E>` or `Outcome`");
        }
    }

    /// Whether the place is surely none for more items than the function: in an `impl`, or where another `#[on]`
    /// writes the same ones.
    pub(crate) fn stands_alone(&self) -> bool {
        let receiver = self.sig.as_ref().is_some_and(|sig| sig.receiver().is_some());
        receiver || self.other_on().is_some()
    }

    fn other_on(&self) -> Option<&Attribute> {
        let is_on = |attr: &&Attribute| attr.path().segments.last().is_some_and(|name| name.ident == "on");
        self.attrs.iter().find(is_on)
    }

    /// The types of the parameters.
    pub(crate) fn params(&self) -> impl Iterator<Item = &Type> {
        let inputs = self.sig.iter().flat_map(|sig| &sig.inputs);
        inputs.filter_map(|input| match input {
            FnArg::Typed(param) => Some(&*param.ty),
            FnArg::Receiver(_) => None,
        })
    }

    /// The conditions under which the function exists, for what is generated beside it.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// The type of what it returns.
    pub(crate) fn output(&self) -> Type {
        match self.sig.as_ref().map(|sig| &sig.output) {
            Some(ReturnType::Type(_, ty)) => Type::clone(ty),
            _ => parse_quote!(()),
        }
    }
}

fn check_param(param: &PatType, errors: &mut Errors) {
    let ty = &param.ty;
    for attr in param.attrs.iter().filter(|attr| attr.path().is_ident("cfg")) {
        errors.on(
            attr,
            "`#[cfg]` goes on the whole handler: write one for each case",
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
                "a handler owns its parameters: nothing in them can be borrowed, but for `'static`",
            );
        }
        Type::ImplTrait(_) => errors.on(ty, "a handler cannot be generic: name the type of this parameter"),
        Type::Infer(_) => errors.on(ty, "name the type of this parameter"),
        _ => {}
    }
}

/// Whether a type can be written down outside of the function's parameters.
pub(crate) fn is_nameable(ty: &Type) -> bool {
    !matches!(ty, Type::ImplTrait(_) | Type::Infer(_)) && !borrows(ty.to_token_stream())
}

/// Whether a lifetime is left out: `&T`, or `'_`. What stands in parentheses may, as in `fn(&str)`.
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
