//! A whole delivery: from a request whose body is in memory to its answer.

use apideck_hooks::Hooks;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::service::Service;
use tokio::runtime::{Builder, Runtime};

use crate::clock::Way;
use crate::event::{self, Number, Signed};

pub(crate) struct Receiver {
    hooks: Hooks,
    signed: Signed,
    runtime: Runtime,
    requests: Vec<Request<Full<Bytes>>>,
}

impl Receiver {
    pub(crate) fn new(hooks: Hooks, signed: Signed) -> Self {
        Receiver {
            hooks,
            signed,
            runtime: runtime(),
            requests: Vec::new(),
        }
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

impl Way for Receiver {
    fn prepare(&mut self, events: std::ops::Range<Number>) {
        let requests = event::events(events, self.signed).into_iter().map(|event| {
            let mut request = Request::post("/webhooks/apideck")
                .body(Full::new(event.body))
                .expect("a request");
            *request.headers_mut() = event.headers;
            request
        });
        self.requests = requests.collect();
    }

    fn run(&mut self) {
        let Receiver {
            hooks,
            runtime,
            requests,
            ..
        } = self;
        runtime.block_on(async {
            for request in requests.drain(..) {
                let response = hooks.call(request).await.expect("it cannot fail");
                assert_eq!(response.status(), StatusCode::OK);
            }
        });
        // Each was a new event, and reached its handler.
        let stats = hooks.stats();
        assert_eq!(stats.handled, stats.requests);
    }
}
