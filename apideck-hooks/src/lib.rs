//! A receiver for [Apideck](https://www.apideck.com) webhooks.
//!
//! Annotate an async function with the name of an event, list your functions in [`router!`], and
//! mount the list into axum or hyper. The receiver verifies each delivery's signature, runs your
//! function with the typed event, and does not run it again for a duplicate. A wrong event name or
//! parameter is a compile error.
//!
//! ```no_run
//! use apideck_hooks::events::{ConnectionCallable, ResourceEvent};
//! use apideck_hooks::{Hooks, Secret, on, router};
//!
//! #[on("vault.connection.callable")]
//! async fn start_sync(event: ConnectionCallable) {
//!     println!("sync {} of {}", event.entity.service_id, event.entity.consumer_id);
//! }
//!
//! #[on("crm.*")]
//! async fn crm_changed(event: ResourceEvent) -> Result<(), std::io::Error> {
//!     println!("{}: fetch {}", event.event_type, event.entity_url);
//!     Ok(())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let hooks = Hooks::builder(router![start_sync, crm_changed, ..])
//!         .secret(Secret::from_env("APIDECK_API_KEY")?)
//!         .build()?;
//!     let app = axum::Router::new().route_service("/webhooks/apideck", hooks);
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! # Tasks
//!
//! | task | page |
//! | --- | --- |
//! | Handle an event | [`on`](macro@on), [`events`] |
//! | Choose a handler's parameters | [`State`], [`Delivery`], [`FromDelivery`] |
//! | Choose the outcome of a run | [`Outcome`], [`Failure`], [`Permanent`], [`IntoOutcome`] |
//! | List the handlers and have the list checked | [`router!`] |
//! | Set the secret, the limits and the store | [`HooksBuilder`] |
//! | Mount the receiver | [`Hooks`] |
//! | Serve it without a framework | `Hooks::serve` (feature `serve`) |
//! | Call it from a framework with types of its own | [`Hooks::handle`] |
//! | Stop the receiver, and let handlers end | [`Hooks::shutdown`] |
//! | Stop it at a signal of the process | `Hooks::shutdown_on_signal` (feature `signal`) |
//! | List, replay and purge dead letters | [`Hooks::dead_letters`] |
//! | Let a failed event run again at once | [`Hooks::end_rest`], in tests [`Rest::None`] |
//! | Answer at once, and run handlers later | [`HooksBuilder::inbox`], [`Hooks::workers`] |
//! | Count, list, pause and resume accepted events | [`Hooks::inbox`] |
//! | Carry accepted events through a broker | [`Inbox`], [`Hooks::work`] |
//! | Fence a run that has lost its claim | [`Delivery::token`], [`Delivery::claim_lost`] |
//! | Keep a tenant or a path beside an event | [`HooksBuilder::context`], [`Context`] |
//! | Read the receiver's counts and its state | [`Hooks::stats`], [`Hooks::snapshot`] |
//! | Be told of every answer and run | [`observe`], [`HooksBuilder::observe`] |
//! | Answer a readiness probe | [`Hooks::is_ready`] |
//! | Observe each answer, run, store call and incident | [`Observe`] |
//! | Export metrics | `Metrics` (feature `metrics`) |
//! | Test handlers, the receiver or a whole application | `testing` (feature `testing`) |
//! | Find out why a signature is refused | [`signature`] |
//! | Change a database exactly once for each event | `Tx` (feature `postgres` or `sqlite`) |
//! | Decide which deliveries are duplicates | [`Identity`] |
//! | Choose a store | [`store`] |
//! | Write and test a store | [`store::Store`], `testing::conformance` (feature `testing`) |
//!
//! The README lists the guarantees, and the cases that are not guaranteed.

mod budget;
mod delivery;
mod disposition;
mod event;
pub mod events;
mod handler;
mod hooks;
mod inbox;
mod json;
mod limits;
pub mod observe;
mod payload;
mod poll;
mod refusal;
mod router;
mod run;
mod service;
pub mod signature;
pub mod store;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;

pub use delivery::{Context, ContextTooLarge, Delivery, Identity, Token};
pub use disposition::{Disposition, Why};
pub use event::{EventType, Family};
pub use handler::{Failure, FromDelivery, FromRef, IntoOutcome, NoState, Outcome, Permanent, State};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use handler::{Transactional, Tx};
pub use hooks::{
    AcceptedEvents, BuildError, DeadLetters, Description, Drained, HandlerDescription, Hooks, HooksBuilder,
    IntoSecret, ReplayAll, Replayed, Worked,
};
#[cfg(feature = "postgres")]
pub use inbox::PostgresInbox;
#[cfg(feature = "sqlite")]
pub use inbox::SqliteInbox;
pub use inbox::{Envelope, EnvelopeError, Inbox, InboxOf, IntoInbox, Order, PutError, Workers};
pub use limits::Rest;
#[cfg(feature = "metrics")]
pub use observe::Metrics;
pub use observe::{Observe, Snapshot, Stats};
pub use payload::{
    AnyEvent, AuthType, Connection, ConnectionEvent, ConnectionState, DecodeError, Health, MigratedFrom,
    OtherEvent, Raw, ResourceEvent, Timestamp,
};
pub use refusal::Refusal;
pub use router::Routes;
pub use run::Retry;
#[cfg(feature = "serve")]
pub use service::Serve;
pub use service::{Reply, ReplyFuture, ResponseBody, ResponseFuture};
pub use signature::Secret;
pub use store::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "postgres")]
pub use store::{PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "redis")]
pub use store::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
pub use store::{SqliteStore, SqliteStoreBuilder};

/// sqlx in the version that the stores and [`Tx`] use, because types of another version are other
/// types.
///
/// It is a 0.x release. A new minor version of sqlx is a breaking change of this crate.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
#[doc(no_inline)]
pub use sqlx;

#[doc = include_str!("from_ref.md")]
#[doc(inline)]
pub use apideck_hooks_macros::FromRef;

#[doc = include_str!("on.md")]
// Only rustdoc needs the table of events.
#[cfg_attr(doc, doc = apideck_hooks_macros::__event_tables!())]
#[doc(inline)]
pub use apideck_hooks_macros::on;

#[doc = include_str!("router.md")]
#[doc(inline)]
pub use apideck_hooks_macros::router;

/// Items for the code that the macros write. None of them is stable.
#[doc(hidden)]
pub mod __private {
    pub use crate::events;
    pub use crate::handler::{
        Annotated, BROKEN, Extract, FromDelivery, FromRef, Handle, Handler, Incoming, IntoOutcome, Outcome,
        Parameter, Run, Selector, check_parameter, handles, handles_event, inline, run, run_nothing,
        with_first_parameter, with_parameter,
    };
    pub use crate::router::{Entry, FirstHandlers, Plan, Routes, Runs, check_conflict, check_gap};
    // The macros need these also in a crate without a prelude.
    pub use core::future::Future;
    pub use core::marker::{Send, Sync};
    pub use core::option::Option;
    pub use core::primitive::usize;
}
