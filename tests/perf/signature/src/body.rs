//! The bodies to verify.

use bytes::Bytes;
use perf::event;

pub(crate) struct Body {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    /// As long as Apideck's bodies. The limits of a refusal and beside Node.js are for this length
    /// alone, because in larger bodies sorting and the MAC have other shares.
    pub(crate) typical: bool,
}

impl Body {
    pub(crate) fn new(name: impl Into<String>, text: String) -> Self {
        Self {
            name: name.into(),
            bytes: text.into(),
            typical: false,
        }
    }
}

/// Makes an adversary's body of at least this many bytes.
pub(crate) type Make = fn(usize) -> String;

/// The example as Apideck sends it, and larger bodies made of it.
pub(crate) fn events() -> Vec<Body> {
    let example = event::body(0);
    let mut bodies = vec![Body {
        typical: true,
        ..Body::new("example", example.clone())
    }];
    let connection = example
        .strip_prefix("{\"payload\":")
        .and_then(|rest| rest.strip_suffix('}'))
        .expect("the example");
    for (name, size) in [("16 KB", 16 << 10), ("256 KB", 256 << 10), ("1 MB", 1 << 20)] {
        // The sorted form sorts every object of the members, and none of the array.
        let members = joined(size, |at| format!("\"e{:06}\":{connection}", shuffled(at)));
        let members = format!("{{\"events\":{{{members}}}}}");
        bodies.push(Body::new(format!("{name} of members"), members));
        let elements = joined(size, |_| connection.to_owned());
        let elements = format!("{{\"events\":[{elements}]}}");
        bodies.push(Body::new(format!("{name} of array"), elements));
    }
    bodies
}

pub(crate) fn adversaries() -> [(&'static str, Make); 18] {
    [
        ("100,000 keys", |size| {
            // A hundred thousand in the first mebibyte. They are too short to share a beginning.
            object(size, |at| format!("\"{:05x}\":1", shuffled(at)))
        }),
        ("100,000 keys in an array", |size| {
            // Read in one order, printed in another, and signed in a third.
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

/// Pieces with commas between them, of at least this many bytes together.
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

/// A permutation of the numbers below a prime.
fn shuffled(at: usize) -> usize {
    at * 7_919 % 1_000_003
}
