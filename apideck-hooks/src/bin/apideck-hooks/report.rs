//! The lines about a delivery that was sent.

use std::time::Duration;

use apideck_hooks::testing::{Answer, Event};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::screen::{Paint, Screen};
use crate::text::{clean, clean_bytes};

/// Prints the answer to a delivery.
pub(crate) fn answer(screen: &mut Screen, event: &Event, answer: &Answer, took: Duration) {
    let sent = clean(&event.to_string());
    screen.result(object(event, answer, took), |paint| {
        let took = paint.faint(format_args!("{} ms", took.as_millis()));
        format!("{}  {sent}  {took}", outcome(paint, answer))
    });
    if let Some(advice) = advice(answer) {
        screen.remark(advice);
    }
}

/// Returns the exit status of an answer.
pub(crate) fn exit(answer: &Answer) -> Exit {
    match answer.status() {
        None => Exit::Unreachable,
        Some(_) => Exit::as_wished_if(answer.is_acknowledged()),
    }
}

fn object(event: &Event, answer: &Answer, took: Duration) -> Value {
    json!({
        "event": event.event_type(),
        "event_id": event.event_id(),
        "execution_attempt": event.execution_attempt(),
        "idempotency_key": event.idempotency_key(),
        "status": answer.status(),
        "word": answer.word(),
        "acknowledged": answer.is_acknowledged(),
        "retry_after": answer.retry_after(),
        "body": clean_bytes(answer.body()),
        "failure": answer.failure(),
        "ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Writes the status and the receiver's word: `200 handled`.
pub(crate) fn outcome(paint: Paint, answer: &Answer) -> String {
    let Some(status) = answer.status() else {
        return paint.bad(outcome_text(answer));
    };
    let text = outcome_text(answer);
    match status {
        200..300 => paint.good(text),
        503 => paint.doubtful(text),
        _ => paint.bad(text),
    }
}

/// Writes the status and the receiver's word without colours.
pub(crate) fn outcome_text(answer: &Answer) -> String {
    let Some(status) = answer.status() else {
        return format!("no response: {}", clean(answer.failure().unwrap_or_default()));
    };
    let said = answer.word().map(|word| clean(&word)).unwrap_or_default();
    let text = match answer.json() {
        Some(body) if body["detail"].is_string() => {
            format!("{status} {}", clean(body["detail"].as_str().unwrap_or_default()))
        }
        _ if said.is_empty() => format!("{status} {}", clean_bytes(answer.body())),
        _ => format!("{status} {said}"),
    };
    text.trim_end().to_owned()
}

fn advice(answer: &Answer) -> Option<&'static str> {
    match answer.status()? {
        401 => Some(
            "hint: the receiver has another key, or something between has changed the body. `apideck-hooks verify` \
             compares a body with its signature",
        ),
        404 => Some("hint: nothing is mounted at this path"),
        405 => Some("hint: this path takes no POST"),
        _ => None,
    }
}
