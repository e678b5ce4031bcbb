//! PgBouncer between a test and the PostgreSQL server.

use crate::directory::Directory;
use crate::guarded::{Guarded, program};
use crate::postgres::options;
use crate::postgres::server::account;
use crate::services::{free_port, skip};
use crate::waiting::until;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;

/// A pooler on loopback. It is killed when this is dropped and when the test's process ends.
pub struct PgBouncer {
    _process: Guarded,
    port: u16,
    _directory: Directory,
}

impl PgBouncer {
    /// Starts PgBouncer in this mode, with this number of server processes. Returns `None`, after a
    /// report, without the program.
    pub async fn start(mode: &str, size: u32) -> Option<Self> {
        let (Some(program), Some(user)) = (program("pgbouncer"), account()) else {
            skip("pgbouncer, or a user `postgres` to run it as");
            return None;
        };
        let (directory, port, server) = (Directory::default(), free_port(), options());
        let settings = format!(
            "[databases]\n* = host={} port={} user={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n\
             max_client_conn = 200\nignore_startup_parameters = extra_float_digits,options\n",
            server.get_host(),
            server.get_port(),
            server.get_username(),
        );
        let file = directory.file("pgbouncer.ini");
        std::fs::write(&file, settings).expect("a file");
        let mut command = Guarded::command(program, &directory);
        command.arg(&file).current_dir("/");
        if let Some((user, group)) = user {
            chown(directory.path(), Some(user), Some(group)).expect("the superuser");
            command.uid(user).gid(group);
        }
        let pooler = Self {
            _process: Guarded::spawn(&mut command),
            port,
            _directory: directory,
        };
        until("PgBouncer listens", async || {
            pooler.options().connect().await.is_ok()
        })
        .await;
        Some(pooler)
    }

    /// Options for a connection through the pooler.
    pub fn options(&self) -> PgConnectOptions {
        let server = options();
        let database = server.get_database().unwrap_or("postgres").to_owned();
        server
            .host("127.0.0.1")
            .port(self.port)
            .database(&database)
            .ssl_mode(PgSslMode::Disable)
    }
}
