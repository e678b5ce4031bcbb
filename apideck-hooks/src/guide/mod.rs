//! A guide in thirteen chapters, from a first event to a receiver in production.
//!
//! Read the first four in their order. The others are for the day on which you need them.
//!
#![doc = include_str!("chapters.md")]
//!
//! The README has the guarantees in short.
// The chapters name items of all features.
#![cfg_attr(not(feature = "full"), allow(rustdoc::broken_intra_doc_links))]

/// Defines a module for each chapter. Its page is the chapter's file in `docs`.
///
/// A chapter ends with definitions of its links, which lead from file to file in the repository.
/// `links.md` defines the same links for rustdoc. It comes first, because the first definition of
/// a link counts. It has the files of the macros' pages, because rustdoc finds no page for a macro
/// that another crate defines and hides.
macro_rules! chapters {
    ($( #[doc = $summary:literal] $chapter:ident )*) => {
        $(
            #[doc = $summary]
            #[doc = ""]
            #[doc = include_str!("links.md")]
            #[doc = ""]
            #[doc = include_str!(concat!("../../docs/", stringify!($chapter), ".md"))]
            pub mod $chapter {}
        )*
    };
}

chapters! {
    /// Runs a receiver, and sends it an event.
    first_event
    /// Lists the kinds of events and payloads, and reads their fields.
    events_and_payloads
    /// Writes handlers, lists them, and gives them state and parameters of your own.
    handlers
    /// Decides between a retry and a dead letter, and runs dead letters again.
    errors
    /// Chooses a store, explains duplicates, and makes effects happen exactly once.
    stores
    /// Decides when a handler runs, and lets workers run it after the answer.
    inbox
    /// Tests a handler, the receiver and the whole application.
    testing
    /// Reads the log, the counts and the metrics, and observes what happens.
    observing
    /// Runs a receiver in production, with recipes for the usual troubles.
    operating
    /// Tells who can send what, and which rules follow for your code.
    security
    /// Replaces a hand-written axum handler, line by line.
    hand_written
    /// Mounts the receiver elsewhere than in axum.
    frameworks
    /// Tells what a new release can change, and how to deploy it.
    upgrading
}
