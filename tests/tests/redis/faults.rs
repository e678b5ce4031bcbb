//! Faults in the middle of a call. The call is repeated or fails, and no event runs twice.

use super::{
    LONG, PATIENCE, RELEASE, SOURCE, claim, claim_of, connected, dead, done, granted, key, ms, patient,
    proxied, run, run_command, store_on,
};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{
    Claim, DeadLetterStore, End, Held, Key, LastDelivery, LetterFilter, Purged, RecordState, Store, Verdict,
};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::proxy::Mode;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Instant;

async fn server(directory: &Directory) -> Server {
    Server::durable(directory, free_port()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_28_flushed_scripts_are_sent_again() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = server(&directory).await;
    let store = Arc::new(store_on(&server).await);
    let flush = async {
        for _ in 0..100 {
            run_command(&server, &["SCRIPT", "FLUSH"]).await;
        }
    };
    let work = async {
        for _ in 0..50 {
            let (event, delivery) = (key(), key());
            let claims = join_all((0..16).map(|_| {
                let store = Arc::clone(&store);
                let claim = claim_of(event, Some(delivery));
                tokio::spawn(async move { (store.claim(claim.clone()).await.unwrap(), claim) })
            }));
            let granted: Vec<_> = claims
                .await
                .into_iter()
                .map(Result::unwrap)
                .filter(|(claimed, _)| matches!(claimed.verdict, Verdict::Granted { .. }))
                .collect();
            let [(claimed, claim)] = &granted[..] else {
                panic!("{granted:?}")
            };
            let (grant, attempt) = super::grant_of(claim, *claimed);
            assert_eq!(attempt, 1);
            assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
        }
    };
    tokio::join!(flush, work);
}

#[tokio::test]
async fn case_28_nothing_runs_on_a_read_only_server() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = server(&directory).await;
    let store = store_on(&server).await;
    let probe = Probe::default();
    let hooks = patient(&probe, store).build().unwrap();
    let delivery = event("vault.connection.callable", "e1");
    let nobody = free_port().to_string();
    run_command(&server, &["REPLICAOF", "127.0.0.1", &nobody]).await;
    let reply = delivery.call(&hooks).await;
    assert!(reply.code() == 503 && reply.retry_after().is_some(), "{reply:?}");
    assert_eq!(probe.count(), 0);
    run_command(&server, &["REPLICAOF", "NO", "ONE"]).await;
    until("it is handled", async || {
        let reply = delivery.call(&hooks).await;
        reply.code() == 200 && reply.outcome() == "handled"
    })
    .await;
    assert_eq!(probe.runs()[0].attempt, 1);
}

/// The store repeats a call whose connection broke. Each operation has the same result then.
#[tokio::test]
async fn case_28_a_call_with_a_lost_response_is_repeated_with_the_same_result() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = builder.connect().await.unwrap();
    // The server has the scripts from now on, so that the lost responses are those of the scripts.
    let (grant, _) = granted(&store, claim_of(key(), Some(key()))).await;
    store.renew(grant, LONG).await.unwrap();
    store.finish(grant, RELEASE).await.unwrap();
    super::dead_letter(&store, "{}").await;

    let lose = || proxy.set(Mode::LoseResponse(0));
    let lost = || assert_eq!(proxy.mode(), Mode::Pass, "a response was lost");
    for alias in [None, Some(key())] {
        let event = key();
        lose();
        let (grant, attempt) = granted(&store, claim_of(event, alias)).await;
        lost();
        assert_eq!((grant.record, attempt), (event, 1));
        lose();
        assert_eq!(store.renew(grant, LONG).await.unwrap(), Held::Yes);
        for (n, end) in [RELEASE, End::Withdraw, End::Interrupt, End::Done]
            .into_iter()
            .enumerate()
        {
            let grant = if n == 0 { grant } else { run(&store, event).await };
            lose();
            assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
            lost();
        }
        let status = store.status(event).await.unwrap();
        // The released and the handled run.
        assert_eq!((status.state, status.attempts), (RecordState::Done, 2));
    }
    let grant = run(&store, key()).await;
    lose();
    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Yes);
    lost();
    let mut last = claim_of(key(), None);
    last.last = Some(Box::new(LastDelivery::new(super::letter("{}"))));
    lose();
    assert!(matches!(
        store.claim(last).await.unwrap().verdict,
        Verdict::Granted { attempt: 1, .. }
    ));
    lost();
    assert_eq!(store.count(SOURCE, &LetterFilter::new()).await.unwrap(), 3);
    let replay = Claim::new(grant.record, LONG);
    lose();
    let replayed = store.replay(SOURCE, replay).await.unwrap();
    assert!(
        matches!(replayed, Some(Verdict::Granted { attempt: 2, .. })),
        "{replayed:?}"
    );
    lost();
}

/// The response of each request of an operation that writes a letter is lost in turn. The store
/// repeats the request, and the letter is listed once, at its own time.
#[tokio::test]
async fn case_28_a_letter_whose_response_is_lost_is_listed() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = builder.connect().await.unwrap();
    let observer = isolated.store().await;
    let minute = ms(60_000);
    // The store has all its connections from now on.
    super::dead_letter(&store, "{}").await;
    let mut letters = 1;
    for operation in ["end", "first claim", "claim in a rest", "claim beside a run"] {
        for passed in 0.. {
            let event = key();
            let mut last = LastDelivery::new(super::letter("{}"));
            last.min_age = minute;
            let mut call = claim_of(event, None);
            call.last = Some(Box::new(last));
            let mut grant = None;
            if operation != "first claim" {
                grant = Some(run(&observer, event).await);
            }
            if operation == "claim in a rest" {
                let rest = End::Release { rest: LONG };
                assert_eq!(observer.finish(grant.unwrap(), rest).await.unwrap(), Held::Yes);
            }
            isolated.age(minute).await;
            proxy.set(Mode::LoseResponse(passed));
            match (operation, grant) {
                ("end", Some(grant)) => {
                    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Yes);
                }
                _ => {
                    let claimed = store.claim(call).await.unwrap();
                    let verdict = claimed.verdict;
                    let right = match operation {
                        "first claim" => matches!(verdict, Verdict::Granted { attempt: 1, .. }),
                        "claim in a rest" => verdict == Verdict::Dead { kept: true },
                        _ => matches!(verdict, Verdict::Running { kept: true, .. }),
                    };
                    assert!(right && claimed.lettered, "{operation}, {passed}: {claimed:?}");
                }
            }
            let lost = proxy.mode() == Mode::Pass;
            proxy.set(Mode::Pass);
            letters += 1;
            assert_letter(&observer, event, letters, &format!("{operation}, {passed}")).await;
            if !lost {
                assert!(passed >= 4, "{operation} has only {passed} responses");
                break;
            }
        }
    }
}

/// Checks that the newest letter is that of the event, and the number of letters.
async fn assert_letter(store: &RedisStore, event: Key, letters: u64, history: &str) {
    let list = store.list(SOURCE, &LetterFilter::new(), None, 1).await.unwrap();
    let kept = store.get(SOURCE, event).await.unwrap();
    assert!(
        kept.is_some() && list.first() == kept.as_ref(),
        "{history}: {list:?}"
    );
    let count = store.count(SOURCE, &LetterFilter::new()).await.unwrap();
    assert_eq!(count, letters, "{history}");
}

/// The response of each request of a call is lost in turn, and the caller sends the call again.
#[tokio::test]
async fn case_28_a_call_that_is_sent_again_after_each_request_has_one_effect() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    // A stalled response is an error after this time, and the store does not repeat the call.
    let store = connected(&builder.call_timeout(ms(700))).await;
    let patient = isolated.store().await;
    super::dead_letter(&patient, "{}").await;
    // The number of chunks of responses that pass before one is lost.
    for passed in 0..9 {
        let alias = key();
        let mut call = claim_of(key(), Some(alias));
        let mut last = LastDelivery::new(super::letter("{}"));
        last.letter.source = format!("{SOURCE}-{passed}");
        call.last = Some(Box::new(last.clone()));
        proxy.set(Mode::StallAfter(passed));
        let first = store.claim(call.clone()).await;
        proxy.set(Mode::Pass);
        until("the claim is sent again", async || {
            store.claim(call.clone()).await.is_ok()
        })
        .await;
        let again = patient.claim(call.clone()).await.unwrap();
        let (grant, attempt) = super::grant_of(&call, again);
        assert_eq!(attempt, 1, "{first:?}");
        assert_eq!(claim(&patient, key(), Some(alias)).await.record, grant.record);
        let letters = async || {
            patient
                .count(&last.letter.source, &LetterFilter::new())
                .await
                .unwrap()
        };
        assert_eq!(letters().await, 1);

        let end = End::Dead {
            letter: Box::new(last.letter.clone()),
            began: true,
        };
        proxy.set(Mode::StallAfter(passed));
        let first = store.finish(grant, end.clone()).await;
        proxy.set(Mode::Pass);
        until("the end is sent again", async || {
            matches!(store.finish(grant, end.clone()).await, Ok(Held::Yes))
        })
        .await;
        assert_eq!(letters().await, 1, "{first:?}");
        let status = patient.status(grant.record).await.unwrap();
        assert_eq!((status.state, status.attempts), (RecordState::Dead, 1));
        let purged = patient.purge(&last.letter.source, grant.record).await.unwrap();
        assert_eq!((purged, letters().await), (Purged::Yes, 0));
    }
}

#[tokio::test]
async fn case_28_a_connection_that_stops_responding_is_replaced() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let store = connected(&builder.clone().call_timeout(ms(2000))).await;
    proxy.stall_existing();
    let asked = Instant::now();
    let stalled = store.claim(Claim::new(key(), LONG)).await;
    assert!(stalled.is_err() && asked.elapsed() < PATIENCE / 2, "{stalled:?}");
    until("another connection is made", async || {
        store.claim(Claim::new(key(), LONG)).await.is_ok()
    })
    .await;
    // A caller may have a shorter timeout than the store.
    let store = builder.call_timeout(2 * PATIENCE).connect().await.unwrap();
    done(&store, key()).await;
    proxy.stall_existing();
    let impatient = tokio::time::timeout(ms(200), store.claim(Claim::new(key(), LONG))).await;
    assert!(impatient.is_err());
    let asked = Instant::now();
    done(&store, key()).await;
    assert!(asked.elapsed() < PATIENCE, "another connection");
}

#[tokio::test]
async fn calls_to_a_missing_server_end_soon_and_make_few_connections() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let builder = builder.call_timeout(ms(400)).connect_timeout(ms(300));
    let store = Arc::new(connected(&builder).await);
    proxy.set(Mode::Stall);
    let asked = Instant::now();
    let before = proxy.connections();
    let calls = join_all((0..200).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..2 {
                assert!(store.claim(Claim::new(key(), LONG)).await.is_err());
            }
        })
    }));
    for call in calls.await {
        call.unwrap();
    }
    // One call after another would take 160 seconds.
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    // The store makes one connection at a time, and each takes the whole connect timeout.
    let tried = proxy.connections() - before;
    let most = asked.elapsed().as_millis() / 300 + 2;
    assert!(tried as u128 <= most, "{tried}, at most {most}");
    proxy.set(Mode::Pass);
    until("it recovers", async || {
        store.claim(Claim::new(key(), LONG)).await.is_ok()
    })
    .await;
}
