//! Deliveries and transactions for unit tests of handlers.

use super::{EVENT, message};
use apideck_hooks::testing::{Event, TestTx};
use apideck_hooks::{Delivery, Outcome, Token, Tx, on};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqlitePool};

#[on("*")]
async fn gives_up(delivery: Delivery) -> Outcome {
    match delivery.attempt() {
        1 if !delivery.is_claim_lost() => Outcome::Retry("not yet".into()),
        _ => Outcome::Ignore,
    }
}

#[tokio::test]
async fn a_delivery_can_be_made() {
    let event = Event::new(EVENT)
        .id("e-1")
        .key("k-1")
        .attempt(4)
        .header("x-tenant", "acme");
    let delivery = event.delivery();
    assert_eq!(delivery.event_type().unwrap(), EVENT);
    assert_eq!(
        (delivery.event_id(), delivery.entity_id()),
        (Some("e-1"), Some("1111+test_user_id"))
    );
    assert_eq!(
        (delivery.idempotency_key(), delivery.execution_attempt()),
        (Some("k-1"), Some(4))
    );
    assert_eq!((delivery.attempt(), delivery.token()), (1, Some(Token(1))));
    assert_eq!(delivery.headers()["x-tenant"], "acme");
    assert_eq!(delivery.body(), &event.body());
    let printed = format!("{delivery:?}");
    for (part, is_printed) in [
        ("e-1", true),
        ("k-1", true),
        ("acme", false),
        ("salesforce", false),
    ] {
        assert_eq!(printed.contains(part), is_printed, "{part}: {printed}");
    }
    let with = delivery.clone().with_context("tenant", "acme");
    assert_eq!(
        (with.context().get("tenant"), delivery.context().get("tenant")),
        (Some("acme"), None)
    );
    message(|| delivery.clone().with_context("long", &"x".repeat(2000)));

    assert!(matches!(gives_up(delivery.clone()).await, Outcome::Retry(_)));
    assert!(matches!(
        gives_up(delivery.clone().with_attempt(2)).await,
        Outcome::Ignore
    ));
    let lost = delivery.with_lost_claim();
    assert!(lost.clone().with_context("tenant", "acme").is_claim_lost());
    lost.claim_lost().await;
    assert!(matches!(gives_up(lost).await, Outcome::Ignore));
}

#[on("vault.connection.callable")]
async fn notes(delivery: Delivery, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
    let insert = sqlx::query("INSERT INTO notes (event) VALUES ($1)");
    insert.bind(delivery.event_id()).execute(&mut *tx).await?;
    Ok(())
}

async fn pool() -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect("sqlite::memory:").await.unwrap();
    sqlx::query("CREATE TABLE notes (event TEXT)")
        .execute(&pool)
        .await
        .unwrap();
    pool
}

#[tokio::test]
async fn what_a_handler_wrote_in_its_transaction_can_be_seen_and_is_rolled_back() {
    const NOTES: &str = "SELECT event FROM notes ORDER BY event";
    let pool = pool().await;
    let mut transaction = TestTx::new(pool.begin().await.unwrap());
    for id in ["e-1", "e-2"] {
        notes(Event::new(EVENT).id(id).delivery(), transaction.lend())
            .await
            .unwrap();
    }
    let written: Vec<String> = sqlx::query_scalar(NOTES)
        .fetch_all(transaction.connection())
        .await
        .unwrap();
    assert_eq!(written, ["e-1", "e-2"]);
    drop(transaction);
    let left: Vec<String> = sqlx::query_scalar(NOTES).fetch_all(&pool).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn a_transaction_that_the_handler_keeps_is_noticed() {
    let mut transaction = TestTx::new(pool().await.begin().await.unwrap());
    let kept = transaction.lend();
    let text = message(|| {
        transaction.connection();
    });
    assert!(text.contains("still holds its `Tx`"), "{text}");
    drop(kept);
}
