//! Memory for an event that is remembered, and for a connection that waits.

use crate::bench::{Bench, all_handled};
use crate::load::closed;
use crate::machine;
use crate::report::Part;
use crate::serve::Failure;
use crate::subject::Subject;
use crate::wire::Wires;

const BATCH: usize = 200_000;

/// How many are sent first, and after them; as many as ours remembers by default.
fn events(bench: &Bench) -> (usize, usize) {
    if bench.smoke {
        (1_000, 5_000)
    } else {
        (20_000, 1_000_000)
    }
}

fn connections(bench: &Bench) -> usize {
    if bench.smoke { 200 } else { 5_000 }
}

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

pub(crate) fn measure(bench: &Bench, subjects: &[Subject]) -> Result<Vec<Measured>, Failure> {
    let mut all = Vec::new();
    for &subject in subjects {
        let event = match REMEMBER.contains(&subject.name) {
            true => Some(remembered(bench, &subject)?),
            false => None,
        };
        let connection = match CONNECT.contains(&subject.name) {
            true => Some(connected(bench, &subject)?),
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

fn remembered(bench: &Bench, subject: &Subject) -> Result<(f64, f64), Failure> {
    let (first, events) = events(bench);
    eprintln!("memory: {events} events of {}", subject.name);
    let (server, mut pool, _) = bench.start(subject)?;
    let mut send = |mut count: usize| -> Result<f64, Failure> {
        while count > 0 {
            let batch = count.min(BATCH);
            pool.fill(batch);
            all_handled(closed(server.address, &pool)?)?;
            count -= batch;
        }
        Ok(server.resident()? as f64)
    };
    let few = send(first)?;
    let full = send(events - first)?;
    let again = send(events)?;
    Ok(((full - few) / (events - first) as f64, again - full))
}

fn connected(bench: &Bench, subject: &Subject) -> Result<f64, Failure> {
    let connections = connections(bench);
    eprintln!("memory: {connections} connections of {}", subject.name);
    let (server, mut pool, _) = bench.start(subject)?;
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

pub(crate) fn report(bench: &Bench, all: &[Measured]) -> Part {
    let mut part = Part::new("memory");
    let ((_, events), connections) = (events(bench), connections(bench));
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
