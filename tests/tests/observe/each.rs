//! One request of each disposition and refusal: in the counts, at the observer, in the log and in
//! the metrics.

use super::EVENT;
use super::exported::exporter;
use super::recorder::Recorder;
use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::signature::Matched;
use apideck_hooks::store::{Losses, Store};
use apideck_hooks::{Hooks, HooksBuilder, MemoryStore, Metrics, Refusal, Routes, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery, Encoding, Signed};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::scrape::Scrape;
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::stranger::StrangerStore;
use http::Method;
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

/// A receiver whose observer and log are looked at.
struct Watched {
    hooks: Hooks,
    recorder: Recorder,
}

fn watch<R: Routes<S>, S: Send + Sync + 'static>(builder: HooksBuilder<R, S>) -> Watched {
    let recorder = Recorder::default();
    exporter();
    let builder = builder.observe(recorder.clone()).observe(Metrics::new());
    let hooks = builder.build().expect("a receiver");
    Watched { hooks, recorder }
}

impl Watched {
    /// Checks that all requests are counted, that the last one got this answer, and that the
    /// observer was told.
    #[track_caller]
    fn last_was(&self, answer: &str, status: u16) {
        let told = self.recorder.take();
        let line = told
            .iter()
            .rfind(|line| line.starts_with("answered"))
            .expect("an answer");
        assert!(
            line.starts_with(&format!("answered {answer} {status} ")),
            "{told:?}"
        );
        let stats = self.hooks.stats();
        let counted = stats.iter().find(|(name, _)| *name == answer).expect("a count");
        assert!(counted.1 >= 1, "{answer}: {stats:?}");
        let scrape = Scrape::read(&exporter().render());
        scrape.has_only(Metrics::TABLE);
        for name in ["deliveries_total", "delivery_duration_seconds_count"] {
            let exported = scrape.sum(&format!("apideck_hooks_{name}"), &[("outcome", answer)]);
            assert!(exported >= Some(1.0), "{answer}: {scrape:?}");
        }
    }
}

fn event(id: &str) -> Delivery {
    Delivery::event(EVENT, id)
}

#[tokio::test(start_paused = true)]
async fn every_disposition_is_told() {
    let (log, _guard) = Log::capture();
    let script = [
        Step::Succeed,
        Step::Ignore,
        Step::Fail,
        Step::FailUntil(Duration::from_secs(60)),
        Step::Refuse,
    ];
    let watched = watch(Probe::new(script).hooks().store(Spy::with_letters()));
    for (id, answer, status) in [
        ("e1", "handled", 200),
        ("e1", "duplicate", 200),
        ("e2", "ignored", 200),
        ("e3", "failed", 500),
        ("e3", "resting", 503),
        ("e4", "asked_for_later", 503),
        ("e5", "dead_lettered", 200),
    ] {
        assert_eq!(event(id).call(&watched.hooks).await.status, status);
        watched.last_was(answer, status);
        let line = log.lines().pop().expect("a line");
        let parts = [
            answer,
            EVENT,
            &format!("id=\"{id}\""),
            &format!("status={status}"),
            "took=",
        ];
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    let stats = watched.hooks.stats();
    assert_eq!((stats.requests, stats.runs, stats.dead_letters), (7, 5, 1));
    assert_eq!((stats.runs_handled, stats.runs_ignored), (1, 1));
    assert_eq!((stats.runs_failed, stats.runs_dead_lettered), (2, 1));

    let watched = watch(Probe::new([Step::Refuse]).hooks());
    event("e1").call(&watched.hooks).await;
    watched.last_was("unprocessable", 422);

    let store = Arc::new(StrangerStore::default());
    store.set_letters_full(true);
    let watched = watch(Probe::new([Step::Refuse]).hooks().store(store));
    event("e1").call(&watched.hooks).await;
    watched.last_was("letters_full", 503);

    let spy = Spy::default();
    spy.fail_claims(true);
    let watched = watch(Probe::default().hooks().store(spy));
    assert!(watched.hooks.is_ready());
    event("e1").call(&watched.hooks).await;
    assert_eq!(watched.recorder.count("store claim failed"), 1);
    assert_eq!(watched.recorder.count("incident store_errors e1"), 1);
    watched.last_was("store_failed", 503);
    assert!(!watched.hooks.is_ready());
    // A receiver that is not ready may get no delivery that could show that the store answers.
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(watched.hooks.is_ready());
}

#[on("vault.connection.callable")]
async fn only_one(_: ConnectionCallable) {}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_handler_is_named_at_info() {
    let (log, _guard) = Log::capture();
    let watched = watch(Hooks::builder(router![only_one, ..]).secret(SECRET));
    Delivery::event("crm.lead.created", "e1")
        .call(&watched.hooks)
        .await;
    watched.last_was("no_handler", 200);
    let line = log.lines().pop().expect("a line");
    let parts = ["INFO", "ignored: no handler", "crm.lead.created"];
    assert!(parts.iter().all(|part| line.contains(part)), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_busy_or_stops_is_told() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let watched = watch(probe.hooks().max_in_flight(1));
    let hooks = watched.hooks.clone();
    let running = tokio::spawn(async move { event("e1").call(&hooks).await });
    probe.started().await;
    event("e2").call(&watched.hooks).await;
    watched.last_was("busy", 503);
    let snapshot = watched.hooks.snapshot().await;
    assert_eq!(
        (snapshot.in_flight, snapshot.dead_letters, snapshot.ready),
        (1, None, true)
    );
    probe.open();
    assert_eq!(running.await.expect("no panic").status, 200);
    watched.hooks.shutdown(Duration::from_secs(1)).await;
    event("e3").call(&watched.hooks).await;
    watched.last_was("shutting_down", 503);
    assert!(!watched.hooks.is_ready());
}

/// At most once a second, with a delivery.
#[tokio::test(start_paused = true)]
async fn records_that_a_store_gives_up_are_told() {
    let store = Arc::new(MemoryStore::builder().capacity(10).build());
    let watched = watch(Probe::default().hooks().store(Arc::clone(&store)));
    event("first").call(&watched.hooks).await;
    for n in 0..50 {
        event(&format!("e{n}")).call(&watched.hooks).await;
    }
    assert_eq!(watched.hooks.stats().evicted, 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for id in ["last", "afterwards"] {
        event(id).call(&watched.hooks).await;
        assert_eq!(watched.hooks.stats().evicted, 42);
    }
    assert_eq!(store.losses(), Losses::new(43, 0));
    assert_eq!(watched.recorder.count("incident evicted -"), 1);
    let scrape = Scrape::read(&exporter().render());
    let exported = scrape.sum("apideck_hooks_incidents_total", &[("kind", "evicted")]);
    assert!(exported.is_some_and(|count| count >= 42.0), "{exported:?}");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_running_event_and_a_late_run_are_told() {
    let (log, _guard) = Log::capture();
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let watched = watch(
        probe
            .hooks()
            .response_deadline(Duration::from_secs(1))
            .duplicate_wait(Duration::ZERO),
    );
    let hooks = watched.hooks.clone();
    let running = tokio::spawn(async move { event("e1").call(&hooks).await });
    probe.started().await;
    event("e1").call(&watched.hooks).await;
    running.await.expect("no panic");
    assert_eq!(watched.recorder.count("answered running 503 e1"), 2);
    assert_eq!(watched.recorder.count("incident late e1"), 1);
    // Its client has its answer, so the end of the run is logged by itself.
    probe.open();
    probe.ended().await;
    while log.count("ended after its answer: handled") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(watched.recorder.count("ended handled"), 1);
    let stats = watched.hooks.stats();
    assert_eq!(
        (stats.running, stats.late, stats.handled, stats.runs_handled),
        (2, 1, 0, 1)
    );
    assert_eq!(stats.withdrawn, 0);
}

#[tokio::test(start_paused = true)]
async fn every_refusal_is_told() {
    let watched = watch(Probe::default().hooks().body_limit(100_000).body_budget(100_000));
    let get = Delivery {
        method: Method::GET,
        ..event("e1")
    };
    let unsigned = event("e1").without("x-apideck-signature");
    let forged = event("e1").signature(&"0".repeat(64));
    let too_large = Delivery::of(vec![b' '; 100_001]);
    let contradicting = event("e1").header("x-apideck-event-type", "crm.lead.created");
    for (delivery, answer, status) in [
        (get, "wrong_method", 405),
        (unsigned, "unauthorized", 401),
        (forged, "unauthorized", 401),
        (too_large, "too_large", 413),
        (contradicting, "contradiction", 400),
    ] {
        assert_eq!(delivery.call(&watched.hooks).await.status, status);
        watched.last_was(answer, status);
    }
    // Bodies that arrive in parts: the end of the first one never does.
    let chunk = |length: usize| Ok::<_, Infallible>(Frame::data(bytes::Bytes::from(vec![b' '; length])));
    let call = |body| {
        let request = event("e1").request().map(|_| body);
        hyper::service::Service::call(&watched.hooks, request)
    };
    let endless = || {
        let chunks = futures_util::stream::iter([chunk(45_000), chunk(45_000)]);
        futures_util::StreamExt::chain(chunks, futures_util::stream::pending())
    };
    call(StreamBody::new(futures_util::StreamExt::boxed(endless())))
        .await
        .expect("infallible");
    watched.last_was("too_slow", 408);
    let cut = futures_util::stream::iter([Err::<Frame<bytes::Bytes>, _>(std::io::Error::other("reset"))]);
    let request = event("e1").request().map(|_| StreamBody::new(cut));
    hyper::service::Service::call(&watched.hooks, request)
        .await
        .expect("infallible");
    watched.last_was("incomplete", 400);
    // Two bodies that are together longer than the budget. The slowest one is cut.
    let slow = Box::pin(call(StreamBody::new(futures_util::StreamExt::boxed(endless()))));
    let fast = Box::pin(call(StreamBody::new(futures_util::StreamExt::boxed(endless()))));
    let _other = futures_util::future::select(slow, fast).await;
    watched.last_was("over_budget", 503);

    let stats = watched.hooks.stats();
    let told = stats
        .iter()
        .filter(|(name, _)| Refusal::ALL.iter().any(|refusal| refusal.as_str() == *name));
    assert_eq!(told.map(|(_, count)| count).sum::<u64>(), stats.requests);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_told_once_and_its_run_goes_on() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let watched = watch(probe.hooks());
    let mut response = Box::pin(hyper::service::Service::call(
        &watched.hooks,
        event("e1").request(),
    ));
    let polled = response.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    drop(response);
    assert_eq!(watched.recorder.count("answered abandoned - e1"), 1);
    // A response that was never asked for.
    drop(hyper::service::Service::call(
        &watched.hooks,
        event("e2").request(),
    ));
    assert_eq!(watched.recorder.count("answered abandoned - -"), 1);
    probe.open();
    probe.ended().await;
    while watched.recorder.count("ended handled") == 0 {
        tokio::task::yield_now().await;
    }
    let stats = watched.hooks.stats();
    assert_eq!((stats.requests, stats.abandoned, stats.runs_handled), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_harms_nobody() {
    struct Broken;
    impl apideck_hooks::Observe for Broken {
        fn answered(&self, _: &apideck_hooks::observe::Answered<'_>) {
            panic!("broken");
        }
        fn run_started(&self, _: &apideck_hooks::observe::RunStarted<'_>) {
            panic!("broken");
        }
    }
    let recorder = Recorder::default();
    let hooks = Probe::default().hooks().observe(Broken).observe(recorder.clone());
    let hooks = hooks.build().expect("a receiver");
    assert_eq!(event("e1").call(&hooks).await.word(), "handled");
    assert_eq!(
        (hooks.stats().observer_panics, recorder.count("answered handled")),
        (2, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn the_signature_tells_its_form_encoding_and_secret() {
    struct Signatures(std::sync::Mutex<Vec<Option<Matched>>>);
    impl apideck_hooks::Observe for Signatures {
        fn answered(&self, answered: &apideck_hooks::observe::Answered<'_>) {
            self.0.lock().expect("no panic").push(answered.signature);
        }
    }
    let signatures = Arc::new(Signatures(std::sync::Mutex::default()));
    let hooks = Hooks::builder(router![only_one, ..])
        .secret("the next one")
        .secret(SECRET)
        .observe(Arc::clone(&signatures));
    let hooks = hooks.build().expect("a receiver");
    let unsorted = format!(r#"{{"payload":{{"event_type":"{EVENT}","event_id":"e1"}}}}"#);
    let sorted = Delivery::of(unsorted).signed(Signed::Sorted, Encoding::Base64);
    sorted.call(&hooks).await;
    sorted.signature(&"0".repeat(64)).call(&hooks).await;
    let told = std::mem::take(&mut *signatures.0.lock().expect("no panic"));
    let matched = told[0].expect("a signature that matches");
    assert_eq!(
        (matched.form.name(), matched.encoding.name(), matched.secret),
        ("sorted", "base64", 1)
    );
    assert_eq!(told[1], None);
    assert_eq!(hooks.snapshot().await.stats.requests, 2);
    let description = hooks.describe();
    assert_eq!(
        (
            description.secrets,
            description.handlers.len(),
            description.volatile
        ),
        (2, 1, true)
    );
    assert_eq!(description.handlers[0].events, [EVENT]);
    assert!(description.handlers[0].name.ends_with("only_one"));
}

#[tokio::test]
async fn the_server_of_this_crate_tells_the_peer() {
    struct Peers(std::sync::Mutex<Vec<Option<std::net::SocketAddr>>>);
    impl apideck_hooks::Observe for Peers {
        fn answered(&self, answered: &apideck_hooks::observe::Answered<'_>) {
            self.0.lock().expect("no panic").push(answered.peer);
        }
    }
    let peers = Arc::new(Peers(std::sync::Mutex::default()));
    let hooks = Probe::default().hooks().observe(Arc::clone(&peers));
    let hooks = hooks.build().expect("a receiver");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(hooks.serve(listener).path("/").into_future());
    assert_eq!(event("e1").send(addr).await.status, 200);
    assert_eq!(event("e2").call(&hooks).await.status, 200);
    let told = std::mem::take(&mut *peers.0.lock().expect("no panic"));
    assert_eq!(told[0].map(|peer| peer.ip()), Some(addr.ip()));
    assert_eq!(told[1], None);
}
