//! Receivers with an inbox, and a handler whose behaviour the event's id selects.

use crate::SECRET;
use crate::child::Receiver;
use crate::directory::Directory;
use crate::kit::{Deliver, Told, event};
use crate::probe::patient;
use crate::sqlite::open_with;
use crate::waiting::{GENEROUS, until};
use apideck_hooks::events::AnyEvent;
use apideck_hooks::store::InboxStats;
use apideck_hooks::testing::Event;
use apideck_hooks::{
    Delivery, Failure, Hooks, HooksBuilder, NoState, Order, Outcome, Permanent, Retry, Routes, SqliteInbox,
    SqliteStore, State, Workers, on, router,
};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqlSafeStr, SqliteConnection};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub const EVENT: &str = "vault.connection.callable";

/// A run: the event's id, its attempt, and the moments of its begin and its end in the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Begun(String, u32),
    Ended(String, u32),
}

/// The runs of a handler. Clones share them.
#[derive(Clone)]
pub struct RunLog {
    entries: Arc<Mutex<Vec<Entry>>>,
    gate: Arc<Semaphore>,
}

impl Default for RunLog {
    fn default() -> Self {
        RunLog {
            entries: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

impl RunLog {
    /// Runs as the event's id says: `flaky…` fails the first time, `fail…` each time, `bad…` for
    /// good, `panic…` panics, and `hold…` waits for [`open`](Self::open). All others succeed.
    pub async fn run(&self, delivery: &Delivery) -> Outcome {
        let (id, attempt) = (
            delivery.event_id().unwrap_or_default().to_owned(),
            delivery.attempt(),
        );
        self.add(Entry::Begun(id.clone(), attempt));
        if id.starts_with("hold") {
            self.gate.acquire().await.expect("open").forget();
        }
        // So that runs that may overlap do.
        tokio::task::yield_now().await;
        let outcome = match &id {
            id if id.starts_with("fail") || id.starts_with("flaky") && attempt == 1 => {
                Failure::retry("it fails").into()
            }
            id if id.starts_with("bad") => Failure::from(Permanent("it is bad")).into(),
            id if id.starts_with("panic") => panic!("it panics"),
            _ => Outcome::Done,
        };
        self.add(Entry::Ended(id, attempt));
        outcome
    }

    fn add(&self, entry: Entry) {
        self.entries.lock().expect("no panic").push(entry);
    }

    /// Lets this many runs that hold go on.
    pub fn open(&self, runs: usize) {
        self.gate.add_permits(runs);
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().expect("no panic").clone()
    }

    /// The runs that have begun, in order.
    pub fn begun(&self) -> Vec<(String, u32)> {
        let entries = self.entries().into_iter();
        let begun = entries.filter_map(|entry| match entry {
            Entry::Begun(id, attempt) => Some((id, attempt)),
            Entry::Ended(..) => None,
        });
        begun.collect()
    }

    pub fn count(&self, id: &str) -> usize {
        self.begun().iter().filter(|(begun, _)| begun == id).count()
    }

    pub async fn until_begun(&self, runs: usize) {
        until("the runs begin", async || self.begun().len() >= runs).await;
    }
}

#[on("*")]
pub async fn handle(_: AnyEvent, delivery: Delivery, State(log): State<RunLog>) -> Outcome {
    log.run(&delivery).await
}

/// An event of an entity at this second.
pub fn of_entity(name: &str, id: &str, entity: &str, second: u32) -> Event {
    event(name, id).set("entity_id", entity).set(
        "occurred_at",
        format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60),
    )
}

/// A SQLite file.
#[derive(Default)]
pub struct InboxFile {
    directory: Directory,
}

impl InboxFile {
    pub fn path(&self) -> PathBuf {
        self.directory.file("hooks.db")
    }

    pub async fn new() -> Option<Self> {
        Some(Self::default())
    }

    pub async fn inbox(&self) -> SqliteInbox {
        SqliteInbox::open(self.path()).await.expect("a file")
    }

    pub async fn store_with_letters(&self, most: u64) -> Arc<SqliteStore> {
        Arc::new(open_with(SqliteStore::builder(self.path()).max_dead_letters(most)).await)
    }

    /// A new store. A file can have one at a time.
    pub async fn store(&self) -> Arc<SqliteStore> {
        let store = SqliteStore::builder(self.path()).tx_limit(GENEROUS / 2);
        Arc::new(open_with(store).await)
    }

    /// A receiver with a new store and the handler above.
    pub async fn hooks(&self, log: &RunLog) -> Hooks {
        accepting(Hooks::builder(router![handle]), self.store().await, log)
            .build()
            .expect("a receiver")
    }

    /// Connects as another program.
    pub async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        let options = options.create_if_missing(true).busy_timeout(GENEROUS);
        options.connect().await.expect("a file")
    }

    /// The result of a query of another program.
    pub async fn number(&self, sql: &str) -> i64 {
        let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let row = row.fetch_one(&mut self.connect().await).await.expect("a row");
        row.get(0)
    }

    /// Runs statements as another program.
    pub async fn execute(&self, sql: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        statements
            .execute(&mut self.connect().await)
            .await
            .expect("statements");
    }
}

/// The migrations of an application, up to a step. `sqlx::migrate!` makes the same type.
pub fn migrations(steps: i64) -> Migrator {
    let step = |n: i64| {
        let sql = format!("CREATE TABLE step_{n} (lane TEXT, due BIGINT)");
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(n, "step".into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations((1..=steps).map(step).collect())
}

/// A patient receiver with an inbox on this store.
pub fn accepting<R: Routes<RunLog>>(
    builder: HooksBuilder<R, NoState>,
    store: Arc<SqliteStore>,
    log: &RunLog,
) -> HooksBuilder<R, RunLog> {
    patient(builder.state(log.clone()))
        .secret(SECRET)
        .inbox(inbox_of(store))
}

pub fn inbox_of(store: Arc<SqliteStore>) -> SqliteInbox {
    SqliteInbox::new(store)
}

/// Workers whose retries come at once.
pub fn quick() -> Workers {
    let retry = Retry::exponential(Duration::from_millis(1)).attempts(5);
    Workers::new().retry(retry).poll(Duration::from_millis(10))
}

/// Workers that work until they are dropped.
pub struct Working(JoinHandle<()>);

impl Working {
    pub fn begin(hooks: &Hooks, workers: Workers) -> Self {
        let work = hooks.workers(workers);
        Working(tokio::spawn(async move { work.await.expect("workers") }))
    }

    /// Waits for their end.
    pub async fn end(mut self) {
        (&mut self.0).await.expect("no panic");
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until nothing waits or runs. A run that has ended in the store is counted a moment later.
pub async fn until_idle(hooks: &Hooks) {
    until("the inbox is empty", async || {
        let stats = stats(hooks).await;
        stats.waiting + stats.running + hooks.snapshot().await.working == 0
    })
    .await;
}

pub async fn stats(hooks: &Hooks) -> InboxStats {
    hooks.inbox().stats().await.expect("an inbox")
}

/// Serves a receiver of its own process and runs its workers, until a signal. `WORKERS=0` in the
/// environment starts no workers.
pub async fn serve_with_workers(hooks: Hooks, poll: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let shutdown = hooks.shutdown_on_signal(GENEROUS);
    println!(
        "listening on http://{}/",
        listener.local_addr().expect("an address")
    );
    let app = axum::Router::new().route_service("/", hooks.clone());
    let serve = axum::serve(listener, app).with_graceful_shutdown(shutdown);
    if std::env::var("WORKERS").is_ok_and(|workers| workers == "0") {
        return serve.await.expect("no error");
    }
    let retry = Retry::exponential(Duration::from_millis(1)).attempts(6);
    let workers = Workers::new().order(Order::PerEntity).retry(retry).poll(poll);
    let workers = hooks.workers(workers);
    let (served, ended) = tokio::join!(async { serve.await }, workers);
    served.expect("no error");
    ended.expect("workers");
    println!("ended");
}

/// Starts processes until all events are dead. Each is ended by the handler of one of them. Returns
/// the lines of all.
///
/// # Panics
///
/// After more than `most` processes.
pub async fn lives_until_dead(
    most: usize,
    start: impl AsyncFn() -> Receiver,
    dead: impl AsyncFn() -> bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut lives = 0;
    while !dead().await {
        let mut process = start().await;
        let all = tokio::select! {
            () = until("all are dead", &dead) => true,
            last = process.last_lines() => {
                lines.extend(last);
                false
            }
        };
        if all {
            process.signal("KILL").await;
        }
        assert!(!process.wait().await.success());
        lives += 1;
        assert!(lives <= most, "{lives}");
    }
    lines
}

/// Retries as Apideck does, with shorter pauses. The address is that of the receiver's latest
/// process.
pub async fn send_until_accepted(delivery: &Event, addr: &watch::Receiver<SocketAddr>) {
    loop {
        let addr = *addr.borrow();
        match delivery.try_send(addr).await {
            Ok(answer) if answer.code() == 200 => return,
            Ok(answer) => assert_eq!(answer.code(), 503),
            Err(_) => {}
        }
        sleep(Duration::from_millis(10)).await;
    }
}
