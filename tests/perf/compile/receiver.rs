use apideck_hooks::{Hooks, events::*, on, router};
use hyper_util::rt::{TokioIo, TokioTimer};

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable) {
    println!("{}", event.entity.consumer_id);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hooks = Hooks::builder(router![start_sync, ..]).secret("key").build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), hooks.clone());
        tokio::spawn(connection);
    }
}
