//! The NATS server and the database are away for a while.

use crate::world::{World, send};
use apideck_hooks_tests::kit::Told;
use apideck_hooks_tests::postgres::server::{Installation, Server};
use apideck_hooks_tests::waiting::until;
use std::net::SocketAddr;

async fn is_accepted(consumer: &str, addr: SocketAddr) -> bool {
    let answer = send(consumer, addr).await.expect("a response");
    assert!(matches!(answer.code(), 200 | 503), "{answer}");
    answer.code() == 200
}

/// Receivers and workers go on by themselves when the server is back.
#[tokio::test]
async fn events_are_refused_while_the_server_is_away() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let receiver = world.receiver().await;
    assert!(is_accepted("before", receiver.addr).await);
    world.nats.kill();
    let refused = send("meanwhile", receiver.addr).await.expect("a response");
    assert!(refused.code() == 503 && refused.retry_after().is_some());
    world.nats.restart().await;
    until("it is accepted", async || {
        is_accepted("meanwhile", receiver.addr).await
    })
    .await;
    let _worker = world.worker();
    world.until_settled(2, 0).await;
    world.nats.kill();
    world.nats.restart().await;
    until("it is accepted", async || {
        is_accepted("after", receiver.addr).await
    })
    .await;
    world.until_settled(3, 0).await;
    assert_eq!(world.syncs().await, 3);
}

/// A server that does not answer has confirmed nothing.
#[tokio::test]
async fn an_event_is_refused_if_the_server_does_not_confirm_it() {
    let Some(world) = World::new().await else { return };
    let receiver = world.receiver().await;
    world.nats.signal("STOP");
    assert!(!is_accepted("good", receiver.addr).await);
    world.nats.signal("CONT");
    until("it is accepted", async || {
        is_accepted("good", receiver.addr).await
    })
    .await;
    // The message of the refused delivery may be in the stream too.
    let _worker = world.worker();
    world.until_settled(1, 0).await;
    assert_eq!(world.syncs().await, 1);
}

/// A handler that runs while the server is killed ends once, and its message is acknowledged when
/// it comes once more.
#[tokio::test]
async fn a_handler_outlives_the_server() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let receiver = world.receiver().await;
    let _worker = world.worker();
    let hold = world.hold().await;
    assert!(is_accepted("hold", receiver.addr).await);
    world.until_held(1).await;
    world.nats.kill();
    hold.release().await;
    until("it has run", async || world.done().await == 1).await;
    world.nats.restart().await;
    world.until_settled(1, 0).await;
    assert_eq!(world.runs().await, 1);
}

/// Events are accepted without the database, and run when it is back.
#[tokio::test]
async fn inbox_05_accepted_events_wait_while_the_database_is_away() {
    let Some(installation) = Installation::find() else {
        return;
    };
    let mut database = Server::start(&installation).await;
    let Some(world) = World::on(database.options(), None).await else {
        return;
    };
    let receiver = world.receiver().await;
    let _worker = world.worker();
    assert!(is_accepted("before", receiver.addr).await);
    world.until_settled(1, 0).await;
    database.kill();
    assert!(is_accepted("meanwhile", receiver.addr).await);
    until("a worker has taken the message", async || {
        let consumer = world.stream().await.consumer_info("workers").await;
        consumer.expect("the consumer").num_ack_pending == 1
    })
    .await;
    database.restart().await;
    world.until_settled(2, 0).await;
    assert_eq!(world.syncs().await, 2);
}
