//! Aliases: delivery keys and the records that they name, under races and after crashes.

use super::{LONG, RELEASE, SOURCE, claim, claim_of, done, grant_of, granted, key, letter, ms, proxied, run};
use apideck_hooks::store::{
    Claimed, DeadLetterStore, End, Held, Key, LastDelivery, LetterFilter, RecordState, Status, Store, Verdict,
};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::proxy::Mode;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn alias_name(isolated: &Isolated, alias: Key) -> String {
    format!("{}:alias:{alias}", isolated.prefix)
}

async fn bind_by_hand(isolated: &Isolated, alias: Key, record: Key) {
    redis::cmd("SET")
        .arg(alias_name(isolated, alias))
        .arg(format!("{record}:{:032x}", 7))
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
}

async fn time_to_live(isolated: &Isolated, name: String) -> i64 {
    let mut client = isolated.client().await;
    redis::cmd("PTTL")
        .arg(name)
        .query_async(&mut client)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_alias_without_a_record_blocks_no_event() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    // A claim of the same event.
    let (event, alias) = (key(), key());
    bind_by_hand(&isolated, alias, event).await;
    let (grant, attempt) = granted(&store, claim_of(event, Some(alias))).await;
    assert_eq!((grant.record, attempt), (event, 1));
    // A claim of another event binds the alias anew.
    let (gone, event, alias) = (key(), key(), key());
    bind_by_hand(&isolated, alias, gone).await;
    let (grant, attempt) = granted(&store, claim_of(event, Some(alias))).await;
    assert_eq!((grant.record, attempt), (event, 1));
    assert_eq!(store.status(gone).await.unwrap(), Status::ABSENT);
    let third = claim(&store, key(), Some(alias)).await;
    assert!(third.record == event && matches!(third.verdict, Verdict::Running { .. }));
}

#[tokio::test]
async fn one_claim_wins_an_alias_without_a_record() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(Arc::new(builder.clone().connect().await.unwrap()));
    }
    proxy.set(Mode::Jitter);
    for round in 0..48 {
        let (gone, alias) = (key(), key());
        bind_by_hand(&isolated, alias, gone).await;
        // Two claims are of the event that the alias named, the others of new events.
        let claims = join_all((0..8).map(|n| {
            let store = Arc::clone(&stores[n % stores.len()]);
            let event = if n < 2 { gone } else { key() };
            // A delay, to come between the steps of the claims that bind the alias anew.
            let late = ms(if n < 2 { round % 16 } else { 0 });
            tokio::spawn(async move {
                sleep(late).await;
                claim(&store, event, Some(alias)).await
            })
        }));
        let claims: Vec<Claimed> = claims.await.into_iter().map(Result::unwrap).collect();
        let granted = |claimed: &&Claimed| matches!(claimed.verdict, Verdict::Granted { .. });
        let winners: Vec<_> = claims.iter().filter(granted).collect();
        let [winner] = winners[..] else {
            panic!("round {round}: {claims:?}")
        };
        // The other claims find a running record. Some may have found a claim that was taken back
        // later, so all ask again.
        let running = |claimed: &&Claimed| matches!(claimed.verdict, Verdict::Running { .. });
        assert_eq!(
            claims.iter().filter(running).count(),
            7,
            "round {round}: {claims:?}"
        );
        for event in [gone, key()] {
            let again = claim(&stores[0], event, Some(alias)).await;
            assert!(
                again.record == winner.record && running(&&again),
                "round {round}: {again:?}"
            );
        }
    }
}

/// Case 5. Two events with one alias are claimed at once, and both claims carry a letter. The claim
/// that loses the alias leaves neither a run, nor a letter, nor a place in the list.
#[tokio::test]
async fn case_05_a_claim_that_loses_its_alias_takes_itself_and_its_letter_back() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    let stores = [
        Arc::new(builder.clone().connect().await.unwrap()),
        Arc::new(builder.connect().await.unwrap()),
    ];
    proxy.set(Mode::Jitter);
    for round in 0..200 {
        let (events, alias) = ([key(), key()], key());
        // In every other round both records exist.
        let before = round % 2;
        for event in events.iter().take(2 * before) {
            let grant = run(&stores[0], *event).await;
            assert_eq!(stores[0].finish(grant, RELEASE).await.unwrap(), Held::Yes);
        }
        let source = format!("{SOURCE}-{round}");
        let claims = join_all(events.into_iter().zip(&stores).map(|(event, store)| {
            let store = Arc::clone(store);
            let mut claim = claim_of(event, Some(alias));
            let mut letter = letter("{}");
            letter.source.clone_from(&source);
            let mut last = LastDelivery::new(letter);
            last.min_age = Duration::ZERO;
            claim.last = Some(Box::new(last));
            tokio::spawn(async move { store.claim(claim).await.unwrap() })
        }));
        let claims: Vec<Claimed> = claims.await.into_iter().map(Result::unwrap).collect();
        let granted = |claimed: &&Claimed| matches!(claimed.verdict, Verdict::Granted { .. });
        let winner = claims.iter().find(granted).unwrap().record;
        assert_eq!(claims.iter().filter(granted).count(), 1, "{claims:?}");
        assert!(
            claims.iter().all(|claimed| claimed.record == winner),
            "{claims:?}"
        );
        let loser = if events[0] == winner { events[1] } else { events[0] };
        let status = stores[0].status(loser).await.unwrap();
        let state = match before {
            0 => RecordState::Absent,
            _ => RecordState::Released { left: Duration::ZERO },
        };
        assert_eq!(
            (status.state, status.attempts, status.kept),
            (state, before as u32, false)
        );
        let count = stores[0].count(&source, &LetterFilter::new()).await.unwrap();
        assert_eq!(count, 1);
        let places: Vec<String> = redis::cmd("ZRANGE")
            .arg(format!("{}:letters:{source}", isolated.prefix))
            .arg(&[0, -1])
            .query_async(&mut isolated.client().await)
            .await
            .unwrap();
        assert_eq!(places, [winner.to_string()]);
    }
}

#[tokio::test]
async fn the_next_run_binds_an_alias_that_a_crash_left_out() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (event, alias) = (key(), key());
    let mut call = claim_of(event, Some(alias));
    let (grant, _) = granted(&store, call.clone()).await;
    let mut client = isolated.client().await;
    let mut unbind = redis::cmd("DEL");
    unbind.arg(alias_name(&isolated, alias));
    unbind.exec_async(&mut client).await.unwrap();
    // The claim that is sent again binds it.
    let again = store.claim(call.clone()).await.unwrap();
    assert_eq!(grant_of(&call, again).0, grant);
    assert_eq!(claim(&store, key(), Some(alias)).await.record, event);
    unbind.exec_async(&mut client).await.unwrap();
    // So does a later run.
    store.finish(grant, RELEASE).await.unwrap();
    call.id = apideck_hooks::store::ClaimId::random();
    assert_eq!(granted(&store, call).await.1, 2);
    assert_eq!(claim(&store, key(), Some(alias)).await.record, event);
}

/// Case 24. A process with a short retention neither shortens the life of an alias nor that of a
/// record.
#[tokio::test]
async fn case_24_an_alias_outlives_its_record_under_two_retentions() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let long = isolated.builder().retention(days(30)).connect().await.unwrap();
    let short = isolated.builder().retention(days(1)).connect().await.unwrap();
    let (event, alias) = (key(), key());
    let (grant, _) = granted(&long, claim_of(event, Some(alias))).await;
    assert_eq!(short.finish(grant, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(claim(&short, key(), Some(alias)).await.record, event);
    let record = time_to_live(&isolated, format!("{}:record:{event}", isolated.prefix)).await;
    let alias = time_to_live(&isolated, alias_name(&isolated, alias)).await;
    let month = days(30).as_millis() as i64;
    assert!(
        record > month - LONG.as_millis() as i64 && alias > record,
        "{record} {alias}"
    );
}

#[tokio::test]
async fn every_record_and_alias_expires() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    done(&store, key()).await;
    claim(&store, key(), Some(key())).await;
    let mut seen = 0;
    for name in isolated.keys().await {
        if name.ends_with(":format") {
            continue;
        }
        let left = time_to_live(&isolated, name.clone()).await;
        assert!(left > 0, "{name} is kept for ever");
        seen += 1;
    }
    assert_eq!(seen, 3);
}
