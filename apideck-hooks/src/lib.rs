#![doc = include_str!("../../README.md")]

mod delivery;
mod event;
pub mod events;
mod handler;
mod hooks;
mod idempotency;
mod payload;
mod router;
mod service;
pub mod signature;

pub use delivery::{DecodeError, Delivery, Identity};
pub use event::{EventType, Family};
pub use handler::{Failure, FromDelivery, FromRef, IntoOutcome, NoState, Outcome, Permanent, State};
pub use hooks::{BuildError, Drained, Hooks, HooksBuilder, StatsSnapshot as Stats};
pub use idempotency::{MemoryStore, MemoryStoreBuilder};
pub use payload::{
    AnyEvent, AuthType, Connection, ConnectionEvent, ConnectionState, Health, MigratedFrom, OtherEvent, Raw,
    ResourceEvent, Timestamp,
};
pub use router::Routes;
pub use service::ResponseFuture;

/// Where events are remembered: the trait behind every store, for writing one's own.
pub mod store {
    pub use crate::delivery::Key;
    pub use crate::hooks::IntoStore;
    pub use crate::idempotency::{
        Claim, Claimed, DeadLetter, End, Held, MAX_ALIASES, Status, Store, StoreError, Token, Verdict,
    };
}

pub use apideck_hooks_macros::{FromRef, on, router};

/// For the macros alone; no part of it is stable.
#[doc(hidden)]
pub mod __private {
    pub use crate::handler::{Extract, Handle, Incoming, Listed, check_param};
    pub use crate::router::{Entry, Fault, Plan, Routes, Selector, conflict, gap};
}

/// For tests and tools: signing as Apideck does.
#[cfg(feature = "testing")]
pub mod testing {
    pub use crate::signature::sign;
}
