//! The ways to verify one body.

use crate::body::Body;
use apideck_hooks::signature::canonical::{Sorting, canonical};
use apideck_hooks::signature::{Form, HEADER, Secret, Verifier};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use perf::event::{self, SECRET, signature};
use serde_json::Value;
use sha2::Sha256;
use std::hint::black_box;

/// A body, and all that is made once and not for every request.
pub(crate) struct Subject<'a> {
    body: &'a Bytes,
    key: Hmac<Sha256>,
    /// The MACs of the raw form and of the form that is sorted in arrays too.
    macs: [[u8; 32]; 2],
    raw: (Verifier, HeaderMap),
    sorted: (Verifier, HeaderMap),
    refusal: (Verifier, HeaderMap),
}

impl<'a> Subject<'a> {
    pub(crate) fn new(body: &'a Body) -> Self {
        let body = &body.bytes;
        let key = event::key();
        let mac = |text: &[u8]| -> [u8; 32] { key.clone().chain_update(text).finalize().into_bytes().into() };
        let in_arrays = canonical(body, Sorting::Everywhere)
            .expect("JSON")
            .into_text(body);
        let headers = |signature: &str| event::headers(0, signature);
        let subject = Self {
            body,
            macs: [mac(body), mac(&in_arrays)],
            raw: (verifier(&[SECRET]), headers(&signature(body, Form::Raw))),
            sorted: (verifier(&[SECRET]), headers(&signature(body, Form::Sorted))),
            refusal: (verifier(&["another", SECRET]), headers(&"0".repeat(64))),
            key,
        };
        // From here on each verifier tries the right form first.
        let [raw, sorted] = [&subject.raw, &subject.sorted]
            .map(|(verifier, headers)| verifier.verify(headers, body).expect("its signature").form());
        assert_eq!(raw, Form::Raw);
        assert!(
            sorted == Form::Sorted
                || canonical(body, Sorting::OutsideArrays).is_ok_and(|text| text.is_body())
        );
        subject
    }

    /// HMAC-SHA-256 by the `hmac` crate over the raw bytes, with a key that was prepared once.
    pub(crate) fn hmac(&self) {
        let mac = self.key.clone().chain_update(black_box(self.body));
        mac.verify_slice(black_box(&self.macs[0])).expect("its MAC");
    }

    pub(crate) fn raw(&self) {
        let (verifier, headers) = &self.raw;
        black_box(verifier.verify(black_box(headers), black_box(self.body))).expect("its signature");
    }

    pub(crate) fn sorted(&self) {
        let (verifier, headers) = &self.sorted;
        black_box(verifier.verify(black_box(headers), black_box(self.body))).expect("its signature");
    }

    /// The refusal of a forgery: all three forms under two secrets.
    pub(crate) fn refusal(&self) {
        let (verifier, headers) = &self.refusal;
        black_box(verifier.verify(black_box(headers), black_box(self.body))).expect_err("a forgery");
    }

    /// The explanation of a refusal.
    pub(crate) fn explain(&self) {
        let (verifier, headers) = &self.refusal;
        black_box(verifier.explain(black_box(headers), black_box(self.body)));
    }

    /// The sorted form by hand: parse into a sorted tree, print it, and compute the MAC.
    pub(crate) fn value(&self) {
        let mut value: Value = serde_json::from_slice(black_box(self.body)).expect("JSON");
        value.sort_all_objects();
        let text = serde_json::to_vec(&value).expect("JSON");
        let mac = self.key.clone().chain_update(&text);
        mac.verify_slice(black_box(&self.macs[1])).expect("its MAC");
        black_box(text);
    }

    /// The signatures of the raw and of the sorted form.
    pub(crate) fn signatures(&self) -> [&str; 2] {
        [&self.raw, &self.sorted].map(|(_, headers)| headers[HEADER].to_str().expect("ASCII"))
    }
}

fn verifier(secrets: &[&str]) -> Verifier {
    Verifier::new(secrets.iter().map(|key| Secret::new(*key).expect("a secret"))).expect("secrets")
}
