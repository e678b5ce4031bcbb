//! Numbers: read as JavaScript reads them (IEEE 754 doubles), printed as it prints them.

use super::{
    decimal::{Decimal, EXACT_DIGITS, MOST_ZEROS},
    error::Stop,
    sorter::Sorter,
};

impl<'a> Sorter<'a> {
    /// Reads the number that begins at `start`.
    pub(super) fn number(&mut self, start: usize) -> Result<usize, Stop> {
        let source = self.source;
        let negative = self.byte(start) == Some(b'-');
        let whole = start + usize::from(negative);
        let mut at = match self.byte(whole) {
            Some(b'0') => whole + 1,
            Some(b'1'..=b'9') => self.digits(whole),
            _ => return Err(self.unexpected(whole)),
        };
        let zero = source[whole] == b'0';
        let mut number = Decimal {
            negative,
            whole: &source[whole..at],
            fraction: b"",
            exponent: b"",
            small: false,
        };

        // Whether JavaScript prints the digits so far as they stand.
        let mut same = number.whole.len() <= EXACT_DIGITS && !(zero && negative);
        if self.byte(at) == Some(b'.') {
            number.fraction = self.some_digits(at + 1)?;
            at += 1 + number.fraction.len();
            same = number.whole.len() + number.fraction.len() <= EXACT_DIGITS
                && number.fraction.last() != Some(&b'0')
                && (!zero
                    || !number
                        .fraction
                        .iter()
                        .take(MOST_ZEROS + 1)
                        .all(|&digit| digit == b'0'));
        }
        if let Some(b'e' | b'E') = self.byte(at) {
            at += 1;
            if let Some(sign @ (b'+' | b'-')) = self.byte(at) {
                number.small = sign == b'-';
                at += 1;
            }
            number.exponent = self.some_digits(at)?;
            at += number.exponent.len();
            same = false;
        }
        if !same {
            self.reprint(start, at, &number);
        }
        Ok(at)
    }

    /// The end of the digits from `at` on.
    #[inline]
    fn digits(&self, mut at: usize) -> usize {
        while let Some(b'0'..=b'9') = self.byte(at) {
            at += 1;
        }
        at
    }

    /// The digits from `at` on, of which there has to be one.
    #[inline]
    fn some_digits(&mut self, at: usize) -> Result<&'a [u8], Stop> {
        let end = self.digits(at);
        if end == at {
            Err(self.unexpected(at))
        } else {
            Ok(&self.source[at..end])
        }
    }

    /// Puts the number from `start` to `end` as JavaScript prints it.
    #[inline(never)]
    fn reprint(&mut self, start: usize, end: usize, number: &Decimal<'_>) {
        if let Some(printed) = number.print() {
            self.put(start, end, printed.bytes());
            return;
        }
        // Every JSON number is one that `f64` reads, correctly rounded; one that is too large is infinite.
        let value: f64 = str::from_utf8(&self.source[start..end])
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(f64::NAN);
        let mut buffer = ryu_js::Buffer::new();
        let printed = if value.is_finite() {
            buffer.format_finite(value)
        } else {
            "null"
        };
        self.put(start, end, printed.as_bytes());
    }

    #[inline]
    fn put(&mut self, start: usize, end: usize, printed: &[u8]) {
        if printed != &self.source[start..end] {
            self.rewritten.numbers = true;
            self.plain.replace(start, end, printed);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::signature::canonical::{Sorting, canonical};

    fn printed(number: &str) -> String {
        let text = canonical(number.as_bytes(), Sorting::OutsideArrays)
            .unwrap()
            .into_text(number.as_bytes());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn numbers_print_as_in_javascript() {
        for (read, print) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e5", "0"),
            ("1.0", "1"),
            ("1.50", "1.5"),
            ("-1.5", "-1.5"),
            ("1E3", "1000"),
            ("1e+3", "1000"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1e-6", "0.000001"),
            ("0.000001", "0.000001"),
            ("0.00000123", "0.00000123"),
            ("0.0000001", "1e-7"),
            ("0.000000123456", "1.23456e-7"),
            ("123456789012345", "123456789012345"),
            ("9007199254740992", "9007199254740992"),
            ("9007199254740993", "9007199254740992"),
            ("12345678901234567890", "12345678901234567000"),
            ("0.1234567890123456789", "0.12345678901234568"),
            ("1e400", "null"),
            ("-1e400", "null"),
            ("1e-400", "0"),
            ("-1e-400", "0"),
            ("1e99999999999999999999", "null"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("2.225073858507201e-308", "2.225073858507201e-308"),
        ] {
            assert_eq!(printed(read), print, "{read}");
        }
        assert_eq!(printed(&format!("1{}", "0".repeat(300))), "1e+300");
        assert_eq!(printed(&format!("0.{}1", "0".repeat(10_000))), "0");
    }

    #[test]
    fn what_json_does_not_call_a_number_is_refused() {
        for text in [
            "-", "+1", "01", "-01", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "1_000", "NaN", "Infinity",
            "--1",
        ] {
            assert!(
                canonical(text.as_bytes(), Sorting::OutsideArrays).is_err(),
                "{text}"
            );
        }
    }
}
