//! The sender of deliveries.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body::Body;
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower_service::Service;

use super::answer::{Answer, SentRequest};
use super::clock::{PATIENCE, PAUSES, is_paused};
use super::event::{Event, Ids};
use super::exchange::{AnyError, exchange};
use super::forgery::Forgery;
use super::storm::Storm;
use super::story::Story;
use crate::hooks::IntoSecret;
use crate::observe::Report;
use crate::signature::Secret;

/// Apideck, as a receiver sees it: it signs events and sends them to a service.
///
/// The service is any `tower_service::Service` over requests: [`Hooks`](crate::Hooks) itself, an
/// `axum::Router`, or a client of `hyper-util` that sends over a socket. It is cloned for each
/// request. In process an [`Answer`] also tells what the receiver did.
///
/// ```
/// # use apideck_hooks::{Hooks, on, router};
/// use apideck_hooks::testing::{Apideck, Event};
///
/// # #[on("vault.connection.callable")]
/// # async fn start_sync() {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hooks = Hooks::builder(router![start_sync, ..]).secret("test-key").build()?;
/// let apideck = Apideck::new(hooks, "test-key");
/// let event = Event::new("vault.connection.callable");
/// let answer = apideck.send(&event).await;
/// assert_eq!(answer.assert_handled().handler(), Some("start_sync"));
/// apideck.send(&event).await.assert_duplicate();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Apideck<S> {
    service: S,
    secret: Secret,
    uri: Uri,
    waits: bool,
    patience: Duration,
    ids: Arc<Ids>,
}

impl<S> Apideck<S> {
    /// Makes the sender of a service. It signs with this secret, and sends to the path `/`.
    ///
    /// # Panics
    ///
    /// The secret is empty.
    #[track_caller]
    pub fn new(service: S, secret: impl IntoSecret) -> Self {
        let secret = secret.into_secret().unwrap_or_else(|error| panic!("{error}"));
        Self {
            service,
            secret,
            uri: Uri::from_static("/"),
            waits: true,
            patience: PATIENCE,
            ids: Arc::new(Ids::random()),
        }
    }

    /// Sets the path of the receiver, such as `/webhooks/apideck`. For a client that sends over a
    /// socket it is the whole URL.
    ///
    /// # Panics
    ///
    /// It is neither.
    #[track_caller]
    pub fn path(mut self, path: &str) -> Self {
        self.uri = path
            .parse()
            .unwrap_or_else(|error| panic!("`{path}` is neither a path nor a URL: {error}"));
        self
    }

    /// Lets [`deliver`](Self::deliver) send without a pause between the deliveries.
    ///
    /// This is for stores outside of the process. Their connections take real time, which a paused
    /// clock does not give them. Build the receiver with [`Rest::None`](crate::Rest::None), or the
    /// event still rests.
    pub fn without_waiting(mut self) -> Self {
        self.waits = false;
        self
    }

    /// Sets the time for which it waits for a response. Default: 60 seconds, after which Apideck
    /// gives a delivery up (webhook guide).
    ///
    /// A test on a busy machine can be more patient.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Lets [`event`](Self::event) make the same ids in every run.
    pub fn seeded(mut self, seed: u64) -> Self {
        self.ids = Arc::new(Ids::seeded(seed));
        self
    }

    /// Makes an event as [`Event::new`] does, with ids of this sender.
    ///
    /// # Panics
    ///
    /// No event has this name. The message tells the near names.
    #[track_caller]
    pub fn event(&self, name: impl AsRef<str>) -> Event {
        Event::with_ids(name.as_ref(), &self.ids).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl<S, B> Apideck<S>
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>> + Clone,
    S::Error: Into<AnyError>,
    B: Body,
    B::Error: Into<AnyError>,
{
    /// Sends an event once, and waits for the response as Apideck does.
    ///
    /// The future borrows nothing, so it can be spawned as a task.
    pub fn send(&self, event: &Event) -> impl Future<Output = Answer> + use<S, B> {
        self.send_parts(event, event.headers(&self.secret), event.body(), true)
    }

    /// Sends an event as Apideck does: until it is acknowledged, and up to ten times. The pauses
    /// are 3, 5, 10 and 30 minutes, and 1, 2, 4, 8 and 12 hours (webhook guide).
    ///
    /// Each delivery has its own `execution_attempt`, from that of the event on, and so a signature
    /// of its own. The id and the idempotency key stay the same. An event with the headers of a
    /// recording is sent unchanged.
    ///
    /// It waits on tokio's clock, so the test has to pause it.
    ///
    /// # Panics
    ///
    /// The clock is not paused, and [`without_waiting`](Self::without_waiting) was not called.
    #[track_caller]
    pub fn deliver<'a>(&'a self, event: &Event) -> impl Future<Output = Story> + use<'a, S, B> {
        assert!(
            !self.waits || is_paused(),
            "`deliver` waits as Apideck does, for up to 28 hours, and tokio's clock is not paused: write \
             `#[tokio::test(start_paused = true)]` (tokio's feature `test-util`). If the receiver's store is outside \
             of the process, call `Apideck::without_waiting` and build the receiver with `.rest(Rest::None)`."
        );
        self.tell(event.clone())
    }

    async fn tell(&self, mut event: Event) -> Story {
        let (mut story, begun) = (Story::new(), Instant::now());
        // Of the tenth delivery and later ones there is no next one.
        let delivered = event.execution_attempt().unwrap_or(1).saturating_sub(1);
        let mut pauses = PAUSES.iter().skip(delivered as usize);
        loop {
            let answer = self.send(&event).await;
            let acknowledged = answer.is_acknowledged();
            story.add(begun.elapsed(), answer);
            let Some(pause) = pauses.next().filter(|_| !acknowledged) else {
                return story;
            };
            if self.waits {
                sleep(*pause).await;
            }
            event = event.again();
        }
    }

    /// Sends the request with which Apideck validates the URL of a subscription that is made or
    /// changed. It is signed, and is not an event. A receiver has to acknowledge it.
    pub fn validate(&self) -> impl Future<Output = Answer> + use<S, B> {
        self.send(&Event::validation())
    }

    /// Sends a forged delivery of an event.
    ///
    /// ```
    /// # use apideck_hooks::{Hooks, router};
    /// use apideck_hooks::testing::{Apideck, Event, Forgery};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let hooks = Hooks::builder(router![..]).secret("test-key").build()?;
    /// let apideck = Apideck::new(hooks, "test-key");
    /// for forgery in Forgery::ALL {
    ///     let event = Event::new("vault.connection.created");
    ///     apideck.forge(&event, forgery).await.assert_refused();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn forge<F: Borrow<Forgery>>(
        &self,
        event: &Event,
        forgery: F,
    ) -> impl Future<Output = Answer> + use<S, B, F> {
        let (headers, body) = forgery.borrow().apply(event, &self.secret);
        self.send_parts(event, headers, body, false)
    }

    /// Sends an event `times` times at once, each in a task of its own.
    pub async fn storm(&self, event: &Event, times: usize) -> Storm
    where
        S: Send + 'static,
        S::Error: Send,
        S::Future: Send,
        B: Send + 'static,
        B::Data: Send,
    {
        let mut tasks = JoinSet::new();
        for _ in 0..times {
            tasks.spawn(self.send(event));
        }
        Storm(tasks.join_all().await)
    }

    /// Sends a request.
    fn send_parts(
        &self,
        event: &Event,
        headers: HeaderMap,
        body: Bytes,
        genuine: bool,
    ) -> impl Future<Output = Answer> + use<S, B> {
        let report = Report::empty();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        request.extensions_mut().insert(report.clone());
        let sent = SentRequest {
            event: event.to_string(),
            path: self.uri.path().to_owned(),
            genuine: genuine && !event.is_exact(),
        };
        let response = exchange(self.service.clone(), request, self.patience);
        async move {
            let response = response.await;
            Answer {
                sent,
                response,
                reported: report.reported(),
            }
        }
    }
}

/// Prints neither the service nor the secret.
impl<S> fmt::Debug for Apideck<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apideck")
            .field("uri", &self.uri)
            .field("waits", &self.waits)
            .finish_non_exhaustive()
    }
}
