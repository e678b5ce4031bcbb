//! Dead letters: their texts, their room, and replays beside deliveries and purges.

use super::{EVENT, LEASE, SOURCE, claim_of, database, granted, hooks, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{
    Claim, Context, DeadLetter, End, Grant, Held, LastDelivery, LetterFilter, Purged, RecordState, Store,
    Verdict,
};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

fn dead(letter: DeadLetter) -> End {
    End::Dead {
        letter: Box::new(letter),
        began: true,
    }
}

/// PostgreSQL cannot hold a NUL in a text. It comes back all the same, and a source with one is a
/// source of its own.
#[tokio::test(flavor = "multi_thread")]
async fn every_text_comes_back_as_it_was() {
    let database = database!();
    let store = database.store(2).await;
    let letters = store.dead_letters().unwrap();
    let texts = ["", "plain", "a\0b", r"a\0b", r"\", "\0", "é\u{fffd}\u{10ffff}"];
    for (text, n) in texts.iter().zip(1..) {
        let mut context = Context::new();
        context.insert(format!("tenant{text}"), *text).unwrap();
        let letter = DeadLetter::new(*text, vec![0, 255, n as u8])
            .event(*text, *text, *text, *text)
            .error(*text)
            .context(context);
        let (grant, _) = granted(&store, claim_of(key(n), None)).await;
        assert_eq!(
            store.finish(grant, dead(letter.clone())).await.unwrap(),
            Held::Yes
        );
        let kept = letters.get(text, key(n)).await.unwrap().unwrap();
        assert_eq!(kept.letter, letter);
        let filter = LetterFilter::new().event_type(*text);
        assert_eq!(letters.list(text, &filter, None, 10).await.unwrap(), [kept]);
    }
    let sources = letters.sources().await.unwrap();
    assert_eq!(sources.len(), texts.len());
    for text in texts {
        assert!(sources.contains(&(text.to_owned(), 1)), "{text:?} {sources:?}");
    }
}

/// A full list: a permanent error and a last delivery are never a `200` without a letter.
#[tokio::test(flavor = "multi_thread")]
async fn case_39_a_full_list_of_letters_is_503() {
    let database = database!();
    let store = database.builder(2).max_dead_letters(2).build().unwrap();
    store.migrate().await.unwrap();
    let probe = Probe::new((0..4).map(|_| Step::Refuse));
    let hooks = hooks(&probe).store(store).build().unwrap();
    for (id, word) in [("e1", "dead_lettered"), ("e2", "dead_lettered"), ("e3", "503")] {
        assert_eq!(event(EVENT, id).call(&hooks).await.outcome(), word);
    }
    let letters = hooks.dead_letters().unwrap();
    assert_eq!(letters.count(&LetterFilter::new()).await.unwrap(), 2);
    // The letters of another source take no room of this one.
    let newest = letters.list(&LetterFilter::new(), None, 1).await.unwrap();
    assert_eq!(letters.purge(newest[0].record).await.unwrap(), Purged::Yes);
    event(EVENT, "e3").call(&hooks).await.assert_dead_lettered();
}

#[tokio::test(flavor = "multi_thread")]
async fn case_39_a_letter_that_does_not_fit_has_no_room() {
    let database = database!();
    let (store, pool) = (database.store(2).await, database.pool(1));
    let large = DeadLetter::new(SOURCE, vec![b' '; DeadLetter::MAX_BODY + 1]);
    let mut claim = claim_of(key(1), None);
    claim.last = Some(Box::new(LastDelivery::new(large.clone())));
    let id = claim.id;
    let claimed = store.claim(claim).await.unwrap();
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    assert!(!claimed.lettered, "it runs without a letter");
    let grant = Grant::new(claimed.record, token, id);
    assert_eq!(store.finish(grant, dead(large)).await.unwrap(), Held::NoRoom);
    let running = "SELECT count(*) FROM {}.records WHERE phase = 0 AND body IS NULL";
    assert_eq!(number(&database, &pool, running).await, 1);
    let largest = DeadLetter::new(SOURCE, vec![b' '; DeadLetter::MAX_BODY]);
    assert_eq!(store.finish(grant, dead(largest)).await.unwrap(), Held::Yes);
}

/// Two sources with the same key: neither lists, replays nor purges the other's letter (Case 30).
#[tokio::test(flavor = "multi_thread")]
async fn case_30_a_letter_belongs_to_its_source() {
    let database = database!();
    let store = database.store(2).await;
    let letters = store.dead_letters().unwrap();
    let (grant, _) = granted(&store, claim_of(key(1), None)).await;
    let end = dead(DeadLetter::new("billing", "{}"));
    assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
    let claim = || Claim::new(key(1), LEASE);
    assert_eq!(letters.replay("crm", claim()).await.unwrap(), None);
    assert_eq!(letters.purge("crm", key(1)).await.unwrap(), Purged::Unknown);
    assert!(letters.get("crm", key(1)).await.unwrap().is_none());
    assert_eq!(letters.count("crm", &LetterFilter::new()).await.unwrap(), 0);
    let replayed = letters.replay("billing", claim()).await.unwrap();
    assert!(matches!(replayed, Some(Verdict::Granted { attempt: 2, .. })));
}

async fn dead_letter(store: &PostgresStore, n: u64) {
    let (grant, _) = granted(store, claim_of(key(n), None)).await;
    let end = dead(DeadLetter::new(SOURCE, "{}"));
    assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
}

/// Replays, deliveries and purges of one letter at once. One run, or a purge: what each was told is
/// true of the store afterwards, and the letter is there until the event is done.
#[tokio::test(flavor = "multi_thread")]
async fn case_34_replays_deliveries_and_purges_at_once_agree() {
    let database = database!();
    let store = Arc::new(database.store(8).await);
    for n in 0..150 {
        dead_letter(&store, n).await;
        let replays = (0..3).map(|_| {
            let store = Arc::clone(&store);
            async move {
                let claim = Claim::new(key(n), LEASE);
                let id = claim.id;
                let letters = store.dead_letters().unwrap();
                let verdict = letters.replay(SOURCE, claim).await.unwrap();
                (verdict, id)
            }
        });
        let purge = async { store.dead_letters().unwrap().purge(SOURCE, key(n)).await.unwrap() };
        let delivery = store.claim(claim_of(key(n), None));
        let (replays, purged, delivered) = tokio::join!(join_all(replays), purge, delivery);
        let status = store.status(key(n)).await.unwrap();
        let mut runs = Vec::new();
        for (verdict, id) in replays {
            match verdict {
                Some(Verdict::Granted { token, .. }) => runs.push(Grant::new(key(n), token, id)),
                Some(Verdict::Running { kept, .. }) => assert!(kept),
                None => assert_eq!(purged, Purged::Yes),
                other => panic!("{other:?}"),
            }
        }
        let delivered = delivered.unwrap().verdict;
        match purged {
            Purged::Yes => {
                assert!(runs.is_empty(), "a purged event runs no more");
                assert_eq!((status.state, status.kept), (RecordState::Done, false));
                assert!(matches!(delivered, Verdict::Done | Verdict::Dead { kept: true }));
            }
            Purged::Busy => {
                assert_eq!(runs.len(), 1);
                assert!(matches!(status.state, RecordState::Running { .. }) && status.kept);
                let running = matches!(delivered, Verdict::Running { kept: true, .. });
                assert!(
                    running || delivered == Verdict::Dead { kept: true },
                    "{delivered:?}"
                );
                let release = End::Release { rest: Duration::ZERO };
                assert_eq!(store.finish(runs[0], release).await.unwrap(), Held::Yes);
                let status = store.status(key(n)).await.unwrap();
                assert_eq!((status.state, status.kept), (RecordState::Dead, true));
            }
            other => panic!("{other:?}"),
        }
    }
}
