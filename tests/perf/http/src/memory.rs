//! The memory of a remembered event and of an idle connection.

use crate::bench::{Bench, all_handled};
use crate::connections::Connections;
use crate::load::closed;
use crate::receiver::Receiver;
use crate::report::Part;
use crate::serve::Failure;
use perf::limits::Limit;
use perf::machine;

const BATCH: usize = 200_000;

/// The events before the measurement, and with it: as many as the memory store's default capacity.
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

/// The receivers whose events are measured, and those whose connections are.
const REMEMBER: [&str; 3] = ["ours-hyper", "by-hand", "by-hand-moka"];
const CONNECT: [&str; 4] = ["hyper", "axum", "ours-hyper", "ours-axum"];

pub(crate) struct Measured {
    receiver: Receiver,
    /// The bytes of an event, and the growth of memory in bytes over as many new events again.
    event: Option<(f64, f64)>,
    /// The bytes of a connection.
    connection: Option<f64>,
}

pub(crate) fn measure(bench: &Bench, receivers: &[Receiver]) -> Result<Vec<Measured>, Failure> {
    let mut all = Vec::new();
    for &receiver in receivers {
        let event = match REMEMBER.contains(&receiver.name) {
            true => Some(remembered(bench, &receiver)?),
            false => None,
        };
        let connection = match CONNECT.contains(&receiver.name) {
            true => Some(connected(bench, &receiver)?),
            false => None,
        };
        if event.is_some() || connection.is_some() {
            all.push(Measured {
                receiver,
                event,
                connection,
            });
        }
    }
    Ok(all)
}

fn remembered(bench: &Bench, receiver: &Receiver) -> Result<(f64, f64), Failure> {
    let (first, events) = events(bench);
    eprintln!("memory: {events} events of {}", receiver.name);
    let (server, mut requests, _) = bench.start(receiver)?;
    let mut send = |mut count: usize| -> Result<f64, Failure> {
        while count > 0 {
            let batch = count.min(BATCH);
            requests.fill(batch);
            all_handled(closed(server.address, &requests)?)?;
            count -= batch;
        }
        Ok(server.resident()? as f64)
    };
    let few = send(first)?;
    let full = send(events - first)?;
    let again = send(events)?;
    Ok(((full - few) / (events - first) as f64, again - full))
}

fn connected(bench: &Bench, receiver: &Receiver) -> Result<f64, Failure> {
    let connections = connections(bench);
    eprintln!("memory: {connections} connections of {}", receiver.name);
    let (server, mut requests, _) = bench.start(receiver)?;
    let few = server.resident()? as f64;
    requests.fill(connections);
    let mut all = Connections::open(server.address, connections)?;
    let mut received = 0;
    for at in 0..connections {
        // One at a time, because many requests at once take memory that idle connections do not
        // have.
        all.send(at, requests.request(at))?;
        while received <= at {
            all.wait(None, |_, _, _| received += 1)?;
        }
    }
    Ok((server.resident()? as f64 - few) / connections as f64)
}

pub(crate) fn report(bench: &Bench, all: &[Measured]) -> Part {
    let mut part = Part::new("Memory");
    let ((_, events), connections) = (events(bench), connections(bench));
    part.line(format!(
        "Measured on {} on {}: the growth of a process's resident memory for each of {events} remembered events, over as many \
         new events again, and for each of {connections} idle keep-alive connections.\n",
        machine::today(),
        machine::describe(),
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
            measured.receiver.label
        ));
        if let ("ours-hyper", Some((event, _))) = (measured.receiver.name, measured.event) {
            let subject = format!("bytes of an event: {}", measured.receiver.plain());
            part.limits.check(subject, event, Limit::AtMost(200.0));
        }
    }
    part
}
