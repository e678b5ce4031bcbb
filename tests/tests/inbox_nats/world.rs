//! A NATS server, a database, and the processes of the example.

use apideck_hooks::testing::{Answer, Event};
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::kit::{Told, over_socket};
use apideck_hooks_tests::nats::Nats;
use apideck_hooks_tests::postgres::{Database, pool};
use apideck_hooks_tests::waiting::until;
use async_nats::jetstream::stream::Stream;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, Row};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::sleep;

/// The consumer's id selects how its run ends. `bad…` fails each time and `flaky…` the first time.
/// `hold…` waits for the lock of a [`Hold`]. Sequences count, because a rollback leaves them alone.
/// Each of `flaky…` has one, from `flaky-0` to `flaky-499`.
const BEHAVIOUR: &str = "
    CREATE TABLE syncs (service text NOT NULL, consumer text NOT NULL);
    CREATE SEQUENCE runs;
    DO $$ BEGIN
        FOR n IN 0..499 LOOP EXECUTE format('CREATE SEQUENCE %I', 'flaky-' || n); END LOOP;
    END $$;
    CREATE FUNCTION behave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('runs');
        IF NEW.consumer LIKE 'hold%' THEN PERFORM pg_advisory_xact_lock_shared(7); END IF;
        IF NEW.consumer LIKE 'bad%' THEN RAISE EXCEPTION 'it is bad'; END IF;
        IF NEW.consumer LIKE 'flaky%' AND nextval(quote_ident(NEW.consumer)) = 1 THEN
            RAISE EXCEPTION 'it fails the first time';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER behave BEFORE INSERT ON syncs FOR EACH ROW EXECUTE FUNCTION behave()";

/// Runs that wait for [`Hold`].
const HELD: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// The run of a killed worker counts too, so there are more than an event can lose by kills.
pub(crate) const ATTEMPTS: usize = 4;

/// Worlds at a time, because the processes of each take up to 40 of PostgreSQL's 100 connections.
static WORLDS: Semaphore = Semaphore::const_new(2);

pub(crate) struct World {
    pub(crate) nats: Nats,
    url: String,
    pub(crate) pool: PgPool,
    /// `None` on a server of the test's own.
    _database: Option<Database>,
    _turn: SemaphorePermit<'static>,
}

impl World {
    /// Returns `None`, after a report, without the servers.
    pub(crate) async fn new() -> Option<Self> {
        let database = Database::new().await?;
        // The example uses the default schema, so it gets a database of its own.
        let options = database.create_database().await;
        Self::on(options, Some(database)).await
    }

    pub(crate) async fn on(options: PgConnectOptions, database: Option<Database>) -> Option<Self> {
        let turn = WORLDS.acquire().await.expect("open");
        let nats = Nats::start().await?;
        let url = options.to_url_lossy().to_string();
        let pool = pool(options, 3);
        sqlx::raw_sql(BEHAVIOUR).execute(&pool).await.expect("tables");
        Some(Self {
            nats,
            url,
            pool,
            _database: database,
            _turn: turn,
        })
    }

    pub(crate) fn command(&self, argument: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_example-inbox-nats"));
        command
            .arg(argument)
            .env("NATS_URL", self.nats.url())
            .env("DATABASE_URL", &self.url)
            .env_remove("REDIS_URL")
            // Nobody reads a receiver's lines, and it would wait when its pipe is full.
            .env("RUST_LOG", "warn,example_inbox_nats=info")
            .env("ATTEMPTS", ATTEMPTS.to_string());
        command
    }

    pub(crate) async fn receiver(&self) -> Receiver {
        Receiver::of(self.command("receive")).await
    }

    pub(crate) fn worker(&self) -> Child {
        let mut command = self.command("work");
        command.env_remove("APIDECK_API_KEY");
        command.stdout(Stdio::null()).kill_on_drop(true);
        command.spawn().expect("the example")
    }

    pub(crate) async fn number(&self, sql: &str) -> usize {
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&self.pool);
        row.await.expect("a row").get::<i64, _>(0) as usize
    }

    pub(crate) async fn syncs(&self) -> usize {
        self.number("SELECT count(*) FROM syncs").await
    }

    pub(crate) async fn runs(&self) -> usize {
        self.number("SELECT last_value FROM runs").await
    }

    pub(crate) async fn done(&self) -> usize {
        self.number("SELECT count(*) FROM apideck_hooks.records WHERE phase = 1")
            .await
    }

    pub(crate) async fn dead(&self) -> usize {
        let letters = "SELECT count(*) FROM apideck_hooks.records WHERE phase = 3 AND body IS NOT NULL";
        self.number(letters).await
    }

    pub(crate) async fn until_held(&self, runs: usize) {
        until("the runs wait", async || self.number(HELD).await >= runs).await;
    }

    pub(crate) async fn stream(&self) -> Stream {
        let stream = self.nats.jetstream().await.get_stream("apideck-syncs").await;
        stream.expect("the stream")
    }

    /// Number of messages that are not acknowledged.
    pub(crate) async fn messages(&self) -> u64 {
        let info = self.stream().await.get_info().await;
        info.expect("the stream").state.messages
    }

    /// Waits until this number of events is done, and dead, and each message is acknowledged.
    pub(crate) async fn until_settled(&self, done: usize, dead: usize) {
        until("every event is done or dead", async || {
            (self.done().await, self.dead().await) == (done, dead)
        })
        .await;
        until("every message is acknowledged", async || {
            self.messages().await == 0
        })
        .await;
    }

    /// Holds the runs of `hold…` until it is dropped.
    pub(crate) async fn hold(&self) -> Hold {
        let mut hold = self.pool.begin().await.expect("a transaction");
        let lock = sqlx::query("SELECT pg_advisory_xact_lock(7)").execute(&mut *hold);
        lock.await.expect("the lock");
        Hold(hold)
    }
}

pub(crate) struct Hold(sqlx::Transaction<'static, sqlx::Postgres>);

impl Hold {
    pub(crate) async fn release(self) {
        self.0.rollback().await.expect("an end");
    }
}

/// An event of a consumer, whose id is the event's too.
pub(crate) fn event_of(consumer: &str) -> Event {
    Event::new("vault.connection.callable")
        .id(consumer)
        .consumer(consumer)
}

/// Sends an event to the example. `None` if the receiver is gone before it responds.
pub(crate) async fn send(consumer: &str, addr: SocketAddr) -> Option<Answer> {
    let apideck = over_socket(addr, "/webhooks/apideck", "demo-key").patience(Duration::from_secs(60));
    let answer = apideck.send(&event_of(consumer)).await;
    answer.failure().is_none().then_some(answer)
}

/// Sends an event until it is accepted, as Apideck does with longer pauses. The address is that of
/// the latest receiver.
pub(crate) async fn send_until_accepted(consumer: &str, addr: &watch::Receiver<SocketAddr>) {
    loop {
        let addr = *addr.borrow();
        match send(consumer, addr).await {
            Some(answer) if answer.code() == 200 => {
                answer.assert_accepted();
                return;
            }
            Some(answer) => assert_eq!(answer.code(), 503),
            None => {}
        }
        sleep(Duration::from_millis(10)).await;
    }
}
