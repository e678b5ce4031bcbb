//! The secrets of a receiver.

use apideck_hooks::{Hooks, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery, Encoding, encode, mac};
use apideck_hooks_tests::fixtures::sorted;
use apideck_hooks_tests::probe::Probe;

const EVENT: &str = "vault.connection.callable";

#[tokio::test]
async fn an_empty_secret_is_refused() {
    for secrets in [vec![], vec![""], vec![SECRET, ""]] {
        let error = Hooks::builder(router![..]).secrets(secrets).build().unwrap_err();
        assert!(error.is_secret(), "{error}");
    }
}

#[tokio::test]
async fn two_secrets_are_accepted_while_a_key_is_rotated() {
    let probe = Probe::default();
    let hooks = probe.hooks().secret("next").build().unwrap();
    for (n, secret) in [SECRET, "next"].iter().enumerate() {
        let body = apideck_hooks_tests::fixtures::body(EVENT, &n.to_string());
        let signature = encode(&mac(secret, sorted(&body).as_bytes()), Encoding::Base64);
        assert_eq!(
            Delivery::of(body).signature(&signature).call(&hooks).await.word(),
            "handled"
        );
    }
}
