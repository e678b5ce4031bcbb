//! Receive [Apideck](https://www.apideck.com) webhooks: annotate async functions with the events they are for, list
//! them, mount the list into axum or hyper.
//!
//! ```no_run
//! use apideck_hooks::{Hooks, events::*, on, router};
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
//!         .secret(std::env::var("APIDECK_API_KEY")?)
//!         .build()?;
//!     let app = axum::Router::new().route_service("/webhooks/apideck", hooks);
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! | to | see |
//! | --- | --- |
//! | say what a function handles | [`on`](macro@on), [`events`], [`FromDelivery`], [`IntoOutcome`] |
//! | list and check the handlers | [`router!`] |
//! | set limits, secrets, the store | [`Hooks::builder`], [`HooksBuilder`] |
//! | mount and stop it | [`Hooks`], [`Hooks::shutdown`] |
//! | know how signatures are verified, and why one is refused | [`signature`] |
//! | have a database's changes exactly once | `Tx`, with the feature `postgres` or `sqlite` |
//! | know what counts as a duplicate | [`Identity`] |
//! | choose a store | [`store`] |
//! | write a store | [`store::Store`] |
//!
//! The README says what is guaranteed and what is not.

mod delivery;
mod event;
pub mod events;
mod handler;
mod hooks;
mod idempotency;
mod payload;
mod poll;
mod router;
mod service;
pub mod signature;

pub use delivery::{DecodeError, Delivery, Identity};
pub use event::{EventType, Family};
pub use handler::{Failure, FromDelivery, FromRef, IntoOutcome, NoState, Outcome, Permanent, State};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use handler::{Transactional, Tx};
pub use hooks::{BuildError, DeadLetters, Drained, Hooks, HooksBuilder, Replayed, StatsSnapshot as Stats};
#[cfg(feature = "postgres")]
pub use idempotency::{InvalidName, PostgresStore, PostgresStoreBuilder};
pub use idempotency::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "redis")]
pub use idempotency::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
pub use idempotency::{SqliteStore, SqliteStoreBuilder};
pub use payload::{
    AnyEvent, AuthType, Connection, ConnectionEvent, ConnectionState, Health, MigratedFrom, OtherEvent, Raw,
    ResourceEvent, Timestamp,
};
pub use router::Routes;
pub use service::ResponseFuture;

/// Where events are remembered: which store to take, and the trait behind every store, for writing one's own.
///
#[cfg_attr(feature = "full", doc = include_str!("which_store.md"))]
pub mod store {
    pub use crate::delivery::Key;
    pub use crate::hooks::IntoStore;
    pub use crate::idempotency::{
        Claim, Claimed, DeadLetter, DeadLetters, DeadRecord, End, Held, MAX_ALIASES, Status, Store,
        StoreError, Token, Transactions, Verdict,
    };
}

/// Makes each field of the application's state a part of it: a handler can take `State<Field>`.
///
/// Two fields of one type cannot be told apart: give one a type of its own, or leave it out with
/// `#[from_ref(skip)]`. `#[from_ref(crate = path)]` on the struct names this crate where it was renamed. See
/// [`State`] for an example.
pub use apideck_hooks_macros::FromRef;

/// Makes an async function the handler of events.
///
/// ```
/// use apideck_hooks::{Delivery, Outcome, State, events::*, on};
///
/// #[derive(Clone)]
/// struct Db;
///
/// // One event: its own payload type.
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable, State(db): State<Db>) { /* … */ }
///
/// // Several events of one family.
/// #[on("crm.lead.created", "crm.contact.*")]
/// async fn people(event: ResourceEvent) -> Result<(), std::io::Error> { Ok(()) }
///
/// // An event that Apideck has added since this release.
/// #[on(unlisted = "vault.connection.paused")]
/// async fn paused(event: ConnectionEvent, delivery: Delivery) -> Outcome { Outcome::Done }
///
/// // Whatever else is signed.
/// #[on("*")]
/// async fn rest(event: AnyEvent) { /* … */ }
///
/// # async fn test() {
/// // The function is as it was: call it from a test.
/// start_sync(ConnectionCallable::new(ConnectionEvent::default()), State(Db)).await;
/// # }
/// ```
///
/// # Events
///
/// Names are checked against Apideck's list ([`EventType::ALL`]); a wrong one is an error that suggests the right one. A
/// pattern is a prefix that ends in a dot, and `*`: it is for all names that start so, those that Apideck adds later included.
///
/// # Parameters
///
/// First the event, if it is wanted: the event's own type in [`events`], its family's ([`ConnectionEvent`] for Vault,
/// [`ResourceEvent`] for all other APIs) or [`AnyEvent`]. Then any [`FromDelivery`]: [`State`], [`Delivery`], your own. With the
/// feature `postgres` or `sqlite` also `Tx`, the transaction that marks the event as done.
///
/// # What it returns
///
/// Any [`IntoOutcome`]: `()`, `Result<(), E>`, [`Outcome`].
///
/// # Where this crate was renamed
///
/// `#[on("…", crate = path::to::it)]`.
pub use apideck_hooks_macros::on;

/// Lists handlers for [`Hooks::builder`].
///
/// `router![a, module::b]` must cover every event of each API that it has a handler for; `router![a, module::b, ..]`
/// acknowledges and ignores the rest. Two handlers for one event are an error; an exact name beats a pattern, and a longer
/// pattern a shorter one.
///
/// ```
/// use apideck_hooks::{Hooks, events::*, on, router};
///
/// mod billing {
///     use apideck_hooks::{events::*, on};
///
///     #[on("accounting.invoice.*")]
///     pub async fn invoice(event: ResourceEvent) { /* … */ }
/// }
///
/// #[on("vault.*")]
/// async fn connection(event: ConnectionEvent) { /* … */ }
///
/// let hooks = Hooks::builder(router![connection, billing::invoice, ..]).secret("key").build()?;
/// # Ok::<_, apideck_hooks::BuildError>(())
/// ```
///
/// Left out, an event is missed while compiling:
///
/// ```compile_fail
/// # use apideck_hooks::{Hooks, events::*, on, router};
/// #[on("lead.lead.created", "lead.lead.updated")]
/// async fn lead(event: ResourceEvent) {}
///
/// // error: no handler for `lead.lead.deleted`; handle them, or end the list with `..` to acknowledge the rest
/// let list = router![lead];
/// ```
///
/// Where this crate was renamed: `router![crate = path::to::it; a, b]`.
pub use apideck_hooks_macros::router;

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// For the macros alone; no part of it is stable.
#[doc(hidden)]
pub mod __private {
    pub use crate::handler::{Extract, Handle, Incoming, Listed, check_param, one_transaction};
    pub use crate::router::{Entry, Fault, Plan, Routes, Selector, conflict, gap};
}

#[cfg(feature = "testing")]
pub mod testing;
