//! Locks and counts of what several tasks share. Loom's where it tries every interleaving of them.

#[cfg(all(test, apideck_hooks_loom))]
pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize};
#[cfg(all(test, apideck_hooks_loom))]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, apideck_hooks_loom)))]
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
#[cfg(not(all(test, apideck_hooks_loom)))]
pub(crate) use std::sync::{Mutex, MutexGuard};
