//! A whole delivery: from a request whose body is in memory to its response.

use apideck_hooks::Hooks;
use apideck_hooks::signature::Form;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::service::Service;
use perf::clock::Routine;
use perf::event;
use std::ops::Range;
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Receiver {
    hooks: Hooks,
    form: Form,
    runtime: Runtime,
    requests: Vec<Request<Full<Bytes>>>,
}

impl Receiver {
    pub(crate) fn new(hooks: Hooks, form: Form) -> Self {
        Self {
            hooks,
            form,
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

impl Routine for Receiver {
    fn prepare(&mut self, numbers: Range<u64>) {
        self.requests = numbers.map(|number| event::request(number, self.form)).collect();
    }

    fn run(&mut self) {
        self.runtime.block_on(async {
            for request in self.requests.drain(..) {
                let response = self.hooks.call(request).await.expect("it cannot fail");
                assert_eq!(response.status(), StatusCode::OK);
            }
        });
        // Each was a new event, and its handler ran.
        let stats = self.hooks.stats();
        assert_eq!(stats.handled, stats.requests);
    }
}
