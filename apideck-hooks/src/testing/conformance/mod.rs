//! The tests that every store passes. Run them with
//! [`store_conformance!`](crate::store_conformance).
//!
//! Each test makes keys of its own, so all tests can share one database. The tests wait with
//! tokio's clock. A store that uses tokio's clock can be tested with paused time. A store with
//! another clock needs real time: a few seconds for the whole suite.

mod claims;
mod concurrency;
mod dead_letters;
mod delivery_keys;
mod subject;
mod support;

pub use claims::*;
pub use concurrency::*;
pub use dead_letters::*;
pub use delivery_keys::*;
pub use subject::Subject;

/// Writes the tests of a store: `store_conformance!(name, async { store })`.
///
/// The expression makes a store, or an `Option` of a store. `None` skips the test. The store can
/// hold other records, because each test makes keys of its own.
///
/// The macro writes a module `name` with one `#[tokio::test]` for each test. So the crate needs
/// tokio with the features `macros`, `rt` and `time`. Arguments for `#[tokio::test]` can be given
/// before the expression.
///
/// ```
/// # fn main() {}
/// use apideck_hooks::{MemoryStore, store_conformance};
///
/// store_conformance!(memory, (start_paused = true), async { MemoryStore::new() });
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $store:expr) => {
        $crate::store_conformance!($name, (), $store);
    };
    ($name:ident, ($($arguments:tt)*), $store:expr) => {
        $crate::store_conformance! {
            @ $name, ($($arguments)*), $store;
            a_claim_is_granted_once_and_remembered
            a_claim_of_a_running_record_reports_the_rest_of_its_lease
            a_release_keeps_the_attempts_and_the_next_token_is_greater
            a_dead_record_stays_dead
            an_ended_lease_can_be_claimed_and_its_owner_has_lost
            an_ended_lease_without_a_successor_still_settles
            a_renewal_starts_the_lease_again
            a_settled_record_cannot_be_settled_again
            an_unknown_record_is_lost_and_absent
            a_greater_token_is_lost
            a_delivery_key_resolves_to_its_first_record
            a_second_delivery_key_is_bound_too
            the_delivery_keys_of_a_record_are_bounded
            a_delivery_key_is_bound_in_every_state_of_its_record
            one_of_many_concurrent_claims_is_granted
            concurrent_claims_with_one_delivery_key_get_one_record
            one_of_many_claims_of_an_ended_lease_is_granted
            a_dropped_claim_leaves_a_record_that_can_be_settled
            a_dead_letter_is_kept_until_it_is_handled
            a_dead_letter_without_a_body_is_kept_and_cannot_be_released
            dead_letters_are_listed_in_pages_newest_first
            a_cursor_outlives_its_dead_letter
            a_dead_letter_can_be_purged
        }
    };
    (@ $name:ident, ($($arguments:tt)*), $store:expr; $($test:ident)*) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::store_conformance! { @@ ($($arguments)*) ($store) $($test)* }
        }
    };
    (@@ $arguments:tt $store:tt $first:ident $($rest:ident)*) => {
        $crate::store_conformance! { @@@ $arguments $store $first }
        $crate::store_conformance! { @@ $arguments $store $($rest)* }
    };
    (@@ $arguments:tt $store:tt) => {};
    (@@@ ($($arguments:tt)*) ($store:expr) $test:ident) => {
        #[::tokio::test($($arguments)*)]
        async fn $test() {
            let subject = $crate::testing::conformance::Subject::into_store($store.await);
            if let ::std::option::Option::Some(store) = subject {
                $crate::testing::conformance::$test(store).await;
            }
        }
    };
}
