//! Events on their way through the stream.

use crate::world::{ATTEMPTS, World, send};
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::Told;
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use apideck_hooks_tests::waiting::{ends, until};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

async fn accepted(receiver: &Receiver, consumer: &str) {
    let answer = send(consumer, receiver.addr).await.expect("a response");
    answer.assert_accepted();
}

#[tokio::test]
async fn an_event_is_handled_once_and_a_failing_one_is_dead_lettered() {
    let Some(world) = World::new().await else { return };
    let receivers = [world.receiver().await, world.receiver().await];
    // Duplicates too, before there is a worker.
    for receiver in &receivers {
        accepted(receiver, "good").await;
    }
    assert_eq!((world.messages().await, world.syncs().await), (2, 0));
    let mut workers = [world.worker(), world.worker()];
    world.until_settled(1, 0).await;
    for consumer in ["flaky-0", "bad", "good"] {
        accepted(&receivers[0], consumer).await;
    }
    world.until_settled(2, 1).await;
    assert_eq!(world.syncs().await, 2);
    // One of `good`, two of `flaky-0` and all of `bad`.
    assert_eq!(world.runs().await, 3 + ATTEMPTS);
    // A duplicate of a dead letter runs nothing.
    accepted(&receivers[1], "bad").await;
    world.until_settled(2, 1).await;
    assert_eq!(world.runs().await, 3 + ATTEMPTS);
    for worker in &mut workers {
        let id = worker.id().expect("it runs").to_string();
        let signal = Command::new("kill").args(["-s", "TERM", &id]).status().await;
        assert!(signal.expect("kill").success());
        let end = ends("the worker's end", worker.wait()).await;
        assert!(end.expect("its end").success());
    }
    for receiver in receivers {
        receiver.signal("TERM").await;
        assert!(receiver.wait().await.success());
    }
}

/// A worker that is asked to end lets its handlers end, and begins no other one.
#[tokio::test]
async fn inbox_13_a_signal_lets_running_handlers_end() {
    let Some(world) = World::new().await else { return };
    let receiver = world.receiver().await;
    let mut worker = world.worker();
    let hold = world.hold().await;
    accepted(&receiver, "hold").await;
    world.until_held(1).await;
    let id = worker.id().expect("it runs").to_string();
    let signal = Command::new("kill").args(["-s", "TERM", &id]).status().await;
    assert!(signal.expect("kill").success());
    hold.release().await;
    let end = ends("the worker's end", worker.wait()).await;
    assert!(end.expect("its end").success());
    assert_eq!((world.syncs().await, world.done().await), (1, 1));
}

#[tokio::test]
async fn inbox_17_a_full_stream_refuses_events_and_drops_none() {
    let Some(world) = World::new().await else { return };
    let receiver = world.receiver().await;
    let jetstream = world.nats.jetstream().await;
    let mut config = world.stream().await.cached_info().config.clone();
    let most = config.max_messages;
    config.max_messages = 2;
    jetstream.update_stream(&config).await.expect("a smaller stream");
    for consumer in ["a", "b"] {
        accepted(&receiver, consumer).await;
    }
    let refused = send("c", receiver.addr).await.expect("a response");
    assert!(refused.code() == 503 && refused.retry_after().is_some());
    assert_eq!(world.messages().await, 2);
    config.max_messages = most;
    jetstream.update_stream(&config).await.expect("the first size");
    let _worker = world.worker();
    world.until_settled(2, 0).await;
    accepted(&receiver, "c").await;
    world.until_settled(3, 0).await;
    assert_eq!(world.syncs().await, 3);
}

/// A message that is not an envelope, and one that another secret has sealed, stay in the stream.
#[tokio::test]
async fn a_message_that_is_refused_is_kept() {
    let Some(world) = World::new().await else { return };
    let mut command = world.command("work");
    command.stdout(Stdio::piped()).kill_on_drop(true);
    command.env("NO_COLOR", "1").env("APIDECK_API_KEY", "another-key");
    let mut worker = command.spawn().expect("the example");
    let mut lines = BufReader::new(worker.stdout.take().expect("a pipe")).lines();
    let receiver = world.receiver().await;
    accepted(&receiver, "good").await;
    let jetstream = world.nats.jetstream().await;
    let published = jetstream.publish("apideck.syncs", "no envelope".into()).await;
    published.expect("the stream").await.expect("a confirmation");
    let mut refused = Vec::new();
    while refused.len() < 2 {
        let line = ends("a line of the worker", lines.next_line())
            .await
            .expect("text");
        let line = line.expect("the worker runs");
        if line.contains("a message is refused") {
            refused.push(line);
        }
    }
    assert!(
        refused
            .iter()
            .any(|line| line.contains("the seal does not match"))
    );
    assert!(
        refused.iter().any(|line| line.contains("sequence=2")),
        "{refused:?}"
    );
    assert_eq!((world.messages().await, world.done().await), (2, 0));
}

#[tokio::test]
async fn a_stream_with_other_settings_is_refused_at_start() {
    let Some(world) = World::new().await else { return };
    drop(world.receiver().await);
    let mut config = world.stream().await.cached_info().config.clone();
    config.max_age = Duration::from_secs(3600);
    let jetstream = world.nats.jetstream().await;
    jetstream.update_stream(&config).await.expect("an age limit");
    let worker = world.command("work").output();
    let worker = ends("the worker's end", worker).await.expect("the example");
    let said = String::from_utf8_lossy(&worker.stderr);
    assert!(
        !worker.status.success() && said.contains("different configuration"),
        "{said}"
    );
}

#[tokio::test]
async fn events_are_claimed_in_redis() {
    if !can_start() {
        return;
    }
    let Some(world) = World::new().await else { return };
    let directory = Directory::default();
    let redis = Server::durable(&directory, free_port()).await;
    let mut command = world.command("receive");
    command.env("REDIS_URL", redis.url());
    let receiver = Receiver::of(command).await;
    accepted(&receiver, "good").await;
    accepted(&receiver, "good").await;
    let mut command = world.command("work");
    command.env("REDIS_URL", redis.url()).env("NO_COLOR", "1");
    command.stdout(Stdio::piped()).kill_on_drop(true);
    let mut worker = command.spawn().expect("the example");
    let mut lines = BufReader::new(worker.stdout.take().expect("a pipe")).lines();
    until("both messages are acknowledged", async || {
        world.messages().await == 0
    })
    .await;
    worker.kill().await.expect("the worker");
    let mut runs = 0;
    while let Some(line) = lines.next_line().await.expect("text") {
        runs += usize::from(line.contains("of good"));
    }
    assert_eq!((runs, world.syncs().await), (1, 0));
}
