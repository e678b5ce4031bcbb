//! The test kit.

mod answers;
mod oracle;
mod payloads;
mod services;
mod stories;
mod unit_tests;

const EVENT: &str = "vault.connection.callable";
const HANDLER: &str = "scripted";

/// Returns the text of an assertion that fails.
fn message<T>(assertion: impl FnOnce() -> T) -> String {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(assertion())));
    let panic = caught.expect_err("an assertion that fails");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .expect("a text")
}
