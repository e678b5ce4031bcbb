//! Sizes of tests.

/// Returns the size of a load: this one, times `APIDECK_HOOKS_SIZE` in the environment. Before a
/// release it is 10 or more, and a test takes minutes.
///
/// # Panics
///
/// If the variable is not a number from 1.
pub fn sized(size: usize) -> usize {
    let times = match std::env::var("APIDECK_HOOKS_SIZE") {
        Ok(times) => times.parse().ok().filter(|times| *times > 0),
        Err(_) => Some(1),
    };
    size * times.expect("APIDECK_HOOKS_SIZE is a number from 1")
}
