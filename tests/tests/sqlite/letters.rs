//! Dead letters in the file.

use super::{dead, dead_letter, end, granted, key, letter, open};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{
    Context, DeadLetter, DeadLetterStore, End, Held, LastDelivery, LetterFilter, RecordState, Store, Verdict,
};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::sqlite::open_with;
use bytes::Bytes;
use std::time::Duration;

#[tokio::test]
async fn a_letter_of_any_text_survives_a_restart() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let odd = "a\0b\u{1f600}'\"\\";
    let mut context = Context::new();
    context.insert(odd, odd).unwrap();
    let bodies = [
        Bytes::new(),
        Bytes::from_static(b"\0\xff{}"),
        Bytes::from(vec![b'x'; 1 << 20]),
    ];
    let letters = bodies.map(|body| {
        let letter = DeadLetter::new(odd, body).event(odd, "", odd, odd);
        letter.error(odd).context(context.clone())
    });
    {
        let store = open(&file).await;
        for (n, letter) in (0..).zip(&letters) {
            dead_letter(&store, key(n), letter.clone()).await;
        }
    }
    let store = open(&file).await;
    for (n, letter) in (0..).zip(&letters) {
        let kept = store.get(odd, key(n)).await.unwrap().unwrap();
        assert_eq!((&kept.letter, kept.attempts, kept.running), (letter, 1, false));
        assert_eq!(store.get("a", key(n)).await.unwrap(), None);
    }
    assert_eq!(store.sources().await.unwrap(), [(odd.to_owned(), 3)]);
    let filter = LetterFilter::new().event_type(odd);
    assert_eq!(store.list(odd, &filter, None, 10).await.unwrap().len(), 3);
}

/// There is never a dead event without its letter.
#[tokio::test]
async fn case_39_a_full_list_and_a_large_letter_have_no_room() {
    let directory = Directory::default();
    let store = open_with(SqliteStore::builder(directory.file("hooks.db")).max_dead_letters(3)).await;
    let no_room = async |n: u64, letter: DeadLetter| {
        let (run, _) = granted(&store, key(n)).await;
        let held = store.finish(run, dead(letter.clone())).await.unwrap();
        assert_eq!(held, Held::NoRoom);
        let state = store.status(key(n)).await.unwrap().state;
        assert!(matches!(state, RecordState::Running { .. }), "{state:?}");
        assert_eq!(store.get(&letter.source, key(n)).await.unwrap(), None);
        run
    };
    let body = Bytes::from(vec![b' '; DeadLetter::MAX_BODY + 1]);
    no_room(1, DeadLetter::new("", body)).await;
    for n in 2..=4 {
        dead_letter(&store, key(n), letter("e")).await;
    }
    let run = no_room(5, letter("e")).await;
    // A letter that is kept is replaced, and another source has room of its own.
    let again = store.replay("", super::claim(key(2))).await.unwrap();
    assert!(matches!(again, Some(Verdict::Granted { .. })), "{again:?}");
    let mut elsewhere = letter("e");
    elsewhere.source = "other".to_owned();
    dead_letter(&store, key(6), elsewhere).await;
    // A last delivery runs without a letter.
    let mut claim = super::claim(key(7));
    claim.last = Some(Box::new(LastDelivery::new(letter("e"))));
    let claimed = store.claim(claim).await.unwrap();
    assert!(!claimed.lettered && matches!(claimed.verdict, Verdict::Granted { .. }));
    // A purge makes room.
    store.purge("", key(3)).await.unwrap();
    end(&store, run, dead(letter("e"))).await;
    assert_eq!(store.count("", &LetterFilter::new()).await.unwrap(), 3);
}

/// The letters that are too many in one batch have no room either.
#[tokio::test]
async fn case_39_letters_of_one_batch_are_counted() {
    let directory = Directory::default();
    let store = open_with(SqliteStore::builder(directory.file("hooks.db")).max_dead_letters(3)).await;
    let mut runs = Vec::new();
    for n in 0..8 {
        runs.push(granted(&store, key(n)).await.0);
    }
    let ends = runs.into_iter().map(|run| store.finish(run, dead(letter("e"))));
    let ends = futures_util::future::join_all(ends).await;
    let kept = ends.iter().filter(|end| *end.as_ref().unwrap() == Held::Yes);
    assert_eq!(kept.count(), 3);
    assert_eq!(store.count("", &LetterFilter::new()).await.unwrap(), 3);
}

#[tokio::test]
async fn a_page_of_dead_letters_ends_at_16_mib() {
    let directory = Directory::default();
    let store = open(&directory.file("hooks.db")).await;
    for n in 0..40 {
        let body = Bytes::from(vec![b' '; 1024 * 1024]);
        let letter = DeadLetter::new("", body).event("", n.to_string(), "", "");
        dead_letter(&store, key(n), letter).await;
    }
    let (mut before, mut pages, mut ids) = (None, Vec::new(), Vec::new());
    loop {
        let page = store
            .list("", &LetterFilter::new(), before, u32::MAX)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor);
        pages.push(page.len());
        let page = page
            .iter()
            .map(|dead| dead.letter.event_id.parse::<u64>().unwrap());
        ids.extend(page);
    }
    assert_eq!(pages, [16, 16, 8]);
    assert_eq!(ids, (0..40).rev().collect::<Vec<_>>());
}

/// A crash in a replay leaves the letter, and the next replay is granted at once.
#[tokio::test]
async fn case_34_a_letter_outlives_a_crash_in_a_replay() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    {
        let store = open(&file).await;
        dead_letter(&store, key(1), letter("e1")).await;
        let replay = store.replay("", super::claim(key(1))).await.unwrap();
        assert!(
            matches!(replay, Some(Verdict::Granted { attempt: 2, .. })),
            "{replay:?}"
        );
        let busy = store.replay("", super::claim(key(1))).await.unwrap();
        assert!(
            matches!(busy, Some(Verdict::Running { kept: true, .. })),
            "{busy:?}"
        );
    }
    let store = open(&file).await;
    let verdict = store.claim(super::claim(key(1))).await.unwrap().verdict;
    assert_eq!(verdict, Verdict::Dead { kept: true });
    let claim = super::claim(key(1));
    let id = claim.id;
    let replay = store.replay("", claim).await.unwrap();
    let Some(Verdict::Granted { token, attempt: 3 }) = replay else {
        panic!("{replay:?}")
    };
    let run = apideck_hooks::store::Grant::new(key(1), token, id);
    assert_eq!(
        store.renew(run, Duration::from_secs(60)).await.unwrap(),
        Held::Yes
    );
    end(&store, run, End::Done).await;
    assert_eq!(store.sources().await.unwrap(), []);
}
