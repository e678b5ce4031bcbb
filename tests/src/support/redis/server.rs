//! Redis servers of a test's own, which can be killed.

use super::client;
use crate::directory::Directory;
use crate::guarded::Guarded;
use crate::services::skip;
use crate::waiting::until;
use redis::aio::MultiplexedConnection;
use std::process::Command;

/// Reports a skipped test unless servers can be started.
pub fn can_start() -> bool {
    let there = |program| Command::new(program).arg("--version").output().is_ok();
    let can = there("redis-server") && there("redis-cli");
    if !can {
        skip("redis-server and redis-cli");
    }
    can
}

/// A server on loopback. It is killed when this is dropped and when the test's process ends.
pub struct Server {
    process: Guarded,
    pub port: u16,
}

impl Server {
    /// Starts a server. By default it keeps nothing on disk.
    pub async fn start(directory: &Directory, port: u16, options: &[&str]) -> Self {
        let mut command = Guarded::command("redis-server", directory);
        command.args(["--save", "", "--dir"]).arg(directory.path());
        Server::spawn(command.args(options), port).await
    }

    /// Starts a sentinel with a configuration file of this directory, which the sentinel rewrites.
    pub async fn sentinel(directory: &Directory, config: &str, port: u16) -> Self {
        let mut command = Guarded::command("redis-server", directory);
        command.arg(directory.file(config)).arg("--sentinel");
        Server::spawn(&mut command, port).await
    }

    async fn spawn(command: &mut Command, port: u16) -> Self {
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        let process = Guarded::spawn(command);
        let server = Server { process, port };
        server.ready().await;
        server
    }

    /// Starts a server that syncs every write to disk.
    pub async fn durable(directory: &Directory, port: u16) -> Self {
        Server::start(
            directory,
            port,
            &["--appendonly", "yes", "--appendfsync", "always"],
        )
        .await
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub async fn client(&self) -> MultiplexedConnection {
        client(&self.url()).await.expect("the server")
    }

    /// Sends a signal by name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until the server responds.
    pub async fn ready(&self) {
        until("redis-server responds", async || {
            match client(&self.url()).await {
                Ok(mut client) => redis::cmd("PING").exec_async(&mut client).await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }
}
