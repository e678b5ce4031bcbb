//! The macros of `apideck-hooks` (`#[on]`, `router!` and `#[derive(FromRef)]`), and the table of
//! Apideck's events.
//!
//! Use the macros through `apideck-hooks`, where they are documented. This file has the entry
//! points only. Each macro has a module of its own.

mod editor;
mod errors;
mod events;
mod from_ref;
mod krate;
mod on;
mod router;
mod table;
mod tokens;

#[cfg(test)]
mod expansions;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

#[doc(hidden)]
#[proc_macro_attribute]
pub fn on(args: TokenStream, item: TokenStream) -> TokenStream {
    on::expand(args.into(), item.into()).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn router(input: TokenStream) -> TokenStream {
    router::expand(input.into()).into()
}

#[doc(hidden)]
#[proc_macro_derive(FromRef, attributes(from_ref))]
pub fn from_ref(input: TokenStream) -> TokenStream {
    from_ref::expand(input.into()).into()
}

/// Calls the macro that the input names, with the table of events.
#[doc(hidden)]
#[proc_macro]
pub fn __events(callback: TokenStream) -> TokenStream {
    events::expand(callback.into()).into()
}

/// Expands to a string literal: the table of events as Markdown, by API.
#[doc(hidden)]
#[proc_macro]
pub fn __event_tables(_: TokenStream) -> TokenStream {
    events::tables().into()
}
