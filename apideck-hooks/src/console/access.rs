//! The access to a console: who may read, and which requests may change something.
//!
//! # How it works
//!
//! A console with a token asks for HTTP Basic. The password is compared by its HMAC, so the time of
//! a comparison tells neither the token nor its length.
//!
//! A console without a token is open to every page in a browser on the same machine: a page of a
//! stranger can let its own name resolve to `127.0.0.1` (DNS rebinding). Such a request has the
//! stranger's name in `Host`. So only addresses, `localhost` and the allowed hosts are answered.
//!
//! A browser sends the password with each request, also with one that another site causes. So a
//! change must be a `POST` of JSON, which no form can send, and `Sec-Fetch-Site` must not name
//! another site.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::problem::Problem;
use crate::observe::{LogLimit, limited};
use crate::signature::Secret;

/// Tells from which site a browser sends a request (W3C, Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Length of a token below which the log warns of guessing.
const SHORT: usize = 16;
/// Maximum length of the operator's name in the log. A longer one is cut.
const NAME: usize = 64;

/// The rule of access to a console.
pub(super) enum Access {
    Token {
        /// HMAC of a fixed text under the token.
        expected: Zeroizing<[u8; 32]>,
        refused: LogLimit,
    },
    Unprotected {
        /// Host names in lower case.
        hosts: Vec<String>,
    },
}

/// The user name that a request has given. Anyone with the token can give any.
pub(super) struct Operator(pub(super) String);

impl Access {
    pub(super) fn token(token: &Secret) -> Self {
        if token.bytes().len() < SHORT {
            tracing::warn!("the token of the console has less than {SHORT} bytes, and can be guessed");
        }
        Self::Token {
            expected: Zeroizing::new(mac(token.bytes()).finalize().into_bytes().into()),
            refused: LogLimit::default(),
        }
    }

    /// Lets a request in, and returns its operator.
    pub(super) fn admit(&self, parts: &Parts) -> Result<Operator, Problem> {
        match self {
            Self::Token { expected, refused } => {
                let given = credentials(&parts.headers);
                if let Some((name, password)) = &given
                    && mac(password.as_bytes()).verify_slice(&**expected).is_ok()
                {
                    let end = name.floor_char_boundary(NAME);
                    return Ok(Operator(name[..end].to_owned()));
                }
                // A browser asks without credentials first, which is nobody's mistake.
                if given.is_some() {
                    limited!(refused, warn, "the console refused a wrong token");
                }
                Err(Problem::unauthorized())
            }
            Self::Unprotected { hosts } => match is_known(hosts, parts) {
                true => Ok(Operator(String::new())),
                false => Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "an unprotected console answers only under an address, `localhost` or a name that `.host(…)` \
                     allows, so that no other site can reach it",
                )),
            },
        }
    }
}

/// Checks that a request of the API does not come from another site.
pub(super) fn check_site(headers: &HeaderMap) -> Result<(), Problem> {
    let is_own = match headers.get(FETCH_SITE) {
        // `none` is an address that a person has typed.
        Some(site) => site == "same-origin" || site == "none",
        None => true,
    };
    match is_own {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "the request comes from another site",
        )),
    }
}

/// Checks that a request may be a change: it is not caused by another site, and it is JSON.
pub(super) fn check_change(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(FETCH_SITE) {
        Some(site) if site == "same-origin" => {}
        Some(_) => {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "the request comes from another site",
            ));
        }
        // A browser that omits it, because the connection is not encrypted, sends `Origin`.
        None => {
            let origin = headers.get(ORIGIN).map(|origin| origin.as_bytes());
            let own = headers.get(HOST).map_or(&b""[..], |host| host.as_bytes());
            let is_own = |origin: &[u8]| {
                [&b"http://"[..], b"https://"]
                    .iter()
                    .any(|scheme| origin.strip_prefix(*scheme) == Some(own))
            };
            if origin.is_some_and(|origin| !is_own(origin)) {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "`Origin` is not the host of this console: a proxy in front of it must pass `Host` on",
                ));
            }
        }
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next());
    match media_type.is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json")) {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type of a change is application/json",
        )),
    }
}

fn mac(password: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length, so the default, which matches no token, is not used.
    let keyed = Hmac::new_from_slice(password).unwrap_or_else(|_| Hmac::new(&Default::default()));
    keyed.chain_update(b"apideck-hooks console")
}

/// Reads the user name and the password of HTTP Basic (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(String, Zeroizing<String>)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let decoded = Zeroizing::new(String::from_utf8(decoded).ok()?);
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), Zeroizing::new(password.to_owned())))
}

/// Tells if the host of a request is an address, `localhost`, or one of the allowed names.
fn is_known(hosts: &[String], parts: &Parts) -> bool {
    let mut headers = parts.headers.get_all(HOST).iter();
    let header = headers.next().and_then(|host| host.to_str().ok());
    // HTTP/2 has the host in the target.
    let target = parts.uri.authority().map(|authority| authority.as_str());
    let Some(host) = target.or(header).filter(|_| headers.next().is_none()) else {
        return false;
    };
    let name = without_port(host).to_ascii_lowercase();
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(&name);
    name == "localhost" || address.parse::<IpAddr>().is_ok() || hosts.contains(&name)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
