//! The steps of a history and their frequencies.

use super::reference::{DELIVERIES, Model, RETENTION, State};
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Claim {
        event: u8,
        delivery: Option<u8>,
        lease: u64,
    },
    Renew {
        event: u8,
        whose: Whose,
        lease: u64,
    },
    Finish {
        event: u8,
        whose: Whose,
        end: End,
    },
    /// Releases a dead letter.
    Release {
        event: u8,
    },
    /// Purges a dead letter.
    Purge {
        event: u8,
    },
    Wait {
        ticks: u64,
    },
    Crash,
}

/// The claim whose token is used.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Whose {
    /// The last claim of the event.
    Latest,
    /// An earlier claim, counted from the last one.
    Earlier(usize),
    /// A token that was not given yet.
    Future,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Done,
    Release,
    Dead,
}

/// The possible next steps.
pub(crate) fn steps(model: &Model) -> BoxedStrategy<Step> {
    let events = model.events;
    let event = || 0..events;
    let many = u32::from(model.many_keys);
    let lease = || select(vec![3_u64, 7]);
    let delivery = prop_oneof![
        2 => Just(None),
        // Two keys repeat often, the others rarely.
        3 => (0_u8..2).prop_map(Some),
        3 + 20 * many => (0..DELIVERIES).prop_map(Some),
    ];
    let claimed = prop_oneof![1 => event(), 4 * many => Just(0)];
    let claim = (claimed, delivery, lease()).prop_map(|(event, delivery, lease)| Step::Claim {
        event,
        delivery,
        lease,
    });
    // Most steps are about running records.
    let running: Vec<u8> = model
        .records
        .iter()
        .filter(|(_, record)| record.state == State::Running)
        .map(|(event, _)| *event)
        .collect();
    let claimed = match running.is_empty() {
        true => event().boxed(),
        false => prop_oneof![1 => event(), 4 => select(running)].boxed(),
    };
    let whose = || {
        prop_oneof![
            6 => Just(Whose::Latest),
            2 => (1_usize..4).prop_map(Whose::Earlier),
            1 => Just(Whose::Future),
        ]
    };
    let end = prop_oneof![
        3 => Just(End::Release),
        3 => Just(End::Done),
        3 => Just(End::Dead),
    ];
    let finish =
        (claimed.clone(), whose(), end).prop_map(|(event, whose, end)| Step::Finish { event, whose, end });
    let renew =
        (claimed, whose(), lease()).prop_map(|(event, whose, lease)| Step::Renew { event, whose, lease });
    let dead_letters: Vec<u8> = model.dead_letters().iter().map(|(event, _)| *event).collect();
    let letter = || match dead_letters.is_empty() {
        true => event().boxed(),
        false => prop_oneof![1 => event(), 3 => select(dead_letters.clone())].boxed(),
    };
    let of_dead_letters = u32::from(model.kind.dead_letters);
    prop_oneof![
        10 + 30 * many => claim,
        8 => finish,
        3 => renew,
        5 => times(model).prop_map(|ticks| Step::Wait { ticks }),
        1 => Just(Step::Crash),
        2 * of_dead_letters => letter().prop_map(|event| Step::Release { event }),
        of_dead_letters => letter().prop_map(|event| Step::Purge { event }),
    ]
    .boxed()
}

fn times(model: &Model) -> BoxedStrategy<u64> {
    if !model.kind.exact {
        return prop_oneof![3 => Just(2_u64), 3 => Just(4), 2 => Just(8), 1 => Just(RETENTION + 1)].boxed();
    }
    // The deadlines, and the last tick before each.
    let ends = model.records.values().map(|record| match record.state {
        State::Running => record.at,
        _ => record.at + RETENTION,
    });
    let ends = ends.filter(|end| *end > model.now);
    let times = ends.flat_map(|end| [end - model.now, end - model.now - 1]);
    let times: Vec<u64> = times.chain([1]).collect();
    prop_oneof![3 => select(times), 1 => 1..RETENTION].boxed()
}
