//! The table of events, generated from that of the macro crate as one constant for each column.

use super::Family;

macro_rules! columns {
    ($(($index:literal, $name:literal, $rust_name:ident, $family:ident, $doc:literal, $api:literal))*) => {
        /// The names on the wire, sorted.
        pub(crate) const NAMES: &[&str] = &[$($name),*];
        /// The variants of `EventType`, which are also the types in `events`.
        pub(crate) const RUST_NAMES: &[&str] = &[$(stringify!($rust_name)),*];
        /// The family of each event.
        pub(crate) const FAMILY: &[Family] = &[$(Family::$family),*];
        /// The index of each event's API.
        pub(crate) const API: &[u16] = &[$($api),*];
    };
}

apideck_hooks_macros::__events!(columns);

/// The number of listed events.
pub(crate) const COUNT: usize = NAMES.len();
