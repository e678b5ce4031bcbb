//! NATS servers of a test's own, which can be killed.

use crate::directory::Directory;
use crate::guarded::{Guarded, program};
use crate::services::{free_port, skip};
use crate::waiting::{ends, until};
use async_nats::jetstream::{self, Context};
use std::path::PathBuf;
use std::process::Command;

/// A server with JetStream on loopback. It is killed when this is dropped and when the test's
/// process ends.
pub struct Nats {
    program: PathBuf,
    directory: Directory,
    port: u16,
    /// `None` after a kill.
    running: Option<Guarded>,
}

impl Nats {
    /// Starts a server that syncs each message, if its release can. Returns `None`, after a report,
    /// without the program.
    pub async fn start() -> Option<Self> {
        let Some(program) = program("nats-server") else {
            skip("nats-server");
            return None;
        };
        let mut server = Self {
            program,
            directory: Directory::default(),
            port: free_port(),
            running: None,
        };
        server.configure(", sync_interval: always");
        if !server.is_config_read() {
            // Before NATS 2.10. A process that is killed loses nothing that it wrote, so these
            // tests hold without it.
            server.configure("");
        }
        server.restart().await;
        Some(server)
    }

    fn config(&self) -> PathBuf {
        self.directory.file("nats.conf")
    }

    fn configure(&self, setting: &str) {
        let store = self.directory.file("store");
        let (port, store) = (self.port, store.display());
        let text = format!("listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{store}\"{setting} }}\n");
        std::fs::write(self.config(), text).expect("a file");
    }

    fn is_config_read(&self) -> bool {
        let mut command = Command::new(&self.program);
        let output = command.arg("-t").arg("-c").arg(self.config()).output();
        output.expect("nats-server").status.success()
    }

    /// Starts the server again on the same port and directory.
    pub async fn restart(&mut self) {
        let mut command = Guarded::command(&self.program, &self.directory);
        command.arg("-c").arg(self.config());
        self.running = Some(Guarded::spawn(&mut command));
        until("nats-server responds", async || {
            // It has read its streams by then.
            async_nats::connect(self.url()).await.is_ok()
        })
        .await;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    /// Sends a signal by name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        self.running.as_ref().expect("it runs").signal(name);
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub async fn jetstream(&self) -> Context {
        let client = ends("a connection to NATS", async_nats::connect(self.url())).await;
        jetstream::new(client.expect("the server"))
    }
}
