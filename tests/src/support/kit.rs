//! The test kit, with the secret of these suites.

use crate::SECRET;
use crate::waiting::until;
use apideck_hooks::Hooks;
use apideck_hooks::testing::{Answer, Apideck, Event};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::time::Duration;

/// Apideck gives a delivery up after this time (webhook guide).
const APIDECKS_PATIENCE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// An event whose idempotency key follows from its id. Its type may be unlisted.
pub fn event(event_type: &str, id: &str) -> Event {
    Event::unlisted(event_type).id(id).key(format!("key-of-{id}"))
}

/// An event of this body, without the headers that name it.
pub fn of(body: impl Into<Bytes>) -> Event {
    let event = Event::from_json(body).expect("JSON");
    event
        .without_header("x-apideck-event-type")
        .without_header("x-apideck-idempotency-key")
}

/// A client that sends over sockets.
pub type Socket = Client<HttpConnector, Full<Bytes>>;

/// The sender over a socket. It waits longer than Apideck, because a machine may be busy.
pub fn over_socket(addr: SocketAddr, path: &str, secret: &str) -> Apideck<Socket> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let apideck = Apideck::new(client, secret).patience(YEAR);
    apideck.path(&format!("http://{addr}{path}"))
}

/// Ways to send an event.
pub trait Deliver {
    /// Sends it to a receiver without a socket.
    fn call(&self, hooks: &Hooks) -> impl Future<Output = Answer> + Send + use<Self>;

    /// Sends it over a new connection.
    fn send(&self, addr: SocketAddr) -> impl Future<Output = Answer> + Send + use<Self>;

    /// Sends it over a new connection. The receiver may be gone before it responds, and a client
    /// may not notice that. So no response within Apideck's 60 seconds is an error.
    fn try_send(&self, addr: SocketAddr) -> impl Future<Output = Result<Answer, String>> + Send + use<Self>;

    /// Sends it over a new connection, again while the response is `503`. The limits of the
    /// receiver may be too narrow for a busy machine.
    fn send_patiently(&self, addr: SocketAddr) -> impl Future<Output = Answer>;
}

impl Deliver for Event {
    fn call(&self, hooks: &Hooks) -> impl Future<Output = Answer> + Send + use<> {
        Apideck::new(hooks.clone(), SECRET).patience(YEAR).send(self)
    }

    fn send(&self, addr: SocketAddr) -> impl Future<Output = Answer> + Send + use<> {
        over_socket(addr, "/", SECRET).send(self)
    }

    fn try_send(&self, addr: SocketAddr) -> impl Future<Output = Result<Answer, String>> + Send + use<> {
        let answer = over_socket(addr, "/", SECRET)
            .patience(APIDECKS_PATIENCE)
            .send(self);
        async move {
            let answer = answer.await;
            match answer.failure() {
                Some(failure) => Err(failure.to_owned()),
                None => Ok(answer),
            }
        }
    }

    async fn send_patiently(&self, addr: SocketAddr) -> Answer {
        patiently(&over_socket(addr, "/", SECRET), self).await
    }
}

/// Sends an event, again while the response is `503`.
pub async fn patiently(apideck: &Apideck<Socket>, event: &Event) -> Answer {
    let mut answer = apideck.send(event).await;
    until("the receiver is less busy", async || {
        if answer.status() == Some(503) {
            answer = apideck.send(event).await;
        }
        answer.status() != Some(503)
    })
    .await;
    answer
}

/// The parts of an answer that tables of these suites hold.
pub trait Told {
    /// The status of the response.
    fn code(&self) -> u16;

    /// The receiver's word on success, else the status.
    fn outcome(&self) -> String;
}

impl Told for Answer {
    fn code(&self) -> u16 {
        self.status().unwrap_or_else(|| panic!("no response\n{self}"))
    }

    fn outcome(&self) -> String {
        self.word().unwrap_or_else(|| self.code().to_string())
    }
}
