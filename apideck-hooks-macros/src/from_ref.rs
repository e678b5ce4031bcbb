//! `#[derive(FromRef)]`: each field of the state can be taken with `State<Field>`.

use crate::editor::blamed_on;
use crate::errors::Errors;
use crate::krate::Krate;
use crate::tokens::readable;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use std::collections::HashMap;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field};

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
            "`FromRef` can be derived for a struct only: its fields are the parts of the state",
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
    let state = &input.ident;
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut impls = Vec::new();
    for (index, field) in data.fields.iter().enumerate() {
        if skipped(field, &mut errors) {
            continue;
        }
        let member = match &field.ident {
            Some(ident) => ident.to_token_stream(),
            None => syn::Index::from(index).to_token_stream(),
        };
        let ty = &field.ty;
        if let Some(first) = seen.insert(ty.to_token_stream().to_string(), member.to_string()) {
            errors.on(
                ty,
                format!(
                    "`{}` is the type of `{first}` too, so `State<…>` could not tell them apart: give one a type of \
                     its own, or `#[from_ref(skip)]`",
                    readable(ty)
                ),
            );
            continue;
        }
        let span = blamed_on(ty.span());
        let krate = Krate::at(span);
        impls.push(quote_spanned! {span=>
            #[automatically_derived]
            impl #krate::FromRef<#state> for #ty {
                fn from_ref(state: &#state) -> Self {
                    <#ty as ::core::clone::Clone>::clone(&state.#member)
                }
            }
        });
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

/// `#[from_ref(crate = path)]` on the struct.
fn krate(input: &DeriveInput, errors: &mut Errors) -> Krate {
    let mut krate = Krate::default();
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("from_ref")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(no_option(&meta, "`crate = path`"));
            }
            krate = Krate::parse_after_keyword(meta.input)?;
            Ok(())
        });
        parsed.unwrap_or_else(|error| errors.push(error));
    }
    krate
}

/// `#[from_ref(skip)]` on a field.
fn skipped(field: &Field, errors: &mut Errors) -> bool {
    let mut skip = false;
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("from_ref")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("skip") {
                return Err(no_option(&meta, "`skip`"));
            }
            skip = true;
            Ok(())
        });
        parsed.unwrap_or_else(|error| errors.push(error));
    }
    skip
}

fn no_option(meta: &ParseNestedMeta<'_>, expected: &str) -> syn::Error {
    let option = meta.path.to_token_stream().to_string();
    meta.error(format!("no option `{option}` here: expected {expected}"))
}
