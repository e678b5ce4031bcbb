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
mod disposition;
mod event;
pub mod events;
mod handler;
mod hooks;
mod json;
mod limits;
mod observe;
mod payload;
mod poll;
mod router;
mod run;
mod service;
pub mod signature;
pub mod store;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;

pub use delivery::{Delivery, Identity};
pub use event::{EventType, Family};
pub use handler::{Failure, FromDelivery, FromRef, IntoOutcome, NoState, Outcome, Permanent, State};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use handler::{Transactional, Tx};
pub use hooks::{BuildError, DeadLetters, Drained, Hooks, HooksBuilder, Replayed};
pub use observe::Stats;
pub use payload::{
    AnyEvent, AuthType, Connection, ConnectionEvent, ConnectionState, DecodeError, Health, MigratedFrom,
    OtherEvent, Raw, ResourceEvent, Timestamp,
};
pub use router::Routes;
pub use service::ResponseFuture;
#[cfg(feature = "postgres")]
pub use store::{InvalidName, PostgresStore, PostgresStoreBuilder};
pub use store::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "redis")]
pub use store::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
pub use store::{SqliteStore, SqliteStoreBuilder};

#[doc = include_str!("from_ref.md")]
#[doc(inline)]
pub use apideck_hooks_macros::FromRef;

#[doc = include_str!("on.md")]
// The table is for readers of the page alone.
#[cfg_attr(doc, doc = apideck_hooks_macros::__event_tables!())]
#[doc(inline)]
pub use apideck_hooks_macros::on;

#[doc = include_str!("router.md")]
#[doc(inline)]
pub use apideck_hooks_macros::router;

/// For the macros alone; no part of it is stable.
#[doc(hidden)]
pub mod __private {
    pub use crate::events;
    pub use crate::handler::{
        BROKEN, Extract, FromDelivery, FromRef, Handle, Handler, Incoming, IntoOutcome, Listed, Needs,
        Outcome, Run, Selector, and, check_further, one, run, run_nothing, several, takes,
    };
    pub use crate::router::{Entry, FirstHandlers, Plan, Routes, Runs, check_conflict, check_gap};
    // Short names, and theirs in a crate without a prelude.
    pub use core::future::Future;
    pub use core::marker::{Send, Sync};
    pub use core::option::Option;
    pub use core::primitive::usize;
}
