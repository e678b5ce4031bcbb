//! The settings of a run.

use crate::load::{Requests, Sent, closed};
use crate::processors::Processors;
use crate::receiver::Receiver;
use crate::serve::Failure;
use crate::server::Server;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) struct Bench {
    /// The folder of the scripts for Node.js.
    pub(crate) scripts: PathBuf,
    pub(crate) processors: Processors,
    pub(crate) rounds: usize,
    /// The time of one receiver in one round.
    pub(crate) time: Duration,
    /// Runs as short as possible, and measures nothing.
    pub(crate) smoke: bool,
}

impl Bench {
    /// Starts a receiver in a new process and warms it up. Node.js gets more requests, because it
    /// compiles while it runs.
    pub(crate) fn start(&self, receiver: &Receiver) -> Result<(Server, Requests, Sent), Failure> {
        let server = Server::start(receiver, &self.scripts, self.processors)?;
        let mut requests = Requests::new(receiver.scheme);
        requests.fill(match (self.smoke, receiver.is_node()) {
            (true, _) => 500,
            (false, true) => 20_000,
            (false, false) => 5_000,
        });
        let sent = all_handled(closed(server.address, &requests)?)?;
        Ok((server, requests, sent))
    }
}

/// Fails if a response was not 200.
pub(crate) fn all_handled(sent: Sent) -> Result<Sent, Failure> {
    match &sent.refusal {
        Some(refusal) => {
            let refused = sent.refused;
            Err(format!("{refused} responses were not 200, the first of them {refusal}").into())
        }
        None => Ok(sent),
    }
}
