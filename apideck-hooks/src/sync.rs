//! The locks and atomics that several threads share.
//!
//! Under `cfg(apideck_hooks_loom)` the unit tests use loom's, because loom tries every interleaving
//! of a few threads.

#[cfg(all(test, apideck_hooks_loom))]
pub(crate) use loom::sync::atomic::AtomicUsize;
#[cfg(all(test, apideck_hooks_loom))]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, apideck_hooks_loom)))]
pub(crate) use std::sync::atomic::AtomicUsize;
#[cfg(not(all(test, apideck_hooks_loom)))]
pub(crate) use std::sync::{Mutex, MutexGuard};
