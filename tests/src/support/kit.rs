//! The test kit, with the secret of these suites.

use crate::SECRET;
use crate::waiting::until;
use apideck_hooks::Hooks;
use apideck_hooks::testing::{Answer, Apideck, Event};
use bytes::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::time::Duration;

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

/// The sender of a service. It waits longer than Apideck, because a machine may be busy.
fn apideck<S>(service: S) -> Apideck<S> {
    Apideck::new(service, SECRET).patience(Duration::from_secs(365 * 24 * 60 * 60))
}

/// Ways to send an event.
pub trait Deliver {
    /// Sends it to a receiver without a socket.
    fn call(&self, hooks: &Hooks) -> impl Future<Output = Answer> + Send + use<Self>;

    /// Sends it over a new connection.
    fn send(&self, addr: SocketAddr) -> impl Future<Output = Answer> + Send + use<Self>;

    /// Sends it over a new connection, again while the response is `503`. The limits of the receiver
    /// may be too narrow for a busy machine.
    fn send_patiently(&self, addr: SocketAddr) -> impl Future<Output = Answer>;
}

impl Deliver for Event {
    fn call(&self, hooks: &Hooks) -> impl Future<Output = Answer> + Send + use<> {
        apideck(hooks.clone()).send(self)
    }

    fn send(&self, addr: SocketAddr) -> impl Future<Output = Answer> + Send + use<> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        apideck(client).path(&format!("http://{addr}/")).send(self)
    }

    async fn send_patiently(&self, addr: SocketAddr) -> Answer {
        let mut answer = self.send(addr).await;
        until("the receiver is less busy", async || {
            if answer.status() == Some(503) {
                answer = self.send(addr).await;
            }
            answer.status() != Some(503)
        })
        .await;
        answer
    }
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
