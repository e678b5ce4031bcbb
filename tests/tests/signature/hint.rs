//! A verifier remembers the form that was signed last. That changes its speed and never its
//! verdict.

use std::thread;

use apideck_hooks::signature::{Encoding, Form, Forms, Secret, Verified, Verifier, VerifyError};
use apideck_hooks::testing::sign;
use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};

const BODIES: [&str; 6] = [
    r#"{"b":[{"d":1,"c":2}],"a":1.0}"#,
    r#"{"a":1}"#,
    r#"[{"b":1,"a":2}]"#,
    r#"{"b":1,"a":2,"b":3}"#,
    r#"{"a":1,"__proto__":2}"#,
    "{\"a\":",
];

/// A request, and the verdict of a new verifier.
#[derive(Clone, Debug)]
struct Request {
    body: Bytes,
    signature: String,
    verdict: Verdict,
}

/// The verified text, its form and the index of the secret, or the error.
type Verdict = Result<(Bytes, Form, usize), VerifyError>;

fn verifier(texts: Forms) -> Verifier {
    let secrets = ["old-key", "new-key"].map(|key| Secret::new(key).unwrap());
    Verifier::new(secrets).unwrap().forms(texts)
}

fn verdict(found: Result<Verified<'_>, VerifyError>) -> Verdict {
    found.map(|verified| (verified.text().clone(), verified.form(), verified.secret_index()))
}

/// A body with its own signature, with that of another body, or with an unknown secret.
fn request(texts: Forms) -> impl Strategy<Value = Request> {
    let body = select(BODIES.to_vec());
    let signed = prop_oneof![4 => Just(None), 1 => select(BODIES.to_vec()).prop_map(Some)];
    let text = select(vec![Form::Raw, Form::Sorted, Form::SortedInArrays]);
    let key = select(vec!["old-key", "new-key", "new-key", "another-key"]);
    (body, signed, text, key).prop_map(move |(body, signed, text, key)| {
        let signed = signed.unwrap_or(body).as_bytes();
        let signature = sign(&Secret::new(key).unwrap(), signed, text, Encoding::Hex);
        let signature = signature.unwrap_or_else(|_| "0".repeat(64));
        let body = Bytes::from_static(body.as_bytes());
        let verdict = verdict(verifier(texts).verify_signature(&signature, &body));
        Request {
            body,
            signature,
            verdict,
        }
    })
}

fn requests() -> impl Strategy<Value = (Forms, Vec<Request>)> {
    select(vec![Forms::All, Forms::All, Forms::RawOnly, Forms::SortedOnly])
        .prop_flat_map(|texts| (Just(texts), vec(request(texts), 1..40)))
}

fn check(verifier: &Verifier, requests: &[Request]) {
    for request in requests {
        let found = verifier.verify_signature(&request.signature, &request.body);
        assert_eq!(verdict(found), request.verdict, "{request:?}");
    }
}

proptest! {
    #[test]
    fn the_last_form_changes_no_verdict((texts, requests) in requests()) {
        check(&verifier(texts), &requests);
    }

    #[test]
    fn threads_change_no_verdict((texts, requests) in requests()) {
        let verifier = verifier(texts);
        thread::scope(|scope| {
            for start in 0..4 {
                let (verifier, requests) = (&verifier, &requests);
                scope.spawn(move || {
                    for round in 0..5 {
                        let (end, beginning) = requests.split_at((start + round) % requests.len());
                        check(verifier, beginning);
                        check(verifier, end);
                    }
                });
            }
        });
    }
}
