//! Random histories are worth nothing if they do not go everywhere.

use super::history::strategy;
use super::reference::{Response, Verdict};
use super::step::Step;
use super::worlds::{FULL_MEMORY, SQLITE};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeSet;

/// The answers to each kind of step.
const ANSWERS: [&str; 31] = [
    "again: a grant",
    "again: a replay's grant",
    "again: dead true",
    "again: done",
    "again: resting",
    "again: running false",
    "again: running true",
    "claim: a grant",
    "claim: a grant of another event's record",
    "claim: a grant with a letter",
    "claim: a replay of no letter",
    "claim: a replay's grant",
    "claim: a running replay",
    "claim: dead false",
    "claim: dead true",
    "claim: dead true with a letter",
    "claim: done",
    "claim: full",
    "claim: resting",
    "claim: running false",
    "claim: running true",
    "claim: running true with a letter",
    "end: Lost",
    "end: NoRoom",
    "end: Yes",
    "purge: Busy",
    "purge: Unknown",
    "purge: Yes",
    "renewal: Lost",
    "renewal: Yes",
    "rest ended: true",
];

#[test]
fn histories_reach_every_answer() {
    let mut reached = BTreeSet::new();
    for kind in [SQLITE, FULL_MEMORY] {
        let strategy = strategy(kind);
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        for _ in 0..500 {
            let history = strategy.new_tree(&mut runner).expect("a history");
            let (mut model, steps, _) = history.current();
            for step in steps {
                model = model.apply(&step);
                reached.insert(answer(&step, model.response));
            }
        }
    }
    let missing: Vec<_> = ANSWERS
        .iter()
        .filter(|wanted| !reached.contains(**wanted))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}, only {reached:#?}");
}

fn answer(step: &Step, response: Response) -> String {
    let kind = match step {
        Step::Again { .. } => "again",
        Step::Finish { .. } => "end",
        Step::Renew { .. } => "renewal",
        _ => "claim",
    };
    match response {
        Response::None => "nothing".to_owned(),
        Response::Held(held) => format!("{kind}: {held:?}"),
        Response::Purged(purged) => format!("purge: {purged:?}"),
        Response::Rested(rested) => format!("rest ended: {rested}"),
        Response::Replayed { verdict, .. } => match verdict {
            None => format!("{kind}: a replay of no letter"),
            Some(Verdict::Granted { .. }) => format!("{kind}: a replay's grant"),
            Some(_) => format!("{kind}: a running replay"),
        },
        Response::Claimed {
            record,
            verdict,
            lettered,
        } => {
            let named = match step {
                Step::Claim(claim) if claim.event != record => " of another event's record",
                _ => "",
            };
            let with = if lettered { " with a letter" } else { "" };
            match verdict {
                Verdict::Granted { .. } => format!("{kind}: a grant{named}{with}"),
                Verdict::Running { kept, .. } => format!("{kind}: running {kept}{with}"),
                Verdict::Resting(_) => format!("{kind}: resting"),
                Verdict::Done => format!("{kind}: done"),
                Verdict::Dead { kept } => format!("{kind}: dead {kept}{with}"),
                Verdict::Full => format!("{kind}: full"),
            }
        }
    }
}
