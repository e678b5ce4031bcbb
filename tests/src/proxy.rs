//! A TCP proxy that fails as it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// Passed on.
    Open,
    /// Those there are end, new ones are closed at once: the server is stopped.
    Cut,
    /// Nothing comes through either way, and nobody is told. A connection that has stalled never comes back.
    Stalled,
}

/// It listens until the runtime ends; clones share it.
#[derive(Clone)]
pub struct Proxy {
    pub addr: SocketAddr,
    line: Arc<watch::Sender<Line>>,
}

impl Proxy {
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let addr = listener.local_addr().expect("an address");
        let line = Arc::new(watch::channel(Line::Open).0);
        let changes = line.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), changes.clone()));
            }
        });
        Proxy { addr, line }
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn pass(mut client: TcpStream, server: String, mut line: watch::Receiver<Line>) {
    if now(&line) == Line::Open {
        let mut server = TcpStream::connect(server).await.expect("the server");
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = line.wait_for(|line| *line != Line::Open) => {}
        }
    }
    // The server's end, if there was one, is closed by now: it rolls back what it has not committed.
    if now(&line) == Line::Stalled {
        stall(client).await;
    }
}

fn now(line: &watch::Receiver<Line>) -> Line {
    *line.borrow()
}

/// Takes what comes and says nothing.
async fn stall(mut client: TcpStream) {
    let mut buffer = [0; 4096];
    while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}
