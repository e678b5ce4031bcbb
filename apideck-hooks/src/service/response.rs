//! Dispositions and refusals as HTTP responses.
//!
//! Apideck's event log shows the status and the body of a response (`GET /webhook/logs` of its
//! OpenAPI description 10.34.0). So each response has a short body with the reason, without a
//! handler's text, a key or a signature.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Response, StatusCode, Version};

use super::response_body::ResponseBody;
use crate::disposition::{Disposition, Why};
use crate::observe::AnswerKind;
use crate::refusal::Refusal;

type Parts = (StatusCode, &'static str);

/// The facts of a request on which the shape of its response depends.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// A response to `HEAD` has no content.
    head: bool,
    /// Later versions do not have the header `Connection`.
    http_1: bool,
}

impl Shape {
    pub(super) fn of(method: &Method, version: Version) -> Self {
        Self {
            head: method == Method::HEAD,
            http_1: version <= Version::HTTP_11,
        }
    }
}

/// The scheme is a name of this crate, because no registered one describes a signed body.
const CHALLENGE: &str = r#"ApideckSignature header="x-apideck-signature""#;

macro_rules! problem {
    ($status:literal, $title:literal, $detail:literal) => {
        concat!(
            r#"{"type":"about:blank","title":""#,
            $title,
            r#"","status":"#,
            $status,
            r#","detail":""#,
            $detail,
            r#""}"#
        )
    };
}

/// Returns the status of an answer.
pub(super) fn status(answer: AnswerKind) -> StatusCode {
    parts(answer).0
}

/// Makes the response of an answer.
pub(super) fn response(answer: AnswerKind, shape: Shape) -> Response<ResponseBody> {
    let (status, body) = parts(answer);
    let body = match answer {
        _ if shape.head => Bytes::new(),
        AnswerKind::Disposition(Disposition::Later {
            why: Why::Resting,
            after,
        }) => Bytes::from(resting(after)),
        _ => Bytes::from_static(body.as_bytes()),
    };
    let mut response = Response::new(ResponseBody::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = if status.is_success() {
        "application/json"
    } else {
        "application/problem+json"
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(json));
    match answer {
        AnswerKind::Disposition(Disposition::Later { after, .. }) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        AnswerKind::Refused(Refusal::WrongMethod) => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        AnswerKind::Refused(Refusal::Unauthorized) => {
            // A `401` needs a challenge (RFC 9110, section 15.5.2), and some clients throw without.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        AnswerKind::Refused(Refusal::OverBudget) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(1));
        }
        _ => {}
    }
    // The rest of these bodies is not read, so the connection cannot be used again.
    if shape.http_1
        && matches!(
            answer,
            AnswerKind::Refused(Refusal::TooLarge | Refusal::TooSlow | Refusal::OverBudget)
        )
    {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The value of `Retry-After`: whole seconds from 1 to 60.
fn whole_seconds(after: Duration) -> u32 {
    rounded_up(after).clamp(1, 60) as u32
}

fn rounded_up(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// Makes the body for an event that rests. It tells for how long, because a developer who sends the
/// same event again meets it.
fn resting(left: Duration) -> String {
    let seconds = rounded_up(left);
    format!(
        r#"{{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the last run failed, and the event rests for {seconds} more seconds"}}"#
    )
}

fn parts(answer: AnswerKind) -> Parts {
    match answer {
        AnswerKind::Disposition(disposition) => of_disposition(disposition),
        AnswerKind::Refused(refusal) => of_refusal(refusal),
    }
}

fn of_disposition(disposition: Disposition) -> Parts {
    match disposition {
        Disposition::Handled => (StatusCode::OK, r#"{"status":"handled"}"#),
        Disposition::Duplicate => (StatusCode::OK, r#"{"status":"duplicate"}"#),
        Disposition::Ignored | Disposition::NoHandler => (StatusCode::OK, r#"{"status":"ignored"}"#),
        Disposition::Accepted => (StatusCode::OK, r#"{"status":"accepted"}"#),
        Disposition::DeadLettered => (StatusCode::OK, r#"{"status":"dead_lettered"}"#),
        Disposition::Unprocessable => (
            StatusCode::UNPROCESSABLE_ENTITY,
            problem!(
                422,
                "Unprocessable Content",
                "the event failed permanently, and a retry would not help"
            ),
        ),
        Disposition::Failed => (
            StatusCode::INTERNAL_SERVER_ERROR,
            problem!(
                500,
                "Internal Server Error",
                "the handler failed, and a retry may succeed"
            ),
        ),
        Disposition::Later { why, .. } => (StatusCode::SERVICE_UNAVAILABLE, of_why(why)),
    }
}

fn of_why(why: Why) -> &'static str {
    match why {
        Why::Asked => problem!(
            503,
            "Service Unavailable",
            "the handler asked for a later delivery"
        ),
        Why::Resting => problem!(
            503,
            "Service Unavailable",
            "the last run failed, and the event rests"
        ),
        Why::LettersFull => problem!(
            503,
            "Service Unavailable",
            "the store has no room for another dead letter"
        ),
        Why::InboxFull => problem!(
            503,
            "Service Unavailable",
            "too many accepted events wait for a worker"
        ),
        Why::Conflict => problem!(
            503,
            "Service Unavailable",
            "the handler's transaction conflicted with others"
        ),
        Why::Running => problem!(503, "Service Unavailable", "the event's handler is still running"),
        Why::Busy => problem!(503, "Service Unavailable", "too many deliveries are in flight"),
        Why::ShuttingDown => problem!(503, "Service Unavailable", "the receiver is shutting down"),
        Why::Store => problem!(
            503,
            "Service Unavailable",
            "the store failed or did not answer in time"
        ),
    }
}

fn of_refusal(refusal: Refusal) -> Parts {
    match refusal {
        Refusal::WrongMethod => (
            StatusCode::METHOD_NOT_ALLOWED,
            problem!(405, "Method Not Allowed", "the method of a webhook is POST"),
        ),
        Refusal::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            problem!(
                413,
                "Content Too Large",
                "the body is longer than this receiver's limit"
            ),
        ),
        Refusal::TooSlow => (
            StatusCode::REQUEST_TIMEOUT,
            problem!(408, "Request Timeout", "the body did not arrive in time"),
        ),
        Refusal::OverBudget => (
            StatusCode::SERVICE_UNAVAILABLE,
            problem!(
                503,
                "Service Unavailable",
                "the bodies that are being received take too much memory"
            ),
        ),
        Refusal::Incomplete => (
            StatusCode::BAD_REQUEST,
            problem!(400, "Bad Request", "the body ended early"),
        ),
        Refusal::Unauthorized => (
            StatusCode::UNAUTHORIZED,
            problem!(
                401,
                "Unauthorized",
                "x-apideck-signature is missing or does not match the body under this receiver's secret"
            ),
        ),
        Refusal::Contradiction => (
            StatusCode::BAD_REQUEST,
            problem!(
                400,
                "Bad Request",
                "x-apideck-event-type names another event than the signed body"
            ),
        ),
        // Never sent, because the client has left.
        Refusal::Abandoned => (StatusCode::BAD_REQUEST, ""),
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body;

    use super::*;

    /// A store of another crate can give any time.
    #[test]
    fn a_rest_of_any_length_is_told() {
        let rest = Disposition::later_in(Why::Resting, Duration::MAX);
        let shape = Shape::of(&Method::POST, Version::HTTP_11);
        let response = response(AnswerKind::Disposition(rest), shape);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "60");
    }

    #[test]
    fn every_body_is_json_with_its_status() {
        let whys = [
            Why::Asked,
            Why::Resting,
            Why::Running,
            Why::Busy,
            Why::LettersFull,
            Why::InboxFull,
            Why::ShuttingDown,
            Why::Store,
            Why::Conflict,
        ];
        let dispositions = [
            Disposition::Handled,
            Disposition::Ignored,
            Disposition::NoHandler,
            Disposition::Duplicate,
            Disposition::Accepted,
            Disposition::DeadLettered,
            Disposition::Unprocessable,
            Disposition::Failed,
        ];
        let sent = |refusal: &Refusal| *refusal != Refusal::Abandoned;
        let refusals = Refusal::ALL.into_iter().filter(sent).map(AnswerKind::Refused);
        let dispositions = dispositions.into_iter().chain(whys.map(Disposition::later));
        for answer in dispositions.map(AnswerKind::Disposition).chain(refusals) {
            let (status, body) = parts(answer);
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            if status.is_success() {
                assert!(json["status"].is_string());
            } else {
                assert_eq!(json["status"], status.as_u16());
            }
            let [whole, head] = [Method::POST, Method::HEAD]
                .map(|method| response(answer, Shape::of(&method, Version::HTTP_11)));
            assert_eq!(whole.headers().contains_key(RETRY_AFTER), status == 503);
            assert_eq!(whole.headers().contains_key(WWW_AUTHENTICATE), status == 401);
            assert!(!whole.body().is_end_stream() && head.body().is_end_stream());
        }
    }

    #[test]
    fn a_connection_with_an_unread_body_is_closed() {
        for (version, closed) in [(Version::HTTP_11, true), (Version::HTTP_2, false)] {
            for refusal in [Refusal::TooLarge, Refusal::TooSlow, Refusal::OverBudget] {
                let response = response(AnswerKind::Refused(refusal), Shape::of(&Method::POST, version));
                assert_eq!(response.headers().contains_key(CONNECTION), closed);
            }
        }
    }

    #[test]
    fn seconds_are_rounded_up_and_bounded() {
        for (after, seconds) in [
            (0, 1),
            (1, 1),
            (1000, 1),
            (1001, 2),
            (30_000, 30),
            (3_600_000, 60),
        ] {
            assert_eq!(whole_seconds(Duration::from_millis(after)), seconds);
        }
        assert_eq!(whole_seconds(Duration::MAX), 60);
    }

    #[test]
    fn a_resting_event_is_told_the_time_left() {
        let body: serde_json::Value = serde_json::from_str(&resting(Duration::from_millis(86_001))).unwrap();
        assert_eq!(
            body["detail"],
            "the last run failed, and the event rests for 87 more seconds"
        );
    }
}
