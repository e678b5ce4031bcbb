//! A TCP proxy that drops, stalls and swallows.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What it does with what comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Pass,
    /// Holds each piece back for up to 4 ms, so that what is concurrent comes in any order.
    Jitter,
    /// Holds everything back, and the connections open.
    Stall,
    /// Closes all connections, and new ones.
    Refuse,
    /// Hands the next answer to nobody: its connection is closed. Then passes.
    SwallowAnswer,
}

/// A proxy on loopback, until the runtime ends.
pub struct Proxy {
    pub addr: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    /// Connections up to this number are stalled.
    stalled: Arc<watch::Sender<usize>>,
    connections: watch::Receiver<usize>,
    open: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy before a server.
    pub async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let addr = listener.local_addr().expect("an address");
        let mode = Arc::new(watch::Sender::new(Mode::Pass));
        let stalled = Arc::new(watch::Sender::new(0));
        let (counter, connections) = watch::channel(0);
        let (modes, stalls) = (Arc::clone(&mode), Arc::clone(&stalled));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
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
                let pump = |answers| Pump {
                    answers,
                    id,
                    mode: Arc::clone(&modes),
                    stalled: stalls.subscribe(),
                    asked: Arc::clone(&count),
                };
                let (there, back) = (pump(false), pump(true));
                let opened = Arc::clone(&opened);
                opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    // When one way ends, so does the other.
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
            asked,
        }
    }

    /// How many pieces clients have sent: one each time that they go on to wait for an answer.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    pub fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Stalls the connections that there are; new ones pass.
    pub fn stall_existing(&self) {
        self.stalled.send_replace(*self.connections.borrow());
    }

    /// How many connections there are.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        *self.connections.borrow()
    }
}

struct Pump {
    answers: bool,
    id: usize,
    mode: Arc<watch::Sender<Mode>>,
    stalled: watch::Receiver<usize>,
    asked: Arc<AtomicUsize>,
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
            if !self.answers {
                self.asked.fetch_add(1, Ordering::SeqCst);
            }
            // Held back as long as it stalls.
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
            if self.answers && self.swallows() {
                return;
            }
            if to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }

    fn swallows(&self) -> bool {
        self.mode.send_if_modified(|mode| {
            let swallows = *mode == Mode::SwallowAnswer;
            if swallows {
                *mode = Mode::Pass;
            }
            swallows
        })
    }
}
