//! The claims of the page "Which store?".

use super::suites::tests;
use super::table::{names, rows};
use super::{CASES, root};

const PAGE: &str = include_str!("../../../apideck-hooks/src/store/which_store.md");

#[test]
fn every_claim_names_a_test_that_exists() {
    let tests = tests();
    let (_, proofs) = CASES.split_once("## Which store?").expect("the second table");
    let (claims, proofs) = (rows(PAGE), rows(proofs));
    assert_eq!(claims.len(), proofs.len());
    let mut count = 0;
    for (claims, proofs) in claims.iter().zip(&proofs) {
        assert_eq!((claims.len(), proofs.len()), (5, 5), "{claims:?}");
        assert_eq!(claims[0], proofs[0]);
        for (claim, proof) in claims.iter().zip(proofs).skip(1) {
            assert_eq!(*claim == "-", *proof == "-", "{}: {claim}", claims[0]);
            assert!(*claim == "-" || proof.contains('`'), "{}: {claim}", claims[0]);
            for name in names(proof) {
                let exists = match name.contains('/') {
                    true => root().join(name).exists(),
                    false => tests.contains(name),
                };
                assert!(exists, "{}: {name}", claims[0]);
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count}");
}
