//! The end of a JSON string's plain run.
//!
//! # How it works
//!
//! A plain run is the part of a JSON string before its next special byte. Special bytes are the
//! quote, the backslash and the control characters. Most strings are a single plain run, so the
//! search takes eight bytes at a time, as one `u64`.
//!
//! `bytes - limit` is computed for all eight bytes at once. A byte below the limit borrows, which
//! sets its high bit. Bytes from 0x80 on have that bit anyway, so `& !bytes` clears it in them. An
//! exclusive or with eight quotes turns each quote into zero, and zero is the only byte below one.
//! Backslashes are found in the same way. Control characters are the bytes below 0x20.
//!
//! A borrow reaches the next higher byte and can mark it wrongly. The lowest mark is always right,
//! because no byte below it has borrowed. The bytes are loaded in little-endian order, so the
//! lowest mark belongs to the first special byte, and the search uses no other mark.

/// Returns the position of the first quote, backslash or control character at or after `at`, or the
/// length of `source` if there is none.
#[inline]
pub(crate) fn run_end(source: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = source.get(at..).and_then(|rest| rest.first_chunk()) {
        let marks = mark_special_bytes(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = source.get(at)
        && byte >= 0x20
        && byte != b'"'
        && byte != b'\\'
    {
        at += 1;
    }
    at
}

/// Sets the high bit of each special byte and clears all other bits. Only the lowest mark is
/// certain.
#[inline]
fn mark_special_bytes(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes;
    let quote = below(bytes ^ (ONES * b'"' as u64), 1);
    let backslash = below(bytes ^ (ONES * b'\\' as u64), 1);
    let control = below(bytes, 0x20);
    (quote | backslash | control) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::run_end;

    #[test]
    fn a_run_ends_at_the_first_special_byte() {
        for special in (0..=255_u8).filter(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            for before in 0..40 {
                // Bytes beside the special ones, with and without the high bit.
                for filler in [b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xA2, 0xDC, 0xFF] {
                    let mut text = vec![filler; 60];
                    text[before] = special;
                    assert_eq!(run_end(&text, 0), before, "{special} after {filler}");
                    assert_eq!(run_end(&text, before + 1), 60);
                }
            }
        }
    }
}
