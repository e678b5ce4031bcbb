//! Random scenarios: events, runs of the handler and faults.

use super::super::faulty::{Fault, Outage};
use super::EVENTS;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) events: Vec<Event>,
    pub(super) faults: Vec<Fault>,
    pub(super) outages: Vec<Outage>,
    /// The ends of the receivers in turn, in seconds from the start. `true` for a shutdown, `false`
    /// for a crash.
    pub(super) ends: Vec<(u64, bool)>,
    /// The acts of an operator, and their times in seconds from the start.
    pub(super) acts: Vec<(u64, usize, Act)>,
    /// The time in which the store has no room for another dead letter, in seconds from the start.
    pub(super) full: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Replay,
    Purge,
    EndRest,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The runs of the handler. Later runs succeed.
    pub(super) runs: Vec<Run>,
    /// The delay of a duplicate of each delivery, in seconds.
    pub(super) duplicate: Option<u64>,
    /// `true` if deliveries have an idempotency key.
    pub(super) with_key: bool,
    /// `true` if duplicates have another idempotency key, as captured bodies can have.
    pub(super) captured: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) seconds: u64,
    pub(super) end: Ending,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Succeed,
    Ignore,
    Fail,
    FailUntil,
    Refuse,
    Panic,
    Hang,
}

pub(super) fn scenarios() -> impl Strategy<Value = Scenario> {
    let end = prop_oneof![4 => 0_u64..110, 2 => 150_u64..300, 1 => 0_u64..5000];
    // Around the first deliveries, and after the last ones.
    let time = || prop_oneof![2 => 0_u64..4000, 3 => 0_u64..200_000];
    let act = select(vec![
        Act::Replay,
        Act::Replay,
        Act::Replay,
        Act::Purge,
        Act::EndRest,
    ]);
    let all = (
        vec(events(), 1..=EVENTS),
        vec(faults(), 0..40),
        vec(outages(), 0..3),
        vec((end, any::<bool>()), 0..5),
        vec((time(), 0..EVENTS, act), 0..6),
        proptest::option::of((time(), 1_u64..200_000)),
    );
    all.prop_map(|(events, faults, outages, mut ends, mut acts, full)| {
        ends.sort_unstable();
        acts.sort_unstable_by_key(|(at, ..)| *at);
        Scenario {
            events,
            faults,
            outages,
            ends,
            acts,
            full,
        }
    })
}

fn events() -> impl Strategy<Value = Event> {
    use Ending::{Fail, FailUntil, Hang, Ignore, Panic, Refuse, Succeed};
    // Within the wait of a duplicate, over a lease, over the response deadline, over several
    // leases.
    let seconds = select(vec![0, 2, 20, 40, 55, 100, 250]);
    let end = select(vec![
        Succeed, Succeed, Ignore, Fail, Fail, FailUntil, Refuse, Panic, Hang,
    ]);
    let run = (seconds, end).prop_map(|(seconds, end)| Run { seconds, end });
    let duplicate = proptest::option::of(0_u64..70);
    let event = (vec(run, 0..9), duplicate, any::<bool>(), any::<bool>());
    event.prop_map(|(runs, duplicate, with_key, captured)| Event {
        runs,
        duplicate,
        with_key,
        captured,
    })
}

fn faults() -> impl Strategy<Value = Fault> {
    let late = select(vec![1, 4, 6, 25, 31, 70, 200]);
    prop_oneof![
        5 => Just(Fault::None),
        2 => Just(Fault::Fail),
        2 => Just(Fault::LoseResponse),
        2 => late.prop_map(|seconds| Fault::Late(Duration::from_secs(seconds))),
        1 => Just(Fault::Hang),
    ]
}

fn outages() -> impl Strategy<Value = Outage> {
    // Longer than a lease, most of them from the start.
    let from = prop_oneof![2 => 0_u64..20, 1 => 0_u64..250];
    (from, 10_u64..80, any::<bool>()).prop_map(|(from, seconds, renewals)| Outage {
        from,
        seconds,
        renewals,
    })
}
