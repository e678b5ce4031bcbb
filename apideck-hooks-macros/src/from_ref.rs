//! `#[derive(FromRef)]`: implements `FromRef` for the type of each field, so that a handler can
//! take `State<Field>`.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Ident};

use crate::editor::error_span;
use crate::errors::Errors;
use crate::krate::Krate;
use crate::tokens::readable;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let import = krate(&input, &mut errors).import();
    let Data::Struct(data) = &input.data else {
        errors.on(
            &input.ident,
            "`FromRef` can only be derived for a struct, whose fields are the parts of the state",
        );
        return errors.into_compile_errors();
    };
    if !input.generics.params.is_empty() {
        errors.on(
            &input.generics,
            "`FromRef` cannot be derived for a generic struct: write the impls by hand",
        );
        return errors.into_compile_errors();
    }
    let mut first_of_type: HashMap<String, String> = HashMap::new();
    let mut impls = Vec::new();
    for (index, field) in data.fields.iter().enumerate() {
        if is_skipped(field, &mut errors) {
            continue;
        }
        let member = match &field.ident {
            Some(ident) => ident.to_token_stream(),
            None => syn::Index::from(index).to_token_stream(),
        };
        let ty = &field.ty;
        if let Some(first) = first_of_type.insert(ty.to_token_stream().to_string(), member.to_string()) {
            let ty_text = readable(ty);
            errors.on(
                ty,
                format!(
                    "`{ty_text}` is also the type of `{first}`, so `State<{ty_text}>` would be ambiguous: give \
                     one field its own type, or mark it with `#[from_ref(skip)]`"
                ),
            );
            continue;
        }
        impls.push(impl_for_field(&input.ident, field, &member));
    }
    let errors = errors.into_compile_errors();
    quote! {
        #errors
        #[allow(unused_qualifications)]
        const _: () = {
            #import
            #(#impls)*
        };
    }
}

/// Returns the impl for a field. Its span is the field's type, so that rustc reports a type without
/// `Clone` there.
fn impl_for_field(state: &Ident, field: &Field, member: &TokenStream) -> TokenStream {
    let ty = &field.ty;
    let span = error_span(ty.span());
    let krate = Krate::at(span);
    quote_spanned! {span=>
        #[automatically_derived]
        impl #krate::FromRef<#state> for #ty {
            fn from_ref(state: &#state) -> Self {
                <#ty as ::core::clone::Clone>::clone(&state.#member)
            }
        }
    }
}

/// Reads `#[from_ref(crate = path)]` on the struct.
fn krate(input: &DeriveInput, errors: &mut Errors) -> Krate {
    let mut krate = Krate::default();
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("from_ref")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(unknown_option(&meta, "`crate = path`"));
            }
            krate = Krate::parse_after_keyword(meta.input)?;
            Ok(())
        });
        parsed.unwrap_or_else(|error| errors.push(error));
    }
    krate
}

/// Reads `#[from_ref(skip)]` on a field.
fn is_skipped(field: &Field, errors: &mut Errors) -> bool {
    let mut skip = false;
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("from_ref")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("skip") {
                return Err(unknown_option(&meta, "`skip`"));
            }
            skip = true;
            Ok(())
        });
        parsed.unwrap_or_else(|error| errors.push(error));
    }
    skip
}

fn unknown_option(meta: &ParseNestedMeta<'_>, expected: &str) -> syn::Error {
    let option = meta.path.to_token_stream().to_string();
    meta.error(format!("unknown option `{option}`: expected {expected}"))
}
