//! An event that comes again.

use apideck_hooks::testing::{Answer, Event};

use super::finding::Finding;
use super::subject::{CheckedReceiver, status};
use crate::report::outcome_text;

const NAMES: [&str; 3] = ["same delivery again", "retry", "captured body"];

/// Sends an event, and then the same delivery, a retry, and the body under another key.
pub(super) async fn findings(subject: &CheckedReceiver, event: Option<Event>) -> Vec<Finding> {
    let Some(event) = event else {
        let why = "needs `--event` with an event that may be handled";
        return vec![Finding::not_tested("duplicates", why)];
    };
    let first = subject.send(&event).await;
    if !first.is_acknowledged() {
        let failed = Finding::failed("event", format!("{}: it was not handled", outcome_text(&first)));
        return vec![
            failed,
            Finding::not_tested("duplicates", "the event was not handled"),
        ];
    }
    let mut findings = vec![Finding::ok("event", outcome_text(&first))];
    if first.word().as_deref() == Some("ignored") {
        findings.push(Finding::not_tested(
            "duplicates",
            "the receiver has no handler for this event",
        ));
        return findings;
    }
    for (name, again) in NAMES
        .into_iter()
        .zip([event.clone(), event.clone().attempt(2), event.replayed()])
    {
        findings.push(duplicate(name, &first, &subject.send(&again).await));
    }
    findings
}

fn duplicate(name: &'static str, first: &Answer, again: &Answer) -> Finding {
    if again.status() == Some(409) {
        return Finding::failed(
            name,
            "409 for a duplicate: Apideck takes it for a failure and sends it again, until it disables the subscription",
        );
    }
    if !again.is_acknowledged() {
        return Finding::failed(
            name,
            format!("{}: a duplicate must be acknowledged", status(again)),
        );
    }
    if again.word().as_deref() == Some("accepted") {
        let why = "an inbox has accepted the event again, and the response does not tell if it runs once";
        return Finding::not_tested(name, why);
    }
    if again.word().as_deref() != Some("duplicate") && again.body() == first.body() {
        return Finding::failed(
            name,
            format!(
                "{}, like the first delivery: the event was handled twice, or the response does not tell a duplicate",
                outcome_text(again)
            ),
        );
    }
    Finding::ok(name, outcome_text(again))
}
