//! Ours with a handler that does to an event what its number says, and keeps a ledger of it.

use super::{Failure, connections, control};
use crate::soak::{Fate, Ledger};
use apideck_hooks::{Hooks, MemoryStore, Outcome, SqliteStore, State, events::ConnectionCreated, on, router};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

#[on("vault.connection.created")]
async fn handle(event: ConnectionCreated, State(ledger): State<Arc<Ledger>>) -> Outcome {
    let number = crate::event::number(&event.event_id);
    let Some((number, run)) = number.and_then(|number| Some((number, ledger.run(number)?))) else {
        return Outcome::SetAside("it is not expected".into());
    };
    // As any handler would.
    tokio::task::yield_now().await;
    match Fate::of(number) {
        Fate::Slow => tokio::time::sleep(Duration::from_millis(2)).await,
        Fate::Fails(attempts) if run <= attempts => return Outcome::Retry("not yet".into()),
        Fate::Permanent => return Outcome::SetAside("never".into()),
        Fate::Exhausts => return Outcome::Retry("not yet, and never".into()),
        Fate::Fine | Fate::Fails(_) => {}
    }
    ledger.done(number);
    Outcome::Done
}

/// With the `memory` store or `sqlite`, a folder for it, how many events or seconds it remembers, how many events to expect, and
/// when time begins.
pub(super) async fn run(listener: TcpListener, arguments: &[String]) -> Result<(), Failure> {
    let [store, folder, remembers, events, start] = arguments else {
        return Err("soak STORE FOLDER REMEMBERS EVENTS START".into());
    };
    let ledger = Arc::new(Ledger::new(events.parse()?, Duration::from_nanos(start.parse()?)));
    let hooks = Hooks::builder(router![handle, ..])
        .secret(crate::event::SECRET)
        .state(Arc::clone(&ledger));
    let hooks = match &**store {
        "memory" => hooks.store(MemoryStore::builder().capacity(remembers.parse()?).build()),
        "sqlite" => {
            let file = Path::new(folder).join("hooks.db");
            hooks.store(
                SqliteStore::builder(file)
                    .retention(Duration::from_secs(remembers.parse()?))
                    .open()
                    .await?,
            )
        }
        _ => return Err(format!("no store is called {store}").into()),
    };
    let hooks = hooks.build()?;
    let counted = hooks.clone();
    control(&listener, move |asked| match asked.strip_prefix("write ") {
        Some(file) => match ledger.write(Path::new(file)) {
            Ok(()) => "written".to_owned(),
            Err(error) => error.to_string(),
        },
        None => counted.stats().handled.to_string(),
    })?;
    connections(listener, hooks).await
}
