//! How many instructions a delivery and its parts take, and that it does not become more.
//!
//! Times differ from machine to machine and from run to run; counts hardly do. Each stands beside what it counts, and a run
//! fails when one of them is more than 3 % over. Who makes something cheaper, or has a reason for it to cost more, writes down
//! the new count. They are of `rustc` 1.95 on x86-64; valgrind shows programs a processor without instructions for SHA-256, so
//! these counts have the MAC in software, which is most of them.
//!
//! ```sh
//! cargo install --locked gungraun-runner --version 0.20.0
//! cargo bench --manifest-path tests/instructions/Cargo.toml
//! ```

use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::signature::{Encoding, Secret, Text, Verifier};
use apideck_hooks::store::{Claim, Claimed, End, Held, Key, Store, Verdict};
use apideck_hooks::testing::sign::sign;
use apideck_hooks::{AnyEvent, Hooks, MemoryStore, on, router};
use bytes::Bytes;
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::service::Service;
use std::hint::black_box;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const SECRET: &str = "test-api-key";
const EXAMPLE: &str = include_str!("../../fixtures/vault.connection.callable.json");
const EVENT: &str = "vault.connection.callable";

fn at_most(count: u64) -> LibraryBenchmarkConfig {
    let mut config = LibraryBenchmarkConfig::default();
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.hard_limits([(EventKind::Ir, count + count * 3 / 100)]);
    config.tool(callgrind);
    config
}

#[on("vault.connection.callable")]
async fn handler(event: ConnectionCallable) {
    black_box(event);
}

#[on("vault.connection.created")]
async fn another(event: apideck_hooks::events::ConnectionCreated) {
    black_box(event);
}

fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

/// The example as it comes over the wire, as an event of its own.
fn body(n: u32) -> Bytes {
    let lines: Vec<_> = EXAMPLE.lines().map(str::trim).collect();
    let text = lines.concat().replace("\": ", "\":");
    let own = format!("\"event_id\":\"{n:08x}");
    let text = text.replacen("\"event_id\":\"9755c355", &own, 1);
    text.into()
}

fn signature(body: &[u8], text: Text) -> String {
    sign(&secret(), body, text, Encoding::Hex).expect("JSON")
}

struct Signed {
    verifier: Verifier,
    body: Bytes,
    signature: String,
}

/// A verifier that has seen such a signature before.
fn signed(text: Text) -> Signed {
    let body = body(1);
    let signed = Signed {
        verifier: Verifier::new([secret()]).expect("a verifier"),
        signature: signature(&body, text),
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
#[bench::raw(args = (Text::Raw), setup = signed, config = at_most(54_321))]
#[bench::sorted(args = (Text::Sorted), setup = signed, config = at_most(67_259))]
fn verify(signed: Signed) -> bool {
    black_box(verified(black_box(&signed)))
}

#[library_benchmark]
#[bench::example(args = (1), setup = body, config = at_most(15_218))]
fn parse(body: Bytes) -> bool {
    black_box(AnyEvent::from_json(black_box(&body))).is_ok()
}

/// A store that remembers a thousand events.
fn store() -> MemoryStore {
    let store = MemoryStore::new();
    // So many that hardly any of the shards is about to grow, which is no part of an event.
    (0..1400).for_each(|n| remember(&store, n));
    store
}

/// What no store in memory waits for.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

fn remember(store: &dyn Store, n: u128) {
    let key = |n: u128| {
        Key::from_bytes(
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
                .to_le_bytes(),
        )
    };
    let claim = Claim::new(key(n), Some(key(!n)), Duration::from_secs(30));
    let claimed = now(store.claim(claim));
    let Ok(Claimed {
        record,
        verdict: Verdict::Granted { token, .. },
    }) = claimed
    else {
        panic!("{claimed:?}")
    };
    assert!(matches!(
        now(store.finish(record, token, End::Done)),
        Ok(Held::Yes)
    ));
}

#[library_benchmark]
#[bench::memory(setup = store, config = at_most(1_688))]
fn claim_and_finish(store: MemoryStore) -> MemoryStore {
    remember(black_box(&store), 1400);
    store
}

struct Receiver {
    runtime: Runtime,
    hooks: Hooks,
    request: Request<Full<Bytes>>,
}

fn request(n: u32, text: Text) -> Request<Full<Bytes>> {
    let body = body(n);
    Request::post("/webhooks/apideck")
        .header("content-type", "application/json")
        .header("x-apideck-event-type", EVENT)
        .header("x-apideck-signature", signature(&body, text))
        .header(
            "x-apideck-idempotency-key",
            format!("9755c355-56c3-4a2f-a2da-86ff{n:08}"),
        )
        .body(Full::new(body))
        .expect("a request")
}

/// One that has handled a hundred events, with the next one.
fn receiver(hooks: Hooks, text: Text, next: u32) -> Receiver {
    let receiver = Receiver {
        runtime: Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime"),
        hooks,
        request: request(next, text),
    };
    for n in 0..100 {
        answer(&receiver.runtime, &receiver.hooks, request(n, text));
    }
    receiver
}

fn answer(runtime: &Runtime, hooks: &Hooks, request: Request<Full<Bytes>>) {
    let answer = runtime.block_on(hooks.call(request)).expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

fn handled(text: Text) -> Receiver {
    let hooks = Hooks::builder(router![handler, ..]).secret(SECRET).build();
    receiver(hooks.expect("hooks"), text, 100)
}

fn duplicate(text: Text) -> Receiver {
    let hooks = Hooks::builder(router![handler, ..]).secret(SECRET).build();
    receiver(hooks.expect("hooks"), text, 50)
}

/// No handler is for it: what is missing beside one that is handled is the claim, the dispatch and the finish.
fn ignored(text: Text) -> Receiver {
    let hooks = Hooks::builder(router![another, ..]).secret(SECRET).build();
    receiver(hooks.expect("hooks"), text, 100)
}

#[library_benchmark]
#[bench::handled(args = (Text::Raw), setup = handled, config = at_most(90_271))]
#[bench::handled_sorted(args = (Text::Sorted), setup = handled, config = at_most(104_026))]
#[bench::duplicate(args = (Text::Raw), setup = duplicate, config = at_most(89_090))]
#[bench::ignored(args = (Text::Raw), setup = ignored, config = at_most(72_426))]
fn deliver(receiver: Receiver) -> (Runtime, Hooks) {
    let Receiver {
        runtime,
        hooks,
        request,
    } = receiver;
    answer(&runtime, &hooks, request);
    (runtime, hooks)
}

library_benchmark_group!(name = parts, benchmarks = [verify, parse, claim_and_finish]);
library_benchmark_group!(name = deliveries, benchmarks = deliver);

main!(library_benchmark_groups = [parts, deliveries]);
