//! `examples/inbox-postgres`: receivers and workers in processes of their own.

use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::kit::{over_socket, patiently};
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::waiting::{ends, until};
use sqlx::{ConnectOptions, Row};
use std::process::Stdio;
use tokio::process::{Child, Command};

fn command(argument: &str, url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-inbox-postgres"));
    command.arg(argument).env("DATABASE_URL", url);
    command
}

fn worker(url: &str) -> Child {
    let mut command = command("work", url);
    command.stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("the example")
}

#[tokio::test]
async fn workers_of_the_inbox_example_are_processes_of_their_own() {
    let Some(database) = Database::new().await else {
        return;
    };
    // The example uses the default schema, so it gets a database of its own.
    let options = database.create_database().await;
    let url = options.to_url_lossy().to_string();
    let receivers = [
        Receiver::of(command("receive", &url)).await,
        Receiver::of(command("receive", &url)).await,
    ];
    let send = async |n: usize| {
        let apideck = over_socket(receivers[n % 2].addr, "/webhooks/apideck", "demo-key");
        let event = Event::new("vault.connection.callable");
        patiently(&apideck, &event).await.assert_accepted();
    };
    let syncs = async || {
        let mut connection = options.connect().await.expect("the database");
        let row = sqlx::query("SELECT count(*) FROM syncs").fetch_one(&mut connection);
        row.await.expect("a row").get::<i64, _>(0)
    };
    // Before there is a worker, with two of them, and after one was killed.
    send(0).await;
    assert_eq!(syncs().await, 0);
    let mut workers = [worker(&url), worker(&url)];
    until("a worker has run it", async || syncs().await == 1).await;
    send(1).await;
    until("a worker is woken", async || syncs().await == 2).await;
    workers[0].kill().await.expect("a worker");
    send(0).await;
    until("the other worker runs it", async || syncs().await == 3).await;
    let id = workers[1].id().expect("it runs").to_string();
    let signal = Command::new("kill").args(["-s", "TERM", &id]).status().await;
    assert!(signal.expect("kill").success());
    assert!(
        ends("the worker's end", workers[1].wait())
            .await
            .expect("its end")
            .success()
    );
    for receiver in receivers {
        receiver.signal("TERM").await;
        assert!(receiver.wait().await.success());
    }
}
