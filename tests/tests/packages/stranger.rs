//! The program of a stranger, and its tests with the kit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use apideck_hooks::events::ConnectionCallable;
use apideck_hooks::{BuildError, Hooks, State, on, router};

/// A database that fails a number of times.
#[derive(Clone, Default)]
pub struct Db {
    failures: Arc<AtomicUsize>,
    synced: Arc<Mutex<Vec<String>>>,
}

#[on("vault.connection.callable")]
pub async fn start_sync(event: ConnectionCallable, State(db): State<Db>) -> Result<(), String> {
    let failures = &db.failures;
    let fail = |left: usize| left.checked_sub(1);
    if failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fail).is_ok() {
        return Err("no connection".to_owned());
    }
    db.synced.lock().unwrap().push(event.entity.consumer_id.clone());
    Ok(())
}

pub fn hooks(db: Db, key: &str) -> Result<Hooks, BuildError> {
    Hooks::builder(router![start_sync, ..]).secret(key).state(db).build()
}

pub fn app(db: Db, key: &str) -> Result<axum::Router, BuildError> {
    let webhooks = axum::Router::new().route_service("/apideck", hooks(db, key)?);
    Ok(axum::Router::new().nest("/webhooks", webhooks))
}

fn main() {
    let _ = app(Db::default(), "key");
}

#[cfg(test)]
mod tests {
    use super::*;
    use apideck_hooks::testing::{Apideck, Event, Forgery};

    #[tokio::test]
    async fn unit() {
        let db = Db::default();
        start_sync(ConnectionCallable::example(), State(db.clone())).await.unwrap();
        assert_eq!(*db.synced.lock().unwrap(), ["test_user_id"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_sync_is_tried_again() -> Result<(), BuildError> {
        let db = Db::default();
        db.failures.store(3, Ordering::SeqCst);
        let apideck = Apideck::new(hooks(db.clone(), "test-key")?, "test-key");
        let event = Event::new("vault.connection.callable")
            .consumer("acme")
            .set("entity.settings.region", "eu");
        apideck.send(&event).await.assert_failed();
        let story = apideck.deliver(&event).await;
        story.assert_acknowledged();
        apideck.send(&event.clone().replayed()).await.assert_duplicate();
        assert_eq!(*db.synced.lock().unwrap(), ["acme"]);
        Ok(())
    }

    #[tokio::test]
    async fn mounted() {
        let app = app(Db::default(), "test-key").unwrap();
        let apideck = Apideck::new(app, "test-key").path("/webhooks/apideck");
        apideck.validate().await.assert_acknowledged();
        let event = Event::new("vault.connection.created");
        for forgery in Forgery::ALL {
            apideck.forge(&event, forgery).await.assert_refused();
        }
        let answers = apideck.storm(&event, 50).await;
        answers.assert_acknowledged();
    }
}
