//! The kit's signatures against an HMAC of this suite, because the crate's own signing would only
//! agree with itself.

use super::EVENT;
use apideck_hooks::Secret;
use apideck_hooks::signature::{Encoding, Form, HEADER};
use apideck_hooks::testing::Event;
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{self, encode, mac};
use apideck_hooks_tests::fixtures::sorted;

#[test]
fn a_signature_is_the_hmac_of_its_form() {
    let secret = Secret::new(SECRET).unwrap();
    let event = Event::new(EVENT).set_new("entity.b", 1).set_new("entity.a", 2);
    let body = String::from_utf8(event.body().to_vec()).unwrap();
    assert_ne!(sorted(&body), body);
    for (form, text) in [(Form::Raw, &body), (Form::SortedInArrays, &sorted(&body))] {
        for (encoding, expected) in [
            (Encoding::Hex, delivery::Encoding::Hex),
            (Encoding::Base64, delivery::Encoding::Base64),
        ] {
            let headers = event.clone().signed(form, encoding).headers(&secret);
            assert_eq!(headers[HEADER], encode(&mac(SECRET, text.as_bytes()), expected));
        }
    }
}
