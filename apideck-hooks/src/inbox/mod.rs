//! The inbox: events are accepted at once, and workers run them later.
//!
//! # How it works
//!
//! `accept` records a verified event in the store and answers it. `gate` refuses events while the
//! inbox is full. The record is the job, so nothing else has to be told.
//!
//! `crew` fetches due records, each under a claim of its own, and runs as many at once as it has
//! slots. From the claim on, a worker's run is one like every other.
//!
//! An inbox of the user's own (`put`) carries an [`Envelope`] instead. Its worker claims the event
//! when it runs it.
//!
//! Each step can be the last of its process. An acceptance is one commit, so it was answered or it
//! comes again. A claim that nobody runs ends with its lease, and `crew` puts such runs back.

mod accept;
mod crew;
mod envelope;
mod gate;
mod give_back;
#[cfg(feature = "postgres")]
mod postgres;
mod put;
#[cfg(feature = "sqlite")]
mod sqlite;
mod workers;

pub use envelope::{Envelope, EnvelopeError};
#[cfg(feature = "postgres")]
pub use postgres::PostgresInbox;
pub use put::{Inbox, InboxOf, IntoInbox, PutError};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteInbox;
pub use workers::{Order, Workers};

pub(crate) use accept::{Acceptor, Target};
pub(crate) use crew::{Bench, Crew, Kind};
pub(crate) use gate::Gate;
