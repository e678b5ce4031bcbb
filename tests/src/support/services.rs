//! What a test may need from the machine.

use std::io::Write;
use std::net::TcpListener;

/// Says that a test is skipped for want of something; with `APIDECK_HOOKS_REQUIRE_SERVICES=1` that is a failure.
pub fn skip(what: &str) {
    assert!(
        std::env::var_os("APIDECK_HOOKS_REQUIRE_SERVICES").is_none_or(|value| value != "1"),
        "APIDECK_HOOKS_REQUIRE_SERVICES=1, and {what} is missing"
    );
    say_skipped(what);
}

/// Says that a test is skipped for want of something that nobody has to have.
pub fn say_skipped(what: &str) {
    // Not `eprintln!`: what a passing test prints so is not shown.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what} is missing");
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("an address").port()
}
