//! The responses of a console.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::service::ResponseBody;

/// The headers of every response.
///
/// The page loads its own script and style, and calls its own API. It has no inline code, no form
/// and no frame. Nothing is stored on the way, because a body can hold credentials.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Makes a response of one of the files.
pub(super) fn file(content_type: &'static str, content: &'static str) -> Response<ResponseBody> {
    response(
        StatusCode::OK,
        content_type,
        Bytes::from_static(content.as_bytes()),
    )
}

/// Makes a response of the API. The value is an object, and gets the version of the schema.
pub(super) fn object(status: StatusCode, mut value: Value) -> Response<ResponseBody> {
    if let Value::Object(members) = &mut value {
        members.insert("schema".to_owned(), json!(1));
    }
    response(status, "application/json", Bytes::from(value.to_string()))
}

/// Makes the response of an error.
pub(super) fn problem(problem: &Problem) -> Response<ResponseBody> {
    let mut response = object(problem.status, json!({ "error": problem.error }));
    let headers = response.headers_mut();
    if problem.status == StatusCode::UNAUTHORIZED {
        let challenge = r#"Basic realm="apideck-hooks console", charset="UTF-8""#;
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(allow) = problem.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
