//! A handler for each event of the table, in an exhaustive list.
#![allow(non_snake_case)]

use super::build;
use apideck_hooks::{EventType, events, on, router};

macro_rules! handlers {
    ($(($index:literal, $name:literal, $rust_name:ident, $family:ident, $doc:literal, $api:literal))*) => {
        $(
            #[on($name)]
            async fn $rust_name(_event: events::$rust_name) {}
        )*

        /// The number of handlers.
        const COUNT: usize = [$($index),*].len();

        fn list() -> impl apideck_hooks::Routes<apideck_hooks::NoState> {
            router![$($rust_name),*]
        }
    };
}

apideck_hooks_macros::__events!(handlers);

#[test]
fn builds() {
    assert_eq!(COUNT, EventType::ALL.len());
    build!(list());
}
