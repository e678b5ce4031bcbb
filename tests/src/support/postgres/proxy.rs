//! A TCP proxy that injects faults.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The state of the line between the clients and the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// Passes everything on.
    Open,
    /// Closes all connections, and new ones at once, as a stopped server does.
    Cut,
    /// Passes nothing on, without a sign to either side. A stalled connection never recovers.
    Stalled,
    /// Closes a connection on a request with this word, before the server receives it.
    CutBefore(&'static str),
    /// Closes a connection on a request with this word, after the server has carried it out and
    /// instead of the response.
    CutAfter(&'static str),
    /// As `CutAfter`, and the client gets the error of a pooler that has lost its server.
    RefuseAfter(&'static str),
}

/// The error of PgBouncer.
const REFUSAL: &[u8] = b"E\0\0\0\x30SFATAL\0VFATAL\0C08P01\0Mserver conn crashed?\0\0";

impl Line {
    fn is_passed_on(self) -> bool {
        !matches!(self, Line::Cut | Line::Stalled)
    }

    /// Tells if the connection is cut on this request.
    fn cuts(self, request: &[u8]) -> bool {
        match self {
            Line::CutBefore(word) | Line::CutAfter(word) | Line::RefuseAfter(word) => {
                request.windows(word.len()).any(|part| part == word.as_bytes())
            }
            _ => false,
        }
    }
}

/// A proxy that listens until the runtime ends. Clones share it.
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
    if now(&line).is_passed_on() {
        let mut server = TcpStream::connect(server).await.expect("the server");
        let current = line.clone();
        tokio::select! {
            _ = relay(&mut client, &mut server, &current) => {
                if now(&current).is_passed_on() {
                    return;
                }
            }
            _ = line.wait_for(|line| !line.is_passed_on()) => {}
        }
    }
    // The connection to the server is closed by now, so that the server rolls back an open
    // transaction.
    if now(&line) == Line::Stalled {
        stall(client).await;
    }
}

/// Relays data until one side ends or the line changes. The line is read after the data, so that
/// nothing is passed on after a change.
async fn relay(
    client: &mut TcpStream,
    server: &mut TcpStream,
    line: &watch::Receiver<Line>,
) -> std::io::Result<()> {
    let (mut request, mut response) = ([0; 16384], [0; 16384]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let request = &request[..read?];
                let line = now(line);
                if !line.is_passed_on() {
                    return Ok(());
                }
                let cuts = line.cuts(request);
                if request.is_empty() || cuts && matches!(line, Line::CutBefore(_)) {
                    return Ok(());
                }
                server.write_all(request).await?;
                if cuts {
                    // The response is lost.
                    let _ = server.read(&mut response).await?;
                    if matches!(line, Line::RefuseAfter(_)) {
                        client.write_all(REFUSAL).await?;
                    }
                    return Ok(());
                }
            }
            read = server.read(&mut response) => {
                let response = &response[..read?];
                if response.is_empty() || !now(line).is_passed_on() {
                    return Ok(());
                }
                client.write_all(response).await?;
            }
        }
    }
}

fn now(line: &watch::Receiver<Line>) -> Line {
    *line.borrow()
}

/// Reads without a response until the client closes the connection.
async fn stall(mut client: TcpStream) {
    let mut buffer = [0; 4096];
    while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}
