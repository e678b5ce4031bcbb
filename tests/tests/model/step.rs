//! The steps of a history and their frequencies.

use super::reference::{ALIASES, Claim, Kind, Model, Phase, State};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A new claim or replay.
    Claim(Claim),
    /// An earlier claim or replay that is sent again, counted from the last one.
    Again {
        back: usize,
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
    Purge {
        event: u8,
    },
    EndRest {
        event: u8,
    },
    /// Another source tries to read, replay and purge the dead letter.
    OtherSource {
        event: u8,
    },
    Wait {
        ticks: u64,
    },
    /// The clock is set back.
    SetBack {
        ticks: u64,
    },
    Crash,
}

/// The grant that is used.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Whose {
    /// The event's last one.
    Latest,
    /// An earlier one, counted from the last one.
    Earlier(usize),
    /// One with a token that was not given yet.
    Future,
    /// One with the last token and the id of another claim.
    Nobody,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum End {
    Done,
    Release { rest: u64 },
    Dead { began: bool },
    Withdraw,
    Interrupt,
}

impl End {
    /// `true` if it is the same end, perhaps with other values.
    pub(crate) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

// The lengths are odd. A handler's wait and a rest differ by two in steps of four. So on a clock
// that moves by multiples of four no two times are equal.
const LEASES: [u64; 2] = [5, 13];
const ASKED: [u64; 3] = [0, 7, 19];
const MIN_AGES: [u64; 2] = [0, 7];

/// The possible next steps.
pub(crate) fn steps(model: &Model) -> BoxedStrategy<Step> {
    let event = || 0..model.events;
    let with = |wanted: fn(State, Phase) -> bool| -> Vec<u8> {
        let events = (0..model.events).filter_map(|event| Some((event, model.present(event)?.phase)));
        let chosen = events.filter(|(event, phase)| wanted(model.state(*event), *phase));
        chosen.map(|(event, _)| event).collect()
    };
    // Most calls are about the events that they can change.
    let mostly = |events: Vec<u8>| match events.is_empty() {
        true => event().boxed(),
        false => prop_oneof![1 => event(), 4 => select(events)].boxed(),
    };
    let unended = || mostly(with(|_, phase| phase == Phase::Running));
    let dead = || mostly(with(|state, _| state == State::Dead));
    let resting = mostly(with(
        |state, _| matches!(state, State::Released(left) if left > 0),
    ));
    let renew = (unended(), whose(), select(&LEASES[..]));
    let finish = (unended(), whose(), end(), any::<bool>());
    let ends: Vec<_> = (0..model.events)
        .map(|event| model.present(event).map(|record| record.phase))
        .collect();
    let finish = finish.prop_map(move |(event, whose, end, same)| {
        // Half of the ends of an ended run are the end that is sent again.
        let end = match ends[usize::from(event)] {
            Some(Phase::Ended(before)) if same => before,
            _ => end,
        };
        Step::Finish { event, whose, end }
    });
    let mut steps = vec![
        (
            14,
            claim(model, event().boxed(), false).prop_map(Step::Claim).boxed(),
        ),
        (4, (0..4_usize).prop_map(|back| Step::Again { back }).boxed()),
        (
            3,
            renew
                .prop_map(|(event, whose, lease)| Step::Renew { event, whose, lease })
                .boxed(),
        ),
        (14, finish.boxed()),
        (2, resting.prop_map(|event| Step::EndRest { event }).boxed()),
        (8, waits(model).prop_map(|ticks| Step::Wait { ticks }).boxed()),
        (1, Just(Step::Crash).boxed()),
    ];
    if model.kind.letters > 0 {
        steps.push((4, claim(model, dead(), true).prop_map(Step::Claim).boxed()));
        steps.push((2, dead().prop_map(|event| Step::Purge { event }).boxed()));
        steps.push((1, dead().prop_map(|event| Step::OtherSource { event }).boxed()));
    }
    if !model.kind.exact {
        let back = (1..4_u64).prop_map(|n| Step::SetBack { ticks: 4 * n });
        steps.push((2, back.boxed()));
    }
    Union::new_weighted(steps).boxed()
}

fn claim(model: &Model, event: BoxedStrategy<u8>, replay: bool) -> BoxedStrategy<Claim> {
    let alias = prop_oneof![
        4 => Just(None),
        // Two aliases repeat often, the others rarely.
        3 => (0_u8..2).prop_map(Some),
        3 => (0..ALIASES).prop_map(Some),
    ];
    let mut last = vec![(5, Just(None).boxed())];
    if model.kind.letters > 0 {
        last.push((1, select(&MIN_AGES[..]).prop_map(Some).boxed()));
    }
    let last = Union::new_weighted(last);
    (event, alias, select(&LEASES[..]), any::<bool>(), last)
        .prop_map(move |(event, alias, lease, rests, last)| Claim {
            event,
            alias,
            lease,
            rests,
            last,
            replay,
        })
        .boxed()
}

fn whose() -> BoxedStrategy<Whose> {
    prop_oneof![
        8 => Just(Whose::Latest),
        2 => (1_usize..4).prop_map(Whose::Earlier),
        1 => Just(Whose::Future),
        1 => Just(Whose::Nobody),
    ]
    .boxed()
}

fn end() -> BoxedStrategy<End> {
    prop_oneof![
        3 => select(&ASKED[..]).prop_map(|rest| End::Release { rest }),
        2 => Just(End::Done),
        3 => any::<bool>().prop_map(|began| End::Dead { began }),
        1 => Just(End::Withdraw),
        3 => Just(End::Interrupt),
    ]
    .boxed()
}

fn waits(model: &Model) -> BoxedStrategy<u64> {
    let Kind { exact, retention, .. } = model.kind;
    if !exact {
        return prop_oneof![6 => (1..5_u64).prop_map(|n| 4 * n), 1 => Just(4 * (retention / 4 + 4))].boxed();
    }
    // The deadlines, and the last tick before each. No record of a full store expires.
    let ends = model.deadlines().into_iter().map(|end| end - model.now);
    let ends = ends.filter(|left| *left < 1000);
    let times: Vec<u64> = ends.flat_map(|left| [left, left - 1]).chain([1]).collect();
    prop_oneof![3 => select(times), 1 => 1..25_u64].boxed()
}
