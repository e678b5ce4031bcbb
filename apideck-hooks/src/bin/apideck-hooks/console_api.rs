//! The JSON API of a receiver's console.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::client::{Client, client, fetch};
use crate::exit::Trouble;
use crate::key::{sensitive, variable};
use crate::text::clean;
use crate::url::{join, keep_secret, query};

const TOKEN: &str = "APIDECK_HOOKS_CONSOLE_TOKEN";
/// A replay waits for its handler, which may take 15 minutes by default.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Longest answer. A body is 1 MiB at most by default, and a page has a hundred letters.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The user name, unless a person gives their own.
pub(crate) const USER: &str = "apideck-hooks";

/// Reads a user name.
pub(crate) fn parse_user(name: &str) -> Result<String, &'static str> {
    // RFC 7617 ends the name at the first colon.
    match name.contains(':') || name.chars().any(char::is_control) {
        true => Err("a user name has no colon and no control character"),
        false => Ok(name.to_owned()),
    }
}

/// A receiver's console.
pub(crate) struct ConsoleApi {
    base: Uri,
    client: Client<Full<Bytes>>,
    authorization: Option<HeaderValue>,
}

/// A list of the API.
pub(crate) struct ListOf {
    pub(crate) path: &'static str,
    /// The member of a page that has its entries.
    pub(crate) member: &'static str,
    /// The parameter with the place at which the next page begins.
    pub(crate) cursor: &'static str,
    /// Entries of a page.
    pub(crate) page: u64,
}

impl ConsoleApi {
    pub(crate) async fn new(base: &Uri, user: &str) -> Result<Self, Trouble> {
        let authorization = match variable(TOKEN) {
            None => None,
            Some(token) => {
                keep_secret(base).await?;
                let user = Zeroizing::new(format!("{user}:{}", token.as_str()));
                let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(user.as_bytes())));
                Some(sensitive(&basic, TOKEN)?)
            }
        };
        Ok(Self {
            base: base.clone(),
            client: client(base)?,
            authorization,
        })
    }

    pub(crate) async fn get(&self, path: &str, pairs: &[(&str, String)]) -> Result<Value, Trouble> {
        let mut url = join(&self.base, &format!("api/{path}"))?.to_string();
        if !pairs.is_empty() {
            url = format!("{url}?{}", query(pairs));
        }
        let url = url.parse().map_err(Trouble::wrong_use)?;
        self.ask(Method::GET, url, None).await
    }

    /// Reads a list page by page, up to this number of entries, and passes each to `tell`. Returns
    /// the number of entries, and the `count` of all if the pages tell it.
    pub(crate) async fn list(
        &self,
        list: &ListOf,
        filter: &[(&'static str, String)],
        at_most: u64,
        mut tell: impl FnMut(&Value),
    ) -> Result<(u64, Option<u64>), Trouble> {
        let (mut at, mut listed, mut total) = (None::<String>, 0, None);
        while listed < at_most {
            let mut pairs: Vec<(&str, String)> = filter.to_vec();
            pairs.push(("limit", list.page.min(at_most - listed).to_string()));
            pairs.extend(at.clone().map(|at| (list.cursor, at)));
            let mut page = self.get(list.path, &pairs).await?;
            total = page["count"].as_u64().or(total);
            let Value::Array(entries) = page[list.member].take() else {
                return Err(Trouble::not_as_wished(format_args!(
                    "the console's answer has no list `{}`",
                    list.member
                )));
            };
            listed += entries.len() as u64;
            entries.iter().for_each(&mut tell);
            let next = page["next"].as_str().map(str::to_owned);
            // A page that is empty or names itself would be asked for again for ever.
            if next.is_none() || next == at || entries.is_empty() {
                break;
            }
            at = next;
        }
        Ok((listed, total))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        let url = join(&self.base, &format!("api/{path}"))?;
        self.ask(Method::POST, url, Some(body)).await
    }

    async fn ask(&self, method: Method, url: Uri, body: Option<&Value>) -> Result<Value, Trouble> {
        let body = body.map(|body| body.to_string());
        let mut request = Request::new(Full::from(body.clone().unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = url;
        let headers = request.headers_mut();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let fetched = fetch(&self.client, request, PATIENCE, MAX_ANSWER).await?;
        let json: Value = serde_json::from_slice(&fetched.body).unwrap_or_default();
        let status = fetched.status.as_u16();
        // A change that failed half-way tells the letters before the error, and one that has to
        // wait for another run or change tells which.
        let told = json["results"].is_array() || status == 409;
        if json["schema"] == 1 && (fetched.status.is_success() || told && json["error"].is_string()) {
            return Ok(json);
        }
        let said = json["error"].as_str().map(clean);
        let meaning = match (status, said) {
            (200..300, _) => "this is not a console's API of this version".to_owned(),
            (401, _) if self.authorization.is_none() => {
                format!("the console asks for a token: set {TOKEN}")
            }
            (401, _) => format!("the console has another token than {TOKEN}"),
            (_, Some(said)) => said,
            (404, None) => "nothing is mounted here: name the console's path too".to_owned(),
            (_, None) => "the console refuses the request".to_owned(),
        };
        Err(Trouble::not_as_wished(format_args!(
            "the console answers {status}: {meaning}"
        )))
    }
}
