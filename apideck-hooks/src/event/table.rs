//! The table of events as parallel constants, indexed by position; handed over by the macro crate.

use super::Family;

macro_rules! columns {
    ($(($index:literal, $name:literal, $rust_name:ident, $family:ident, $doc:literal, $api:literal))*) => {
        /// Wire names, sorted.
        pub(crate) const NAMES: &[&str] = &[$($name),*];
        /// The variants of `EventType`, which are the types in `events` too.
        pub(crate) const RUST_NAMES: &[&str] = &[$(stringify!($rust_name)),*];
        pub(crate) const FAMILY: &[Family] = &[$(Family::$family),*];
        /// The number of each event's API.
        pub(crate) const API: &[u16] = &[$($api),*];
    };
}

apideck_hooks_macros::__events!(columns);

/// How many events Apideck lists.
pub(crate) const COUNT: usize = NAMES.len();
