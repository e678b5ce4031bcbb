//! The receiver: made by `Hooks::builder`, and mounted into a server.

mod admit;
mod build_error;
mod builder;
mod dead_letters;
mod dispatch;
mod receiver;
mod shutdown;
mod work;

pub use build_error::BuildError;
pub use builder::HooksBuilder;
pub use dead_letters::{DeadLetters, Replayed};
pub use receiver::Hooks;
pub use shutdown::Drained;

pub(crate) use dispatch::{Arrival, Dispatched};
pub(crate) use receiver::Receiver;
pub(crate) use work::Progress;
