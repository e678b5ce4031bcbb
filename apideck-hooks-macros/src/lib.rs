//! The macros of `apideck-hooks`: `#[on]`, `router!`, `#[derive(FromRef)]`, and the table of Apideck's events.
//!
//! Use them through `apideck-hooks`, where they are documented. Entry points only; each macro has a file.

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

/// Calls the macro named in the input with the table of events.
#[doc(hidden)]
#[proc_macro]
pub fn __events(callback: TokenStream) -> TokenStream {
    events::expand(callback.into()).into()
}

/// The table of events as Markdown, by API.
#[doc(hidden)]
#[proc_macro]
pub fn __event_tables(_: TokenStream) -> TokenStream {
    events::tables().into()
}
