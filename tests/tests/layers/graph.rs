//! Circles in a graph of files.

use std::collections::{BTreeMap, BTreeSet};

/// Returns the groups of two and more files that reach each other.
pub(super) fn circles<'a>(edges: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<BTreeSet<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(from).or_default().insert(to);
        next.entry(to).or_default();
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|start| (*start, reach(&next, start))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (start, files) in &reached {
        let known = circles.iter().any(|circle| circle.contains(*start));
        if files.contains(start) && !known {
            let group = files.iter().filter(|file| reached[**file].contains(start));
            circles.push(group.map(|file| (*file).to_owned()).collect());
        }
    }
    circles.retain(|circle| circle.len() > 1);
    circles
}

/// The files that can be reached from `start`, which is among them only if it is on a circle.
fn reach<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        for to in &next[file] {
            if reached.insert(*to) {
                open.push(to);
            }
        }
    }
    reached
}

#[test]
fn a_circle_is_found_and_a_fork_is_not() {
    let edges = [
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
        ("c", "d"),
        ("e", "a"),
        ("a", "d"),
    ];
    let found = circles(edges.into_iter());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(circles([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")].into_iter()).is_empty());
}
