//! Forged and malicious requests. They are refused before the store is called, and none causes a
//! panic.

use super::EVENT;
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery, Encoding, encode, mac};
use apideck_hooks_tests::fixtures::{EXAMPLES, example, minify, sorted};
use apideck_hooks_tests::malicious::malicious;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::server;
use apideck_hooks_tests::spy::Spy;

#[tokio::test]
async fn forged_signatures_are_401_and_never_reach_the_store() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe
        .hooks()
        .secret("the-next-key")
        .store(spy.clone())
        .build()
        .unwrap();
    let addr = server::hyper(hooks.clone()).await;
    let body = minify(example(EVENT));
    let delivery = Delivery::of(body.clone()).header("x-apideck-event-type", EVENT);

    let right = mac(SECRET, body.as_bytes());
    let hex = encode(&right, Encoding::Hex);
    let base64 = encode(&right, Encoding::Base64);
    let mut forged: Vec<String> = vec![
        String::new(),
        "0".repeat(64),
        "=".repeat(44),
        format!("{hex}00"),
        format!("0{hex}"),
        format!("{hex}="),
        format!("sha256={hex}"),
        format!("{hex},{hex}"),
        format!("{base64}="),
        format!("{base64}{base64}"),
        base64.trim_end_matches('=').to_owned(),
        base64.replace('=', "A"),
        base64.replace(['+', '/'], "-"),
        hex.replace(|c: char| c.is_ascii_digit(), "g"),
        "é".repeat(32),
    ];
    forged.extend((0..64).step_by(7).map(|length| hex[..length].to_owned()));
    forged.extend((0..44).step_by(7).map(|length| base64[..length].to_owned()));
    for bit in 0..256 {
        let mut flipped = right.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        forged.push(encode(
            &flipped,
            if bit % 2 == 0 {
                Encoding::Hex
            } else {
                Encoding::Base64
            },
        ));
    }
    for secret in [
        "",
        "test-api-ke",
        "test-api-key ",
        "test-api-key\n",
        "TEST-API-KEY",
        "another",
    ] {
        for text in [body.clone(), sorted(&body)] {
            forged.push(encode(&mac(secret, text.as_bytes()), Encoding::Hex));
        }
    }
    for (name, other) in EXAMPLES {
        if *name != EVENT {
            forged.push(encode(&mac(SECRET, minify(other).as_bytes()), Encoding::Hex));
            forged.push(encode(&mac(SECRET, sorted(other).as_bytes()), Encoding::Base64));
        }
    }
    forged.retain(|signature| *signature != base64);
    let count = forged.len() as u64 + 1;
    for signature in forged {
        let mut delivery = delivery.clone();
        let value = http::HeaderValue::from_bytes(signature.as_bytes()).unwrap();
        delivery.headers.insert("x-apideck-signature", value);
        let reply = delivery.send(addr).await;
        assert_eq!(reply.status, 401, "{signature}");
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(
            !text.contains(&hex) && !text.contains(&base64) && !text.contains(SECRET),
            "{text}"
        );
    }
    assert_eq!(
        delivery
            .clone()
            .without("x-apideck-signature")
            .send(addr)
            .await
            .status,
        401
    );
    assert_eq!(
        (spy.operations(), probe.count(), hooks.stats().unauthorized),
        (0, 0, count)
    );
    // With the genuine signatures the same requests are accepted.
    assert_eq!(
        delivery.clone().signature(&hex).send(addr).await.word(),
        "handled"
    );
    assert_eq!(delivery.signature(&base64).send(addr).await.word(), "duplicate");
}

/// Sends as many different signatures as `APIDECK_HOOKS_FORGERIES` says, by default 20,000.
#[tokio::test]
async fn case_29_bad_signatures_never_reach_the_store() {
    let count = std::env::var("APIDECK_HOOKS_FORGERIES").map_or(20_000_u64, |count| count.parse().unwrap());
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let genuine = Delivery::of(r#"{"payload":{"event_type":"vault.connection.callable","event_id":"e1"}}"#);
    let mut signature = mac(SECRET, &genuine.body);
    for n in 0..count {
        signature[24..].copy_from_slice(&n.to_be_bytes());
        let encoding = [Encoding::Hex, Encoding::Base64][usize::from(n % 2 == 0)];
        let forged = genuine.clone().signature(&encode(&signature, encoding));
        assert_eq!(forged.call(&hooks).await.status, 401);
    }
    let stats = hooks.stats();
    assert_eq!(
        (spy.operations(), probe.count(), stats.unauthorized),
        (0, 0, count)
    );
    assert_eq!(genuine.call(&hooks).await.word(), "handled");
}

#[tokio::test]
async fn a_contradicting_header_never_reaches_the_store() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1").header("x-apideck-event-type", "vault.connection.deleted");
    assert_eq!(delivery.call(&hooks).await.status, 400);
    assert_eq!(
        (spy.operations(), probe.count(), hooks.stats().contradiction),
        (0, 0, 1)
    );
}

#[tokio::test]
async fn malicious_bodies_get_a_documented_status() {
    let probe = Probe::default();
    let hooks = probe.hooks().body_limit(4 << 20).build().unwrap();
    let addr = server::hyper(hooks.clone()).await;
    for (what, body) in malicious() {
        let forged = Delivery::of(body.clone())
            .signature(&"0".repeat(64))
            .send(addr)
            .await;
        assert_eq!(forged.status, 401, "{what}");
        // With a genuine signature, as if Apideck had sent it.
        let signed = Delivery::of(body.clone())
            .header("x-apideck-idempotency-key", &what.replace([' ', ','], "-"))
            .send(addr)
            .await;
        assert!([200, 422].contains(&signed.status), "{what}: {}", signed.status);
    }
    assert_eq!(hooks.stats().panics, 0);
    assert_eq!(Delivery::event(EVENT, "alive").send(addr).await.word(), "handled");
}

#[tokio::test]
async fn a_signed_body_that_is_not_json_is_acknowledged() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    for body in [&b""[..], b"\xff\xfe", b"[", b"{\"payload\":", b"\xef\xbb\xbf{}"] {
        let reply = Delivery::of(body.to_vec()).call(&hooks).await;
        assert_eq!(reply.word(), "handled", "{body:?}");
    }
    assert!(probe.runs().iter().all(|run| run.event_type.is_none()));
}
