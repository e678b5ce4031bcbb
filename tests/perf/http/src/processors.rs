//! The processors and the open files of this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

/// One processor for the server and one for the load.
#[derive(Clone, Copy)]
pub(crate) struct Processors {
    pub(crate) server: usize,
    pub(crate) load: usize,
}

impl Processors {
    /// The first two that this process may use, or `None` if there is only one.
    pub(crate) fn find(swap: bool) -> Option<Self> {
        let set = sched_getaffinity(None).unwrap_or_default();
        let mut usable = (0..CpuSet::MAX_CPU).filter(|&processor| set.is_set(processor));
        let (one, other) = (usable.next()?, usable.next()?);
        let (server, load) = if swap { (other, one) } else { (one, other) };
        Some(Self { server, load })
    }
}

/// Keeps this thread on one processor, and the processes that it starts.
pub(crate) fn pin(processor: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}

/// Raises the limit of open files as far as allowed.
pub(crate) fn raise_open_files() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, limit)?)
}
