//! A receiver for tests of signals. Each handler waits for a line on the standard input. The
//! receiver prints its address, `started` for each handler, `stopping` after a signal and `stopped`
//! at the end.

use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Hooks, State, on, router};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

#[on("*")]
async fn gated(_: AnyEvent, State(gate): State<Arc<Semaphore>>) {
    println!("started");
    gate.acquire().await.expect("open").forget();
}

#[tokio::main]
async fn main() {
    let gate = Arc::new(Semaphore::new(0));
    let hooks = Hooks::builder(router![gated])
        .secret(apideck_hooks_tests::SECRET)
        .state(Arc::clone(&gate))
        .build()
        .expect("a receiver");
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(_)) = lines.next_line().await {
            gate.add_permits(1);
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    println!(
        "listening on http://{}/",
        listener.local_addr().expect("an address")
    );
    let app = axum::Router::new().route_service("/", hooks.clone());
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
    let stop = async move {
        terminate.recv().await;
        let mut drain = pin!(hooks.shutdown(Duration::from_secs(60)));
        // The shutdown begins with the first poll.
        let drained = match poll_once(drain.as_mut()).await {
            Poll::Ready(drained) => drained,
            Poll::Pending => {
                println!("stopping");
                drain.await
            }
        };
        println!("stopped {}", drained.stopped);
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await
        .expect("a clean end");
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}
