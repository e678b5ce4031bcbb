//! Requests that Apideck did not send.

use apideck_hooks::testing::{Answer, Forgery};
use bytes::Bytes;

use super::finding::Finding;
use super::subject::{CheckedReceiver, status, unlisted};

/// The header that names an event, and is not signed.
const EVENT_TYPE: &str = "x-apideck-event-type";

/// The forgeries of the test kit, and the fault of a receiver that accepts one.
const FORGERIES: &[(&str, Forgery, &str)] = &[
    (
        "no signature",
        Forgery::NoSignature,
        "accepts a delivery without a signature",
    ),
    (
        "malformed signature",
        Forgery::MalformedSignature,
        "accepts a text that is not a signature",
    ),
    ("two signatures", Forgery::TwoSignatures, "accepts two signatures"),
    (
        "another key",
        Forgery::OtherSecret,
        "accepts the signature of another key",
    ),
    (
        "cut signature",
        Forgery::CutSignature,
        "accepts the beginning of a signature, which can be guessed",
    ),
    (
        "wrong end of signature",
        Forgery::WrongEnd,
        "compares only the beginning of a signature",
    ),
    (
        "another's signature",
        Forgery::OtherSignature,
        "accepts the signature of another body",
    ),
    (
        "changed body",
        Forgery::ChangedBody,
        "accepts a body that was changed after it was signed",
    ),
    (
        "cut body",
        Forgery::CutBody,
        "accepts a body whose end is missing",
    ),
];

pub(super) async fn findings(subject: &CheckedReceiver, base: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, forgery, fault) in FORGERIES {
        let event = unlisted();
        let answer = subject.forge(&event, *forgery).await;
        let expected = subject.signature(&event.body());
        let told = String::from_utf8_lossy(answer.body()).contains(&expected);
        findings.push(match answer.status() {
            Some(_) if told => Finding::failed(name, "the response tells the signature that would be right"),
            Some(400..500) => Finding::ok(name, status(&answer)),
            Some(200..300) => Finding::failed(name, format!("{}: {fault}", status(&answer))),
            _ => Finding::failed(
                name,
                format!("{}: a forgery is refused with 401", status(&answer)),
            ),
        });
    }
    findings.push(other_event(subject, base).await);
    findings.push(parses_late(subject).await);
    findings
}

/// Names another event in the header than in the signed body. Neither is listed, so that a receiver
/// that trusts the header does no harm.
async fn other_event(subject: &CheckedReceiver, base: &Answer) -> Finding {
    let name = "header's event";
    let event = unlisted().header(EVENT_TYPE, "apideck_hooks.check.other");
    let answer = subject.send(&event).await;
    match answer.status() {
        Some(refused @ 400..500) if base.status() != Some(refused) => Finding::ok(name, status(&answer)),
        Some(400..500) => Finding::not_tested(name, "unknown events are refused alike"),
        Some(200..300) => Finding::failed(
            name,
            format!(
                "{}: accepts a header that names another event than the signed body. If it trusts the header, a \
                 captured body can be passed off as any event",
                status(&answer)
            ),
        ),
        _ => Finding::failed(
            name,
            format!("{}: a contradiction is refused with 400", status(&answer)),
        ),
    }
}

/// Sends a body that is not JSON under a wrong signature. Its answer differs from that to a body of
/// JSON if the receiver parses first.
async fn parses_late(subject: &CheckedReceiver) -> Finding {
    let name = "verifies, then parses";
    let wrong = "0".repeat(64);
    let json = subject.post(unlisted().body(), &wrong).await;
    let not_json = subject
        .post(Bytes::from_static(b"{\"payload\": not json"), &wrong)
        .await;
    let (json, not_json) = match (json, not_json) {
        (Ok(json), Ok(not_json)) => (json.status.as_u16(), not_json.status.as_u16()),
        (Err(trouble), _) | (_, Err(trouble)) => return Finding::failed(name, trouble.message),
    };
    match not_json {
        401 | 403 => Finding::ok(name, not_json.to_string()),
        400..500 if json == not_json => Finding::ok(name, not_json.to_string()),
        _ => Finding::failed(
            name,
            format!(
                "{not_json} to a body that is not JSON and {json} to one that is, both without a valid signature: it \
                 parses a stranger's body before it verifies"
            ),
        ),
    }
}
