//! What verifying a signature costs, as ratios in one run: `cargo bench -p apideck-hooks --bench signature`.
//!
//! Every way of doing it is timed in turn, round after round, and each ratio is the median of the rounds' own ratios, so that
//! a machine that slows down for a while slows down both sides. The absolute times are printed only for orientation.
//!
//! A word after `--` measures only the bodies that have it in their names.

#[path = "signature/body.rs"]
mod body;
#[path = "signature/clock.rs"]
mod clock;
#[path = "signature/node.rs"]
mod node;
#[path = "signature/report.rs"]
mod report;
#[path = "signature/subject.rs"]
mod subject;

use std::process::ExitCode;
use std::{env, time::Duration};

use body::Body;
use clock::Clock;
use node::Node;
use report::{Report, Target};
use subject::Subject;

fn main() -> ExitCode {
    // `cargo test --benches` runs this too. Then it only has to run.
    let test = !env::args().any(|argument| argument == "--bench");
    let filter = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_default();
    let time = if test {
        Duration::ZERO
    } else {
        Duration::from_millis(2_500)
    };
    let mut report = Report::default();
    let mut node = Node::start();
    events(&filter, time, node.as_mut(), &mut report);
    adversaries(&filter, time, &mut report);
    if test {
        return ExitCode::SUCCESS;
    }
    report.print()
}

/// Bodies like Apideck's, beside other ways to verify them.
fn events(filter: &str, time: Duration, mut node: Option<&mut Node>, report: &mut Report) {
    println!(
        "{:<20} {:>9}  {:<16} {:>12} {:>8} {:>8} {:>8}",
        "body", "bytes", "way", "ns", "÷ hmac", "÷ raw", "÷ sorted"
    );
    for body in body::events().iter().filter(|body| body.name.contains(filter)) {
        let subject = Subject::new(body);
        let mut clock = Clock::default();
        clock.add("hmac", || subject.hmac());
        clock.add("raw", || subject.raw());
        clock.add("sorted", || subject.sorted());
        clock.add("refusal", || subject.refusal());
        clock.add("explain", || subject.explain());
        clock.add("value", || subject.value());
        clock.run(time);
        if let Some(node) = &mut node {
            let [raw, sorted] = node.time(&body.bytes, &subject, time);
            clock.note("node raw", raw);
            clock.note("node sorted", sorted);
        }
        for (at, way) in clock.names().enumerate() {
            let (name, length) = if at == 0 {
                (&*body.name, body.bytes.len().to_string())
            } else {
                ("", String::new())
            };
            let ns = clock.ns(way);
            let [hmac, raw, sorted] = ["hmac", "raw", "sorted"].map(|other| clock.ratio(way, other));
            println!("{name:<20} {length:>9}  {way:<16} {ns:>12.0} {hmac:>8.2} {raw:>8.2} {sorted:>8.2}");
        }

        let name = &body.name;
        report.add(
            format!("{name}: raw ÷ hmac"),
            clock.ratio("raw", "hmac"),
            Target::AtMost(1.05),
        );
        if let Some(most) = body.sorted {
            report.add(
                format!("{name}: sorted ÷ raw"),
                clock.ratio("sorted", "raw"),
                Target::AtMost(most),
            );
        }
        if let Some(most) = body.refusal {
            report.add(
                format!("{name}: refusal ÷ raw"),
                clock.ratio("refusal", "raw"),
                Target::AtMost(most),
            );
        }
        report.add(
            format!("{name}: value ÷ sorted"),
            clock.ratio("value", "sorted"),
            Target::AtLeast(2.5),
        );
        // Not of larger bodies: Node.js makes the MAC as fast, and of those that alone is a tenth of its time.
        if let Some(least) = body.node {
            let what = format!("{name}: node sorted ÷ sorted");
            if clock.names().any(|way| way == "node sorted") {
                report.add(what, clock.ratio("node sorted", "sorted"), Target::AtLeast(least));
            } else {
                report.skip(what, "without Node.js");
            }
        }
    }
}

/// Bodies made to take long, each in two sizes.
fn adversaries(filter: &str, time: Duration, report: &mut Report) {
    println!(
        "\n{:<28} {:>9} {:>12} {:>12} {:>12} {:>10}",
        "adversary", "bytes", "raw ns", "sorted ÷ raw", "refusal ÷ raw", "× at twice"
    );
    for (name, make) in body::adversaries() {
        if !name.contains(filter) {
            continue;
        }
        let bodies = [1, 2].map(|size: usize| Body::new(name, make(size << 20)));
        let [one, two] = bodies.each_ref().map(Subject::new);
        let mut clock = Clock::default();
        clock.add("raw", || one.raw());
        clock.add("sorted", || one.sorted());
        clock.add("refusal", || one.refusal());
        clock.add("raw twice", || two.raw());
        clock.add("refusal twice", || two.refusal());
        clock.run(time);
        let (sorted, refusal) = (clock.ratio("sorted", "raw"), clock.ratio("refusal", "raw"));
        let length = bodies[1].bytes.len() as f64 / bodies[0].bytes.len() as f64;
        let growth = 2.0 * clock.ratio("refusal twice", "refusal") / length;
        println!(
            "{name:<28} {:>9} {:>12.0} {sorted:>12.2} {refusal:>13.2} {growth:>10.2}",
            bodies[0].bytes.len(),
            clock.ns("raw"),
        );
        report.add(
            format!("{name}: refusal ÷ raw, 1 MiB"),
            refusal,
            Target::AtMost(40.0),
        );
        // Two, a tenth for the logarithm, and the rest for what no longer fits: caches, and the memory that the system's
        // allocator keeps at hand.
        report.add(format!("{name}: 2 MiB ÷ 1 MiB"), growth, Target::AtMost(3.0));
    }
}
