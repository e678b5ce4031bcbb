//! One of the stores, with its clock.

use super::step::{EVENTS, End, NAMES, PATTERNS};
use super::{MOST_LETTERS, TICK};
use apideck_hooks::store::{
    AcceptVerdict, Acceptance, Claim, DeadLetter, DeadLetterStore, End as StoreEnd, Fetch, Grant, InboxStore,
    Key, LastDelivery, LetterFilter, RecordState, Rests, Store, Verdict,
};
use apideck_hooks::{PostgresStore, SqliteStore};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::postgres::Database;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, SqliteConnection};
use std::sync::Arc;
use std::time::Duration;

const SOURCE: &str = "a";
const LEASE: u32 = 3;
const RESTS: Rests = Rests::new([TICK.saturating_mul(2); Rests::LENGTH]);

/// The lanes of the events.
const LANES: [Option<u8>; EVENTS as usize] = [Some(0), Some(0), Some(0), Some(1), Some(1), None];

const MOVE: [&str; 3] = [
    "UPDATE {records} SET lease_end = {greatest}(0, lease_end - {by}), rest_end = {greatest}(0, rest_end - {by}),
        first_seen = first_seen - {by}, expires = expires - {by}, accepted_at = accepted_at - {by},
        due = CASE WHEN due > 0 THEN due - {by} ELSE due END",
    "UPDATE {aliases} SET expires = expires - {by}",
    "UPDATE {pauses} SET since = since - {by}",
];
const CLEAR: [&str; 3] = [
    "DELETE FROM {records}",
    "DELETE FROM {aliases}",
    "DELETE FROM {pauses}",
];

pub(super) struct Side {
    store: Box<dyn Store>,
    tables: Tables,
    ordered: bool,
    /// The claims that were granted.
    grants: Vec<Grant>,
}

/// The tables, as another program has them.
enum Tables {
    Sqlite(
        Box<SqliteConnection>,
        #[expect(dead_code, reason = "it is deleted at the end")] Directory,
    ),
    Postgres(PgPool, Box<Database>),
}

/// Longer than a history without the long wait, and much shorter than that. SQLite keeps delivery
/// keys for a quarter longer, and in that time the stores differ.
fn retention() -> Duration {
    TICK * 1000
}

pub(super) async fn sqlite() -> Side {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = SqliteStore::builder(&file).max_dead_letters(MOST_LETTERS);
    let store = store.retention(retention()).open().await.expect("a file");
    let other = SqliteConnectOptions::new().filename(file).connect().await;
    Side::new(
        Box::new(store),
        Tables::Sqlite(Box::new(other.expect("the file")), directory),
    )
}

pub(super) async fn postgres() -> Option<Side> {
    let database = Database::new().await?;
    let store = database.builder(2).max_dead_letters(MOST_LETTERS);
    let store: PostgresStore = store.retention(retention()).build().expect("a good name");
    store.migrate().await.expect("a migration");
    let other = database.pool(1);
    Some(Side::new(
        Box::new(store),
        Tables::Postgres(other, Box::new(database)),
    ))
}

impl Tables {
    async fn execute(&mut self, sql: &str, by: i64) {
        let sql = sql.replace("{by}", &format!("({by})"));
        let name = |name: &str| format!("{{{name}}}");
        let names = ["records", "aliases", "pauses"];
        let done = match self {
            Self::Sqlite(connection, _) => {
                let sql = names.iter().fold(sql, |sql, table| {
                    sql.replace(&name(table), &format!("apideck_hooks_{table}"))
                });
                let sql = sql.replace("{greatest}", "max");
                sqlx::query(AssertSqlSafe(sql))
                    .execute(&mut **connection)
                    .await
                    .map(drop)
            }
            Self::Postgres(pool, database) => {
                let sql = names.iter().fold(sql, |sql, table| {
                    sql.replace(&name(table), &format!("{}.{table}", database.schema))
                });
                let sql = sql.replace("{greatest}", "greatest");
                sqlx::query(AssertSqlSafe(sql)).execute(&*pool).await.map(drop)
            }
        };
        done.expect("a statement");
    }
}

fn key(kind: u8, n: u8) -> Key {
    let mut bytes = [0; 16];
    bytes[0] = kind;
    bytes[1] = n;
    Key::from_bytes(bytes)
}

fn event_key(event: u8) -> Key {
    key(1, event)
}

fn name(event: u8) -> &'static str {
    NAMES[usize::from(event) % NAMES.len()]
}

fn kept(event: u8) -> DeadLetter {
    DeadLetter::new(SOURCE, format!("body {event}")).event(
        name(event),
        format!("id\\{event}\0"),
        "entity",
        "",
    )
}

/// Ticks from now on. Less than a tick has passed since the last step.
fn left(time: Duration) -> u128 {
    time.as_micros().div_ceil(TICK.as_micros())
}

/// Ticks until now.
fn ago(time: Duration) -> u128 {
    time.as_micros() / TICK.as_micros()
}

impl Side {
    fn new(store: Box<dyn Store>, tables: Tables) -> Self {
        Self {
            store,
            tables,
            ordered: false,
            grants: Vec::new(),
        }
    }

    pub(super) async fn begin(&mut self, ordered: bool) {
        self.ordered = ordered;
        self.grants.clear();
        for sql in CLEAR {
            self.tables.execute(sql, 0).await;
        }
    }

    pub(super) async fn pass(&mut self, ticks: i64) {
        let by = ticks * i64::try_from(TICK.as_micros()).expect("few");
        for sql in MOVE {
            self.tables.execute(sql, by).await;
        }
    }

    fn inbox(&self) -> &dyn InboxStore {
        self.store.inbox().expect("an inbox")
    }

    fn letters(&self) -> &dyn DeadLetterStore {
        self.store.dead_letters().expect("dead letters")
    }

    pub(super) async fn accept(&mut self, event: u8, alias: Option<u8>, at: Option<u8>) -> String {
        let mut acceptance = Acceptance::new(event_key(event), kept(event));
        acceptance.alias = alias.map(|alias| key(2, alias));
        acceptance.lane = LANES[usize::from(event)].map(|lane| key(3, lane));
        acceptance.occurred_at = at.map(i64::from);
        acceptance.idempotency_key = alias.map(|alias| format!("key\\{alias}"));
        let accepted = self.inbox().accept(acceptance).await.expect("an answer");
        match accepted.verdict {
            AcceptVerdict::Running { lease_left } => format!("{} runs {}", accepted.record, left(lease_left)),
            verdict => format!("{} {verdict:?}", accepted.record),
        }
    }

    pub(super) async fn claim(&mut self, event: u8, alias: Option<u8>, last: bool) -> String {
        let mut claim = Claim::new(event_key(event), TICK * LEASE);
        claim.alias = alias.map(|alias| key(2, alias));
        claim.rests = RESTS;
        claim.last = last.then(|| {
            let mut last = LastDelivery::new(kept(event).error("the last one"));
            last.min_age = Duration::ZERO;
            Box::new(last)
        });
        let id = claim.id;
        let claimed = self.store.claim(claim).await.expect("an answer");
        let verdict = self.verdict(claimed.record, id, claimed.verdict);
        format!("{} {verdict} {}", claimed.record, claimed.lettered)
    }

    fn verdict(&mut self, record: Key, id: apideck_hooks::store::ClaimId, verdict: Verdict) -> String {
        match verdict {
            Verdict::Granted { token, attempt } => {
                self.grants.push(Grant::new(record, token, id));
                format!("granted {attempt}")
            }
            Verdict::Running { lease_left, kept } => format!("runs {} {kept}", left(lease_left)),
            Verdict::Resting { left: rest } => format!("rests {}", left(rest)),
            other => format!("{other:?}"),
        }
    }

    pub(super) async fn fetch(&mut self, names: u8) -> String {
        let handled = move |name: &str| {
            let at = NAMES.iter().position(|known| *known == name);
            at.is_some_and(|at| names & (1 << at) != 0)
        };
        let mut fetch = Fetch::new(SOURCE, Arc::new(handled));
        fetch.limit = 10;
        fetch.lease = TICK * LEASE;
        fetch.rests = RESTS;
        fetch.ordered = self.ordered;
        let mut fetched = self.inbox().fetch(&fetch).await.expect("an answer");
        fetched.sort_by_key(|fetched| fetched.grant.record);
        let text = fetched.iter().map(|fetched| {
            let record = fetched.grant.record;
            let (attempt, since) = (fetched.attempt, ago(fetched.since_first_run));
            let age = fetched.accepted_at.elapsed().unwrap_or_default();
            let kept = format!("{:?} {:?}", fetched.kept, fetched.kept.body);
            format!(
                "{record} {attempt} {since} {} {:?} {kept}",
                ago(age),
                fetched.idempotency_key
            )
        });
        let text: Vec<_> = text.collect();
        self.grants.extend(fetched.iter().map(|fetched| fetched.grant));
        format!("{text:#?}")
    }

    fn grant(&self, back: usize) -> Option<Grant> {
        self.grants.iter().rev().nth(back).copied()
    }

    pub(super) async fn renew(&mut self, back: usize, lease: u32) -> String {
        let Some(grant) = self.grant(back) else {
            return String::new();
        };
        let held = self.store.renew(grant, TICK * lease).await;
        format!("{:?}", held.expect("an answer"))
    }

    pub(super) async fn finish(&mut self, back: usize, end: End) -> String {
        let Some(grant) = self.grant(back) else {
            return String::new();
        };
        let end = match end {
            End::Done => StoreEnd::Done,
            End::Release { rest } => StoreEnd::Release { rest: TICK * rest },
            End::Dead { began } => {
                let event = grant.record.to_bytes()[1];
                let letter = Box::new(kept(event).error("it failed"));
                StoreEnd::Dead { letter, began }
            }
            End::Withdraw => StoreEnd::Withdraw,
            End::Interrupt => StoreEnd::Interrupt,
        };
        let held = self.store.finish(grant, end).await;
        format!("{:?}", held.expect("an answer"))
    }

    pub(super) async fn replay(&mut self, event: u8) -> String {
        let mut claim = Claim::new(event_key(event), TICK * LEASE);
        claim.rests = RESTS;
        let (record, id) = (claim.event, claim.id);
        match self.letters().replay(SOURCE, claim).await.expect("an answer") {
            Some(verdict) => self.verdict(record, id, verdict),
            None => "no letter".to_owned(),
        }
    }

    pub(super) async fn purge(&mut self, event: u8) -> String {
        let purged = self.letters().purge(SOURCE, event_key(event)).await;
        format!("{:?}", purged.expect("an answer"))
    }

    pub(super) async fn end_rest(&mut self, event: u8) -> String {
        let ended = self.store.end_rest(event_key(event)).await;
        format!("{:?}", ended.expect("an answer"))
    }

    pub(super) async fn recover(&mut self, attempts: u32) -> String {
        let recovered = self.inbox().recover(SOURCE, attempts).await;
        let recovered = recovered.expect("an answer");
        // They keep different times, so they cut different ones.
        format!("{} {}", recovered.waiting, recovered.dead)
    }

    pub(super) async fn pause(&mut self, pattern: usize, paused: bool) -> String {
        let pattern = PATTERNS[pattern];
        let changed = match paused {
            true => self.inbox().pause(SOURCE, pattern).await,
            false => self.inbox().resume(SOURCE, pattern).await,
        };
        format!("{:?}", changed.expect("an answer"))
    }

    /// All that can be seen of the store, without tokens and times of its own.
    pub(super) async fn view(&self) -> Vec<String> {
        let mut view = Vec::new();
        for event in 0..EVENTS {
            let status = self.store.status(event_key(event)).await.expect("a status");
            let state = match status.state {
                RecordState::Running { lease_left } => format!("running {}", left(lease_left)),
                RecordState::Released { left: rest } => format!("released {}", left(rest)),
                RecordState::Waiting { left: rest } => format!("waiting {}", left(rest)),
                other => format!("{other:?}"),
            };
            view.push(format!("{event}: {state} {} {}", status.attempts, status.kept));
        }
        let stats = self.inbox().stats(SOURCE).await.expect("stats");
        view.push(format!(
            "{} {} {:?} {}",
            stats.waiting,
            stats.running,
            stats.oldest.map(ago),
            stats.oldest_due.is_some()
        ));
        view.extend(stats.events.iter().map(|of| {
            // Of several events SQLite tells an estimate.
            let due = of.oldest_due.filter(|_| of.waiting == 1).map(ago);
            format!(
                "{} {} {} {due:?}",
                of.event_type,
                of.waiting,
                of.oldest_due.is_some()
            )
        }));
        let pauses = self.inbox().pauses(SOURCE).await.expect("pauses");
        assert_eq!(pauses.len(), stats.paused.len());
        view.extend(
            pauses
                .iter()
                .map(|pause| format!("{} {}", pause.pattern, ago(pause.since))),
        );
        view.extend(self.lists().await);
        let backlog = self
            .inbox()
            .backlog(SOURCE, Duration::MAX)
            .await
            .expect("a backlog");
        view.push(format!("{} {}", backlog.waiting, backlog.letters_full));
        for source in [SOURCE, "b"] {
            let stats = self.inbox().stats(source).await.expect("stats");
            view.push(format!("{source} {}", stats.waiting + stats.running));
        }
        view
    }

    /// The lists, each read in pages of two.
    async fn lists(&self) -> Vec<String> {
        let (mut view, filter) = (Vec::new(), LetterFilter::new());
        let mut before = None;
        loop {
            let page = self
                .inbox()
                .list(SOURCE, &filter, before, 2)
                .await
                .expect("a page");
            let Some(last) = page.last() else { break };
            before = Some(last.cursor);
            view.extend(page.iter().map(|event| {
                let (attempts, running) = (event.attempts, event.running);
                let due = left(event.due_in);
                let names = [
                    &event.event_type,
                    &event.event_id,
                    &event.entity_id,
                    &event.consumer_id,
                ];
                format!("{} {names:?} {attempts} {running} {due}", event.record)
            }));
            for event in page {
                let found = self.inbox().get(SOURCE, event.record).await.expect("a record");
                let found = found.expect("it is in the list");
                view.push(format!("{:?} {:?}", found.kept, found.idempotency_key));
                assert_eq!(
                    self.inbox().get("b", event.record).await.expect("none"),
                    None,
                    "another source"
                );
            }
        }
        let mut before = None;
        loop {
            let page = self
                .letters()
                .list(SOURCE, &filter, before, 2)
                .await
                .expect("a page");
            let Some(last) = page.last() else { break };
            before = Some(last.cursor);
            view.extend(page.iter().map(|dead| {
                let letter = &dead.letter;
                format!(
                    "{} {} {} {:?} {:?}",
                    dead.record, dead.attempts, dead.running, letter, letter.error
                )
            }));
        }
        view
    }
}
