//! Counts the instructions of a delivery and of its parts.
//!
//! Times differ between machines and between runs. Counts hardly do. Each count below is written
//! beside its benchmark, and a run fails if one is more than 3 % higher. A change that makes
//! something cheaper, or has a reason to make it more expensive, writes down the new count. The
//! counts are from rustc 1.95 on x86-64. Valgrind emulates a processor without instructions for
//! SHA-256, so most of each count is the MAC in software.

use apideck_hooks::events::{ConnectionCallable, ConnectionCreated};
use apideck_hooks::signature::{Form, Verifier};
use apideck_hooks::{AnyEvent, Hooks, MemoryStore, Metrics, on, router};
use bytes::Bytes;
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::service::Service;
use perf::event::{self, SECRET, request, secret, signature};
use perf::store::remember;
use std::hint::black_box;
use tokio::runtime::{Builder, Runtime};

fn at_most(count: u64) -> LibraryBenchmarkConfig {
    let mut config = LibraryBenchmarkConfig::default();
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.hard_limits([(EventKind::Ir, count + count * 3 / 100)]);
    config.tool(callgrind);
    config
}

#[on("vault.connection.created")]
async fn handler(event: ConnectionCreated) {
    black_box(event);
}

#[on("vault.connection.callable")]
async fn another(event: ConnectionCallable) {
    black_box(event);
}

fn body(number: u64) -> Bytes {
    event::received(&event::body(number))
}

struct Signed {
    verifier: Verifier,
    body: Bytes,
    signature: String,
}

/// A verifier that knows which form is signed.
fn signed(form: Form) -> Signed {
    let body = body(1);
    let signed = Signed {
        verifier: Verifier::new([secret()]).expect("a verifier"),
        signature: signature(&body, form),
        body,
    };
    assert!(verified(&signed));
    signed
}

fn verified(signed: &Signed) -> bool {
    signed
        .verifier
        .verify_signature(&signed.signature, &signed.body)
        .is_ok()
}

#[library_benchmark]
#[bench::raw(args = (Form::Raw), setup = signed, config = at_most(54_501))]
#[bench::sorted(args = (Form::Sorted), setup = signed, config = at_most(67_431))]
fn verify(signed: Signed) -> bool {
    black_box(verified(black_box(&signed)))
}

#[library_benchmark]
#[bench::example(args = (1), setup = body, config = at_most(20_233))]
fn parse(body: Bytes) -> bool {
    black_box(AnyEvent::from_json(black_box(&body))).is_ok()
}

/// A store that remembers 1,400 events. At this number hardly any shard is about to grow, which
/// would not be a cost of one event.
fn store() -> MemoryStore {
    let store = MemoryStore::new();
    (0..1400).for_each(|n| remember(&store, n));
    store
}

#[library_benchmark]
#[bench::memory(setup = store, config = at_most(2_424))]
fn claim_and_finish(store: MemoryStore) -> MemoryStore {
    remember(black_box(&store), 1400);
    store
}

struct Receiver {
    runtime: Runtime,
    hooks: Hooks,
    request: Request<Full<Bytes>>,
}

impl Receiver {
    /// A receiver that has handled a hundred events, and the request for this one.
    fn new(hooks: Hooks, form: Form, next: u64) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        for number in 0..100 {
            deliver_to(&runtime, &hooks, request(number, form));
        }
        let request = request(next, form);
        Self {
            runtime,
            hooks,
            request,
        }
    }
}

fn deliver_to(runtime: &Runtime, hooks: &Hooks, request: Request<Full<Bytes>>) {
    let response = runtime.block_on(hooks.call(request)).expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
}

fn handled(form: Form) -> Receiver {
    let hooks = Hooks::builder(router![handler, ..]).secret(SECRET).build();
    Receiver::new(hooks.expect("a receiver"), form, 100)
}

/// The same with an observer that counts. Its counters lead nowhere, as in a program without an
/// exporter.
fn observed(form: Form) -> Receiver {
    let hooks = Hooks::builder(router![handler, ..]).secret(SECRET);
    let hooks = hooks.observe(Metrics::new()).build();
    Receiver::new(hooks.expect("a receiver"), form, 100)
}

fn duplicate(form: Form) -> Receiver {
    let hooks = Hooks::builder(router![handler, ..]).secret(SECRET).build();
    Receiver::new(hooks.expect("a receiver"), form, 50)
}

/// An event without a handler. It saves the claim, the run and the finish.
fn ignored(form: Form) -> Receiver {
    let hooks = Hooks::builder(router![another, ..]).secret(SECRET).build();
    Receiver::new(hooks.expect("a receiver"), form, 100)
}

#[library_benchmark]
#[bench::handled(args = (Form::Raw), setup = handled, config = at_most(101_739))]
#[bench::observed(args = (Form::Raw), setup = observed, config = at_most(110_705))]
#[bench::handled_sorted(args = (Form::Sorted), setup = handled, config = at_most(114_869))]
#[bench::duplicate(args = (Form::Raw), setup = duplicate, config = at_most(99_625))]
#[bench::ignored(args = (Form::Raw), setup = ignored, config = at_most(78_219))]
fn deliver(receiver: Receiver) -> (Runtime, Hooks) {
    let Receiver {
        runtime,
        hooks,
        request,
    } = receiver;
    deliver_to(&runtime, &hooks, request);
    (runtime, hooks)
}

library_benchmark_group!(name = parts, benchmarks = [verify, parse, claim_and_finish]);
library_benchmark_group!(name = deliveries, benchmarks = deliver);

main!(library_benchmark_groups = [parts, deliveries]);
