//! Numbers of few digits: printed without making a double of them.

/// A decimal of so many digits comes back from a double as the same digits, so that no shorter ones can stand for it.
pub(super) const EXACT_DIGITS: usize = 15;

/// JavaScript prints larger numbers than those of so many digits with an exponent.
const LONGEST_WHOLE: i64 = 21;

/// JavaScript prints smaller numbers than those with so many zeros after the point with an exponent.
pub(super) const MOST_ZEROS: usize = 5;

/// Powers of ten that are well inside of what a double holds with all its digits.
const SAFE: std::ops::Range<i64> = -290..300;

/// The parts of a number as JSON writes it.
pub(super) struct Decimal<'a> {
    pub(super) negative: bool,
    /// The digits before the point: `0`, or such that do not begin with it.
    pub(super) whole: &'a [u8],
    pub(super) fraction: &'a [u8],
    /// The exponent's digits, and whether there is a minus before them.
    pub(super) exponent: &'a [u8],
    pub(super) small: bool,
}

/// A number as JavaScript prints it.
pub(super) struct Printed {
    /// A sign, a zero and the point, more zeros, digits: or a sign, digits, a point, `e-` and an exponent.
    bytes: [u8; 24],
    length: usize,
}

impl Decimal<'_> {
    /// Prints it as JavaScript does. `None` if only a double can tell how that is.
    pub(super) fn print(&self) -> Option<Printed> {
        let fraction = trim_end(self.fraction);
        let whole = if fraction.is_empty() {
            trim_end(self.whole)
        } else {
            self.whole
        };
        let mut digits = [0; EXACT_DIGITS];
        let mut count = 0;
        // The number is 0.digits times ten to the power of this.
        let mut power = self.whole.len() as i64;
        for &digit in whole.iter().chain(fraction) {
            if count == 0 && digit == b'0' {
                power -= 1;
            } else {
                *digits.get_mut(count)? = digit;
                count += 1;
            }
        }
        let digits = &digits[..count];
        let mut printed = Printed {
            bytes: [0; 24],
            length: 0,
        };
        let [first, more @ ..] = digits else {
            printed.put(b"0");
            return Some(printed);
        };
        power += self.exponent()?;
        if !SAFE.contains(&power) {
            return None;
        }

        if self.negative {
            printed.put(b"-");
        }
        if power > LONGEST_WHOLE || power < -(MOST_ZEROS as i64) {
            printed.put(&[*first]);
            if !more.is_empty() {
                printed.put(b".");
                printed.put(more);
            }
            printed.put(if power > 0 { b"e+" } else { b"e-" });
            printed.put_number((power - 1).unsigned_abs());
        } else if power <= 0 {
            printed.put(b"0.");
            printed.put_zeros(-power);
            printed.put(digits);
        } else if let Some((whole, fraction)) = digits.split_at_checked(power as usize)
            && !fraction.is_empty()
        {
            printed.put(whole);
            printed.put(b".");
            printed.put(fraction);
        } else {
            printed.put(digits);
            printed.put_zeros(power - count as i64);
        }
        Some(printed)
    }

    fn exponent(&self) -> Option<i64> {
        if self.exponent.len() > 4 {
            return None;
        }
        let mut exponent = 0;
        for digit in self.exponent {
            exponent = exponent * 10 + i64::from(digit - b'0');
        }
        Some(if self.small { -exponent } else { exponent })
    }
}

impl Printed {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    #[inline]
    fn put_zeros(&mut self, count: i64) {
        let end = self.length + count as usize;
        self.bytes[self.length..end].fill(b'0');
        self.length = end;
    }

    /// A number of up to three digits.
    fn put_number(&mut self, number: u64) {
        let digit = |power: u64| b'0' + (number / power % 10) as u8;
        let digits = [digit(100), digit(10), digit(1)];
        self.put(
            &digits[if number > 99 {
                0
            } else {
                1 + usize::from(number < 10)
            }..],
        );
    }
}

/// Without the zeros at the end.
fn trim_end(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    &digits[..digits.len() - zeros]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    fn printed(number: &str) -> Option<String> {
        let (negative, rest) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, ""));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let decimal = Decimal {
            negative,
            whole: whole.as_bytes(),
            fraction: fraction.as_bytes(),
            exponent: exponent.trim_start_matches('-').as_bytes(),
            small: exponent.starts_with('-'),
        };
        let printed = decimal.print()?;
        Some(String::from_utf8(printed.bytes().to_vec()).unwrap())
    }

    fn javascript(number: &str) -> String {
        let value: f64 = number.parse().unwrap();
        ryu_js::Buffer::new().format_finite(value).to_owned()
    }

    #[test]
    fn what_only_a_double_can_tell_is_left_to_it() {
        for number in [
            "1234567890123456",
            "0.1234567890123456",
            "1e300",
            "1e-300",
            "1e10000",
            "1e-99999",
        ] {
            assert_eq!(printed(number), None, "{number}");
        }
        assert_eq!(printed(&format!("1{}", "0".repeat(250))).unwrap(), "1e+250");
        assert_eq!(printed("1.000000000000000000000000").unwrap(), "1");
    }

    #[test]
    fn all_places_of_the_point_print_as_in_javascript() {
        for digits in [
            "1",
            "9",
            "10",
            "12",
            "123456789012345",
            "100000000000001",
            "999999999999999",
        ] {
            for exponent in -285..285 {
                for number in [
                    format!("{digits}e{exponent}"),
                    format!("-0.000{digits}e{exponent}"),
                ] {
                    assert_eq!(printed(&number).unwrap(), javascript(&number), "{number}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn numbers_print_as_in_javascript(number in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,7})?(e-?[0-9]{1,3})?") {
            if let Some(printed) = printed(&number) {
                prop_assert_eq!(printed, javascript(&number));
            }
        }
    }
}
