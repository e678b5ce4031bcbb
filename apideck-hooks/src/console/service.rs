//! A console as a service of hyper and of tower.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::access::{Operator, check_change, check_site};
use super::change::{self, Change};
use super::problem::Problem;
use super::recent::ConsoleObserver;
use super::settings::ConsoleSettings;
use super::{files, inbox, letters, overview, response};
use crate::hooks::Hooks;
use crate::service::{ResponseBody, drain_unread};

/// Number of requests of the API that are answered at once. Further ones wait.
const AT_ONCE: usize = 8;

/// The service of a [`Console`](crate::console::Console), from its method `serve`.
///
/// It is a `tower_service::Service` and a `hyper::service::Service` over any `http_body::Body`.
#[derive(Clone)]
pub struct ConsoleService(Arc<Served>);

/// The future of a console's response. Its output is always `Ok`.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ConsoleFuture(Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>);

/// A console and its receiver.
struct Served {
    settings: Arc<ConsoleSettings>,
    observer: ConsoleObserver,
    hooks: Hooks,
    reads: Semaphore,
    /// Held by the only change of many letters.
    bulk: Semaphore,
}

impl ConsoleService {
    pub(super) fn new(settings: Arc<ConsoleSettings>, observer: ConsoleObserver, hooks: Hooks) -> Self {
        Self(Arc::new(Served {
            settings,
            observer,
            hooks,
            reads: Semaphore::new(AT_ONCE),
            bulk: Semaphore::new(1),
        }))
    }

    fn respond<B>(&self, request: Request<B>) -> ConsoleFuture
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let served = Arc::clone(&self.0);
        ConsoleFuture(Box::pin(async move {
            let (parts, body) = request.into_parts();
            let mut response = match served.answer(&parts, body).await {
                Ok(response) => response,
                Err(problem) => response::problem(&problem),
            };
            if parts.method == Method::HEAD {
                *response.body_mut() = ResponseBody::new(Bytes::new());
            }
            response
        }))
    }
}

impl Served {
    async fn answer<B>(&self, parts: &Parts, body: B) -> Result<Response<ResponseBody>, Problem>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = parts.uri.path().trim_start_matches('/');
        let checked = match self.settings.access.admit(parts) {
            Ok(operator) => self.check(parts, path).map(|action| (operator, action)),
            Err(problem) => Err(problem),
        };
        match checked {
            // Reading a long body to its end lets its sender read the response.
            Ok((_, Some(_))) if body.size_hint().lower() > change::BODY as u64 => {
                drain_unread(body, &parts.headers).await;
                Err(change::too_long())
            }
            Ok((operator, Some(action))) => {
                let body = change::receive(body).await?;
                self.change(action, &operator, &body).await
            }
            Ok((_, None)) => {
                drain_unread(body, &parts.headers).await;
                self.read(path, parts.uri.query()).await
            }
            Err(problem) => {
                // So that the client reads the response before the connection is closed.
                drain_unread(body, &parts.headers).await;
                Err(problem)
            }
        }
    }

    /// Checks a request before its body is read. Returns the action of a change, or `None`.
    fn check<'a>(&self, parts: &Parts, path: &'a str) -> Result<Option<Action<'a>>, Problem> {
        if path.starts_with("api/") {
            check_site(&parts.headers)?;
        }
        let action = Action::of(path);
        match (&parts.method, &action) {
            (&Method::GET | &Method::HEAD, None) => Ok(None),
            (_, None) => Err(Problem::method("GET, HEAD")),
            (&Method::POST, Some(_)) => {
                if !self.settings.changes {
                    let error = "this console only reads: `.allow_changes()` lets it change";
                    return Err(Problem::new(StatusCode::FORBIDDEN, error));
                }
                check_change(&parts.headers)?;
                Ok(action)
            }
            (_, Some(_)) => Err(Problem::method("POST")),
        }
    }

    async fn read(&self, path: &str, query: Option<&str>) -> Result<Response<ResponseBody>, Problem> {
        if let Some(file) = files::of(path, query) {
            return Ok(file);
        }
        // Waits only in a console with many readers. The semaphore is never closed.
        let _turn = self.reads.acquire().await;
        let value = match path {
            "api/overview" => self.overview().await,
            "api/receiver" => json!({ "receiver": self.hooks.describe() }),
            "api/deliveries" => overview::deliveries(&self.observer, query)?,
            "api/dead-letters" => letters::list(&self.hooks, query).await?,
            "api/inbox" => inbox::stats(&self.hooks).await?,
            "api/inbox/events" => inbox::list(&self.hooks, query).await?,
            _ => self.read_one(path).await?,
        };
        Ok(response::object(StatusCode::OK, value))
    }

    /// Reads a dead letter or an accepted event.
    async fn read_one(&self, path: &str) -> Result<Value, Problem> {
        let (list, record) = path.rsplit_once('/').ok_or_else(Problem::not_found)?;
        let credentials = self.settings.credentials;
        match list {
            "api/dead-letters" => letters::show(&self.hooks, letters::record(record)?, credentials).await,
            "api/inbox/events" => inbox::show(&self.hooks, letters::record(record)?, credentials).await,
            _ => Err(Problem::not_found()),
        }
    }

    async fn overview(&self) -> Value {
        let mut overview = overview::overview(&self.hooks, &self.observer).await;
        overview["changes"] = json!(self.settings.changes);
        overview["credentials"] = json!(self.settings.credentials);
        overview
    }

    async fn change(
        &self,
        action: Action<'_>,
        operator: &Operator,
        body: &[u8],
    ) -> Result<Response<ResponseBody>, Problem> {
        let Operator(operator) = operator;
        let (status, value) = match action {
            Action::Letter(change, record) => {
                let record = letters::record(record)?;
                let value = change::one(&self.hooks, record, change, operator, body).await?;
                (StatusCode::OK, value)
            }
            Action::SetPaused(paused) => {
                let value = inbox::set_paused(&self.hooks, paused, operator, body).await?;
                (StatusCode::OK, value)
            }
            Action::EndRest(record) => {
                let record = letters::record(record)?;
                let value = inbox::end_rest(&self.hooks, record, operator, body).await?;
                (StatusCode::OK, value)
            }
            Action::Letters(change) => {
                let Ok(_only) = self.bulk.try_acquire() else {
                    let error = "another change of many dead letters is under way";
                    return Err(Problem::new(StatusCode::CONFLICT, error));
                };
                change::all(&self.hooks, change, operator, body).await?
            }
        };
        Ok(response::object(status, value))
    }
}

/// A change and its target.
enum Action<'a> {
    /// Of the letter of a record.
    Letter(Change, &'a str),
    /// Of all letters that match a filter.
    Letters(Change),
    /// Of a pattern's pause.
    SetPaused(bool),
    /// Of the accepted event of a record.
    EndRest(&'a str),
}

impl<'a> Action<'a> {
    /// Reads a path. `None` if it names no change.
    fn of(path: &'a str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("api/dead-letters/") {
            return Some(match rest.split_once('/') {
                Some((record, name)) => Self::Letter(Change::of(name)?, record),
                None => Self::Letters(Change::of(rest)?),
            });
        }
        match path.strip_prefix("api/inbox/")? {
            "pause" => Some(Self::SetPaused(true)),
            "resume" => Some(Self::SetPaused(false)),
            rest => match rest.strip_prefix("events/")?.split_once('/')? {
                (record, "end-rest") => Some(Self::EndRest(record)),
                _ => None,
            },
        }
    }
}

impl Future for ConsoleFuture {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for ConsoleFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsoleFuture")
    }
}

impl fmt::Debug for ConsoleService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsoleService")
    }
}

impl<B> hyper::service::Service<Request<B>> for ConsoleService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ConsoleFuture;

    fn call(&self, request: Request<B>) -> ConsoleFuture {
        self.respond(request)
    }
}

impl<B> tower_service::Service<Request<B>> for ConsoleService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ConsoleFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ConsoleFuture {
        self.respond(request)
    }
}
