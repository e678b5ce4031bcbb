//! The console: a page and an API for the operators of a receiver.
//!
//! ```no_run
//! use apideck_hooks::console::Console;
//! use apideck_hooks::{Hooks, Secret, SqliteStore, router};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Secret::from_env("APIDECK_HOOKS_CONSOLE_TOKEN")?;
//! let console = Console::with_token(token).allow_changes();
//! let hooks = Hooks::builder(router![..])
//!     .secret(Secret::from_env("APIDECK_API_KEY")?)
//!     .store(SqliteStore::open("hooks.db").await?)
//!     .observe(console.observer())
//!     .build()?;
//! let app = axum::Router::new()
//!     .nest_service("/hooks", console.serve(&hooks))
//!     .route_service("/webhooks/apideck", hooks);
//! axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Open `http://127.0.0.1:3000/hooks`. The page shows the outcomes of the last hour, the last
//! deliveries, the dead letters, and the inbox where the store has one. `cargo run -p console` is
//! an example with all of it.
//!
//! # Mount
//!
//! [`Console::serve`] returns a service of hyper and of tower. It answers `/` with the page, so a
//! router must strip the prefix, as axum's `nest_service` does. The page finds its own address,
//! with or without a slash at its end.
//!
//! # Scope
//!
//! Deliveries are those of **this process** since its start: the last 1,000 whose signature
//! matched, replays and runs of workers among them, and the last 100 refused requests. A store
//! keeps only hashes of handled events. Dead letters and accepted events are those of the
//! receiver's source in the store, whichever process wrote them.
//!
//! # Security
//!
//! - The token is the password of HTTP Basic, and is compared in constant time. Wrong tokens cause
//!   at most one line in the log a second. Nothing slows guessing down, so use a long random token.
//!   Serve the console over TLS, because the token is sent with each request.
//! - A change is a `POST` of JSON that does not come from another site. It needs
//!   [`allow_changes`](Console::allow_changes), and is a line in the log with the user name.
//! - A body is shown as it was verified, and never printed again. The values below `settings` and
//!   `metadata` are hidden, unless [`show_credentials`](Console::show_credentials) is set. A body
//!   that is not JSON is hidden completely. An error is shown as the handler wrote it.
//! - The page loads nothing from elsewhere, and its policy forbids inline code.
//!
//! # API
//!
//! All paths are relative to the mount. Each response is an object with `"schema": 1`. Later
//! releases add members, and a changed meaning has another number. Times are RFC 3339.
//!
//! - `GET api/overview`: `scope`, `changes`, `credentials`, `observing`, `version`, `store`,
//!   `volatile`, `source`, `secrets`, `ready`, `in_flight`, `waiting`, `dead_letters` (`null` if
//!   the store did not answer), `keeps_dead_letters`, `has_inbox`, `inbox_waiting`,
//!   `inbox_oldest_seconds`, `inbox_pauses` ([`Snapshot`](crate::Snapshot)), `rate_per_minute`,
//!   `totals` ([`Stats`](crate::Stats)), `minutes` (each with `start` and `outcomes`, of requests
//!   and of workers' runs), `groups` of outcomes (each with `kind`, `name` and `outcomes`), and
//!   `signatures` (each with `form`, `encoding`, `secret`, `count` and `last`).
//! - `GET api/receiver`: `receiver`, a [`Description`](crate::Description).
//! - `GET api/deliveries?event=&outcome=&text=&before=&limit=`: `deliveries`, newest first, and
//!   `next` for `before`, or `null`. `event` is a name, or a pattern that ends in `*`. At most
//!   1,000. A row with `replay` or `worker` is a run without an answer.
//! - `GET api/dead-letters?event=&since=&until=&after=&limit=`: `letters`, newest first, `next` for
//!   `after`, or `null`, and `count`, the number of all that match. Each letter has `record`,
//!   `event_type`, `event_id`, `entity_id`, `consumer_id`, `error`, `attempts`, `running`, `since`,
//!   `source` and `body_bytes`. `event` is a name, or a pattern that ends in `*`. At most 200.
//! - `GET api/dead-letters/{record}`: the members of a letter, and `context`, `body`, and `hidden`:
//!   `nothing`, `values` or `all`.
//! - `POST api/dead-letters/{record}/replay`: `disposition` and `error`, as in
//!   [`Replayed`](crate::Replayed). The body is `{}`.
//! - `POST api/dead-letters/{record}/purge`: `purged`. The body is `{}`. The status is `409` while
//!   a handler runs for the event.
//! - `POST api/dead-letters/replay` and `POST api/dead-letters/purge`: `dry_run`, `count`, and
//!   `results`, oldest first, each with `record`, `disposition` and `error`. After a purge the
//!   disposition is `purged`, `busy` or `unknown`. The body is an object of `event`, `since`,
//!   `until`, `at_most` (default 100, at most 1,000) and `dry_run`, all of them optional. If the
//!   store fails on the way, the status is `503`, with `error` and the results so far.
//!
//! - `GET api/inbox`: `waiting`, `running`, `oldest_seconds` since the acceptance, and
//!   `oldest_due_seconds`, as in [`InboxStats`](crate::store::InboxStats). `events` has those that
//!   wait, by name, each with `event_type`, `waiting`, `oldest_due_seconds` and `paused`. Those
//!   that wait most come first, and there are at most 1,000 names. `paused` has the pauses, each
//!   with `pattern` and `since_seconds`.
//! - `GET api/inbox/events?event=&since=&until=&before=&limit=`: `events` that wait or run, those
//!   accepted last first, and `next` for `before`, or `null`. Each has `record`, `event_type`,
//!   `event_id`, `entity_id`, `consumer_id`, `attempts`, `running`, `paused`, `due_in_seconds` and
//!   `accepted_at`. The times of the filter are those of the acceptance. At most 1,000.
//! - `GET api/inbox/events/{record}`: the members of an event, and `idempotency_key`, `context`,
//!   `source`, `body_bytes`, `body` and `hidden`, as those of a letter.
//! - `POST api/inbox/pause` and `POST api/inbox/resume`: `changed`, which is `false` if the pattern
//!   was paused before, or not paused. The body is an object of `pattern`: a name, or a prefix with
//!   `*` after it. `*` is all events.
//! - `POST api/inbox/events/{record}/end-rest`: `changed`, which is `false` if the event runs or
//!   was due already. The body is `{}`. The event is due at once, and a worker runs it as soon as
//!   no pause and no event of its entity holds it.
//!
//! An error is an object with `error`. The status is `400` (malformed), `401` (token), `403` (no
//! changes, or another site), `404` (no such letter, event or page, or a store without dead letters
//! or without an inbox), `405`, `408` or `413` (a slow or long body), `409` (under way), `415` (not
//! JSON) or `503` (the store failed).
//!
//! ```sh
//! curl -u me:$TOKEN https://example.com/hooks/api/dead-letters?limit=10
//! curl -u me:$TOKEN https://example.com/hooks/api/dead-letters/replay \
//!   -H 'content-type: application/json' -d '{"event":"vault.connection.callable","dry_run":true}'
//! ```

mod access;
mod activity;
mod blank;
mod change;
// A room and the type that it is named after.
#[allow(clippy::module_inception)]
mod console;
mod files;
mod groups;
mod inbox;
mod letters;
mod overview;
mod problem;
mod query;
mod recent;
mod response;
mod seen;
mod service;
mod settings;

pub use console::Console;
pub use recent::ConsoleObserver;
pub use service::{ConsoleFuture, ConsoleService};
