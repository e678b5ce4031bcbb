//! Claim and finish per second, of one task and of 64, beside the plainest that could be written by hand on the same driver.
//!
//! `cargo bench -p apideck-hooks --features postgres,redis,sqlite --bench stores`, with `DATABASE_URL` and `REDIS_URL` for what
//! needs a server. Rounds are interleaved and medians shown: take the ratios, not the times. Words after `--` measure only the
//! stores so named. Without `--bench` it only shows that it runs.

#[path = "stores/plain.rs"]
mod plain;
#[path = "signature/report.rs"]
mod report;
#[path = "stores/servers.rs"]
mod servers;
#[path = "stores/subject.rs"]
mod subject;

use apideck_hooks::{MemoryStore, SqliteStore};
use plain::{PlainMemory, PlainMemoryBoth, PlainSqlite};
use report::{Report, Target};
use servers::Subjects;
use std::path::Path;
use std::process::ExitCode;
use subject::{Ours, Subject, TASKS};

/// Events that the memory store is to remember.
const MEMORY: u64 = 1_000_000;

struct Bench {
    /// Words of the command line; none measure all.
    names: Vec<String>,
    rounds: u64,
    share: u64,
    report: Report,
}

impl Bench {
    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|word| word == name)
    }

    /// Measures these in turn, and prints what each of them did.
    async fn measure(&self, subjects: &mut [Subject]) {
        for round in 0..self.rounds {
            for subject in &mut *subjects {
                subject.round(round, self.share).await;
            }
        }
        for subject in subjects {
            let ([one, many], gain) = ([0, 1].map(|n| subject.rate(n)), subject.gain());
            println!("{:20} {one:10.0} {many:10.0} {gain:8.1}", subject.name);
        }
    }

    async fn memory(&mut self) {
        let events = [MEMORY, MEMORY];
        let store = || MemoryStore::builder().capacity(2 * MEMORY as usize).build();
        let ours = |delivery| {
            move || Ours {
                store: store(),
                delivery,
            }
        };
        let mut subjects = [
            Subject::fresh("memory", events, ours(true)),
            Subject::fresh("memory, one key", events, ours(false)),
            Subject::fresh("memory, by hand", events, PlainMemory::new),
            Subject::fresh("by hand, both keys", events, PlainMemoryBoth::new),
        ];
        self.measure(&mut subjects).await;
        let [both, one, plain, plain_both] = &subjects;
        for (n, tasks) in TASKS.into_iter().enumerate() {
            for (subject, keys) in [(both, "both keys"), (one, "one key")] {
                let what = format!("memory, {keys}, {tasks} tasks: time ÷ by hand");
                self.report
                    .add(what, plain.ratio(subject, n), Target::AtMost(2.0));
            }
            let what = format!("memory, both keys, {tasks} tasks: time ÷ by hand, both keys");
            self.report
                .add(what, plain_both.ratio(both, n), Target::AtMost(2.0));
        }
    }

    async fn sqlite(&mut self, directory: &Path) {
        let ours = async |file, delivery| {
            let store = SqliteStore::open(directory.join(file)).await.expect("a store");
            Ours { store, delivery }
        };
        let mut subjects = [
            Subject::new("sqlite", [500, 5000], ours("both.db", true).await),
            Subject::new("sqlite, one key", [500, 5000], ours("one.db", false).await),
            Subject::new(
                "sqlite, by hand",
                [500, 500],
                PlainSqlite::open(&directory.join("plain.db")).await,
            ),
        ];
        self.measure(&mut subjects).await;
        let [both, one, plain] = &subjects;
        let gain = "sqlite, both keys: rate of 64 tasks ÷ of one";
        self.report
            .add(gain.to_owned(), both.gain(), Target::AtLeast(5.0));
        for (n, tasks) in TASKS.into_iter().enumerate() {
            // By hand, each operation is a commit.
            let least = if tasks == 1 { 0.9 } else { 5.0 };
            for (subject, keys) in [(both, "both keys"), (one, "one key")] {
                let what = format!("sqlite, {keys}, {tasks} tasks: rate ÷ by hand");
                self.report
                    .add(what, subject.ratio(plain, n), Target::AtLeast(least));
            }
        }
    }

    async fn server(&mut self, name: &str, subjects: Subjects) {
        let Some(server) = subjects else {
            let why = "its server's URL or its feature is not given";
            return self.report.skip(format!("{name}: rate ÷ by hand"), why);
        };
        let mut subjects: Vec<_> = server.four.into_iter().chain(server.plain_both).collect();
        self.measure(&mut subjects).await;
        let [both, one, plain, fenced, plain_both @ ..] = &subjects[..] else {
            return;
        };
        for (n, tasks) in TASKS.into_iter().enumerate() {
            let mut add = |ours: &Subject, keys, other: &Subject, what| {
                let what = format!("{name}, {keys}, {tasks} tasks: rate ÷ {what}");
                self.report.add(what, ours.ratio(other, n), Target::AtLeast(0.9));
            };
            add(one, "one key", plain, "by hand");
            add(both, "both keys", fenced, "fenced");
            match plain_both {
                // Two keys beside two.
                [plain_both, ..] => {
                    add(both, "both keys", plain_both, "by hand, both keys");
                    let what = format!("{name}, both keys, {tasks} tasks: rate ÷ by hand, one key");
                    self.report.note(what, both.ratio(plain, n));
                }
                [] => add(both, "both keys", plain, "by hand"),
            }
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let measure = std::env::args().any(|argument| argument == "--bench");
    let words = std::env::args().skip(1);
    let (rounds, share) = if measure { (9, 1) } else { (1, 100) };
    let mut bench = Bench {
        names: words.filter(|word| !word.starts_with('-')).collect(),
        rounds,
        share,
        report: Report::default(),
    };
    println!(
        "{:20} {:>10} {:>10} {:>8}   events a second: claim + finish",
        "store", "1 task", "64 tasks", "64 ÷ 1"
    );
    if bench.wants("memory") {
        bench.memory().await;
    }
    if bench.wants("sqlite") {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stores-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        bench.sqlite(&directory).await;
        let _ = std::fs::remove_dir_all(&directory);
    }
    if bench.wants("postgres") {
        #[cfg(feature = "postgres")]
        let subjects = servers::postgres::subjects().await;
        #[cfg(not(feature = "postgres"))]
        let subjects = None;
        bench.server("postgres", subjects).await;
        #[cfg(feature = "postgres")]
        servers::postgres::clear().await;
    }
    if bench.wants("redis") {
        #[cfg(feature = "redis")]
        let subjects = servers::redis::subjects().await;
        #[cfg(not(feature = "redis"))]
        let subjects = None;
        bench.server("redis", subjects).await;
        #[cfg(feature = "redis")]
        servers::redis::clear().await;
    }
    if measure {
        bench.report.print()
    } else {
        ExitCode::SUCCESS
    }
}
