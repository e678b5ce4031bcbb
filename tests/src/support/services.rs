//! Services that a test needs, and what happens where one is missing.
//!
//! A server is named by its variable. Without the variable it is looked for at its default port on this machine.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::TcpListener;
use std::thread;

/// A server that tests write to, in schemas, databases and keys of their own.
pub struct Service {
    name: &'static str,
    variable: &'static str,
    default: &'static str,
}

pub const POSTGRES: Service = Service {
    name: "PostgreSQL",
    variable: "APIDECK_HOOKS_TEST_DATABASE_URL",
    default: "postgres://postgres@127.0.0.1:5432/postgres",
};

pub const REDIS: Service = Service {
    name: "Redis",
    variable: "APIDECK_HOOKS_TEST_REDIS_URL",
    default: "redis://127.0.0.1:6379/",
};

impl Service {
    /// The URL that the variable names, else the default one.
    pub fn url(&self) -> String {
        std::env::var(self.variable).unwrap_or_else(|_| self.default.to_owned())
    }

    /// Reports that the server cannot be reached: a failure if the variable names it, else a skipped test.
    pub fn is_unreachable(&self, error: impl Display) {
        let Service {
            name,
            variable,
            default,
        } = self;
        assert!(
            std::env::var_os(variable).is_none(),
            "{variable} names a server that cannot be reached: {error}"
        );
        skip(&format!(
            "{name} at {default} ({error}; {variable} names another)"
        ));
    }
}

/// Reports that a test is skipped because something is missing. With `APIDECK_HOOKS_REQUIRE_SERVICES=1` that is a failure.
pub fn skip(what: &str) {
    assert!(
        std::env::var_os("APIDECK_HOOKS_REQUIRE_SERVICES").is_none_or(|value| value != "1"),
        "APIDECK_HOOKS_REQUIRE_SERVICES=1, and this is missing: {what}"
    );
    say_skipped(what);
}

/// Reports that a test is skipped because something optional is missing.
pub fn say_skipped(what: &str) {
    // A test runs on a thread of its name.
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    // `eprintln!` would be captured, and shown only where a test fails.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: missing {what}");
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    loop {
        // Below the range from which systems take the ports of outgoing connections: between this look and the
        // server's start, no connection of another test gets the port.
        let port = 10_000 + (RandomState::new().hash_one(0) % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
