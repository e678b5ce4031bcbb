//! The sequence of numbers with which implementations of RFC 8785 are tested.
//!
//! # How it works
//!
//! First come edge cases: zeros, the ends of the range, and the neighbours of powers of ten. Then
//! come 2,000 doubles from the smallest normal one on. The rest is a chain of SHA-256, whose first
//! block is the hash of 32 zero bytes, and each next block is the hash of the one before. Eight
//! bytes of it are a double in little-endian order. Zeros, infinities and NaN are left out.

use std::thread;

use sha2::{Digest, Sha256};

use super::events::handed_on;
use super::process::{Node, SORT};
use super::{compare, number};

/// The number of doubles of the chain in a run.
const CHAINED: usize = 4_000;

fn edges() -> Vec<f64> {
    let mut edges = vec![
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
        5e-324,
        -5e-324,
        1.0 / 3.0,
        9_007_199_254_740_992.0,
    ];
    for power in -30..=30 {
        let at: f64 = format!("1e{power}").parse().unwrap();
        for ulps in -3_i64..=3 {
            edges.push(f64::from_bits(at.to_bits().wrapping_add_signed(ulps)));
            edges.push(-f64::from_bits((at / 3.0).to_bits().wrapping_add_signed(ulps)));
        }
    }
    edges
}

fn sequence(chained: usize) -> Vec<f64> {
    let mut numbers = edges();
    numbers.extend((0..2_000).map(|at| f64::from_bits(0x0010_0000_0000_0000 + at)));
    let length = numbers.len() + chained;
    let mut block = [0; 32];
    while numbers.len() < length {
        block = Sha256::digest(block).into();
        for bytes in block.chunks_exact(8) {
            let number = f64::from_le_bytes(bytes.try_into().unwrap());
            if number.is_finite() && number != 0.0 {
                numbers.push(number);
            }
        }
    }
    numbers
}

/// The same number, written in several ways.
fn spellings(number: f64) -> [String; 4] {
    [
        format!("{number:e}"),
        format!("{number:.16e}"),
        format!("{number:.30E}"),
        format!("{number}"),
    ]
}

#[tokio::test]
async fn the_numbers_of_rfc_8785_are_printed_and_handed_on_as_by_node() {
    let Some(mut node) = Node::start(SORT) else {
        return;
    };
    let chained = number("APIDECK_HOOKS_NUMBERS").map_or(CHAINED, |count| count as usize);
    let numbers = sequence(chained);
    for batch in numbers.chunks(200) {
        let spelled: Vec<_> = batch.iter().flat_map(|number| spellings(*number)).collect();
        let event_type = "vault.connection.created";
        let body = format!(
            r#"{{"payload":{{"event_type":"{event_type}","entity":{{"settings":{{"v":[{}]}}}}}}}}"#,
            spelled.join(",")
        );
        let (questions, answers) = node.both();
        let nodes = thread::scope(|scope| {
            scope.spawn(|| questions.ask(body.as_bytes()));
            answers.next()
        });
        compare(body.as_bytes(), nodes.as_ref(), "the sequence");

        let sorted = &nodes.expect("JSON")[0];
        for signed in [body.as_bytes(), sorted] {
            let event = handed_on(body.as_bytes(), signed).await.expect("an event");
            let value = event.raw().pointer("/payload/entity/settings/v");
            let Ok(event) = apideck_hooks::ConnectionEvent::try_from(event) else {
                panic!("an event of Vault")
            };
            let settings = event.entity.settings.expect("settings");
            assert_eq!(Some(&settings["v"]), value.as_ref());
            let read = settings["v"].as_array().expect("numbers");
            let wanted = batch.iter().flat_map(|number| [*number; 4]);
            for ((read, wanted), spelled) in read.iter().zip(wanted).zip(&spelled) {
                assert_eq!(read.as_f64(), Some(wanted), "{spelled}");
            }
        }
    }
}
