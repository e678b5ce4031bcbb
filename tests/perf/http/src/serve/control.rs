//! The pipe between a server and the process that started it.

use super::Failure;
use std::io::{self, BufRead, Write};
use tokio::net::TcpListener;

/// Says where the server listens, and answers every line. The process ends with its standard input.
pub(crate) fn control(
    listener: &TcpListener,
    answer: impl Fn(&str) -> String + Send + 'static,
) -> Result<(), Failure> {
    say(&format!("listening {}", listener.local_addr()?))?;
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if say(&answer(&line)).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
