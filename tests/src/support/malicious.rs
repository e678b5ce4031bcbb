//! Malicious bodies.

const EVENT: &str = "vault.connection.callable";

/// Bodies that attack the parser, the sorter and the memory, each with a name.
pub fn malicious() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str| {
        [open.repeat(100_000), close.repeat(100_000)]
            .concat()
            .into_bytes()
    };
    let inside =
        |value: &str| format!(r#"{{"payload":{{"event_type":"{EVENT}","event_id":{value}}}}}"#).into_bytes();
    let keys = (0..100_000)
        .map(|n| format!("\"k{n}\":0"))
        .collect::<Vec<_>>()
        .join(",");
    let same_keys = vec!["\"k\":0"; 100_000].join(",");
    vec![
        ("empty", Vec::new()),
        ("a BOM", [b"\xef\xbb\xbf".to_vec(), inside("\"x\"")].concat()),
        (
            "UTF-16",
            inside("\"x\"").iter().flat_map(|byte| [*byte, 0]).collect(),
        ),
        (
            "invalid UTF-8",
            [
                b"{\"payload\":{\"event_type\":\"".to_vec(),
                vec![0xff; 64],
                b"\"}}".to_vec(),
            ]
            .concat(),
        ),
        ("a cut character", b"\"\xe2\x82".to_vec()),
        ("deep arrays", deep("[", "]")),
        ("deep objects", deep("{\"a\":", "}")),
        ("an open end", b"[".repeat(100_000)),
        (
            "a deep field",
            inside(
                &[b"[".repeat(100_000), b"]".repeat(100_000)]
                    .concat()
                    .iter()
                    .map(|b| char::from(*b))
                    .collect::<String>(),
            ),
        ),
        ("100,000 keys", format!("{{{keys}}}").into_bytes()),
        (
            "100,000 times the same key",
            format!("{{{same_keys}}}").into_bytes(),
        ),
        ("100,000 keys in the payload", inside(&format!("{{{keys}}}"))),
        ("NaN", inside("NaN")),
        ("Infinity", inside("-Infinity")),
        ("a huge exponent", inside("1e999999999")),
        ("a long number", inside(&"9".repeat(500_000))),
        ("a hex number", inside("0x10")),
        ("a leading zero", inside("01")),
        ("a bare minus", inside("-")),
        ("lone surrogates", inside(r#""\ud800\udc00\udfff""#)),
        ("NUL", inside("\"\\u0000\"")),
        ("a raw NUL", b"\0".to_vec()),
        ("only white space", b" \t\r\n".to_vec()),
        ("an open string", b"{\"payload\":\"".to_vec()),
        (
            "__proto__",
            inside(r#""x","__proto__":{"event_id":"y"},"constructor":{"prototype":null}"#),
        ),
        (
            "a megabyte of escapes",
            inside(&format!("\"{}\"", "\\u0041".repeat(170_000))),
        ),
    ]
}
