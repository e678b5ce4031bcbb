//! Services that a test needs, and the response to a missing one.
//!
//! A variable names the server. Without it, a test tries the default port on this machine.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

/// A server that tests share. Each test writes to a schema, a database or keys of its own.
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
    /// The URL from the variable, else the default URL.
    pub fn url(&self) -> String {
        std::env::var(self.variable).unwrap_or_else(|_| self.default.to_owned())
    }

    /// Reports that the server cannot be reached. The test fails if the variable names the server.
    /// Otherwise the test is skipped.
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
            "{name} at {default} ({error}). {variable} selects another server"
        ));
    }
}

/// Reports that the test is skipped because something is missing.
///
/// # Panics
///
/// If `APIDECK_HOOKS_REQUIRE_SERVICES` is `1`.
pub fn skip(what: &str) {
    assert!(
        std::env::var_os("APIDECK_HOOKS_REQUIRE_SERVICES").is_none_or(|value| value != "1"),
        "APIDECK_HOOKS_REQUIRE_SERVICES=1, and this is missing: {what}"
    );
    say_skipped(what);
}

/// Reports that the test is skipped because something optional is missing.
pub fn say_skipped(what: &str) {
    // The test harness names a thread after its test.
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    // The test harness captures `eprintln!` and shows it only if the test fails.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: missing {what}");
}

/// Deletes everything with the name of a test. Repeats an attempt that fails.
///
/// # Panics
///
/// If every attempt fails, unless the thread panics already.
pub fn clean_up<E: Display>(name: &str, mut delete: impl FnMut() -> Result<(), E>) {
    for _ in 0..20 {
        if delete().is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    if let Err(error) = delete()
        && !thread::panicking()
    {
        panic!("{name} could not be deleted: {error}");
    }
}

/// Finds a port without a listener.
pub fn free_port() -> u16 {
    loop {
        // Operating systems take the ports of outgoing connections from a higher range. So no
        // connection of another test can take the port before the server starts.
        let port = 10_000 + (RandomState::new().hash_one(0) % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
