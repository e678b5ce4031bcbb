//! The bodies to verify.

use bytes::Bytes;

/// The reference's example, pretty-printed.
const EXAMPLE: &str = include_str!("../../../tests/fixtures/vault.connection.created.json");

pub(crate) struct Body {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    /// How many times as long as verifying it raw verifying it sorted may take, if that is limited.
    pub(crate) sorted: Option<f64>,
    /// The same for refusing it.
    pub(crate) refusal: Option<f64>,
    /// How many times as long as verifying it sorted it has to take Node.js, if that is set.
    pub(crate) node: Option<f64>,
}

impl Body {
    pub(crate) fn new(name: impl Into<String>, text: String) -> Self {
        Self {
            name: name.into(),
            bytes: text.into(),
            sorted: None,
            refusal: None,
            node: None,
        }
    }
}

/// Makes an adversary's body of at least so many bytes.
pub(crate) type Make = fn(usize) -> String;

/// The example as it comes over the wire, and larger bodies made of it.
pub(crate) fn events() -> Vec<Body> {
    let example = minified(EXAMPLE);
    let mut bodies = vec![Body {
        sorted: Some(2.5),
        refusal: Some(6.0),
        node: Some(8.0),
        ..Body::new("example", example.clone())
    }];
    let connection = example
        .strip_prefix("{\"payload\":")
        .and_then(|rest| rest.strip_suffix('}'))
        .expect("the example");
    for (name, size) in [("16 KB", 16 << 10), ("256 KB", 256 << 10), ("1 MB", 1 << 20)] {
        let sorted = (size == 256 << 10).then_some(3.0);
        // As members every object is sorted, in an array none is.
        let members = joined(size, |at| format!("\"e{:06}\":{connection}", shuffled(at)));
        bodies.push(Body {
            sorted,
            ..Body::new(
                format!("{name} of members"),
                format!("{{\"events\":{{{members}}}}}"),
            )
        });
        let elements = joined(size, |_| connection.to_owned());
        bodies.push(Body {
            sorted,
            ..Body::new(format!("{name} of array"), format!("{{\"events\":[{elements}]}}"))
        });
    }
    bodies
}

pub(crate) fn adversaries() -> [(&'static str, Make); 18] {
    [
        ("100,000 keys", |size| {
            // A hundred thousand in the first mebibyte: so short that they share nothing.
            object(size, |at| format!("\"{:05x}\":1", shuffled(at)))
        }),
        ("100,000 keys in an array", |size| {
            // Read in one order and printed in another, and signed in a third.
            let keys = object(size, |at| format!("\"{:05x}\":1", shuffled(at)));
            format!("[{keys}]")
        }),
        ("keys sharing 90 bytes", |size| {
            object(size, |at| format!("\"{}{:06}\":1", "p".repeat(90), shuffled(at)))
        }),
        ("keys sharing 1,000 bytes", |size| {
            object(size, |at| {
                format!("\"{}{:06}\":1", "p".repeat(1_000), shuffled(at))
            })
        }),
        ("equal keys", |size| object(size, |_| "\"a\":1".to_owned())),
        ("array indices", |size| {
            object(size, |at| format!("\"{}\":1", shuffled(at)))
        }),
        ("keys beyond the BMP", |size| {
            object(size, |at| format!("\"é😀{:x}\":\"日本語\"", shuffled(at)))
        }),
        ("escaped keys", |size| {
            object(size, |at| format!("\"\\u0041{:x}\":1", shuffled(at)))
        }),
        ("small objects", |size| {
            array(size, |_| "{\"b\":1,\"a\":1}".to_owned())
        }),
        ("nested 128 deep", |size| {
            array(size, |_| {
                format!("{}1{}", "{\"b\":".repeat(127), ",\"a\":1}".repeat(127))
            })
        }),
        ("128 deep around all", |size| {
            let inside = object(size, |at| format!("\"k{:06}\":1", shuffled(at)));
            format!("{}{inside}{}", "{\"b\":".repeat(127), ",\"a\":1}".repeat(127))
        }),
        ("escapes", |size| {
            array(size, |_| "\"\\u0041\\u00e9\\ud83d\\ude00\\n\\/\"".to_owned())
        }),
        ("one string of escapes", |size| {
            format!("\"{}\"", "\\u0041".repeat(size / 6))
        }),
        ("1e20", |size| array(size, |_| "1e20".to_owned())),
        ("-0", |size| array(size, |_| "-0".to_owned())),
        ("numbers with exponents", |size| {
            array(size, |at| format!("{at}.{at}e-{}", at % 300))
        }),
        ("numbers of 17 digits", |size| {
            array(size, |at| format!("0.{:017}", shuffled(at) as u64 * 1_234_577))
        }),
        ("numbers of 1,000 digits", |size| {
            array(size, |at| format!("{}{}", 1 + at % 9, "1234567890".repeat(100)))
        }),
    ]
}

fn object(size: usize, member: impl Fn(usize) -> String) -> String {
    format!("{{{}}}", joined(size, member))
}

fn array(size: usize, element: impl Fn(usize) -> String) -> String {
    format!("[{}]", joined(size, element))
}

/// Pieces with commas between them, until there are so many bytes.
fn joined(size: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = piece(0);
    let mut at = 1;
    while text.len() < size {
        text.push(',');
        text += &piece(at);
        at += 1;
    }
    text
}

/// The numbers below a prime in another order.
fn shuffled(at: usize) -> usize {
    at * 7_919 % 1_000_003
}

/// Without the whitespace between tokens. The example has no escapes.
fn minified(json: &str) -> String {
    let mut inside = false;
    json.chars()
        .filter(|&c| {
            inside ^= c == '"';
            inside || !c.is_whitespace()
        })
        .collect()
}
