//! Servers in processes of their own, which do not outlive a test.

use crate::directory::Directory;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server. It is killed when this is dropped and when the test's process ends.
pub struct Guarded {
    guard: Child,
    pid: String,
}

/// Kills the server when the standard input closes, so that no server outlives a killed test. Then
/// it removes the server's directory too. The test can be another user's, whom it may not signal.
const GUARD: &str = r#""$@" >> "$DIRECTORY/log" 2>&1 & echo $!; read -r _; kill -9 $! 2> /dev/null; wait
(sleep 1; kill -0 $PPID || [ -d /proc/$PPID ] || rm -rf "$DIRECTORY") > /dev/null 2>&1 &"#;

impl Guarded {
    /// Returns a command for [`Guarded::spawn`], which runs this program with the arguments that
    /// are added to it. The directory gets its log.
    pub fn command(program: impl Into<PathBuf>, directory: &Directory) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARD, "guard"])
            .arg(program.into())
            .env("DIRECTORY", directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut guard = command.spawn().expect("sh");
        let mut pid = String::new();
        let mut said = BufReader::new(guard.stdout.take().expect("a pipe"));
        said.read_line(&mut pid).expect("its id");
        let pid = pid.trim().to_owned();
        Self { guard, pid }
    }

    /// Sends a signal by name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid]).status();
        assert!(status.expect("kill").success());
    }

    /// `kill -9`. Panics if the server has ended before.
    pub fn kill(self) {
        self.signal("KILL");
    }

    /// Tells if the process runs.
    pub fn is_alive(&self) -> bool {
        // A dead server is a zombie until the guard ends.
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        state.is_ok_and(|state| !state.contains(") Z "))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Finds a program. Debian has servers in `/usr/sbin`, which may not be in `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders
        .map(|folder| folder.join(name))
        .find(|program| program.exists())
}
