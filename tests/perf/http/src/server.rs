//! A server in a process of its own, on a processor of its own.

use crate::processors::{Processors, pin};
use crate::receiver::{Program, Receiver};
use crate::serve::Failure;
use perf::{event, machine};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub(crate) struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server of a receiver. `scripts` is the folder of the scripts for Node.js.
    pub(crate) fn start(
        receiver: &Receiver,
        scripts: &Path,
        processors: Processors,
    ) -> Result<Self, Failure> {
        let command = match receiver.program {
            Program::Server(name) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", name]);
                command
            }
            Program::Script(file) => {
                let mut command = Command::new("node");
                command
                    .arg(scripts.join(file))
                    .env("SECRET", event::SECRET)
                    .env("NODE_ENV", "production");
                command
            }
        };
        Self::spawn(command, processors)
    }

    /// Starts a process that says where it listens.
    pub(crate) fn spawn(mut command: Command, processors: Processors) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A process starts on the processor of the thread that starts it.
        pin(processors.server)?;
        let child = command.spawn();
        pin(processors.load)?;
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

    /// Sends a line, and returns the line that answers it.
    pub(crate) fn ask(&mut self, line: &str) -> Result<String, Failure> {
        writeln!(self.stdin, "{line}")?;
        self.line()
    }

    /// The number of events that it says it has handled.
    pub(crate) fn handled(&mut self) -> Result<u64, Failure> {
        Ok(self.ask("handled")?.parse()?)
    }

    /// The CPU time of all its threads.
    pub(crate) fn time(&self) -> Result<Duration, Failure> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
        let mut total = 0;
        for task in tasks {
            // In nanoseconds, where `stat` has ticks.
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            total += times.split(' ').next().ok_or("no time")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<u64, Failure> {
        Ok(machine::resident(self.child.id())?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
