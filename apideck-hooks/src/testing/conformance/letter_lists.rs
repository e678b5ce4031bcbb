//! Lists, counts and texts of dead letters. A store without dead letters passes.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use tokio::time::sleep;

use super::support::{
    at_once, claim_of, count, dead, dead_lettered, end, kept, letter, purge, replayed, source,
};
use crate::store::{
    Context, Cursor, DeadLetter, DeadLetterStore, DeadRecord, End, Key, LetterFilter, Purged, Store,
};

/// The order does not depend on the size of a page.
pub async fn dead_letters_are_listed_in_pages_newest_first(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let wanted = one_after_another(&*store, &source, 5).await;
    for page in [1, 2, 5, 100, u32::MAX] {
        assert_eq!(listed(letters, &source, page).await, wanted, "pages of {page}");
    }
    assert_eq!(list(letters, &source, &LetterFilter::new(), None, 0).await, []);
    for record in list(letters, &source, &LetterFilter::new(), None, 100).await {
        assert_eq!(kept(letters, &source, record.record).await, Some(record));
    }
}

/// Letters of one moment are listed too, each once.
pub async fn dead_letters_of_one_moment_are_listed_once(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let mut wanted = at_once((0..12).map(|_| {
        let (store, source) = (Arc::clone(&store), source.clone());
        async move { dead_lettered(&*store, letter(&source)).await }
    }))
    .await;
    let all = listed(letters, &source, 100).await;
    for page in [1, 3] {
        assert_eq!(listed(letters, &source, page).await, all, "pages of {page}");
    }
    let mut all = all;
    all.sort();
    wanted.sort();
    assert_eq!(all, wanted);
}

/// A cursor stays valid when its dead letter is purged, handled or dead-lettered again. The next
/// pages hold the older dead letters, each once.
pub async fn a_cursor_outlives_its_dead_letter(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let wanted = one_after_another(&*store, &source, 7).await;
    let mut found = Vec::new();
    let mut before = None;
    while let [record] = &list(letters, &source, &LetterFilter::new(), before, 1).await[..] {
        before = Some(record.cursor);
        found.push(record.record);
        match found.len() {
            1 | 4 => assert_eq!(purge(letters, &source, record.record).await, Purged::Yes),
            2 | 5 => {
                let (grant, _) = replayed(letters, &source, claim_of(record.record)).await;
                end(&*store, grant, End::Done).await;
            }
            3 | 6 => {
                let (grant, _) = replayed(letters, &source, claim_of(record.record)).await;
                sleep(Duration::from_millis(5)).await;
                end(&*store, grant, dead(letter(&source))).await;
            }
            _ => {}
        }
    }
    assert_eq!(found, wanted);
    // Events that were dead-lettered again are the newest now.
    let left = [wanted[5], wanted[2], wanted[6]];
    assert_eq!(listed(letters, &source, 2).await, left);
    assert_eq!(count(letters, &source).await, 3);
}

/// A filter chooses by name, by prefix and by time. It includes its begin and not its end.
pub async fn a_filter_chooses_by_name_and_time(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let source = source();
    let mut records = Vec::new();
    for name in ["a", "b", "a.b", "b", "a"] {
        let letter = letter(&source).event(name, "", "", "");
        records.push(dead_lettered(&*store, letter).await);
        sleep(Duration::from_millis(5)).await;
    }
    let mut all: Vec<DeadRecord> = Vec::new();
    while all.len() < records.len() {
        let before = all.last().map(|dead| dead.cursor);
        let page = list(letters, &source, &LetterFilter::new(), before, 100).await;
        assert!(!page.is_empty(), "the list ended early");
        all.extend(page);
    }
    let time = |index: usize| all[4 - index].since();
    let named = |name: &str| LetterFilter::new().event_type(name);
    let chosen = [
        (named("a"), vec![4, 0]),
        (named("b"), vec![3, 1]),
        (named("a*"), vec![4, 2, 0]),
        (named("a.*"), vec![2]),
        (named("*"), vec![4, 3, 2, 1, 0]),
        (named("A*"), vec![]),
        (named("*b"), vec![]),
        (named("A"), vec![]),
        (named(""), vec![]),
        (LetterFilter::new().since(time(1)), vec![4, 3, 2, 1]),
        (LetterFilter::new().until(time(3)), vec![2, 1, 0]),
        (LetterFilter::new().since(time(1)).until(time(4)), vec![3, 2, 1]),
        (named("a*").since(time(1)).until(time(4)), vec![2]),
        (LetterFilter::new().since(time(2)).until(time(2)), vec![]),
        (LetterFilter::new().until(UNIX_EPOCH), vec![]),
        (LetterFilter::new().since(UNIX_EPOCH), vec![4, 3, 2, 1, 0]),
    ];
    for (filter, wanted) in chosen {
        let wanted: Vec<_> = wanted.into_iter().map(|index| records[index]).collect();
        for page in [1, 2, 100] {
            let found = pages(letters, &source, &filter, page).await;
            assert_eq!(found, wanted, "{filter:?}, pages of {page}");
        }
        let counted = letters.count(&source, &filter).await.expect("a count");
        assert_eq!(counted, wanted.len() as u64, "{filter:?}");
    }
}

/// Each source with dead letters is named once, with their number.
pub async fn sources_are_listed_with_their_counts(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let (one, two) = (source(), source());
    let only = dead_lettered(&*store, letter(&one)).await;
    dead_lettered(&*store, letter(&two)).await;
    dead_lettered(&*store, letter(&two)).await;
    assert_eq!(named(letters, &one).await, [1]);
    assert_eq!(named(letters, &two).await, [2]);
    assert_eq!((count(letters, &one).await, count(letters, &two).await), (1, 2));
    assert_eq!(listed(letters, &one, 100).await, [only]);
    assert_eq!(purge(letters, &one, only).await, Purged::Yes);
    assert!(named(letters, &one).await.is_empty());
    assert_eq!(named(letters, &two).await, [2]);
}

/// Every text and every byte of a dead letter comes back as it was. So does an empty body.
pub async fn a_dead_letter_comes_back_as_it_was(store: Arc<impl Store>) {
    let Some(letters) = store.dead_letters() else {
        return;
    };
    let all_bytes: Vec<u8> = (0..=255).collect();
    let bodies = [Bytes::new(), Bytes::from_static(b"\0"), Bytes::from(all_bytes)];
    for (text, body) in TEXTS.iter().zip(bodies.iter().cycle()) {
        let mut context = Context::new();
        context.insert(*text, "value").expect("it fits");
        context.insert("name", *text).expect("it fits");
        let source = format!("{}-{text}", source());
        let kept_as = DeadLetter::new(source.clone(), body.clone())
            .event(*text, format!("1{text}"), format!("{text}2"), format!("3{text}3"))
            .error(format!("error: {text}"))
            .context(context);
        let event = dead_lettered(&*store, kept_as.clone()).await;
        let record = kept(letters, &source, event).await.expect("a dead letter");
        assert!(record.letter == kept_as, "{text:?}: {record:?}");
        for other in TEXTS {
            let filter = LetterFilter::new().event_type(*other);
            let wanted: &[_] = if text == other { &[event] } else { &[] };
            assert_eq!(pages(letters, &source, &filter, 10).await, wanted, "{other:?}");
        }
        let filter = LetterFilter::new().event_type(format!("{text}*"));
        assert_eq!(
            pages(letters, &source, &filter, 10).await,
            [event],
            "{text:?} and `*`"
        );
        assert_eq!(named(letters, &source).await, [1], "{text:?}");
        let (grant, _) = replayed(letters, &source, claim_of(event)).await;
        end(&*store, grant, End::Done).await;
        assert_eq!(count(letters, &source).await, 0);
    }
}

/// Texts that a store may have to escape, and texts that look like an escape.
const TEXTS: &[&str] = &[
    "",
    "\0",
    "a\0b\0",
    r"\0",
    r"\\0",
    r"\u0000",
    "\\",
    "%00",
    "\u{2400}",
    "\u{fffd}",
    "'; DROP TABLE x; --",
    "\"quoted\"",
    "{\"a\":1}",
    "line\r\nline\ttab\u{7f}\u{1b}",
    "é ß 漢字 🦀 \u{202e}",
    "{}*?[a]:",
    " padded ",
];

/// Dead-letters new events one after another. Returns them in the order of the list.
async fn one_after_another(store: &dyn Store, source: &str, number: usize) -> Vec<Key> {
    let mut records = Vec::new();
    for _ in 0..number {
        records.push(dead_lettered(store, letter(source)).await);
        // The pause gives each dead letter its own time, also on a clock that counts milliseconds.
        sleep(Duration::from_millis(5)).await;
    }
    records.reverse();
    records
}

async fn list(
    letters: &dyn DeadLetterStore,
    source: &str,
    filter: &LetterFilter,
    before: Option<Cursor>,
    limit: u32,
) -> Vec<DeadRecord> {
    letters.list(source, filter, before, limit).await.expect("a list")
}

/// Returns all records of the source in the order of the list, read in pages.
async fn listed(letters: &dyn DeadLetterStore, source: &str, page: u32) -> Vec<Key> {
    pages(letters, source, &LetterFilter::new(), page).await
}

/// Returns the records that match the filter in the order of the list, read in pages.
async fn pages(letters: &dyn DeadLetterStore, source: &str, filter: &LetterFilter, page: u32) -> Vec<Key> {
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let records = list(letters, source, filter, before, page).await;
        assert!(records.len() <= page as usize);
        let Some(last) = records.last() else { return found };
        before = Some(last.cursor);
        found.extend(records.iter().map(|record| record.record));
    }
}

/// Returns the counts under which the source is listed.
async fn named(letters: &dyn DeadLetterStore, source: &str) -> Vec<u64> {
    let sources = letters.sources().await.expect("the sources");
    let named = sources.into_iter().filter(|(name, _)| name == source);
    named.map(|(_, count)| count).collect()
}
