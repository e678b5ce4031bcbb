//! One delivery: verified, saved, forwarded and printed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apideck_hooks::signature::Verifier;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use serde_json::json;

use super::recorder::Recorder;
use super::seen::Seen;
use super::summary::Summary;
use crate::client::{Client, client, fetch};
use crate::exit::Trouble;
use crate::key::ApiKey;
use crate::screen::{Paint, Screen};
use crate::text::clean;

/// Time after which Apideck gives a delivery up (webhook guide).
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_RESPONSE: usize = 1024 * 1024;

/// A response of the proxy.
pub(super) type Proxied = Response<Full<Bytes>>;

/// The proxy, shared by all connections.
pub(super) struct Proxy {
    key: ApiKey,
    verifier: Verifier,
    to: Option<(Uri, Client<Full<Bytes>>)>,
    accept: bool,
    told: Mutex<Told>,
}

/// The parts that one delivery after the other changes.
struct Told {
    recorder: Option<Recorder>,
    summary: Summary,
    screen: Screen,
}

impl Proxy {
    pub(super) fn new(
        key: ApiKey,
        to: Option<Uri>,
        accept: bool,
        recorder: Option<Recorder>,
        screen: Screen,
    ) -> Result<Arc<Self>, Trouble> {
        let verifier = Verifier::new([key.secret.clone()]).map_err(Trouble::wrong_use)?;
        let to = match to {
            Some(url) => Some((url.clone(), client(&url)?)),
            None => None,
        };
        let summary = Summary::default();
        Ok(Arc::new(Self {
            key,
            verifier,
            to,
            accept,
            told: Mutex::new(Told {
                recorder,
                summary,
                screen,
            }),
        }))
    }

    /// Verifies, saves, forwards and prints a delivery, and returns its response.
    pub(super) async fn deliver(&self, headers: HeaderMap, body: Bytes) -> Proxied {
        let seen = Seen::new(&self.verifier, &headers, &body);
        // Saved first, so that nothing is lost if the receiver hangs.
        let saved = self.save(&seen, &headers, &body);
        let response = match &self.to {
            Some((url, client)) => forward(client, url, &headers, body)
                .await
                .map_err(|trouble| self.not_forwarded(&trouble)),
            None if !seen.is_verified() => Err(problem(
                StatusCode::UNAUTHORIZED,
                "x-apideck-signature is missing or does not match the body under this key",
            )),
            None if self.accept => Err(accepted()),
            None => Err(later(
                "`listen` forwards to nobody, so the event is to come again",
            )),
        };
        let forwarded = response.is_ok();
        let response = response.unwrap_or_else(|own| own);
        self.tell(&seen, response.status(), forwarded, saved.as_deref());
        response
    }

    /// Tells why the receiver did not respond, and makes the response of the proxy itself.
    fn not_forwarded(&self, trouble: &Trouble) -> Proxied {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = clean(&trouble.message);
        told.screen.remark(format_args!("not forwarded: {reason}"));
        later("the receiver behind this proxy did not respond")
    }

    fn save(&self, seen: &Seen, headers: &HeaderMap, body: &Bytes) -> Option<String> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Told { recorder, screen, .. } = &mut *told;
        match recorder.as_mut()?.save(&self.key, seen, headers, body) {
            Ok(name) => Some(name),
            Err(Some(reason)) => {
                screen.remark(format_args!("not saved: {reason}"));
                None
            }
            Err(None) => None,
        }
    }

    fn tell(&self, seen: &Seen, status: StatusCode, forwarded: bool, saved: Option<&str>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Told { summary, screen, .. } = &mut *told;
        summary.add(seen);
        let mut object = seen.object();
        object["status"] = status.as_u16().into();
        object["forwarded"] = forwarded.into();
        object["saved"] = saved.into();
        screen.result(object, |paint| {
            let status = painted(paint, status);
            let saved = saved.map_or(String::new(), |name| format!("  {}", paint.faint(name)));
            let name = clean(&seen.to_string());
            let verified = match seen.signed() {
                Some(signed) => paint.good(signed),
                None => paint.bad("not verified"),
            };
            format!("{status}  {verified}  {name}{saved}")
        });
        if let Some(explanation) = seen.explanation() {
            screen.remark(format_args!("not verified: {explanation}"));
        }
    }

    /// Counts a request whose body was not read.
    pub(super) fn refused(&self, reason: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.summary.refuse();
        told.screen
            .result(json!({"refused": reason}), |paint| paint.bad(reason));
    }

    /// Prints the summary.
    pub(super) fn sum_up(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Told { summary, screen, .. } = &mut *told;
        summary.print(screen);
    }
}

fn painted(paint: Paint, status: StatusCode) -> String {
    let text = status.as_u16();
    match text {
        200..300 => paint.good(text),
        503 => paint.doubtful(text),
        _ => paint.bad(text),
    }
}

/// Forwards a request as it came, and returns the receiver's response as it is.
///
/// # Errors
///
/// The receiver did not respond.
async fn forward(
    client: &Client<Full<Bytes>>,
    url: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Proxied, Trouble> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.clone();
    *request.headers_mut() = end_to_end(headers);
    let fetched = fetch(client, request, PATIENCE, MAX_RESPONSE).await?;
    let mut response = Response::new(Full::new(fetched.body));
    *response.status_mut() = fetched.status;
    *response.headers_mut() = end_to_end(&fetched.headers);
    Ok(response)
}

/// Returns the headers that a proxy passes on (RFC 9110, section 7.6.1). The length is written
/// anew.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let mut passed = headers.clone();
    let own = [
        CONNECTION,
        CONTENT_LENGTH,
        EXPECT,
        HOST,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    let others = ["keep-alive", "proxy-connection"].map(HeaderName::from_static);
    for name in own.into_iter().chain(others).chain(named) {
        passed.remove(name);
    }
    passed
}

fn accepted() -> Proxied {
    let mut response = Response::new(Full::from(r#"{"status":"accepted"}"#));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn later(detail: &str) -> Proxied {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

/// Makes the response of the proxy itself.
pub(super) fn problem(status: StatusCode, detail: &str) -> Proxied {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({"title": title, "status": status.as_u16(), "detail": detail});
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
