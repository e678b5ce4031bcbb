//! Apideck's own API for webhooks (OpenAPI description 10.34.0).
//!
//! A list comes in pages. `meta.cursors.next` names the next one, and is null at the end. A page
//! that failed with 429 or 5xx is asked for again, a bounded number of times.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use serde_json::Value;

use crate::client::{Client, ReadResponse, client, fetch};
use crate::exit::Trouble;
use crate::key::{KeyArguments, sensitive};
use crate::screen::Screen;
use crate::text::{clean, pause};
use crate::url::{join, keep_secret, parse_url, query};

const APP_ID: &str = "APIDECK_APP_ID";
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest page. 200 entries with their bodies are far shorter.
const MAX_PAGE: usize = 64 * 1024 * 1024;
/// Most entries of a page (OpenAPI description 10.34.0).
const LIMIT: usize = 200;
/// Most pages of a list, so that a server cannot keep the command busy for ever.
const MAX_PAGES: usize = 10_000;
/// Pauses before a page is asked for again, unless the server says when.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(15),
    Duration::from_secs(60),
];
/// Longest pause that the server can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

#[derive(Args)]
pub(crate) struct ApiArguments {
    /// URL of Apideck's API
    #[arg(long, value_name = "URL", default_value = "https://unify.apideck.com", value_parser = parse_url)]
    api: Uri,
    /// Id of the application, instead of the variable APIDECK_APP_ID
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    #[command(flatten)]
    pub(crate) key: KeyArguments,
}

/// Apideck's API, with the key and the application.
pub(crate) struct ApideckApi {
    base: Uri,
    client: Client<Full<Bytes>>,
    headers: HeaderMap,
}

/// A page of a list.
pub(crate) struct Page {
    pub(crate) entries: Vec<Value>,
    next: Option<String>,
}

/// The pages of a list that are left.
pub(crate) struct Pages<'a> {
    api: &'a ApideckApi,
    path: &'a str,
    filters: Vec<(&'a str, String)>,
    next: Option<String>,
    read: usize,
}

impl ApideckApi {
    pub(crate) async fn new(arguments: &ApiArguments) -> Result<Self, Trouble> {
        let bearer = arguments.key.read()?.bearer()?;
        let app_id = arguments
            .app_id
            .clone()
            .or_else(|| std::env::var(APP_ID).ok())
            .ok_or_else(|| {
                Trouble::wrong_use(format_args!(
                    "there is no application id: set the variable {APP_ID}, or add `--app-id`"
                ))
            })?;
        keep_secret(&arguments.api).await?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(
            HeaderName::from_static("x-apideck-app-id"),
            sensitive(&app_id, APP_ID)?,
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Self {
            base: arguments.api.clone(),
            client: client(&arguments.api)?,
            headers,
        })
    }

    /// Returns the pages of a list.
    pub(crate) fn pages<'a>(&'a self, path: &'a str, filters: Vec<(&'a str, String)>) -> Pages<'a> {
        Pages {
            api: self,
            path,
            filters,
            next: Some(String::new()),
            read: 0,
        }
    }

    async fn get(&self, path: &str, pairs: &[(&str, String)], screen: &Screen) -> Result<Page, Trouble> {
        let url = format!("{}?{}", join(&self.base, path)?, query(pairs));
        let url: Uri = url.parse().map_err(Trouble::wrong_use)?;
        let mut pauses = PAUSES.iter();
        loop {
            let mut request = Request::new(Full::default());
            *request.uri_mut() = url.clone();
            *request.headers_mut() = self.headers.clone();
            let fetched = fetch(&self.client, request, PATIENCE, MAX_PAGE).await?;
            if fetched.status.is_success() {
                return page(&fetched);
            }
            let again = fetched.status == StatusCode::TOO_MANY_REQUESTS || fetched.status.is_server_error();
            let Some(usual) = pauses.next().filter(|_| again) else {
                return Err(refusal(&fetched));
            };
            let wait = retry_after(&fetched.headers).unwrap_or(*usual).min(LONGEST_PAUSE);
            screen.remark(format_args!(
                "Apideck answers {}: waits {}",
                fetched.status.as_u16(),
                pause(wait)
            ));
            tokio::time::sleep(wait).await;
        }
    }
}

impl Pages<'_> {
    /// Reads the next page. `None` after the last one.
    pub(crate) async fn next(&mut self, screen: &Screen) -> Result<Option<Page>, Trouble> {
        let Some(cursor) = self.next.take() else {
            return Ok(None);
        };
        if self.read >= MAX_PAGES {
            return Err(Trouble::not_as_wished(format_args!(
                "Apideck's list has more than {MAX_PAGES} pages: choose a shorter time"
            )));
        }
        self.read += 1;
        let mut pairs = self.filters.clone();
        pairs.push(("limit", LIMIT.to_string()));
        if !cursor.is_empty() {
            pairs.push(("cursor", cursor.clone()));
        }
        let page = self.api.get(self.path, &pairs, screen).await?;
        if page.next.as_ref() == Some(&cursor) {
            return Err(Trouble::not_as_wished(
                "Apideck's list leads back to the same page",
            ));
        }
        self.next.clone_from(&page.next);
        Ok(Some(page))
    }
}

fn page(fetched: &ReadResponse) -> Result<Page, Trouble> {
    let mut json: Value = serde_json::from_slice(&fetched.body)
        .map_err(|error| Trouble::not_as_wished(format_args!("Apideck's answer is not JSON: {error}")))?;
    let next = match json["meta"]["cursors"]["next"].take() {
        Value::Null => None,
        Value::String(next) => Some(next).filter(|next| !next.is_empty()),
        // Not the end of the list, so the rest must not be taken for missing.
        _ => {
            return Err(Trouble::not_as_wished(
                "Apideck's answer has a cursor that is not a text",
            ));
        }
    };
    match json["data"].take() {
        Value::Array(entries) => Ok(Page { entries, next }),
        _ => Err(Trouble::not_as_wished("Apideck's answer has no list `data`")),
    }
}

/// Returns the seconds of `Retry-After`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn refusal(fetched: &ReadResponse) -> Trouble {
    let json: Value = serde_json::from_slice(&fetched.body).unwrap_or_default();
    let said = json["message"]
        .as_str()
        .or(json["detail"].as_str())
        .map(clean)
        .unwrap_or_default();
    let status = fetched.status.as_u16();
    let meaning = match status {
        401 => "the API key does not belong to this application id, or is not valid",
        402 => "the plan's limit of requests is reached",
        403 => "the API key may not read webhooks",
        404 => "there is no such API at this address",
        429 => "too many requests, also after a pause",
        500.. => "Apideck has a fault, also after a pause",
        _ => "the request is refused",
    };
    let said = if said.is_empty() {
        said
    } else {
        format!(" ({said})")
    };
    Trouble::not_as_wished(format_args!("Apideck answers {status}: {meaning}{said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_only_where_it_says_so() {
        let next = |meta: &str| {
            page(&ReadResponse {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: format!(r#"{{"data":[]{meta}}}"#).into(),
            })
            .map(|page| page.next)
        };
        for end in [
            "",
            r#","meta":{"cursors":{"next":null}}"#,
            r#","meta":{"cursors":{"next":""}}"#,
        ] {
            assert_eq!(next(end).unwrap(), None, "{end}");
        }
        let more = next(r#","meta":{"cursors":{"next":"c"}}"#).unwrap();
        assert_eq!(more.as_deref(), Some("c"));
        assert!(next(r#","meta":{"cursors":{"next":2}}"#).is_err());
    }
}
