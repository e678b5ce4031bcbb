//! PostgreSQL servers of a test's own, which can be killed and promoted.

use crate::directory::Directory;
use crate::guarded::Guarded;
use crate::services::{free_port, skip};
use crate::waiting::GENEROUS;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The programs of PostgreSQL and the user to run them as. A server refuses to run as the
/// superuser.
#[derive(Clone)]
pub struct Installation {
    programs: PathBuf,
    user: Option<(u32, u32)>,
}

impl Installation {
    /// Finds the programs. Returns `None`, after a report, without them.
    pub fn find() -> Option<Self> {
        let installation = Installation::look();
        if installation.is_none() {
            skip("initdb, or a user `postgres` to run it as");
        }
        installation
    }

    fn look() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let versions = versions.flatten().map(|version| version.path().join("bin"));
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
        let programs = versions
            .chain(on_path)
            .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())?;
        let user = account()?;
        Some(Installation { programs, user })
    }

    fn as_user(&self, mut command: Command) -> Command {
        command.current_dir("/").env("LC_ALL", "C");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self
            .as_user(Command::new(self.programs.join(program)))
            .args(arguments)
            .output();
        let Output { status, stderr, .. } = output.expect("a program that is there");
        assert!(
            status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&stderr)
        );
    }

    fn directory(&self) -> Directory {
        let directory = Directory::default();
        if let Some((user, group)) = self.user {
            chown(directory.path(), Some(user), Some(group)).expect("the superuser");
        }
        directory
    }
}

/// The user and group for programs that refuse to run as the superuser. `Some(None)` if this is
/// another user.
pub(super) fn account() -> Option<Option<(u32, u32)>> {
    match id(&["-u"])? {
        0 => Some(Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))),
        _ => Some(None),
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A server on loopback. It is killed when this is dropped and when the test's process ends.
pub struct Server {
    installation: Installation,
    directory: Directory,
    port: u16,
    /// `None` after a kill.
    running: Option<Guarded>,
}

impl Server {
    /// Starts a new server with PostgreSQL's defaults, except that it is small and logs every
    /// statement.
    pub async fn start(installation: &Installation) -> Self {
        let directory = installation.directory();
        let data = directory.file("data");
        let data = data.to_str().expect("text");
        installation.run(
            "initdb",
            &[
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
        );
        let mut server = Server {
            installation: installation.clone(),
            directory,
            port: free_port(),
            running: None,
        };
        server.restart().await;
        server
    }

    /// Starts a synchronous standby of this server.
    pub async fn synchronous_standby(&self) -> Self {
        let directory = self.installation.directory();
        let data = directory.file("data");
        let port = self.port.to_string();
        self.installation.run(
            "pg_basebackup",
            &[
                "-D",
                data.to_str().expect("text"),
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "postgres",
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "--no-sync",
            ],
        );
        let mut standby = Server {
            installation: self.installation.clone(),
            directory,
            port: free_port(),
            running: None,
        };
        standby.restart().await;
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            .await;
        self.execute("SELECT pg_reload_conf()").await;
        let in_step =
            "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'";
        self.until(in_step, 1).await;
        standby
    }

    /// Starts the server again on the same port and data.
    pub async fn restart(&mut self) {
        let since = Instant::now();
        loop {
            let program = self.installation.programs.join("postgres");
            let command = Guarded::command(program, &self.directory);
            let mut command = self.installation.as_user(command);
            command
                .arg("-D")
                .arg(self.directory.file("data"))
                .args(["-p", &self.port.to_string()])
                .args(["-c", "listen_addresses=127.0.0.1"])
                .args(["-c", "unix_socket_directories="])
                .args(["-c", "shared_buffers=16MB"])
                .args(["-c", "log_statement=all"]);
            let running = Guarded::spawn(&mut command);
            // The processes of the killed server may still be ending. A new one cannot start before
            // their shared memory is free.
            while running.is_alive() {
                if self.options().connect().await.is_ok() {
                    self.running = Some(running);
                    return;
                }
                assert!(since.elapsed() < GENEROUS, "{}", self.log());
                sleep(Duration::from_millis(20)).await;
            }
            assert!(since.elapsed() < GENEROUS, "{}", self.log());
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    /// Promotes a standby.
    pub async fn promote(&self) {
        self.execute("SELECT pg_promote(true, 60)").await;
        self.until("SELECT pg_is_in_recovery()::integer::bigint", 0).await;
    }

    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
    }

    /// The log of the server.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.file("log")).unwrap_or_default()
    }

    async fn execute(&self, sql: &'static str) {
        let mut connection = self.options().connect().await.expect("the server");
        let done = sqlx::raw_sql(sql).execute(&mut connection).await;
        done.expect("a statement");
        connection.close().await.expect("an end");
    }

    async fn until(&self, sql: &'static str, wanted: i64) {
        let mut connection = self.options().connect().await.expect("the server");
        let since = Instant::now();
        loop {
            let query = sqlx::query(AssertSqlSafe(sql));
            let row = query.fetch_one(&mut connection).await.expect("a row");
            if row.get::<i64, _>(0) == wanted {
                return;
            }
            assert!(since.elapsed() < GENEROUS, "{sql}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}
