//! Measures the verification of signatures, beside other ways to do it.
//!
//! Words on the command line select bodies by a part of their names.

mod body;
mod node;
mod subject;

use body::Body;
use node::Node;
use perf::clock::{Clock, Turn};
use perf::limits::{Limit, Limits};
use perf::machine;
use perf::options::Options;
use std::process::ExitCode;
use std::time::Duration;
use subject::Subject;

const TURN: Turn = Turn::Lasting(Duration::from_millis(2));

fn main() -> ExitCode {
    let options = Options::from_env();
    let time = if options.smoke {
        Duration::ZERO
    } else {
        Duration::from_millis(2_500)
    };
    println!("{}", machine::describe());
    let mut limits = Limits::default();
    events(&options, time, &mut limits);
    adversaries(&options, time, &mut limits);
    limits.conclude(&options)
}

/// Bodies like Apideck's.
fn events(options: &Options, time: Duration, limits: &mut Limits) {
    println!("\n| body | bytes | way | ns | ÷ hmac | ÷ raw | ÷ sorted |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: |");
    let mut node = Node::start();
    for body in body::events().iter().filter(|body| options.selects(&body.name)) {
        let subject = Subject::new(body);
        let mut clock = Clock::new(TURN);
        clock.add_repeated("hmac", || subject.hmac());
        clock.add_repeated("raw", || subject.raw());
        clock.add_repeated("sorted", || subject.sorted());
        clock.add_repeated("refusal", || subject.refusal());
        clock.add_repeated("explain", || subject.explain());
        clock.add_repeated("value", || subject.value());
        clock.run(time);
        if let Some(node) = &mut node {
            let [raw, sorted] = node.time(&body.bytes, &subject, time);
            clock.note("node raw", raw);
            clock.note("node sorted", sorted);
        }
        let (name, length) = (&body.name, body.bytes.len());
        for way in clock.names() {
            let [hmac, raw, sorted] = ["hmac", "raw", "sorted"].map(|other| clock.ratio(way, &[other]));
            let ns = clock.ns(way);
            println!("| {name} | {length} | {way} | {ns:.0} | {hmac:.2} | {raw:.2} | {sorted:.2} |");
        }
        let mut check = |one, other, limit| {
            let ratio = clock
                .names()
                .any(|way| way == one)
                .then(|| clock.ratio(one, &[other]));
            limits.check(format!("{name}: {one} ÷ {other}"), ratio, limit);
        };
        check("raw", "hmac", Limit::AtMost(1.08));
        // A larger body does not fit into the caches, and they differ between machines.
        if length < 1_000_000 {
            check("sorted", "raw", Limit::AtMost(3.0));
        }
        if body.typical {
            check("refusal", "raw", Limit::AtMost(6.0));
            check("node sorted", "sorted", Limit::AtLeast(5.0));
        }
    }
}

/// Bodies that are made to take long, each in two sizes.
fn adversaries(options: &Options, time: Duration, limits: &mut Limits) {
    println!("\n| adversary | bytes | raw, ns | sorted ÷ raw | refusal ÷ raw | twice the size ÷ once |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (name, make) in body::adversaries() {
        if !options.selects(name) {
            continue;
        }
        let bodies = [1, 2].map(|size: usize| Body::new(name, make(size << 20)));
        let [one, two] = bodies.each_ref().map(Subject::new);
        let mut clock = Clock::new(TURN);
        clock.add_repeated("raw", || one.raw());
        clock.add_repeated("sorted", || one.sorted());
        clock.add_repeated("refusal", || one.refusal());
        clock.add_repeated("refusal, twice the size", || two.refusal());
        clock.run(time);
        let [sorted, refusal] = ["sorted", "refusal"].map(|way| clock.ratio(way, &["raw"]));
        let [length, twice] = bodies.each_ref().map(|body| body.bytes.len() as f64);
        let growth = 2.0 * clock.ratio("refusal, twice the size", &["refusal"]) * length / twice;
        println!(
            "| {name} | {length} | {:.0} | {sorted:.2} | {refusal:.2} | {growth:.2} |",
            clock.ns("raw"),
        );
        limits.check(
            format!("{name}, 1 MiB: refusal ÷ raw"),
            refusal,
            Limit::AtMost(45.0),
        );
        // More than 2, because the larger body no longer fits into caches and into the memory that
        // the allocator keeps.
        limits.check(format!("{name}: 2 MiB ÷ 1 MiB"), growth, Limit::AtMost(3.0));
    }
}
