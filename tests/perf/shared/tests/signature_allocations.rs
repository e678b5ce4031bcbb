//! The number of allocations of a verification.

use allocation_counter::measure;
use apideck_hooks::signature::canonical::{Sorting, canonical};
use apideck_hooks::signature::{Form, Verifier};
use apideck_hooks::testing::EXAMPLES;
use hmac::Mac;
use perf::event::{headers, key, minified, received, secret};

/// The example bodies of the reference, pretty-printed.
fn examples() -> Vec<String> {
    let examples: Vec<_> = EXAMPLES.iter().map(|(_, body)| (*body).to_owned()).collect();
    assert_eq!(examples.len(), 9);
    examples
}

/// The allocations of verifying `body` with a verifier that already knows which form is signed.
fn allocations(body: &str, signed: &[u8], expected: Form) -> u64 {
    let body = received(body);
    let mac = key().chain_update(signed).finalize().into_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = headers(0, &hex);
    let verifier = Verifier::new([secret()]).expect("a verifier");
    verifier.verify(&headers, &body).expect("its signature");
    let mut verified = None;
    let counted = measure(|| verified = verifier.verify(&headers, &body).ok());
    let verified = verified.expect("its signature");
    assert_eq!(verified.form(), expected);
    assert_eq!(verified.text(), signed);
    counted.count_total
}

fn sorted(body: &str, form: Sorting) -> Vec<u8> {
    let body = body.as_bytes();
    canonical(body, form).expect("JSON").into_text(body)
}

#[test]
fn the_raw_form_allocates_nothing() {
    for example in examples() {
        for body in [&example, &minified(&example)] {
            assert_eq!(allocations(body, body.as_bytes(), Form::Raw), 0);
        }
    }
}

#[test]
fn the_sorted_form_makes_three_allocations_at_most() {
    for example in examples() {
        let body = minified(&example);
        assert!(body.len() < 1_000, "{body}");
        let in_array = format!("{{\"rows\":[{body}],\"count\":1}}");
        for (body, form, which) in [
            (&body, Sorting::OutsideArrays, Form::Sorted),
            (&in_array, Sorting::OutsideArrays, Form::Sorted),
            (&in_array, Sorting::Everywhere, Form::SortedInArrays),
        ] {
            let count = allocations(body, &sorted(body, form), which);
            assert!(count <= 3, "{count} for {body}");
        }
    }
}

/// One more than minified, for the tokens as JavaScript prints them.
#[test]
fn a_pretty_printed_body_makes_four_allocations_at_most() {
    for example in examples() {
        let count = allocations(&example, &sorted(&example, Sorting::OutsideArrays), Form::Sorted);
        assert!(count <= 4, "{count} for {example}");
    }
}

#[test]
fn a_malformed_signature_allocates_nothing() {
    let verifier = Verifier::new([secret()]).expect("a verifier");
    let body = received("{}");
    let counted = measure(|| assert!(verifier.verify_signature("0", &body).is_err()));
    assert_eq!(counted.count_total, 0);
}
