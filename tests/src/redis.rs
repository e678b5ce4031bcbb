//! Redis for tests: the one that runs, and servers of a test's own.

use crate::tools::skip;
use apideck_hooks::{RedisStore, RedisStoreBuilder};
use redis::aio::MultiplexedConnection;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DEFAULT_URL: &str = "redis://127.0.0.1:6379/";

/// A prefix that nobody else has.
pub fn prefix() -> String {
    format!("apideck-hooks-tests:{:016x}", RandomState::new().hash_one(0))
}

/// The Redis that `REDIS_URL` names, or the one on this machine's usual port; none, and said so, if there is none.
pub async fn url() -> Option<String> {
    if let Ok(url) = std::env::var("REDIS_URL") {
        return Some(url);
    }
    if client(DEFAULT_URL).await.is_some() {
        return Some(DEFAULT_URL.to_owned());
    }
    skip("Redis");
    None
}

/// A connection to look around with.
pub async fn client(url: &str) -> Option<MultiplexedConnection> {
    let client = redis::Client::open(url).ok()?;
    client.get_multiplexed_async_connection().await.ok()
}

/// A store under a prefix of its own, whose keys go when this is dropped.
pub struct Isolated {
    pub url: String,
    pub prefix: String,
}

impl Isolated {
    pub async fn new() -> Option<Self> {
        Some(Isolated {
            url: url().await?,
            prefix: prefix(),
        })
    }

    pub fn builder(&self) -> RedisStoreBuilder {
        RedisStore::builder(&self.url).prefix(&self.prefix)
    }

    pub async fn store(&self) -> RedisStore {
        self.builder().connect().await.expect("Redis")
    }

    pub async fn client(&self) -> MultiplexedConnection {
        client(&self.url).await.expect("Redis")
    }

    /// The keys that were written.
    pub async fn keys(&self) -> Vec<String> {
        let mut client = self.client().await;
        redis::cmd("KEYS")
            .arg(format!("{}*", self.prefix))
            .query_async(&mut client)
            .await
            .expect("keys")
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        let Ok(client) = redis::Client::open(&*self.url) else {
            return;
        };
        let Ok(mut connection) = client.get_connection_with_timeout(Duration::from_secs(2)) else {
            return;
        };
        let keys: redis::RedisResult<Vec<Vec<u8>>> = redis::cmd("KEYS")
            .arg(format!("{}*", self.prefix))
            .query(&mut connection);
        for key in keys.unwrap_or_default() {
            let _ = redis::cmd("UNLINK").arg(key).exec(&mut connection);
        }
    }
}

/// Whether servers of a test's own can be started.
pub fn can_start() -> bool {
    let there = |program| Command::new(program).arg("--version").output().is_ok();
    let can = there("redis-server") && there("redis-cli");
    if !can {
        skip("redis-server and redis-cli");
    }
    can
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("an address").port()
}

/// A directory that goes when this is dropped.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        let name = format!("apideck-hooks-redis-{:016x}", RandomState::new().hash_one(0));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a directory");
        Directory(path)
    }
}

impl Default for Directory {
    fn default() -> Self {
        Directory::new()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server of a test's own on loopback, killed when this is dropped or the test's process ends, however it ends.
pub struct Server {
    guard: Child,
    pid: String,
    pub port: u16,
}

/// Kills the server when its standard input ends: nobody else outlives a test that is killed.
const GUARD: &str = r#""$@" > /dev/null 2>&1 & echo $!; read -r _; kill -9 $! 2> /dev/null; wait"#;

impl Server {
    /// Starts a server that keeps nothing on disk; more options may say otherwise.
    pub async fn start(directory: &Directory, port: u16, options: &[&str]) -> Self {
        let mut guard = Command::new("sh")
            .args([
                "-c",
                GUARD,
                "guard",
                "redis-server",
                "--bind",
                "127.0.0.1",
                "--port",
            ])
            .arg(port.to_string())
            .args(["--save", "", "--dir"])
            .arg(&directory.0)
            .args(options)
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

    /// Keeps every write, as a careful user's would.
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

    /// Waits until it answers.
    pub async fn ready(&self) {
        for _ in 0..600 {
            if let Some(mut client) = client(&self.url()).await
                && redis::cmd("PING").exec_async(&mut client).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("redis-server did not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
