//! The steps of a history.

use proptest::collection::vec;
use proptest::prelude::*;

/// Events 0 to 2 are in one lane, 3 and 4 in another, and 5 is in none.
pub(super) const EVENTS: u8 = 6;
pub(super) const NAMES: [&str; 3] = [
    "crm.lead.created",
    "crm.lead.updated",
    "vault.connection.callable",
];
pub(super) const PATTERNS: [&str; 4] = ["*", "crm.*", "crm.lead.updated", "vault.connection.*"];

/// Longer than the retention.
const LONG_WAIT: u16 = 5000;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Accept {
        event: u8,
        alias: Option<u8>,
        at: Option<u8>,
    },
    Claim {
        event: u8,
        alias: Option<u8>,
        last: bool,
    },
    /// The bits choose the names that the workers handle.
    Fetch {
        names: u8,
    },
    /// The grants are counted from the last one.
    Renew {
        back: usize,
        lease: u32,
    },
    Finish {
        back: usize,
        end: End,
    },
    Replay {
        event: u8,
    },
    Purge {
        event: u8,
    },
    EndRest {
        event: u8,
    },
    Recover {
        attempts: u32,
    },
    Pause {
        pattern: usize,
    },
    Resume {
        pattern: usize,
    },
    Wait {
        ticks: u16,
    },
    SetBack {
        ticks: u8,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Done,
    Release { rest: u32 },
    Dead { began: bool },
    Withdraw,
    Interrupt,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let event = || 0..EVENTS;
    let alias = || prop_oneof![2 => Just(None), 1 => (0_u8..3).prop_map(Some)];
    let at = prop_oneof![1 => Just(None), 3 => (0_u8..5).prop_map(Some)];
    let back = || prop_oneof![3 => 0_usize..2, 1 => 0_usize..6];
    let end = prop_oneof![
        3 => Just(End::Done),
        3 => (0_u32..4).prop_map(|rest| End::Release { rest }),
        3 => any::<bool>().prop_map(|began| End::Dead { began }),
        1 => Just(End::Withdraw),
        2 => Just(End::Interrupt),
    ];
    let pattern = || 0..PATTERNS.len();
    let step = prop_oneof![
        10 => (event(), alias(), at).prop_map(|(event, alias, at)| Step::Accept { event, alias, at }),
        4 => (event(), alias(), any::<bool>())
            .prop_map(|(event, alias, last)| Step::Claim { event, alias, last }),
        8 => prop_oneof![3 => Just(7_u8), 1 => 0_u8..8].prop_map(|names| Step::Fetch { names }),
        2 => (back(), 1_u32..8).prop_map(|(back, lease)| Step::Renew { back, lease }),
        10 => (back(), end).prop_map(|(back, end)| Step::Finish { back, end }),
        3 => event().prop_map(|event| Step::Replay { event }),
        1 => event().prop_map(|event| Step::Purge { event }),
        1 => event().prop_map(|event| Step::EndRest { event }),
        2 => (1_u32..4).prop_map(|attempts| Step::Recover { attempts }),
        1 => pattern().prop_map(|pattern| Step::Pause { pattern }),
        2 => pattern().prop_map(|pattern| Step::Resume { pattern }),
        6 => (1_u16..5).prop_map(|ticks| Step::Wait { ticks }),
        1 => Just(Step::Wait { ticks: LONG_WAIT }),
        1 => (1_u8..10).prop_map(|ticks| Step::SetBack { ticks }),
    ];
    vec(step, 1..50)
}
