//! What Apideck is answered: a short, telling body for its event log, and nothing internal.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use std::time::Duration;

/// All answers there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Handled,
    Duplicate,
    Ignored,
    SetAside,
    /// The body could not be read to its end.
    Incomplete,
    Unauthorized,
    /// An unsigned header names another event than the signed body.
    Contradiction,
    MethodNotAllowed,
    /// The body did not come in time.
    BodyTimeout,
    BodyTooLarge,
    /// It failed for good, and no store keeps it.
    Unprocessable,
    Failed,
    /// Not now: come back after so many seconds.
    Later(Later, u32),
}

/// Why not now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Later {
    /// The handler asked for it.
    Asked,
    /// The event is being handled.
    Running,
    /// Too many deliveries at once.
    Busy,
    ShuttingDown,
    /// The idempotency store is out of reach.
    Store,
}

impl Later {
    /// Seconds, where nothing better is known.
    pub(crate) const DEFAULT: u32 = 10;

    /// Whole seconds from 1 to 60, rounded up.
    pub(crate) fn seconds(after: Duration) -> u32 {
        let whole = after
            .as_secs()
            .saturating_add(u64::from(after.subsec_nanos() > 0));
        whole.clamp(1, 60) as u32
    }
}

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

impl Answer {
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Answer::Handled => (StatusCode::OK, r#"{"status":"handled"}"#),
            Answer::Duplicate => (StatusCode::OK, r#"{"status":"duplicate"}"#),
            Answer::Ignored => (StatusCode::OK, r#"{"status":"ignored"}"#),
            Answer::SetAside => (StatusCode::OK, r#"{"status":"set aside"}"#),
            Answer::Incomplete => (
                StatusCode::BAD_REQUEST,
                problem!(400, "Bad Request", "the body could not be read to its end"),
            ),
            Answer::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                problem!(
                    401,
                    "Unauthorized",
                    "x-apideck-signature is missing or does not match the body under this receiver's secret"
                ),
            ),
            Answer::Contradiction => (
                StatusCode::BAD_REQUEST,
                problem!(
                    400,
                    "Bad Request",
                    "x-apideck-event-type names another event than the signed body"
                ),
            ),
            Answer::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                problem!(405, "Method Not Allowed", "webhooks are sent with POST"),
            ),
            Answer::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                problem!(408, "Request Timeout", "the body did not arrive in time"),
            ),
            Answer::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                problem!(413, "Content Too Large", "the body is over this receiver's limit"),
            ),
            Answer::Unprocessable => (
                StatusCode::UNPROCESSABLE_ENTITY,
                problem!(
                    422,
                    "Unprocessable Content",
                    "the event cannot be handled, and further attempts would not help"
                ),
            ),
            Answer::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                problem!(
                    500,
                    "Internal Server Error",
                    "the handler failed; the event can be sent again"
                ),
            ),
            Answer::Later(why, _) => (
                StatusCode::SERVICE_UNAVAILABLE,
                match why {
                    Later::Asked => problem!(
                        503,
                        "Service Unavailable",
                        "the handler asked for a later attempt"
                    ),
                    Later::Running => {
                        problem!(503, "Service Unavailable", "the event is still being handled")
                    }
                    Later::Busy => problem!(503, "Service Unavailable", "too many deliveries at once"),
                    Later::ShuttingDown => {
                        problem!(503, "Service Unavailable", "the receiver is shutting down")
                    }
                    Later::Store => problem!(
                        503,
                        "Service Unavailable",
                        "the idempotency store is out of reach"
                    ),
                },
            ),
        }
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let (status, body) = self.parts();
        let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let json = if status.is_success() {
            "application/json"
        } else {
            "application/problem+json"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(json));
        match self {
            Answer::MethodNotAllowed => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            Answer::Later(_, seconds) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_is_json_and_says_its_status() {
        let later = [
            Later::Asked,
            Later::Running,
            Later::Busy,
            Later::ShuttingDown,
            Later::Store,
        ];
        let answers = [
            Answer::Handled,
            Answer::Duplicate,
            Answer::Ignored,
            Answer::SetAside,
            Answer::Incomplete,
            Answer::Unauthorized,
            Answer::Contradiction,
            Answer::MethodNotAllowed,
            Answer::BodyTimeout,
            Answer::BodyTooLarge,
            Answer::Unprocessable,
            Answer::Failed,
        ];
        for answer in answers.into_iter().chain(later.map(|why| Answer::Later(why, 7))) {
            let (status, body) = answer.parts();
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            if status.is_success() {
                assert!(json["status"].is_string());
            } else {
                assert_eq!(json["status"], status.as_u16());
            }
            assert_eq!(
                answer.into_response().headers().contains_key(RETRY_AFTER),
                status == 503
            );
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
            assert_eq!(Later::seconds(Duration::from_millis(after)), seconds);
        }
        assert_eq!(Later::seconds(Duration::MAX), 60);
    }
}
