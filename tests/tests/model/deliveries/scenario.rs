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
    /// The crashes of the receivers in turn, in seconds from the start.
    pub(super) crashes: Vec<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The runs of the handler. Later runs succeed.
    pub(super) runs: Vec<Run>,
    /// The delay of a duplicate of each delivery, in seconds.
    pub(super) duplicate: Option<u64>,
    /// `true` if deliveries have an idempotency key.
    pub(super) with_key: bool,
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
    use Ending::{Fail, FailUntil, Hang, Ignore, Panic, Refuse, Succeed};
    // Within the wait of a duplicate, over a lease, over the response deadline, over several
    // leases.
    let seconds = select(vec![0, 2, 20, 40, 55, 100, 250]);
    let end = select(vec![
        Succeed, Succeed, Ignore, Fail, Fail, FailUntil, Refuse, Panic, Hang,
    ]);
    let run = (seconds, end).prop_map(|(seconds, end)| Run { seconds, end });
    let event = (vec(run, 0..6), proptest::option::of(0_u64..70), any::<bool>());
    let event = event.prop_map(|(runs, duplicate, with_key)| Event {
        runs,
        duplicate,
        with_key,
    });
    let late = select(vec![1, 4, 6, 25, 31, 70, 200]);
    let fault = prop_oneof![
        5 => Just(Fault::None),
        2 => Just(Fault::Fail),
        2 => Just(Fault::LoseResponse),
        2 => late.prop_map(|seconds| Fault::Late(Duration::from_secs(seconds))),
        1 => Just(Fault::Hang),
    ];
    let crash = prop_oneof![4 => 0_u64..110, 2 => 150_u64..300, 1 => 0_u64..5000];
    // Longer than a lease, most of them from the start.
    let from = prop_oneof![2 => 0_u64..20, 1 => 0_u64..250];
    let outage = (from, 10_u64..80, any::<bool>()).prop_map(|(from, seconds, renewals)| Outage {
        from,
        seconds,
        renewals,
    });
    let all = (
        vec(event, 1..=EVENTS),
        vec(fault, 0..40),
        vec(outage, 0..3),
        vec(crash, 0..4),
    );
    all.prop_map(|(events, faults, outages, mut crashes)| {
        crashes.sort_unstable();
        Scenario {
            events,
            faults,
            outages,
            crashes,
        }
    })
}
