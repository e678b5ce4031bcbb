//! Measures a whole delivery without sockets: beside its parts, with many handlers, and with many
//! remembered events.

mod handlers;
mod parts;
mod receiver;

use apideck_hooks::signature::Form;
use perf::clock::{Clock, Turn};
use perf::limits::{Limit, Limits};
use perf::machine;
use perf::options::Options;
use receiver::Receiver;
use std::process::ExitCode;
use std::time::Duration;

/// The parts that a receiver by hand needs for the same guarantees.
const PARTS: [&str; 5] = ["hmac", "typed parse", "keys", "map", "spawn"];

fn main() -> ExitCode {
    let options = Options::from_env();
    let (time, many) = if options.smoke {
        (Duration::ZERO, 10_000)
    } else {
        (Duration::from_secs(20), 1_000_000)
    };
    let mut clock = Clock::new(Turn::Events(256));
    clock.add("hmac", parts::Hmac::default());
    clock.add("typed parse", parts::Parse::default());
    clock.add("keys", parts::Keys::default());
    clock.add("map", parts::Map::default());
    clock.add("spawn", parts::Spawn::default());
    clock.add("delivery", Receiver::new(handlers::one(), Form::Raw));
    clock.add("delivery, sorted", Receiver::new(handlers::one(), Form::Sorted));
    clock.add("140 handlers", Receiver::new(handlers::all(), Form::Raw));
    for (name, events) in [("1,000 events", 1_000), ("1,000,000 events", many)] {
        clock.add(name, Receiver::new(handlers::remembering(events), Form::Raw));
    }
    clock.run(time);

    println!("{}\n", machine::describe());
    println!("| routine | ns | ÷ parts |\n| --- | ---: | ---: |");
    for name in clock.names() {
        println!(
            "| {name} | {:.0} | {:.2} |",
            clock.ns(name),
            clock.ratio(name, &PARTS)
        );
    }
    let mut limits = Limits::default();
    for (name, others, most) in [
        ("delivery", &PARTS[..], 1.5),
        ("140 handlers", &["delivery"], 1.05),
        ("1,000,000 events", &["1,000 events"], 1.5),
    ] {
        let subject = format!("{name} ÷ {}", others.join(" + "));
        limits.check(subject, clock.ratio(name, others), Limit::AtMost(most));
    }
    limits.conclude(&options)
}
