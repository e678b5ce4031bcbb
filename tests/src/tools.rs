//! What a test may need from the machine.

/// Says that a test is skipped for want of something; with `APIDECK_HOOKS_REQUIRE_SERVICES=1` that is a failure.
pub fn skip(what: &str) {
    assert!(
        std::env::var_os("APIDECK_HOOKS_REQUIRE_SERVICES").is_none_or(|value| value != "1"),
        "APIDECK_HOOKS_REQUIRE_SERVICES=1, and {what} is missing"
    );
    eprintln!("SKIPPED: {what} is missing");
}
