//! The sorted forms and the events that handlers get, compared with those of Node.js.
//!
//! `APIDECK_HOOKS_SEED` sets the seed of the documents and `APIDECK_HOOKS_DOCUMENTS` their number.
//! Without Node.js the test is skipped.

mod body;
mod document;
mod event;
mod events;
mod kinds;
mod numbers;
mod process;
mod tokens;

use std::{
    env,
    hash::{BuildHasher, RandomState},
    thread,
};

use apideck_hooks::signature::canonical::{Sorting, canonical};
use document::Generator;
use process::{Node, SORT};

/// The number of documents in flight.
const BATCH: usize = 500;

#[test]
fn sorted_forms_equal_those_of_node() {
    let Some(mut node) = Node::start(SORT) else { return };
    let documents = number("APIDECK_HOOKS_DOCUMENTS").unwrap_or(10_000) as usize;
    let seed = seed(documents);

    let mut generator = Generator::new(seed);
    let (mut good, mut differ, mut bad) = (0_usize, 0_usize, 0_usize);
    let mut left = documents;
    while left > 0 {
        let batch: Vec<_> = (0..BATCH.min(left)).map(|_| generator.document()).collect();
        left -= batch.len();
        let (questions, answers) = node.both();
        thread::scope(|scope| {
            scope.spawn(|| batch.iter().for_each(|document| questions.ask(document)));
            for document in &batch {
                let expected = answers.next();
                match &expected {
                    Some([sorted, in_arrays]) => {
                        good += 1;
                        differ += usize::from(sorted != in_arrays);
                    }
                    None => bad += 1,
                }
                compare(document, expected.as_ref(), &format!("seed {seed}"));
            }
        });
    }
    println!(
        "{good} documents with the same texts ({differ} of them with two different ones), {bad} refused by both"
    );
    if documents >= 1_000 {
        assert!(
            good > documents / 2 && differ > documents / 10 && bad > documents / 20,
            "the documents are too much alike"
        );
    }
}

/// Compares both sorted forms of a document with those of Node.js.
fn compare(document: &[u8], expected: Option<&[Vec<u8>; 2]>, origin: &str) {
    let mut texts = Vec::new();
    for (at, form) in [Sorting::OutsideArrays, Sorting::Everywhere]
        .into_iter()
        .enumerate()
    {
        let ours = canonical(document, form);
        let differs = ours.as_ref().is_ok_and(|ours| ours.differs());
        let ours = ours.ok().map(|ours| ours.into_text(document));
        let theirs = expected.map(|texts| &texts[at]);
        assert!(
            ours.as_ref() == theirs,
            "{form:?} with {origin}\n  document: {}\n  ours:     {}\n  Node's:   {}",
            document.escape_ascii(),
            ours.as_deref().unwrap_or(b"(none)").escape_ascii(),
            theirs.map_or(&b"(none)"[..], Vec::as_slice).escape_ascii(),
        );
        texts.push((ours, differs));
    }
    assert_eq!(texts[0].1, texts[1].1, "{origin}: {}", document.escape_ascii());
    assert!(
        texts[0].1 || texts[0].0 == texts[1].0,
        "{origin}: {}",
        document.escape_ascii()
    );
}

/// Returns the seed of the generator, and reports it.
fn seed(documents: usize) -> u64 {
    let seed = number("APIDECK_HOOKS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("{documents} documents from APIDECK_HOOKS_SEED={seed}");
    seed
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {value}")),
    )
}
