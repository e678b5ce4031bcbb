//! Requests of strangers: the cost of each beside a bare 404, and the delay of genuine deliveries.

use crate::bench::Bench;
use crate::connections::Connections;
use crate::load::{CONNECTIONS, Requests, closed, paced};
use crate::receiver::{Program, Receiver};
use crate::report::Part;
use crate::request::{Scheme, Signature};
use crate::serve::Failure;
use crate::server::Server;
use perf::limits::Limit;
use perf::machine;
use perf::statistics::{median, ratios};

/// Genuine deliveries per second.
const GENUINE: f64 = 400.0;
/// Strangers' requests per second: 100,000 unsigned and 100,000 badly signed ones a minute.
const STRANGE: f64 = 200_000.0 / 60.0;
/// Connections on which nothing is sent.
const IDLE: usize = 10_000;

/// One for each round.
#[derive(Default)]
pub(crate) struct Measured {
    /// The server's time for a request, in microseconds.
    not_found: Vec<f64>,
    unsigned: Vec<f64>,
    forged: Vec<f64>,
    /// The 99th percentile of genuine deliveries, in microseconds.
    quiet: Vec<f64>,
    flooded: Vec<f64>,
    idle: Vec<f64>,
    /// The server's memory after a flood divided by that before it.
    grown: Vec<f64>,
}

fn receiver(server: &'static str) -> Receiver {
    Receiver {
        name: server,
        label: server,
        scheme: Scheme::Raw,
        program: Program::Server(server),
    }
}

pub(crate) fn measure(bench: &Bench) -> Result<Measured, Failure> {
    let mut measured = Measured::default();
    for round in 0..bench.rounds {
        eprintln!("flood: round {} of {}", round + 1, bench.rounds);
        for (server, signature, times) in [
            ("not-found", Signature::Missing, &mut measured.not_found),
            ("ours-hyper", Signature::Missing, &mut measured.unsigned),
            ("ours-hyper", Signature::Forged, &mut measured.forged),
        ] {
            let server = Server::start(&receiver(server), &bench.scripts, bench.processors)?;
            times.push(cost(bench, &server, signature)?);
        }
        let server = Server::start(&receiver("ours-hyper"), &bench.scripts, bench.processors)?;
        let mut requests = Requests::new(Scheme::Raw);
        let mut p99 = |signatures: &[Signature], rate: f64| {
            let count = (rate * bench.time.as_secs_f64() * 2.0) as usize;
            requests.fill_with(count.max(CONNECTIONS), signatures);
            let sent = paced(server.address, &requests, rate)?;
            Ok::<_, Failure>(sent.accepted.quantile(0.99).as_secs_f64() * 1e6)
        };
        // Warmed up by each kind.
        let mix = mix();
        p99(&mix, GENUINE + STRANGE)?;
        measured.quiet.push(p99(&[Signature::Genuine], GENUINE)?);
        let before = server.resident()?;
        measured.flooded.push(p99(&mix, GENUINE + STRANGE)?);
        measured.grown.push(server.resident()? as f64 / before as f64);
        let _idle = Connections::open(server.address, if bench.smoke { 50 } else { IDLE })?;
        measured.idle.push(p99(&[Signature::Genuine], GENUINE)?);
    }
    Ok(measured)
}

/// The signatures of a flood: strangers between genuine deliveries, as many as by the rates.
fn mix() -> Vec<Signature> {
    let strangers = (STRANGE / GENUINE).round() as usize;
    let strange = [Signature::Missing, Signature::Forged].into_iter().cycle();
    let mut mix = vec![Signature::Genuine];
    mix.extend(strange.clone().take(strangers));
    mix.push(Signature::Genuine);
    // In the other order, because the number can be odd.
    mix.extend(strange.skip(1).take(strangers));
    mix
}

/// The server's time for a request, in microseconds.
fn cost(bench: &Bench, server: &Server, signature: Signature) -> Result<f64, Failure> {
    let mut requests = Requests::new(Scheme::Raw);
    requests.fill_with(if bench.smoke { 500 } else { 5_000 }, &[signature]);
    let before = closed(server.address, &requests)?;
    let count = (before.rate() * bench.time.as_secs_f64()) as usize;
    requests.fill_with(count.clamp(CONNECTIONS, 100_000), &[signature]);
    let spent = server.time()?;
    let sent = closed(server.address, &requests)?;
    let spent = server.time()? - spent;
    if sent.refused != sent.responses {
        return Err(format!(
            "{} of {} requests were accepted",
            sent.responses - sent.refused,
            sent.responses
        )
        .into());
    }
    Ok(spent.as_secs_f64() * 1e6 / sent.responses as f64)
}

pub(crate) fn report(bench: &Bench, measured: &Measured) -> Part {
    let mut part = Part::new("Flood");
    part.line(format!(
        "Measured on {} on {}. The first rows are the server's time for a request whose body of 921 bytes came with its \
         head. The p99 is of {GENUINE} genuine deliveries a second, alone and between {STRANGE:.0} requests a second of \
         strangers, half of them unsigned and half badly signed, and beside {IDLE} idle connections. Medians of {} interleaved rounds.\n",
        machine::today(),
        machine::describe(),
        bench.rounds,
    ));
    part.line("| requests | µs | ÷ |");
    part.line("| --- | ---: | ---: |");
    let Measured {
        not_found,
        unsigned,
        forged,
        quiet,
        flooded,
        idle,
        grown,
    } = measured;
    let mut row = |name: &str, values: &[f64], base: &[f64]| {
        let ratio = median(&ratios(values, base));
        part.line(format!("| {name} | {:.2} | {ratio:.2} |", median(values)));
        ratio
    };
    row("a bare 404 of hyper", not_found, not_found);
    let unsigned = row("unsigned", unsigned, not_found);
    row("badly signed", forged, not_found);
    row("p99 of genuine deliveries, alone", quiet, quiet);
    let flooded = row("p99 of genuine deliveries, in the flood", flooded, quiet);
    let idle = row("p99 of genuine deliveries, beside idle connections", idle, quiet);
    let limits = &mut part.limits;
    limits.check(
        "server's time: unsigned ÷ bare 404",
        Some(unsigned),
        Limit::AtMost(1.3),
    );
    limits.check(
        "p99 of genuine deliveries: in a flood ÷ alone",
        Some(flooded),
        Limit::AtMost(3.0),
    );
    limits.check(
        "p99 of genuine deliveries: beside idle connections ÷ alone",
        Some(idle),
        Limit::AtMost(3.0),
    );
    limits.check(
        "memory: after a flood ÷ before",
        Some(median(grown)),
        Limit::AtMost(1.2),
    );
    part
}
