//! Genuine deliveries, in every form and encoding.

use apideck_hooks::signature::{Encoding, Form};
use apideck_hooks::testing::Answer;
use bytes::Bytes;

use super::finding::Finding;
use super::subject::{CheckedReceiver, UNLISTED, status, unlisted};
use crate::exit::Trouble;
use crate::report::outcome_text;

const FORMS: [(&str, Form, Encoding); 6] = [
    ("raw, hex", Form::Raw, Encoding::Hex),
    ("raw, base64", Form::Raw, Encoding::Base64),
    ("sorted, hex", Form::Sorted, Encoding::Hex),
    ("sorted, base64", Form::Sorted, Encoding::Base64),
    ("sorted in arrays, hex", Form::SortedInArrays, Encoding::Hex),
    ("sorted in arrays, base64", Form::SortedInArrays, Encoding::Base64),
];

/// Sends the first requests. Returns the answer to an event that nobody lists, which others are
/// compared with.
///
/// # Errors
///
/// The receiver cannot be reached.
pub(super) async fn reach(subject: &CheckedReceiver) -> Result<(Vec<Finding>, Answer), Trouble> {
    let answer = subject.validate().await;
    if let Some(failure) = answer.failure() {
        return Err(Trouble::unreachable(failure));
    }
    let validation = match answer.is_acknowledged() {
        true => Finding::ok("validation", outcome_text(&answer)),
        false => Finding::failed(
            "validation",
            format!(
                "{}: Apideck cannot make a subscription for this URL",
                outcome_text(&answer)
            ),
        ),
    };
    let base = subject.send(&unlisted()).await;
    let unknown = match base.is_acknowledged() {
        true => Finding::ok("unknown event", outcome_text(&base)),
        false => Finding::failed(
            "unknown event",
            format!(
                "{}: an event that is not known must be acknowledged, or Apideck disables the subscription",
                outcome_text(&base)
            ),
        ),
    };
    Ok((vec![validation, unknown], base))
}

pub(super) async fn findings(subject: &CheckedReceiver, base: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, form, encoding) in FORMS {
        let answer = subject.send(&unlisted().signed(form, encoding)).await;
        findings.push(if is_accepted(answer.status(), base) {
            Finding::ok(name, status(&answer))
        } else {
            Finding::failed(name, format!("{}: refuses a genuine signature", status(&answer)))
        });
    }
    // A receiver that parses a body and prints it again before it verifies would have other bytes.
    let body = format!(
        "{{ \"payload\" : {{\"event_type\":\"{UNLISTED}\",\"event_id\":\"odd\",\"z\":1.0,\"a\":\"\\u00e9\\/\"}} }}\n"
    );
    let signature = subject.signature(body.as_bytes());
    findings.push(match subject.post(Bytes::from(body), &signature).await {
        Ok(response) if is_accepted(Some(response.status.as_u16()), base) => {
            Finding::ok("bytes as received", response.status.as_str())
        }
        Ok(response) => Finding::failed(
            "bytes as received",
            format!(
                "{}: verifies a body that was printed again, and not the bytes as received",
                response.status.as_str()
            ),
        ),
        Err(trouble) => Finding::failed("bytes as received", trouble.message),
    });
    findings
}

/// Tells if a delivery got past the signature. A receiver that refuses unknown events answers all
/// of them alike.
fn is_accepted(status: Option<u16>, base: &Answer) -> bool {
    let Some(status) = status else {
        return false;
    };
    (200..300).contains(&status) || base.status() == Some(status) && !matches!(status, 401 | 403)
}
