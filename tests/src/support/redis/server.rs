//! Redis servers of a test's own, which can be killed.

use super::client;
use crate::directory::Directory;
use crate::services::skip;
use crate::waiting::until;
use redis::aio::MultiplexedConnection;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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
    guard: Child,
    pid: String,
    pub port: u16,
}

/// Kills the server when the standard input closes, so that no server outlives a killed test. Then
/// it removes the server's directory too.
const GUARD: &str = r#""$@" > /dev/null 2>&1 & echo $!; read -r _; kill -9 $! 2> /dev/null; wait
(sleep 1; kill -0 $PPID 2> /dev/null || rm -rf "$DIRECTORY") > /dev/null 2>&1 &"#;

impl Server {
    /// Starts a server. By default it keeps nothing on disk.
    pub async fn start(directory: &Directory, port: u16, options: &[&str]) -> Self {
        let port_text = port.to_string();
        let path = directory.path().to_str().expect("text");
        let mut arguments = vec![
            "--bind",
            "127.0.0.1",
            "--port",
            &port_text,
            "--save",
            "",
            "--dir",
            path,
        ];
        arguments.extend(options);
        Server::spawn(&arguments, path, port).await
    }

    /// Starts a sentinel with a configuration file, which the sentinel rewrites.
    pub async fn sentinel(config: &Path, port: u16) -> Self {
        let port_text = port.to_string();
        let directory = config.parent().and_then(Path::to_str).expect("text");
        let config = config.to_str().expect("text");
        let arguments = [config, "--sentinel", "--bind", "127.0.0.1", "--port", &port_text];
        Server::spawn(&arguments, directory, port).await
    }

    async fn spawn(arguments: &[&str], directory: &str, port: u16) -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard", "redis-server"])
            .env("DIRECTORY", directory)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let mut pid = String::new();
        BufReader::new(guard.stdout.take().expect("a pipe"))
            .read_line(&mut pid)
            .expect("its id");
        let server = Server {
            guard,
            pid: pid.trim().to_owned(),
            port,
        };
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

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid]).status();
        assert!(status.expect("kill").success());
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

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
