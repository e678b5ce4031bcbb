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
//! # Find your way
//!
//! The [guide] has twelve chapters. The chapter of a task comes first, then the items that it needs.
//!
//! | task | chapter | items |
//! | --- | --- | --- |
//! | Run a receiver, and send it an event | [First event](guide::first_event) | [`Hooks`], [`Secret`] |
//! | Find an event's name, and read its payload | [Events and payloads](guide::events_and_payloads) | [all names](macro@on#events), [`events`] |
//! | Write handlers, and have their list checked | [Handlers](guide::handlers) | [`on`](macro@on), [`router!`] |
//! | Give handlers a database, or a parameter of your own | [Parameters](guide::handlers#parameters) | [`State`], [`Delivery`], [`FromDelivery`] |
//! | Keep a tenant or a path beside an event | [A parameter of your own](guide::handlers#a-parameter-of-your-own) | [`HooksBuilder::context`], [`Context`] |
//! | Choose between a retry and a dead letter | [Choose the outcome](guide::errors#choose-the-outcome) | [`Failure`], [`Permanent`], [`Outcome`], [`IntoOutcome`] |
//! | Let a failed event run again at once | [Attempts and rests](guide::errors#attempts-and-rests) | [`Hooks::end_rest`], in tests [`Rest::None`] |
//! | List, replay and purge dead letters | [Dead letters](guide::errors#dead-letters) | [`Hooks::dead_letters`] |
//! | Choose a store | [Choose](guide::stores#choose) | [`store`] |
//! | Decide which deliveries are duplicates | [Duplicates](guide::stores#duplicates) | [`Identity`] |
//! | Change a database exactly once for each event | [Exactly once](guide::stores#exactly-once) | `Tx` (feature `postgres` or `sqlite`) |
//! | Fence a run that has lost its claim | [Exactly once](guide::stores#exactly-once) | [`Delivery::token`], [`Delivery::claim_lost`] |
//! | Test handlers, the receiver or a whole application | [Testing](guide::testing) | `testing` (feature `testing`) |
//! | Read the log and the counts | [Seeing what happens](guide::observing) | [`Hooks::stats`], [`Hooks::snapshot`] |
//! | Export metrics, or be told of everything | [Metrics](guide::observing#metrics) | `Metrics` (feature `metrics`), [`Observe`], [`observe`] |
//! | Answer a readiness probe | [Readiness](guide::observing#readiness) | [`Hooks::is_ready`] |
//! | Set the limits, the proxy and the supervisor | [Operating](guide::operating) | [`HooksBuilder`] |
//! | Stop the receiver, and let handlers end | [Shutdown](guide::operating#shutdown) | [`Hooks::shutdown`], `Hooks::shutdown_on_signal` (feature `signal`) |
//! | Find out why deliveries are answered `401` | [The table of `401`s](guide::operating#every-delivery-is-answered-401) | [`signature`] |
//! | Rotate the API key | [To rotate the API key](guide::operating#to-rotate-the-api-key) | [`HooksBuilder::secrets`] |
//! | Enable a disabled subscription, and fetch what was missed | [The runbook](guide::operating#the-subscription-is-disabled) | |
//! | Know who can send what | [Security](guide::security) | |
//! | Replace a hand-written handler | [From a hand-written handler](guide::hand_written) | |
//! | Serve it without a framework, or with another one | [Other frameworks](guide::frameworks) | [`Hooks::handle`], [`Reply`], `Hooks::serve` (feature `serve`) |
//! | Move to a new release | [Upgrading](guide::upgrading) | |
//! | Write and test a store | | [`store::Store`], `testing::conformance` (feature `testing`) |
//!
//! The README lists the guarantees, and the cases that are not guaranteed.

mod budget;
mod delivery;
mod disposition;
mod event;
pub mod events;
// Text alone, so a build does not read it.
#[cfg(any(doc, doctest))]
pub mod guide;
mod handler;
mod hooks;
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
    BuildError, DeadLetters, Description, Drained, HandlerDescription, Hooks, HooksBuilder, IntoSecret,
    ReplayAll, Replayed,
};
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
        Parameter, Run, Selector, check_parameter, handles, handles_event, run, run_nothing,
        with_first_parameter, with_parameter,
    };
    pub use crate::router::{Entry, FirstHandlers, Plan, Routes, Runs, check_conflict, check_gap};
    // The macros need these also in a crate without a prelude.
    pub use core::future::Future;
    pub use core::marker::{Send, Sync};
    pub use core::option::Option;
    pub use core::primitive::usize;
}
