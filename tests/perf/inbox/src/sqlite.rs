//! Deliveries that an inbox in a SQLite file accepts, beside those that are handled inline on such
//! a file.

use apideck_hooks::signature::Form;
use apideck_hooks::{Hooks, SqliteInbox, SqliteStore, Workers, events::ConnectionCreated, on, router};
use futures_util::future::join_all;
use hyper::service::Service;
use perf::event;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Deliveries at once.
const SENDERS: u64 = 64;

/// A folder that is deleted when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("perf-inbox-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[on("vault.connection.created")]
async fn created(_: ConnectionCreated) {}

/// Returns the median of the accepted deliveries per second divided by those handled inline.
///
/// Workers run the accepted events at the same time.
pub(crate) async fn measure(rounds: u64, events: u64) -> f64 {
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let folder = Folder::new();
        let hooks = || Hooks::builder(router![created, ..]).secret(event::SECRET);
        let store = SqliteStore::open(folder.path().join("inline.db"))
            .await
            .expect("a file");
        let inline = hooks().store(store).build().expect("a receiver");
        let inline = rate(&inline, events).await;

        let inbox = SqliteInbox::open(folder.path().join("inbox.db"))
            .await
            .expect("a file");
        let hooks = hooks().inbox(inbox).build().expect("a receiver");
        let workers = tokio::spawn(hooks.workers(Workers::new()));
        let accepting = rate(&hooks, events).await;
        hooks.shutdown(Duration::from_secs(30)).await;
        workers.await.expect("no panic").expect("workers");
        println!("| {round} | {inline:.0} | {accepting:.0} |");
        ratios.push(accepting / inline);
    }
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

async fn rate(hooks: &Hooks, events: u64) -> f64 {
    let begun = Instant::now();
    let senders = (0..SENDERS).map(async |sender| {
        for n in (sender..events).step_by(SENDERS as usize) {
            let response = hooks.call(event::request(n, Form::Raw)).await;
            assert_eq!(response.expect("it cannot fail").status(), 200);
        }
    });
    join_all(senders).await;
    events as f64 / begun.elapsed().as_secs_f64()
}
