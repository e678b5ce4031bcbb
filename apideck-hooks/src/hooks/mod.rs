//! The receiver: its builder, its dispatch, its shutdown and its dead letters.

mod accepted_events;
mod admit;
mod build_error;
mod builder;
mod checks;
mod dead_letters;
mod describe;
mod description;
mod dispatch;
mod event_run;
mod identified;
mod inbox_settings;
mod receiver;
mod shutdown;
#[cfg(feature = "signal")]
mod signal;
mod snapshot;
mod store_use;
mod work;
mod workers;

pub use accepted_events::AcceptedEvents;
pub use build_error::BuildError;
pub use builder::{HooksBuilder, IntoSecret};
pub use dead_letters::{DeadLetters, ReplayAll, Replayed};
pub use description::{Description, HandlerDescription};
pub use receiver::Hooks;
pub use shutdown::Drained;
pub use workers::Worked;

pub(crate) use dispatch::{Arrival, Course};
pub(crate) use receiver::{Receiver, TakeContext};
pub(crate) use work::{LetterKept, Progress, Waiting};
