//! The text of a compile error, built in a constant.

/// A text of at most 4,096 bytes, because a constant cannot allocate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    bytes: [u8; Fault::LIMIT],
    len: usize,
}

impl Fault {
    /// Enough for the names of 60 events.
    const LIMIT: usize = 4096;

    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; Self::LIMIT],
            len: 0,
        }
    }

    /// Adds a text if there is room for all of it. A part of it might not be UTF-8.
    pub(crate) const fn add(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut index = 0;
        while self.len + text.len() - index <= Self::LIMIT && index < text.len() {
            self.bytes[self.len] = text[index];
            self.len += 1;
            index += 1;
        }
        self
    }

    pub(crate) const fn add_number(self, number: usize) -> Self {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let text = if number >= 10 {
            self.add_number(number / 10)
        } else {
            self
        };
        text.add(DIGITS[number % 10])
    }

    /// Fails the constant with this text.
    ///
    /// # Panics
    ///
    /// Always. rustc reports the panic at the call of the outermost `#[track_caller]` function.
    #[track_caller]
    pub(crate) const fn report(&self) -> ! {
        panic!("{}", self.as_str())
    }

    pub(crate) const fn as_str(&self) -> &str {
        let (text, _) = self.bytes.split_at(self.len);
        match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}
