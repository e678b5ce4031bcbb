//! Responses that tell too much.

use bytes::Bytes;

use super::finding::Finding;
use super::subject::{CheckedReceiver, UNLISTED};

/// A text in a body that no response has a reason to contain.
const CANARY: &str = "canary-of-apideck-hooks";

/// Parts of errors of programs.
const TELLING: &[&str] = &[
    " at line ",
    "line 1 column",
    "SyntaxError",
    "Unexpected token",
    "Traceback",
    "Exception",
    "panicked at",
    "stack backtrace",
    "\n    at ",
];

/// Sends genuine bodies that are no events, and looks for the receiver's own errors in the
/// responses.
pub(super) async fn findings(subject: &CheckedReceiver) -> Vec<Finding> {
    let name = "tells no internals";
    let bodies = [
        format!("{{\"payload\": {CANARY}"),
        format!("{{\"payload\":\"{CANARY}\"}}"),
        format!(
            "{{\"payload\":{{\"event_type\":\"{UNLISTED}\",\"event_id\":{{\"{CANARY}\":1}},\"entity\":\"{CANARY}\"}}}}"
        ),
    ];
    for body in bodies {
        let signature = subject.signature(body.as_bytes());
        let response = match subject.post(Bytes::from(body), &signature).await {
            Ok(response) => response,
            Err(trouble) => return vec![Finding::failed(name, trouble.message)],
        };
        let text = String::from_utf8_lossy(&response.body);
        let telling = [CANARY].iter().chain(TELLING).find(|part| text.contains(**part));
        if telling.is_some() {
            let status = response.status.as_u16();
            let detail = format!("{status} {text}: echoes an error, which Apideck's event log shows");
            return vec![Finding::failed(name, detail)];
        }
    }
    vec![Finding::ok(name, "no response has an error of the receiver")]
}
