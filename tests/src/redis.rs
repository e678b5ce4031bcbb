//! Redis for tests: the one that runs, and servers of a test's own.

use crate::tools::skip;
use apideck_hooks::store::{
    Claim, Claimed, DeadLetterStore, End, Held, Key, Status, Store, StoreError, Token,
};
use apideck_hooks::{RedisStore, RedisStoreBuilder};
use async_trait::async_trait;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
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
    // The server may be busy with other tests.
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(30)))
        .set_response_timeout(Some(Duration::from_secs(30)));
    let client = client.get_multiplexed_async_connection_with_config(&patient);
    client.await.ok()
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

    /// Patient: the server may be busy with other tests.
    pub fn builder(&self) -> RedisStoreBuilder {
        let builder = RedisStore::builder(&self.url).prefix(&self.prefix);
        builder
            .call_timeout(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(30))
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

/// A store that takes its keys with it.
pub struct Cleaned {
    store: RedisStore,
    _isolated: Isolated,
}

impl Cleaned {
    pub async fn new() -> Option<Self> {
        let isolated = Isolated::new().await?;
        Some(Cleaned {
            store: isolated.store().await,
            _isolated: isolated,
        })
    }
}

#[async_trait]
impl Store for Cleaned {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.store.claim(claim).await
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.store.renew(record, token, lease).await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        self.store.finish(record, token, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.store.status(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.store.dead_letters()
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        let Ok(client) = redis::Client::open(&*self.url) else {
            return;
        };
        let Ok(mut connection) = client.get_connection_with_timeout(Duration::from_secs(30)) else {
            return;
        };
        let keys: redis::RedisResult<Vec<Vec<u8>>> = redis::cmd("KEYS")
            .arg(format!("{}*", self.prefix))
            .query(&mut connection);
        let Ok(keys) = keys.inspect_err(|error| eprintln!("{} is left over: {error}", self.prefix)) else {
            return;
        };
        for keys in keys.chunks(500) {
            if let Err(error) = redis::cmd("UNLINK").arg(keys).exec(&mut connection) {
                eprintln!("{} is left over: {error}", self.prefix);
            }
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

/// Kills the server when its standard input ends: no server outlives a test that is killed. What it kept goes too then.
const GUARD: &str = r#""$@" > /dev/null 2>&1 & echo $!; read -r _; kill -9 $! 2> /dev/null; wait
(sleep 1; kill -0 $PPID 2> /dev/null || rm -rf "$DIRECTORY") > /dev/null 2>&1 &"#;

impl Server {
    /// Starts a server that keeps nothing on disk; more options may say otherwise.
    pub async fn start(directory: &Directory, port: u16, options: &[&str]) -> Self {
        let port_text = port.to_string();
        let path = directory.0.to_str().expect("text");
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

    /// Starts a sentinel by its configuration file, which it writes to.
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

/// Three servers of a cluster.
pub struct Cluster {
    servers: Vec<Option<Server>>,
    ports: Vec<(u16, String)>,
    directories: Vec<Directory>,
}

impl Cluster {
    pub async fn start() -> Self {
        let mut cluster = Cluster {
            servers: Vec::new(),
            ports: Vec::new(),
            directories: Vec::new(),
        };
        for _ in 0..3 {
            cluster.ports.push((free_port(), free_port().to_string()));
            cluster.directories.push(Directory::new());
            cluster.servers.push(None);
        }
        for n in 0..3 {
            cluster.start_server(n).await;
        }
        let mut create = vec!["--cluster".to_owned(), "create".to_owned()];
        create.extend(cluster.ports.iter().map(|(port, _)| format!("127.0.0.1:{port}")));
        create.extend([
            "--cluster-replicas".to_owned(),
            "0".to_owned(),
            "--cluster-yes".to_owned(),
        ]);
        redis_cli(create).await;
        cluster.whole().await;
        cluster
    }

    pub fn urls(&self) -> Vec<String> {
        self.ports
            .iter()
            .map(|(port, _)| format!("redis://127.0.0.1:{port}/"))
            .collect()
    }

    /// Moves so many slots from the first server to the second.
    pub async fn move_slots(&self, count: u32) {
        let mut ids = Vec::new();
        for server in self.servers.iter().flatten() {
            let id: String = redis::cmd("CLUSTER")
                .arg("MYID")
                .query_async(&mut server.client().await)
                .await
                .expect("an id");
            ids.push(id);
        }
        let reshard = [
            "--cluster".to_owned(),
            "reshard".to_owned(),
            format!("127.0.0.1:{}", self.ports[0].0),
            "--cluster-from".to_owned(),
            ids[0].clone(),
            "--cluster-to".to_owned(),
            ids[1].clone(),
            "--cluster-slots".to_owned(),
            count.to_string(),
            "--cluster-yes".to_owned(),
        ];
        redis_cli(reshard.to_vec()).await;
    }

    pub fn kill(&mut self, n: usize) {
        self.servers[n] = None;
    }

    pub async fn restart(&mut self, n: usize) {
        self.start_server(n).await;
        self.whole().await;
    }

    async fn start_server(&mut self, n: usize) {
        let (port, bus) = &self.ports[n];
        let options = [
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            bus,
            "--cluster-node-timeout",
            "2000",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ];
        self.servers[n] = Some(Server::start(&self.directories[n], *port, &options).await);
    }

    /// Waits until every server sees all of it.
    async fn whole(&self) {
        for server in self.servers.iter().flatten() {
            for tries in 0.. {
                let info: String = redis::cmd("CLUSTER")
                    .arg("INFO")
                    .query_async(&mut server.client().await)
                    .await
                    .expect("an answer");
                if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3") {
                    break;
                }
                assert!(tries < 600, "the cluster does not come up");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn redis_cli(arguments: Vec<String>) {
    let output = tokio::process::Command::new("redis-cli")
        .args(&arguments)
        .output();
    let output = output.await.expect("redis-cli");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "redis-cli {arguments:?}: {said}");
}
