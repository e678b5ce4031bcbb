//! A receiver with dead letters and a console.

use crate::program::{Output, command, output};
use crate::receivers::Handled;
use apideck_hooks::console::Console;
use apideck_hooks::events::*;
use apideck_hooks::store::{DeadRecord, LetterFilter};
use apideck_hooks::testing::Event;
use apideck_hooks::{Hooks, Permanent, Secret, State, on, router};
use apideck_hooks_tests::kit::Deliver;
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::{SECRET, server};
use tokio::process::Command;

pub(crate) const TOKEN: &str = "a-long-and-random-token";
const EVENT: &str = "vault.connection.callable";

/// A receiver whose console is served. Its store keeps dead letters.
pub(crate) struct Site {
    pub(crate) hooks: Hooks,
    pub(crate) spy: Spy,
    /// Address of the console.
    pub(crate) url: String,
}

#[on("vault.connection.callable")]
async fn start_sync(
    event: ConnectionCallable,
    State(handled): State<Handled>,
) -> Result<(), Permanent<String>> {
    let run = handled.handle(event.event_id.clone());
    // A handler's error can hold the text of a stranger.
    run.map_err(|error| Permanent(format!("{error}\u{1b}[2J")))
}

#[on("crm.lead.created", "crm.lead.deleted")]
async fn leads(_: ResourceEvent) {}

pub(crate) fn console() -> Console {
    Console::with_token(Secret::new(TOKEN).expect("a token")).allow_changes()
}

/// Serves a console at `/hooks`, and returns its address.
pub(crate) async fn serve(console: Console, hooks: &Hooks) -> String {
    let app = axum::Router::new().nest_service("/hooks", console.serve(hooks));
    format!("http://{}/hooks", server::axum(app).await)
}

impl Site {
    /// Starts a receiver with a number of dead letters. Replays of the even ones succeed.
    pub(crate) async fn with_letters(number: usize) -> Self {
        let (spy, handled, console) = (Spy::with_letters(), Handled::default(), console());
        let hooks = Hooks::builder(router![start_sync, leads, ..])
            .secret(SECRET)
            .source("shop")
            .state(handled.clone())
            .store(spy.clone())
            .observe(console.observer())
            .build()
            .expect("a receiver");
        for number in 0..number {
            let id = format!("e-{number}");
            handled.fail(&id, 1 + number % 2);
            let event = Event::new(EVENT).id(&id).key(format!("key-of-{id}"));
            event.call(&hooks).await.assert_dead_lettered();
        }
        let url = serve(console, &hooks).await;
        Self { hooks, spy, url }
    }

    /// The dead letters, oldest first.
    pub(crate) async fn letters(&self) -> Vec<DeadRecord> {
        let letters = self.hooks.dead_letters().expect("letters");
        let (filter, mut found) = (LetterFilter::new(), Vec::<DeadRecord>::new());
        loop {
            let after = found.last().map(|last| last.cursor);
            match letters.list(&filter, after, 100).await.expect("a page") {
                page if page.is_empty() => break,
                page => found.extend(page),
            }
        }
        found.reverse();
        found
    }
}

/// A command with the token of the console.
pub(crate) fn with_token(arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env("APIDECK_HOOKS_CONSOLE_TOKEN", TOKEN);
    command
}

/// Runs `dead-letters` over a console.
pub(crate) async fn dead_letters(console: &str, arguments: &[&str]) -> Output {
    let arguments = [&["dead-letters"], arguments, &["--console", console, "--json"]].concat();
    output(with_token(&arguments), b"").await
}
