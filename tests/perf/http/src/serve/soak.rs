//! A receiver of this project whose handler behaves as the event's number says, and keeps a ledger.

use super::{Failure, connections, control};
use crate::histogram::Histogram;
use crate::soak::{Behavior, Ledger};
use apideck_hooks::observe::Answered;
use apideck_hooks::{
    Hooks, MemoryStore, Observe, Outcome, Rest, SqliteStore, State, events::ConnectionCreated, on, router,
};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

#[on("vault.connection.created")]
async fn handle(event: ConnectionCreated, State(ledger): State<Arc<Ledger>>) -> Outcome {
    let number = perf::event::number(&event.event_id);
    let Some((number, run)) = number.and_then(|number| Some((number, ledger.run(number)?))) else {
        return Outcome::DeadLetter("unexpected event".into());
    };
    // Handlers wait.
    tokio::task::yield_now().await;
    match Behavior::of(number) {
        Behavior::Slow => tokio::time::sleep(Duration::from_millis(2)).await,
        Behavior::Fails(attempts) if run <= attempts => return Outcome::Retry("not yet".into()),
        Behavior::Permanent => return Outcome::DeadLetter("never".into()),
        Behavior::Exhausts => return Outcome::Retry("never".into()),
        Behavior::Fine | Behavior::Fails(_) => {}
    }
    ledger.done(number);
    Outcome::Done
}

/// The times of all answers, by this process's clock.
#[derive(Clone, Default)]
struct Times(Arc<Mutex<Histogram>>);

impl Observe for Times {
    fn answered(&self, answered: &Answered<'_>) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.add(answered.duration);
    }
}

/// Serves with the store `memory` or `sqlite`. Further arguments are a folder for it, its capacity
/// in events or its retention in seconds, the number of events to expect, and the start in
/// nanoseconds of the monotonic clock.
pub(super) async fn run(listener: TcpListener, arguments: &[String]) -> Result<(), Failure> {
    let [store, folder, capacity, events, start] = arguments else {
        return Err("arguments: soak STORE FOLDER CAPACITY EVENTS START".into());
    };
    let ledger = Arc::new(Ledger::new(events.parse()?, Duration::from_nanos(start.parse()?)));
    let times = Times::default();
    let hooks = Hooks::builder(router![handle, ..])
        .secret(perf::event::SECRET)
        // The sender's retries come within seconds.
        .rest(Rest::None)
        .observe(times.clone())
        .state(Arc::clone(&ledger));
    let hooks = match &**store {
        "memory" => hooks.store(MemoryStore::builder().capacity(capacity.parse()?).build()),
        "sqlite" => {
            let file = Path::new(folder).join("hooks.db");
            hooks.store(
                SqliteStore::builder(file)
                    .retention(Duration::from_secs(capacity.parse()?))
                    .open()
                    .await?,
            )
        }
        _ => return Err(format!("unknown store {store}").into()),
    };
    let hooks = hooks.build()?;
    let counted = hooks.clone();
    control(&listener, move |line| match line.split_once(' ') {
        Some(("write", file)) => match ledger.write(Path::new(file)) {
            Ok(()) => "written".to_owned(),
            Err(error) => error.to_string(),
        },
        _ if line == "times" => times.0.lock().unwrap_or_else(PoisonError::into_inner).summary(),
        _ => counted.stats().handled.to_string(),
    })?;
    connections(listener, hooks).await
}
