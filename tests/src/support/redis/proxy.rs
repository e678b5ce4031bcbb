//! A TCP proxy that injects faults.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The treatment of connections and data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Pass,
    /// Delays each chunk by up to 4 ms, so that concurrent requests arrive in any order.
    Jitter,
    /// Keeps connections open and passes nothing on.
    Stall,
    /// Passes this number of chunks of responses, then stalls.
    StallAfter(usize),
    /// Closes all connections, and new ones at once.
    Refuse,
    /// Passes this number of chunks of responses. Closes the connection of the next one instead of
    /// passing it on, then passes.
    LoseResponse(usize),
}

/// A proxy on loopback that listens until the runtime ends.
pub struct Proxy {
    pub addr: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    /// The number of the last stalled connection.
    stalled: Arc<watch::Sender<usize>>,
    connections: watch::Receiver<usize>,
    open: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts a proxy for a server.
    pub async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let addr = listener.local_addr().expect("an address");
        let mode = Arc::new(watch::Sender::new(Mode::Pass));
        let stalled = Arc::new(watch::Sender::new(0));
        let (counter, connections) = watch::channel(0);
        let (modes, stalls) = (Arc::clone(&mode), Arc::clone(&stalled));
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let open = Arc::new(AtomicUsize::new(0));
        let opened = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.send_modify(|count| *count += 1);
                let id = *counter.borrow();
                if *modes.borrow() == Mode::Refuse {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                let pump = |responses| Pump {
                    responses,
                    id,
                    mode: Arc::clone(&modes),
                    stalled: stalls.subscribe(),
                    requests: Arc::clone(&count),
                };
                let (there, back) = (pump(false), pump(true));
                let opened = Arc::clone(&opened);
                opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    // When one direction ends, so does the other.
                    tokio::select! {
                        () = there.run(client_read, server_write) => {}
                        () = back.run(server_read, client_write) => {}
                    }
                    opened.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Proxy {
            addr,
            mode,
            stalled,
            connections,
            open,
            requests,
        }
    }

    /// The number of chunks that clients sent. A client sends one chunk before it waits for a
    /// response.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    pub fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Stalls the existing connections. New ones pass.
    pub fn stall_existing(&self) {
        self.stalled.send_replace(*self.connections.borrow());
    }

    /// The number of open connections.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        *self.connections.borrow()
    }
}

struct Pump {
    responses: bool,
    id: usize,
    mode: Arc<watch::Sender<Mode>>,
    stalled: watch::Receiver<usize>,
    requests: Arc<AtomicUsize>,
}

impl Pump {
    async fn run(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        let mut mode = self.mode.subscribe();
        loop {
            let read = tokio::select! {
                read = from.read(&mut buffer) => read,
                _ = mode.wait_for(|mode| *mode == Mode::Refuse) => return,
            };
            let Ok(count @ 1..) = read else { return };
            if !self.responses {
                self.requests.fetch_add(1, Ordering::SeqCst);
            }
            // Waits while the connection is stalled.
            let _ = self.stalled.wait_for(|up_to| self.id > *up_to).await;
            if mode.wait_for(|mode| *mode != Mode::Stall).await.is_err()
                || *self.mode.borrow() == Mode::Refuse
            {
                return;
            }
            if *self.mode.borrow() == Mode::Jitter {
                let micros = RandomState::new().hash_one(0) % 4000;
                tokio::time::sleep(Duration::from_micros(micros)).await;
            }
            if self.responses && self.loses_response() {
                return;
            }
            if self.responses && self.stalls() {
                let _ = mode.wait_for(|mode| *mode != Mode::Stall).await;
            }
            if to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }

    /// Counts a response. Returns `true` if it must wait.
    fn stalls(&self) -> bool {
        self.mode.send_if_modified(|mode| match mode {
            Mode::StallAfter(0) => {
                *mode = Mode::Stall;
                true
            }
            Mode::StallAfter(left) => {
                *left -= 1;
                false
            }
            _ => false,
        })
    }

    /// Counts a response. Returns `true` if it must be lost.
    fn loses_response(&self) -> bool {
        self.mode.send_if_modified(|mode| match mode {
            Mode::LoseResponse(0) => {
                *mode = Mode::Pass;
                true
            }
            Mode::LoseResponse(left) => {
                *left -= 1;
                false
            }
            _ => false,
        })
    }
}
