//! A Redis without memory, and a full list of letters (Cases 28 and 39).

use super::{
    LONG, RELEASE, SOURCE, claim, claim_of, dead, dead_letter, done, granted, key, letter, patient, run,
    run_command, store_on, verdict,
};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{
    DeadLetter, DeadLetterStore, End, Held, LastDelivery, LetterFilter, RecordState, Store, Verdict,
};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event, of};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;

async fn server(directory: &Directory) -> Server {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let options = [&options[..], &["--maxmemory", "6mb"]].concat();
    Server::start(directory, free_port(), &options).await
}

/// Fills the memory.
async fn fill(server: &Server, store: &RedisStore) {
    let mut client = server.client().await;
    for length in [100_000, 1000, 10] {
        let junk = "x".repeat(length);
        let mut n = 0;
        while redis::cmd("SET")
            .arg(format!("{length}-{n}"))
            .arg(&junk)
            .exec_async(&mut client)
            .await
            .is_ok()
        {
            n += 1;
        }
    }
    // Claims take the last bytes.
    let mut claims = 0;
    while verdict(store, key()).await != Verdict::Full {
        claims += 1;
        assert!(claims < 10_000, "the server is never full");
    }
}

#[tokio::test]
async fn case_28_a_full_server_grants_no_claim_and_records_ends() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = server(&directory).await;
    let store = store_on(&server).await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(run(&store, key()).await);
    }
    let (handled, alias) = (key(), key());
    let (grant, _) = granted(&store, claim_of(handled, Some(alias))).await;
    store.finish(grant, End::Done).await.unwrap();
    fill(&server, &store).await;

    // An alias has no room either. The claim is taken back then.
    let mut call = claim_of(key(), Some(key()));
    while store.claim(call.clone()).await.unwrap().verdict != Verdict::Full {
        call = claim_of(key(), Some(key()));
    }
    assert_eq!(store.status(call.event).await.unwrap().state, RecordState::Absent);
    let duplicate = claim(&store, handled, Some(alias)).await;
    assert_eq!((duplicate.record, duplicate.verdict), (handled, Verdict::Done));
    assert_eq!(store.renew(runs[0], LONG).await.unwrap(), Held::Yes);
    // The letter has no room, and the run goes on.
    let large = "x".repeat(1_000_000);
    assert_eq!(store.finish(runs[0], dead(&large)).await.unwrap(), Held::NoRoom);
    let status = store.status(runs[0].record).await.unwrap();
    assert!(
        matches!(status.state, RecordState::Running { .. }) && !status.kept,
        "{status:?}"
    );
    assert_eq!(store.count(SOURCE, &LetterFilter::new()).await.unwrap(), 0);
    for (grant, end) in runs.iter().zip([
        End::Done,
        RELEASE,
        End::Withdraw,
        End::Interrupt,
        End::Release { rest: LONG },
    ]) {
        assert_eq!(store.finish(*grant, end).await.unwrap(), Held::Yes);
    }
    assert!(store.end_rest(runs[4].record).await.unwrap());
    assert_eq!(verdict(&store, runs[0].record).await, Verdict::Done);
    run_command(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(store.finish(runs[5], dead(&large)).await.unwrap(), Held::Yes);
    done(&store, key()).await;
}

/// Nothing is counted that did not happen: neither a dead letter, nor a handled event.
#[tokio::test]
async fn case_28_a_full_server_dead_letters_nothing() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = server(&directory).await;
    let store = store_on(&server).await;
    let probe = Probe::new([Step::Gate(Box::new(Step::Refuse)), Step::Refuse]);
    let hooks = patient(&probe, store_on(&server).await).build().unwrap();
    let event = |id: &str| {
        let padding = "x".repeat(200_000);
        let body = format!(
            r#"{{"payload":{{"service_id":"crm","service_type":"crm","event_type":"vault.connection.created",
                "event_id":"{id}","entity_id":"{padding}"}}}}"#
        );
        of(body)
    };
    let running = tokio::spawn({
        let (hooks, delivery) = (hooks.clone(), event("e1"));
        async move { delivery.call(&hooks).await }
    });
    probe.started().await;
    fill(&server, &store).await;
    probe.open();
    let reply = running.await.unwrap();
    assert!(reply.code() == 503 && reply.retry_after().is_some(), "{reply:?}");
    event("e2").call(&hooks).await.assert_status(503);
    let stats = hooks.stats();
    assert_eq!((stats.dead_letters, stats.handled, stats.letters_full), (0, 0, 1));
    assert_eq!(probe.count(), 1);
    run_command(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
    event("e1").call(&hooks).await.assert_dead_lettered();
    assert_eq!(hooks.stats().dead_letters, 1);
}

#[tokio::test]
async fn case_39_a_full_list_takes_no_new_letter() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.builder().max_dead_letters(2).connect().await.unwrap();
    let first = dead_letter(&store, "{}").await;
    dead_letter(&store, "{}").await;
    let grant = run(&store, key()).await;
    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::NoRoom);
    assert!(matches!(
        store.status(grant.record).await.unwrap().state,
        RecordState::Running { .. }
    ));
    // A last delivery runs without its letter.
    let mut last = claim_of(key(), None);
    last.last = Some(Box::new(LastDelivery::new(letter("{}"))));
    let claimed = store.claim(last.clone()).await.unwrap();
    assert!(matches!(claimed.verdict, Verdict::Granted { .. }) && !claimed.lettered);
    // A letter of another source has room, and one that replaces a letter.
    let mut other = letter("{}");
    other.source = "other".to_owned();
    let end = End::Dead {
        letter: Box::new(other),
        began: true,
    };
    assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
    let replay = claim_of(first, None);
    let Some(Verdict::Granted { token, .. }) = store.replay(SOURCE, replay.clone()).await.unwrap() else {
        panic!("it is granted")
    };
    let grant = apideck_hooks::store::Grant::new(first, token, replay.id);
    assert_eq!(store.finish(grant, dead("{\"new\":1}")).await.unwrap(), Held::Yes);
    assert_eq!(store.count(SOURCE, &LetterFilter::new()).await.unwrap(), 2);
    // A lost run is told so, and not that there is no room.
    let lost = apideck_hooks::store::Grant::new(key(), token, replay.id);
    assert_eq!(store.finish(lost, dead("{}")).await.unwrap(), Held::Lost);
}

#[tokio::test]
async fn case_39_a_letter_that_does_not_fit_is_never_acknowledged() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let large = "x".repeat(DeadLetter::MAX_BODY + 1);
    let grant = run(&store, key()).await;
    assert_eq!(store.finish(grant, dead(&large)).await.unwrap(), Held::NoRoom);
    let status = store.status(grant.record).await.unwrap();
    assert!(matches!(status.state, RecordState::Running { .. }) && !status.kept);
    assert_eq!(store.finish(grant, dead(&large[1..])).await.unwrap(), Held::Yes);
    let kept = store.get(SOURCE, grant.record).await.unwrap().unwrap();
    assert_eq!(kept.letter.body.len(), DeadLetter::MAX_BODY);

    let store = isolated.builder().max_dead_letters(0).connect().await.unwrap();
    let probe = Probe::new([Step::Refuse]);
    let hooks = patient(&probe, store).build().unwrap();
    let delivery = event("vault.connection.callable", "e1");
    let reply = delivery.call(&hooks).await;
    assert!(reply.code() == 503 && reply.retry_after().is_some(), "{reply:?}");
    let stats = hooks.stats();
    assert_eq!((stats.letters_full, stats.dead_letters), (1, 0));
    // The event is not lost.
    delivery.call(&hooks).await.assert_handled();
}

/// The settings change while the store runs. A letter that could be lost is not acknowledged.
#[tokio::test]
async fn a_server_that_stops_keeping_letters_has_no_room_for_them() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = Server::durable(&directory, free_port()).await;
    let store = store_on(&server).await;
    let kept = dead_letter(&store, "{}").await;
    let grant = run(&store, key()).await;
    run_command(&server, &["CONFIG", "SET", "appendfsync", "everysec"]).await;
    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::NoRoom);
    let mut last = claim_of(key(), None);
    last.last = Some(Box::new(LastDelivery::new(letter("{}"))));
    assert!(!store.claim(last).await.unwrap().lettered);
    assert_eq!(verdict(&store, kept).await, Verdict::Dead { kept: true });
    run_command(&server, &["CONFIG", "SET", "appendfsync", "always"]).await;
    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Yes);
    assert_eq!(store.count(SOURCE, &LetterFilter::new()).await.unwrap(), 2);
}

/// A store that keeps no letters ends an event as the memory store does, and starts to keep them.
#[tokio::test]
async fn a_server_that_starts_to_keep_letters_is_noticed() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = Server::start(&directory, free_port(), &[]).await;
    let store = store_on(&server).await;
    assert!(store.dead_letters().is_none());
    let grant = run(&store, key()).await;
    assert_eq!(store.finish(grant, dead("{}")).await.unwrap(), Held::Yes);
    assert_eq!(verdict(&store, grant.record).await, Verdict::Dead { kept: false });
    run_command(&server, &["CONFIG", "SET", "appendfsync", "always"]).await;
    run_command(&server, &["CONFIG", "SET", "appendonly", "yes"]).await;
    dead_letter(&store, "{}").await;
    assert!(store.dead_letters().is_some());
    // The event without a letter can be claimed, because letters are kept now.
    let (_, attempt) = granted(&store, claim_of(grant.record, None)).await;
    assert_eq!(attempt, 2);
}
