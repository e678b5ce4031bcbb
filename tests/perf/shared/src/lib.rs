//! Code that several benchmarks share.

pub mod by_hand;
pub mod clock;
pub mod event;
pub mod limits;
pub mod machine;
pub mod options;
pub mod statistics;
pub mod store;
