//! What a whole delivery costs without sockets, beside its parts by themselves, and whether handlers and remembered events make
//! it dearer: `cargo bench -p apideck-hooks --bench delivery`.
//!
//! All ways are timed in turn, round after round, each with events of its own; every ratio is the median of the rounds' own.

#[path = "delivery/clock.rs"]
mod clock;
#[path = "delivery/event.rs"]
mod event;
#[path = "delivery/handlers.rs"]
mod handlers;
#[path = "delivery/parts.rs"]
mod parts;
#[path = "delivery/receiver.rs"]
mod receiver;
#[path = "signature/report.rs"]
#[expect(
    dead_code,
    reason = "nothing here has to be at least anything, and nothing is skipped"
)]
mod report;

use std::{env, time::Duration};

use clock::Clock;
use event::Signed;
use receiver::Receiver;
use report::{Report, Target};

const PARTS: [&str; 4] = ["hmac", "typed parse", "map", "spawn"];
/// The same for who remembers both keys, and makes them as ours are made.
const BOTH: [&str; 5] = ["hmac", "typed parse", "both keys", "map, both keys", "spawn"];

fn main() {
    // `cargo test --benches` runs this too. Then it only has to run.
    let test = !env::args().any(|argument| argument == "--bench");
    let (time, many) = if test {
        (Duration::ZERO, 10_000)
    } else {
        (Duration::from_secs(20), 1_000_000)
    };
    let mut clock = Clock::default();
    clock.add("hmac", parts::Mac::default());
    clock.add("typed parse", parts::Parse::default());
    clock.add("map", parts::Map::default());
    clock.add("spawn", parts::Spawn::default());
    clock.add("both keys", parts::Keys::default());
    clock.add("map, both keys", parts::MapBoth::default());
    clock.add("delivery", Receiver::new(handlers::one(), Signed::Raw));
    clock.add("delivery, sorted", Receiver::new(handlers::one(), Signed::Sorted));
    clock.add("140 handlers", Receiver::new(handlers::all(), Signed::Raw));
    clock.add(
        "1,000 events",
        Receiver::new(handlers::remembering(1_000), Signed::Raw),
    );
    clock.add(
        "1,000,000 events",
        Receiver::new(handlers::remembering(many), Signed::Raw),
    );
    clock.run(time);

    println!("{:<18} {:>8} {:>10}", "way", "ns", "÷ parts");
    for way in clock.names() {
        println!(
            "{way:<18} {:>8.0} {:>10.2}",
            clock.ns(way),
            clock.ratio(way, &PARTS)
        );
    }
    for way in ["delivery", "delivery, sorted"] {
        println!("{way} ÷ {}: {:.3}", BOTH.join(" + "), clock.ratio(way, &BOTH));
    }
    let mut report = Report::default();
    for (way, others, most) in [
        ("delivery", &PARTS[..], 1.2),
        ("140 handlers", &["delivery"], 1.05),
        ("1,000,000 events", &["1,000 events"], 1.2),
    ] {
        let what = format!("{way} ÷ {}", others.join(" + "));
        report.add(what, clock.ratio(way, others), Target::AtMost(most));
    }
    if !test {
        report.print();
    }
}
