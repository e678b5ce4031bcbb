//! A test kit for handlers and whole applications. It also has signatures as Apideck makes them,
//! and the tests that every store passes.
//!
//! # Testing your handlers
//!
//! A handler can be tested in three ways: as a function, through the receiver in process, and in
//! the whole application. None of them needs a socket. Turn the feature on for your tests:
//!
//! ```toml
//! [dev-dependencies]
//! apideck-hooks = { path = "…", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! ## The function
//!
//! `#[on]` leaves a handler as it is, so a test calls it. Every payload type has an `example()` of
//! its event, and `from_json` for a body of yours.
//!
//! ```
#![doc = include_str!("example/db.md")]
//! use apideck_hooks::events::ConnectionCallable;
//! use apideck_hooks::{BuildError, Hooks, State, on, router};
//!
//! #[on("vault.connection.callable")]
//! pub async fn start_sync(event: ConnectionCallable, State(db): State<Db>) -> Result<(), String> {
//!     db.note_sync(&event.entity.consumer_id)
//! }
//!
//! pub fn hooks(db: Db, key: &str) -> Result<Hooks, BuildError> {
//!     Hooks::builder(router![start_sync, ..]).secret(key).state(db).build()
//! }
//!
//! #[tokio::test]
//! # async fn shown() {}
//! # #[tokio::main(flavor = "current_thread")]
//! async fn a_sync_is_noted() {
//!     let db = Db::default();
//!     start_sync(ConnectionCallable::example(), State(db.clone())).await.unwrap();
//!     assert_eq!(db.synced(), ["test_user_id"]);
//! }
//! # fn main() { a_sync_is_noted() }
//! ```
//!
//! | a parameter of the handler | in a unit test |
//! | --- | --- |
//! | a payload type | `example()`, or `from_json(Event::new("…").set("…", …).body())` |
//! | `State<T>` | `State(value)` |
//! | `Delivery` | [`Event::delivery`] |
//! | your own parameter | its `from_delivery`, with such a delivery |
//! | `Tx` | `TestTx`, which shows what the handler wrote (features `postgres`, `sqlite`) |
//!
//! ## The receiver
//!
//! An [`Apideck`] signs events and sends them to the receiver: signature, duplicates, dispatch,
//! attempts and rests are the real ones. With tokio's clock paused, hours of Apideck's retries take
//! no time.
//!
//! ```
#![doc = include_str!("example/app.md")]
//! use apideck_hooks::testing::{Apideck, Event};
//! use my_app::{Db, hooks};
//!
//! #[tokio::test(start_paused = true)]
//! # async fn shown() {}
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn a_failed_sync_is_retried() -> Result<(), Box<dyn std::error::Error>> {
//!     let db = Db::failing_once();
//!     let apideck = Apideck::new(hooks(db.clone(), "test-key")?, "test-key");
//!     let event = Event::new("vault.connection.callable")
//!         .consumer("acme")
//!         .set("entity.settings.region", "eu");
//!
//!     apideck.send(&event).await.assert_failed().assert_error("no connection");
//!     apideck.deliver(&event).await.assert_handled(); // now, after 3 minutes, after 5 more, …
//!     apideck.send(&event.clone().replayed()).await.assert_duplicate();
//!     assert_eq!(db.synced(), ["acme"]);
//!     Ok(())
//! }
//! # fn main() { a_failed_sync_is_retried().unwrap() }
//! ```
//!
//! A store outside of the process needs real time. Such a test does not pause the clock, builds the
//! receiver with [`Rest::None`](crate::Rest::None), and calls [`Apideck::without_waiting`].
//!
//! ## The application
//!
//! The same sender takes an `axum::Router`, so a test also covers the path, the layers and the
//! other routes. Over a socket it takes a client of `hyper-util`.
//!
//! ```
#![doc = include_str!("example/app.md")]
//! use apideck_hooks::testing::{Apideck, Event, Forgery};
//! use my_app::{Db, hooks};
//!
//! fn app(db: Db) -> axum::Router {
//!     let hooks = hooks(db, "test-key").unwrap();
//!     axum::Router::new()
//!         .route("/health", axum::routing::get(async || "ok"))
//!         .nest("/webhooks", axum::Router::new().route_service("/apideck", hooks))
//! }
//!
//! #[tokio::test]
//! # async fn shown() {}
//! # #[tokio::main(flavor = "current_thread")]
//! async fn the_application_receives_events() {
//!     let db = Db::default();
//!     let apideck = Apideck::new(app(db.clone()), "test-key").path("/webhooks/apideck");
//!     apideck.validate().await.assert_acknowledged(); // as when a subscription is made
//!
//!     let event = Event::new("vault.connection.callable");
//!     for forgery in Forgery::ALL {
//!         apideck.forge(&event, forgery).await.assert_refused();
//!     }
//!     let storm = apideck.storm(&event, 50).await; // 50 times at once
//!     storm.assert_handled_once();
//!     assert_eq!(db.synced(), ["test_user_id"]);
//! }
//! # fn main() { the_application_receives_events() }
//! ```
//!
//! ## Recordings
//!
//! `apideck-hooks listen --save` (feature `cli`) records real deliveries. [`Event::recording`]
//! reads one, and [`Apideck::send`] sends it byte for byte, so that it can be a fixture of your
//! tests.
//!
//! An assertion that fails prints the response, and in process also the handler, the attempt, the
//! error, and for a `401` the explanation of the signature.

mod answer;
mod apideck;
mod clock;
pub mod conformance;
mod delivery;
mod event;
mod exchange;
mod forgery;
mod near;
mod storm;
mod story;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod test_tx;

pub use crate::payload::example::EXAMPLES;
pub use crate::signature::sign::sign;
pub use crate::store_conformance;
pub use answer::Answer;
pub use apideck::Apideck;
pub use clock::PAUSES;
pub use event::{BLANKED, Event, EventError};
pub use forgery::Forgery;
pub use storm::Storm;
pub use story::Story;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use test_tx::TestTx;
