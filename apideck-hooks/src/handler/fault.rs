//! A compile error's text, written while compiling.

/// A text that can be built in a constant. What does not fit is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    bytes: [u8; Fault::LIMIT],
    len: usize,
}

impl Fault {
    /// Enough for all names of the largest API.
    const LIMIT: usize = 4096;

    pub(crate) const fn new() -> Self {
        Fault {
            bytes: [0; Fault::LIMIT],
            len: 0,
        }
    }

    pub(crate) const fn add(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut index = 0;
        // A text goes in whole or not at all, so that the result stays UTF-8.
        while self.len + text.len() - index <= Fault::LIMIT && index < text.len() {
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

    /// The error, where the caller stands: rustc leaves out what only tracks its caller.
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
