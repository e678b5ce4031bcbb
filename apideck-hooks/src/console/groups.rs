//! The groups of outcomes, which share a colour of the page.

use serde_json::{Value, json};

/// Each group: the class of its colour, its name, and its outcomes.
const GROUPS: [(&str, &str, &[&str]); 5] = [
    ("good", "handled", &["handled"]),
    (
        "plain",
        "settled",
        &["accepted", "ignored", "no_handler", "duplicate"],
    ),
    (
        "wait",
        "later",
        &[
            "failed",
            "asked_for_later",
            "resting",
            "running",
            "busy",
            "inbox_full",
            "shutting_down",
            "conflict",
            "conflicted",
            "stopped",
            "claim_lost",
            "dropped",
        ],
    ),
    (
        "bad",
        "failed for good",
        &[
            "dead_lettered",
            "unprocessable",
            "letters_full",
            "store_failed",
            "unrecorded",
        ],
    ),
    (
        "shut",
        "refused",
        &[
            "unauthorized",
            "wrong_method",
            "too_large",
            "too_slow",
            "over_budget",
            "incomplete",
            "contradiction",
            "abandoned",
        ],
    ),
];

/// The groups, as the overview has them.
pub(super) fn groups() -> Value {
    let group = |(kind, name, outcomes)| json!({ "kind": kind, "name": name, "outcomes": outcomes });
    GROUPS.into_iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disposition::{Disposition, Why};
    use crate::observe::{AnswerKind, RunOutcome};
    use crate::refusal::Refusal;

    #[test]
    fn every_outcome_has_one_group() {
        let answers = [
            Disposition::Handled,
            Disposition::Ignored,
            Disposition::NoHandler,
            Disposition::Duplicate,
            Disposition::Accepted,
            Disposition::DeadLettered,
            Disposition::Unprocessable,
            Disposition::Failed,
            Disposition::later(Why::Asked),
            Disposition::later(Why::Resting),
            Disposition::later(Why::Running),
            Disposition::later(Why::Busy),
            Disposition::later(Why::LettersFull),
            Disposition::later(Why::InboxFull),
            Disposition::later(Why::ShuttingDown),
            Disposition::later(Why::Store),
            Disposition::later(Why::Conflict),
        ];
        let refusals = [
            Refusal::WrongMethod,
            Refusal::Unauthorized,
            Refusal::TooLarge,
            Refusal::TooSlow,
            Refusal::OverBudget,
            Refusal::Incomplete,
            Refusal::Contradiction,
            Refusal::Abandoned,
        ];
        let answers = answers.map(|answer| AnswerKind::Disposition(answer).as_str());
        let refusals = refusals.map(|refusal| AnswerKind::Refused(refusal).as_str());
        let runs = RunOutcome::ALL.iter().map(|outcome| outcome.as_str());
        for name in answers.into_iter().chain(refusals).chain(runs) {
            let of = GROUPS.iter().filter(|(.., outcomes)| outcomes.contains(&name));
            assert_eq!(of.count(), 1, "{name}");
        }
    }
}
