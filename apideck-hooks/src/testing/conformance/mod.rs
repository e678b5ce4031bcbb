//! The tests that every store passes. Run them with
//! [`store_conformance!`](crate::store_conformance).
//!
//! Each test makes keys and sources of its own, so all tests can share one database. A store
//! without dead letters passes the tests of dead letters. The tests wait with tokio's clock. A
//! store that uses tokio's clock can be tested with paused time. A store with another clock needs
//! real time: a few seconds for the whole suite.

mod aliases;
mod claims;
mod concurrency;
mod dead_letters;
mod last_deliveries;
mod letter_lists;
mod rests;
mod subject;
mod support;

pub use aliases::*;
pub use claims::*;
pub use concurrency::*;
pub use dead_letters::*;
pub use last_deliveries::*;
pub use letter_lists::*;
pub use rests::*;
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
            a_claim_of_a_running_record_reports_the_time_left
            tokens_and_attempts_grow_with_every_run
            a_claim_that_is_sent_again_gets_the_same_grant
            a_refusal_is_decided_anew
            a_run_has_one_end
            an_end_that_is_sent_again_changes_nothing
            another_token_or_claim_id_is_lost
            an_unknown_record_is_lost_and_absent
            an_ended_lease_can_be_claimed_and_its_owner_has_lost
            an_ended_lease_without_a_successor_still_holds
            a_renewal_starts_the_lease_again
            an_event_rests_after_each_attempt
            a_rest_begins_with_the_run
            the_longer_of_both_waits_holds
            a_run_without_an_end_rests_too
            a_rest_ends
            a_rest_can_be_ended
            a_withdrawal_takes_the_attempt_and_the_rest_back
            three_interrupted_runs_in_a_row_do_not_count
            a_dead_event_without_a_run_counts_no_attempt
            an_alias_names_its_record_in_every_state
            an_alias_names_a_dead_record
            a_refused_claim_binds_nothing
            every_granted_claim_binds_its_alias
            a_claim_with_an_alias_that_is_sent_again_gets_the_same_grant
            an_alias_is_not_an_event
            one_of_many_concurrent_claims_is_granted
            one_claim_that_is_sent_many_times_gets_one_grant
            concurrent_claims_with_one_alias_get_one_record
            one_of_many_claims_of_a_released_record_is_granted
            one_of_many_concurrent_replays_is_granted
            a_replay_and_a_purge_at_once_agree
            a_dropped_claim_can_be_sent_again
            a_dropped_end_can_be_sent_again
            a_dead_record_stays_dead
            a_dead_letter_is_kept_until_its_event_is_done
            a_dead_letter_outlives_every_run_that_does_not_settle
            a_later_dead_letter_replaces_the_earlier_one
            a_replay_is_granted_once
            an_event_without_a_letter_is_not_replayed
            a_replay_does_not_use_an_alias
            a_purged_event_is_done
            a_running_event_is_not_purged
            a_dead_letter_belongs_to_its_source
            a_letter_that_is_too_large_is_kept_whole_or_refused
            a_last_delivery_of_a_new_event_runs_with_its_letter_kept
            a_young_record_gets_no_letter
            an_old_record_gets_the_letter
            a_last_delivery_writes_its_letter_into_a_running_record
            a_last_delivery_dead_letters_a_resting_event
            a_last_delivery_of_a_done_event_is_a_duplicate
            a_last_delivery_leaves_a_kept_letter_as_it_is
            a_last_delivery_that_is_sent_again_writes_one_letter
            a_last_delivery_under_an_alias_writes_into_the_bound_record
            a_last_delivery_with_a_large_letter_runs
            dead_letters_are_listed_in_pages_newest_first
            dead_letters_of_one_moment_are_listed_once
            a_cursor_outlives_its_dead_letter
            a_filter_chooses_by_name_and_time
            sources_are_listed_with_their_counts
            a_dead_letter_comes_back_as_it_was
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
