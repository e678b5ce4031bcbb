//! Handlers and parameters as functions.

use apideck_hooks::FromDelivery;
use apideck_hooks::events::{ConnectionCallable, ResourceEvent};
use apideck_hooks::sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use apideck_hooks::sqlx::{self, Sqlite};
use apideck_hooks::testing::{Event, TestTx};
use app::database::create_tables;
use app::tenant::Tenant;
use app::webhooks::{connections, crm};

/// A database in memory with the application's tables. Each connection would have one of its own.
async fn database() -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect("sqlite::memory:").await.unwrap();
    create_tables(&pool).await.unwrap();
    pool
}

fn demo() -> Tenant {
    Tenant("demo".to_owned())
}

#[tokio::test]
async fn the_first_sync_of_a_connection_is_planned() {
    let mut transaction: TestTx<Sqlite> = TestTx::new(database().await.begin().await.unwrap());
    let event = Event::new("vault.connection.callable").consumer("acme");
    let event = ConnectionCallable::from_json(event.body()).unwrap();
    connections::start_sync(event, demo(), transaction.lend())
        .await
        .unwrap();
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT tenant, consumer FROM syncs")
        .fetch_all(transaction.connection())
        .await
        .unwrap();
    assert_eq!(rows, [("demo".to_owned(), "acme".to_owned())]);
}

#[tokio::test]
async fn a_changed_lead_is_fetched_later() {
    let mut transaction = TestTx::new(database().await.begin().await.unwrap());
    let event = ResourceEvent::from_json(Event::new("crm.lead.updated").body()).unwrap();
    let url = event.entity_url.clone();
    crm::lead_changed(event, demo(), transaction.lend())
        .await
        .unwrap();
    let fetches: Vec<String> = sqlx::query_scalar("SELECT url FROM fetches")
        .fetch_all(transaction.connection())
        .await
        .unwrap();
    assert_eq!(fetches, [url]);
}

#[tokio::test]
async fn a_tenant_is_known_or_the_event_is_dead_lettered() {
    let pool = database().await;
    let delivery = Event::new("crm.lead.updated").delivery();
    let of = |tenant| delivery.clone().with_context("tenant", tenant);
    let tenant = Tenant::from_delivery(&of("demo"), pool.clone()).await.unwrap();
    assert_eq!(tenant, demo());
    let failure = Tenant::from_delivery(&of("acme"), pool).await.unwrap_err();
    assert!(failure.is_permanent());
}
