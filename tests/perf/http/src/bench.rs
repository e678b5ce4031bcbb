//! How it is measured.

use crate::load::{Pool, Sent, closed};
use crate::serve::Failure;
use crate::server::{Processors, Server};
use crate::subject::Subject;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) struct Bench {
    /// For Node.js.
    pub(crate) scripts: PathBuf,
    pub(crate) processors: Processors,
    pub(crate) rounds: usize,
    /// Of one subject in one round.
    pub(crate) time: Duration,
    /// Whether it only has to run.
    pub(crate) smoke: bool,
}

impl Bench {
    /// A subject's server in a new process, what is sent to it, and what was sent to warm it up: more to Node.js, which
    /// compiles while it runs.
    pub(crate) fn start(&self, subject: &Subject) -> Result<(Server, Pool, Sent), Failure> {
        let server = Server::start(subject, &self.scripts, self.processors)?;
        let mut pool = Pool::new(subject.scheme);
        pool.fill(match (self.smoke, subject.is_node()) {
            (true, _) => 500,
            (false, true) => 20_000,
            (false, false) => 5_000,
        });
        let sent = all_handled(closed(server.address, &pool)?)?;
        Ok((server, pool, sent))
    }
}

/// What was sent, if all of it was answered 200.
pub(crate) fn all_handled(sent: Sent) -> Result<Sent, Failure> {
    match &sent.refusal {
        Some(refusal) => {
            Err(format!("{} requests were not answered 200, but {refusal}", sent.refused).into())
        }
        None => Ok(sent),
    }
}
