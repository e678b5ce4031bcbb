//! The receiver: its builder, its dispatch, its shutdown and its dead letters.

mod accepted_events;
mod admit;
mod arrival;
mod build_error;
mod builder;
mod checks;
mod dead_letters;
mod describe;
mod description;
mod dispatch;
mod identified;
mod inbox_setters;
mod inbox_settings;
mod into_secret;
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
pub use builder::HooksBuilder;
pub use dead_letters::{DeadLetters, ReplayAll, Replayed};
pub use description::{Description, HandlerDescription};
pub use into_secret::IntoSecret;
pub use receiver::Hooks;
pub use shutdown::Drained;
pub use workers::Worked;

#[cfg(feature = "console")]
pub(crate) use accepted_events::{PATTERN, is_pattern};
pub(crate) use arrival::{Arrival, Course};
pub(crate) use receiver::{Receiver, TakeContext};
pub(crate) use work::{LetterKept, Progress, Waiting};
