//! Random JSON documents, most of them valid. They aim at the differences between JavaScript and
//! other languages.

use super::tokens::{KEYS, NUMBERS, RUBBISH};

/// A generator. The same seed gives the same documents.
pub(super) struct Generator {
    state: u64,
    text: Vec<u8>,
    /// The amount of white space: one in so many gaps between tokens has some. Zero means none.
    whitespace: u64,
    /// Takes keys from a small set, so that many repeat.
    few_keys: bool,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            text: Vec::new(),
            whitespace: 0,
            few_keys: false,
        }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    pub(super) fn put(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Generates the next document.
    pub(super) fn document(&mut self) -> Vec<u8> {
        self.begin();
        let depth = if self.one_in(50) { 60 } else { 2 + self.below(5) };
        self.gap();
        self.value(depth);
        self.gap();
        self.end(8)
    }

    /// Begins a document.
    pub(super) fn begin(&mut self) {
        self.text.clear();
        self.whitespace = match self.below(4) {
            0 => 2,
            1 => 20,
            _ => 0,
        };
        self.few_keys = self.one_in(3);
    }

    /// Returns the document. One in `chances` is damaged.
    pub(super) fn end(&mut self, chances: u64) -> Vec<u8> {
        if self.one_in(chances) {
            self.damage();
        }
        self.text.clone()
    }

    pub(super) fn damage(&mut self) {
        let at = self.below(self.text.len() as u64 + 1) as usize;
        let byte = self.next() as u8;
        match self.below(6) {
            0 => self.text.truncate(at),
            1 => self.text.insert(at, byte),
            2 if at < self.text.len() => self.text[at] = byte,
            3 if at < self.text.len() => drop(self.text.remove(at)),
            4 => self.text.splice(0..0, "\u{feff}".bytes()).for_each(drop),
            _ => {
                let rubbish = self.pick(&RUBBISH).bytes();
                self.text.splice(at..at, rubbish).for_each(drop);
            }
        }
    }

    pub(super) fn gap(&mut self) {
        if self.whitespace > 0 && self.one_in(self.whitespace) {
            for _ in 0..=self.below(3) {
                let space = self.pick(&[" ", "\n", "\t", "\r", "  "]);
                self.put(space);
            }
        }
    }

    pub(super) fn value(&mut self, depth: u64) {
        match self.below(if depth > 0 { 12 } else { 6 }) {
            0 => {
                let literal = self.pick(&["true", "false", "null"]);
                self.put(literal);
            }
            1 | 2 => self.number(),
            3..6 => self.string(),
            6..8 => self.array(depth),
            _ => self.object(depth),
        }
    }

    fn array(&mut self, depth: u64) {
        self.put("[");
        self.gap();
        for at in 0..self.below(if depth > 10 { 3 } else { 5 }) {
            if at > 0 {
                self.put(",");
                self.gap();
            }
            self.value(depth - 1);
            self.gap();
        }
        self.put("]");
    }

    pub(super) fn object(&mut self, depth: u64) {
        let members = match self.below(20) {
            0 if depth < 4 => 20 + self.below(60),
            _ if depth > 10 => self.below(3),
            _ => self.below(8),
        };
        self.put("{");
        self.gap();
        for at in 0..members {
            if at > 0 {
                self.put(",");
                self.gap();
            }
            self.key();
            self.gap();
            self.put(":");
            self.gap();
            // A large object has small values.
            self.value(if members > 8 { 0 } else { depth - 1 });
            self.gap();
        }
        self.put("}");
    }

    fn key(&mut self) {
        match self.below(10) {
            _ if self.few_keys => {
                let key = self.pick(&KEYS[..16]);
                self.spelled(key);
            }
            0 => self.string(),
            1 => {
                let key = self.below(1 << 34).to_string();
                self.spelled(&key);
            }
            2 => {
                let key = self.below(100).to_string();
                self.spelled(&key);
            }
            3 => {
                // Keys with long common prefixes.
                let key = format!("{}{}", "prefix__".repeat(self.below(4) as usize), self.below(20));
                self.spelled(&key);
            }
            _ => {
                let key = self.pick(&KEYS);
                self.spelled(key);
            }
        }
    }

    /// Writes a string with some of its characters escaped.
    pub(super) fn spelled(&mut self, text: &str) {
        let escapes = if self.one_in(6) { 3 } else { 1_000 };
        self.put("\"");
        for char in text.chars() {
            if self.one_in(escapes) {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    self.escape(*unit);
                }
            } else {
                self.put(char.encode_utf8(&mut [0; 4]));
            }
        }
        self.put("\"");
    }

    fn escape(&mut self, unit: u16) {
        let escape = if self.one_in(2) {
            format!("\\u{unit:04x}")
        } else {
            format!("\\u{unit:04X}")
        };
        self.put(&escape);
    }

    pub(super) fn string(&mut self) {
        self.put("\"");
        for _ in 0..self.below(12) {
            match self.below(12) {
                0 => {
                    let escape = self.pick(&["\\n", "\\t", "\\r", "\\b", "\\f", "\\/", "\\\\", "\\\""]);
                    self.put(escape);
                }
                1 => {
                    let unit = self.below(0x80) as u16;
                    self.escape(unit);
                }
                2 => {
                    let unit = self.next() as u16;
                    self.escape(unit);
                }
                3 => {
                    // A surrogate, alone or in a pair.
                    let unit = 0xD800 + self.below(0x800) as u16;
                    self.escape(unit);
                }
                4 => {
                    let (high, low) = (
                        0xD800 + self.below(0x400) as u16,
                        0xDC00 + self.below(0x400) as u16,
                    );
                    self.escape(high);
                    self.escape(low);
                }
                5 => {
                    let char = self.pick(&[
                        "é",
                        "\u{7f}",
                        "\u{2028}",
                        "\u{2029}",
                        "\u{feff}",
                        "\u{ffff}",
                        "😀",
                        "𐀀",
                        "\u{10ffff}",
                        "/",
                        "'",
                    ]);
                    self.put(char);
                }
                6 => {
                    let code = 0x20 + self.below(0x11_0000 - 0x20) as u32;
                    if let Some(char) = char::from_u32(code) {
                        let char = if matches!(char, '"' | '\\') { ' ' } else { char };
                        self.put(char.encode_utf8(&mut [0; 4]));
                    }
                }
                _ => {
                    let text = self.pick(&[
                        "a",
                        "bc",
                        "word ",
                        "https://example.com/",
                        "2020-09-19T12:18:37.071Z",
                        "1",
                        "{",
                        "]",
                    ]);
                    self.put(text);
                }
            }
        }
        self.put("\"");
    }

    pub(super) fn number(&mut self) {
        let text = match self.below(8) {
            0 | 1 => self.pick(&NUMBERS).to_owned(),
            2 => self.below(1_000_000).to_string(),
            3 => (self.next() as i64).to_string(),
            // Any double, as Rust prints it.
            4 => match f64::from_bits(self.next()) {
                value if value.is_finite() => format!("{value:e}"),
                _ => "0".to_owned(),
            },
            5 => format!("{}.{}", self.below(1_000), self.below(1_000_000)),
            6 => {
                let digits = self.below(30) as usize;
                let mut text = if self.one_in(2) {
                    "-0.".to_owned()
                } else {
                    format!("{}.", self.below(10))
                };
                (0..=digits).for_each(|_| text.push(char::from(b'0' + (self.below(14) % 10) as u8)));
                text
            }
            _ => {
                let exponent = self.below(700) as i64 - 350;
                let digits = if self.one_in(20) {
                    self.digits(900)
                } else {
                    self.below(1 << 40).to_string()
                };
                format!(
                    "{}.{digits}{}{exponent}",
                    self.below(10),
                    if self.one_in(2) { "e" } else { "E" }
                )
            }
        };
        self.put(&text);
    }

    fn digits(&mut self, most: u64) -> String {
        (0..=self.below(most))
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }
}
