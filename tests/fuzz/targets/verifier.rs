//! A signature is accepted if and only if it is the MAC of a text of the body with one of the
//! secrets.
//!
//! The first byte chooses which texts are accepted and whose signature is presented; the second one
//! of its bits to flip, or none. The rest is the body, or with a zero byte in it two: the one that
//! is signed, and the one that is sent.

#![no_main]

use apideck_hooks::signature::{Secret, Form, Forms, Verifier};
use apideck_hooks_fuzz::{
    json,
    mac::{base64, hex, mac},
    print::stringify,
};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const SECRETS: [&str; 3] = ["old-key", "new-key", "somebody else's"];
const TEXTS: [Form; 3] = [Form::Raw, Form::Sorted, Form::SortedInArrays];

/// A text of a body, if there is one.
fn text(body: &[u8], text: Form) -> Option<Vec<u8>> {
    if text == Form::Raw {
        return Some(body.to_vec());
    }
    let value = json::parse(str::from_utf8(body).ok()?).ok()?;
    Some(stringify(&value.sorted(text == Form::SortedInArrays)).into_bytes())
}

fuzz_target!(|input: &[u8]| {
    let [choice, flip, bodies @ ..] = input else {
        return;
    };
    let choice = usize::from(*choice);
    let mut bodies = bodies.splitn(2, |&byte| byte == 0);
    let signed = bodies.next().unwrap_or_default();
    let sent = bodies.next().unwrap_or(signed);

    let texts = [Forms::All, Forms::RawOnly, Forms::SortedOnly][choice % 3];
    let secret = SECRETS[choice / 3 % 3];
    let Some(of) = text(signed, TEXTS[choice / 9 % 3]) else {
        return;
    };
    let mut value = mac(secret, &of);
    // An odd number says that a bit is flipped. Eight of them are enough to choose from.
    if flip % 2 == 1 {
        value[usize::from(flip / 16)] ^= 1 << (flip / 2 % 8);
    }
    let header = match choice / 27 % 3 {
        0 => hex(&value),
        1 => hex(&value).to_uppercase(),
        _ => base64(&value),
    };

    let expected: Vec<_> = TEXTS
        .into_iter()
        .filter(|&which| texts.allow(which))
        .filter_map(|which| Some((which, text(sent, which)?)))
        .collect();
    let right = expected.iter().find_map(|(which, text)| {
        let index = SECRETS[..2]
            .iter()
            .position(|secret| mac(secret, text) == value)?;
        Some((*which, text, index))
    });

    let secrets = SECRETS[..2]
        .iter()
        .map(|secret| Secret::new(*secret).expect("a secret"));
    let verifier = Verifier::new(secrets).expect("secrets").forms(texts);
    let sent = Bytes::copy_from_slice(sent);
    // Twice, for the first time it learns which text is signed.
    for _ in 0..2 {
        match (verifier.verify_signature(&header, &sent), right) {
            (Ok(verified), Some((which, text, index))) => {
                assert_eq!(verified.form(), which);
                assert_eq!(verified.text(), text);
                assert_eq!(verified.secret_index(), index);
            }
            (Err(error), None) => assert!(error.is_mismatch()),
            (found, right) => panic!("{found:?} instead of {right:?}"),
        }
    }
    let headers = [("x-apideck-signature", &header)]
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
    let explanation = verifier.explain(&headers.into_iter().collect(), &sent);
    assert_eq!(explanation.is_match(), right.is_some());
    let _ = explanation.to_string();
});
