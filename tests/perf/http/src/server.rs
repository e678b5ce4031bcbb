//! A server in a process of its own, on a processor of its own.

use crate::machine;
use crate::serve::Failure;
use crate::subject::{Program, Subject};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Which processor is whose.
#[derive(Clone, Copy)]
pub(crate) struct Processors {
    pub(crate) server: usize,
    pub(crate) load: usize,
}

pub(crate) struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a subject's server; scripts are in the folder that is given.
    pub(crate) fn start(subject: &Subject, scripts: &Path, processors: Processors) -> Result<Self, Failure> {
        let command = match subject.program {
            Program::Server(name) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", name]);
                command
            }
            Program::Script(file) => {
                let mut command = Command::new("node");
                command
                    .arg(scripts.join(file))
                    .env("SECRET", crate::event::SECRET)
                    .env("NODE_ENV", "production");
                command
            }
        };
        Self::spawn(command, processors)
    }

    pub(crate) fn spawn(mut command: Command, processors: Processors) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // What is started is where its starter is.
        machine::pin(processors.server)?;
        let child = command.spawn();
        machine::pin(processors.load)?;
        let mut child = child?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut server = Server {
            child,
            stdin: stdin.ok_or("no standard input")?,
            stdout: BufReader::new(stdout.ok_or("no standard output")?),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let line = server.line()?;
        let address = line
            .strip_prefix("listening ")
            .ok_or("the server does not say where it listens")?;
        server.address = address.parse()?;
        Ok(server)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err("the server ended".into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Asks it for something in a line, and gives its answer.
    pub(crate) fn ask(&mut self, what: &str) -> Result<String, Failure> {
        writeln!(self.stdin, "{what}")?;
        self.line()
    }

    /// How many events it says that it has handled.
    pub(crate) fn handled(&mut self) -> Result<u64, Failure> {
        Ok(self.ask("handled")?.parse()?)
    }

    /// The time that it has spent on its processor, all threads together.
    pub(crate) fn time(&self) -> Result<Duration, Failure> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
        let mut total = 0;
        for task in tasks {
            // To the nanosecond, unlike the ticks of `stat`.
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            total += times.split(' ').next().ok_or("no time")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// What it has in memory, in bytes.
    pub(crate) fn resident(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: u64 = line.ok_or("no VmRSS")?.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
