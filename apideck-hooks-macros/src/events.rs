//! The table of events as tokens for the runtime crate, and as Markdown for the page of `#[on]`.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};

use crate::table::{EVENTS, Event, Family};

/// Returns a call of the macro `callback` with one row for each event.
///
/// ```text
/// callback! { (0, "accounting.bill.created", AccountingBillCreated, Resource, "A bill …", 0) … }
/// ```
///
/// A row has the event's index, wire name, Rust name, family and doc, and the index of its API.
pub(crate) fn expand(callback: TokenStream) -> TokenStream {
    let mut apis: Vec<&str> = Vec::new();
    let rows = EVENTS.iter().enumerate().map(|(index, event)| {
        let Event {
            name,
            rust_name,
            family,
            doc,
        } = event;
        let api = name.split('.').next().unwrap_or(name);
        if apis.last() != Some(&api) {
            apis.push(api);
        }
        let (index, api) = (index as u16, apis.len() as u16 - 1);
        let rust_name = Ident::new(rust_name, Span::call_site());
        let family = match family {
            Family::Connection => format_ident!("Connection"),
            Family::Resource => format_ident!("Resource"),
        };
        quote!((#index, #name, #rust_name, #family, #doc, #api))
    });
    let rows: Vec<_> = rows.collect();
    quote!(#callback! { #(#rows)* })
}

/// Returns Markdown with a heading and a table for each API, as a string literal.
pub(crate) fn tables() -> TokenStream {
    let mut text = String::new();
    let mut last = "";
    for event in EVENTS {
        let Event {
            name, rust_name, doc, ..
        } = event;
        let api = name.split('.').next().unwrap_or(name);
        if api != last {
            text += &format!("\n## `{api}`\n\n| name | type | meaning |\n| --- | --- | --- |\n");
            last = api;
        }
        text += &format!("| `{name}` | [`{rust_name}`](crate::events::{rust_name}) | {doc} |\n");
    }
    TokenTree::Literal(Literal::string(&text)).into()
}
