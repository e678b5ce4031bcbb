//! Numbers with few digits, printed without converting them to a double. The time limit for the
//! refusal of a hostile body needs this.
//!
//! # How it works
//!
//! Refusing a hostile body of 1 MiB may take at most 45 times as long as verifying it raw. Refusing
//! an array of `1e20` took 22 times as long with this file, and 48 times without it.
//!
//! JavaScript prints the shortest decimal that becomes the same double. Two different decimals of
//! up to 15 digits never become the same double. So a number of up to 15 digits is its own shortest
//! decimal, once the zeros at both its ends are removed. This holds for normal doubles only, so
//! numbers near the ends of a double's range are left to `ryu_js`.
//!
//! The digits and the position of the point decide the notation (ECMAScript, `Number::toString`).
//! The number is read as `0.digits` times ten to a power. The text has an exponent if the power is
//! above 21 or below -5. Otherwise the digits are printed with the point in its place, and zeros
//! fill the gap between the two.

use std::ops::Range;

/// The most digits that a double keeps exactly.
pub(super) const EXACT_DIGITS: usize = 15;

/// The most digits before the point. JavaScript prints larger numbers with an exponent.
const MAX_WHOLE_DIGITS: i64 = 21;

/// The most zeros after `0.`. JavaScript prints smaller numbers with an exponent.
pub(super) const MAX_ZEROS: usize = 5;

/// The powers of ten of numbers that are certainly normal doubles.
const SAFE_POWERS: Range<i64> = -290..300;

/// The parts of a JSON number.
pub(super) struct Decimal<'a> {
    pub(super) negative: bool,
    /// The digits before the point. They begin with a zero only if they are `0`.
    pub(super) whole: &'a [u8],
    /// The digits after the point.
    pub(super) fraction: &'a [u8],
    /// The digits of the exponent.
    pub(super) exponent: &'a [u8],
    pub(super) negative_exponent: bool,
}

/// A number as JavaScript prints it.
pub(super) struct Printed {
    /// The longest text has 23 bytes: a sign, `0.`, five zeros and 15 digits.
    bytes: [u8; 24],
    length: usize,
}

impl Decimal<'_> {
    /// Prints the number. `None` if it needs a double.
    pub(super) fn print(&self) -> Option<Printed> {
        let fraction = trim_zeros(self.fraction);
        let whole = if fraction.is_empty() {
            trim_zeros(self.whole)
        } else {
            self.whole
        };
        let mut digits = [0; EXACT_DIGITS];
        let mut count = 0;
        // The number is `0.digits` times ten to this power.
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
        if !SAFE_POWERS.contains(&power) {
            return None;
        }

        if self.negative {
            printed.put(b"-");
        }
        if power > MAX_WHOLE_DIGITS || power < -(MAX_ZEROS as i64) {
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

    /// Returns the exponent. `None` if it has more than four digits.
    fn exponent(&self) -> Option<i64> {
        if self.exponent.len() > 4 {
            return None;
        }
        let mut exponent = 0;
        for digit in self.exponent {
            exponent = exponent * 10 + i64::from(digit - b'0');
        }
        Some(if self.negative_exponent {
            -exponent
        } else {
            exponent
        })
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

    /// Appends a number of up to three digits.
    fn put_number(&mut self, number: u64) {
        let digit = |power: u64| b'0' + (number / power % 10) as u8;
        let digits = [digit(100), digit(10), digit(1)];
        let zeros = usize::from(number < 100) + usize::from(number < 10);
        self.put(&digits[zeros..]);
    }
}

/// Removes the zeros at the end.
fn trim_zeros(digits: &[u8]) -> &[u8] {
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
            negative_exponent: exponent.starts_with('-'),
        };
        let printed = decimal.print()?;
        Some(String::from_utf8(printed.bytes().to_vec()).unwrap())
    }

    fn javascript(number: &str) -> String {
        let value: f64 = number.parse().unwrap();
        ryu_js::Buffer::new().format_finite(value).to_owned()
    }

    #[test]
    fn numbers_that_need_a_double_are_not_printed() {
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
    fn the_point_is_printed_in_every_place_as_in_javascript() {
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
