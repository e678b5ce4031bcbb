//! Memory for an event that is remembered, and for a connection that waits.

use crate::load::{Pool, closed};
use crate::machine;
use crate::report::Part;
use crate::serve::Failure;
use crate::server::{Processors, Server};
use crate::subject::Subject;
use crate::wire::Wires;
use std::path::Path;

const WARM_UP: usize = 20_000;
/// As many as ours remembers by default.
const EVENTS: usize = 1_000_000;
const BATCH: usize = 200_000;
const CONNECTIONS: usize = 5_000;

/// Those that remember events, and those of whose connections it is asked.
const REMEMBER: [&str; 3] = ["ours-hyper", "by-hand", "by-hand-moka"];
const CONNECT: [&str; 4] = ["hyper", "axum", "ours-hyper", "ours-axum"];

pub(crate) struct Measured {
    subject: Subject,
    /// Bytes an event; and what memory grew by, in bytes, when as many came again.
    event: Option<(f64, f64)>,
    /// Bytes a connection.
    connection: Option<f64>,
}

pub(crate) fn measure(
    subjects: &[Subject],
    scripts: &Path,
    processors: Processors,
    smoke: bool,
) -> Result<Vec<Measured>, Failure> {
    let (events, connections) = if smoke {
        (50_000, 500)
    } else {
        (EVENTS, CONNECTIONS)
    };
    let mut all = Vec::new();
    for &subject in subjects {
        let start = || Server::start(&subject, scripts, processors);
        let event = match REMEMBER.contains(&subject.name) {
            true => Some(remembered(&start()?, &subject, events)?),
            false => None,
        };
        let connection = match CONNECT.contains(&subject.name) {
            true => Some(connected(&start()?, &subject, connections)?),
            false => None,
        };
        if event.is_some() || connection.is_some() {
            all.push(Measured {
                subject,
                event,
                connection,
            });
        }
    }
    Ok(all)
}

fn remembered(server: &Server, subject: &Subject, events: usize) -> Result<(f64, f64), Failure> {
    eprintln!("memory: {events} events of {}", subject.name);
    let mut pool = Pool::new(subject.scheme);
    let mut send = |mut count: usize| -> Result<f64, Failure> {
        while count > 0 {
            let batch = count.min(BATCH);
            pool.fill(batch);
            if let Some(refusal) = closed(server.address, &pool)?.refusal {
                return Err(refusal.into());
            }
            count -= batch;
        }
        Ok(server.resident()? as f64)
    };
    let few = send(WARM_UP)?;
    let full = send(events - WARM_UP)?;
    let again = send(events)?;
    Ok(((full - few) / (events - WARM_UP) as f64, again - full))
}

fn connected(server: &Server, subject: &Subject, connections: usize) -> Result<f64, Failure> {
    eprintln!("memory: {connections} connections of {}", subject.name);
    let mut pool = Pool::new(subject.scheme);
    pool.fill(WARM_UP);
    closed(server.address, &pool)?;
    let few = server.resident()? as f64;
    pool.fill(connections);
    let mut wires = Wires::open(server.address, connections)?;
    let mut answered = 0;
    for at in 0..connections {
        // One at a time: what many at once would take is not what they take while they wait.
        wires.send(at, pool.request(at))?;
        while answered <= at {
            wires.wait(None, |_, _, _| answered += 1)?;
        }
    }
    Ok((server.resident()? as f64 - few) / connections as f64)
}

pub(crate) fn report(all: &[Measured], smoke: bool) -> Part {
    let mut part = Part::new("memory");
    let (events, connections) = if smoke {
        (50_000, 500)
    } else {
        (EVENTS, CONNECTIONS)
    };
    part.line(format!(
        "Measured on {}: what the process's resident memory grew by, for each of {events} remembered events, when as many \
         new ones came again, and for each of {connections} idle keep-alive connections.\n",
        machine::today(),
    ));
    part.line("| receiver | bytes an event | growth over as many again | bytes an idle connection |");
    part.line("| --- | ---: | ---: | ---: |");
    for measured in all {
        let (event, again) = match measured.event {
            Some((event, again)) => (format!("{event:.0}"), format!("{:.1} MB", again / 1e6)),
            None => ("".to_owned(), "".to_owned()),
        };
        let connection = measured
            .connection
            .map_or(String::new(), |bytes| format!("{bytes:.0}"));
        part.line(format!(
            "| {} | {event} | {again} | {connection} |",
            measured.subject.label
        ));
    }
    part
}
