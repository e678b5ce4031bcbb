//! Random tests with seeds, so that a failure can be reproduced.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestError, TestRng, TestRunner};
use std::env;
use std::hash::{BuildHasher, RandomState};

/// Runs a test with random histories, each from a seed of its own. `APIDECK_HOOKS_HISTORIES` sets
/// their number, by default `default`, and `APIDECK_HOOKS_SEED` the first seed.
///
/// # Panics
///
/// If a history fails, with its seed and the shortest history that fails too.
pub(crate) fn histories<S: Strategy>(default: u64, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let first = number("APIDECK_HOOKS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let count = number("APIDECK_HOOKS_HISTORIES").unwrap_or(default);
    println!("{count} histories from APIDECK_HOOKS_SEED={first}");
    if let Err(failure) = all(first, count, strategy, test) {
        panic!("{failure}");
    }
}

fn all<S: Strategy>(
    first: u64,
    count: u64,
    strategy: &S,
    test: impl Fn(S::Value) -> TestCaseResult,
) -> Result<(), String> {
    for seed in (0..count).map(|n| first.wrapping_add(n)) {
        if let Err(error) = one(seed, strategy, &test) {
            return Err(format!(
                "{error}\nAPIDECK_HOOKS_SEED={seed} APIDECK_HOOKS_HISTORIES=1 reproduces it"
            ));
        }
    }
    Ok(())
}

fn one<S: Strategy>(
    seed: u64,
    strategy: &S,
    test: impl Fn(S::Value) -> TestCaseResult,
) -> Result<(), TestError<S::Value>> {
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: 10_000,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(config, random).run(strategy, test)
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {value}")),
    )
}

#[test]
fn a_failure_is_shrunk_and_reports_its_seed() {
    let numbers = proptest::collection::vec(0_u8..100, 1..50);
    let fails = |numbers: Vec<u8>| match numbers.contains(&7) {
        true => Err(proptest::test_runner::TestCaseError::fail("seven")),
        false => Ok(()),
    };
    let run = || (0..1000).find_map(|seed| Some((seed, one(seed, &numbers, fails).err()?)));
    let (seed, TestError::Fail(_, shortest)) = run().expect("a failure") else {
        panic!("the test was aborted");
    };
    assert_eq!(shortest, [7]);
    let again = one(seed, &numbers, fails);
    assert!(matches!(again, Err(TestError::Fail(_, again)) if again == shortest));
    let report = all(0, 1000, &numbers, fails).expect_err("a failure");
    assert!(
        report.contains(&format!("APIDECK_HOOKS_SEED={seed} ")),
        "{report}"
    );
}
