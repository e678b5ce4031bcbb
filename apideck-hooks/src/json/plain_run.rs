//! The plain run of a JSON string.

/// Where the plain run of a string ends: its first quote, backslash or control character at or after `at`.
#[inline]
pub(crate) fn run_end(source: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = source.get(at..).and_then(|rest| rest.first_chunk()) {
        let marks = marks(u64::from_le_bytes(*chunk));
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

/// Marks the high bit of each byte that ends a plain run. Bytes above the lowest marked one may be marked wrongly.
#[inline]
fn marks(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes;
    let quote = below(bytes ^ (ONES * b'"' as u64), 1);
    let backslash = below(bytes ^ (ONES * b'\\' as u64), 1);
    let control = below(bytes, 0x20);
    (quote | backslash | control) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::run_end;

    #[test]
    fn a_run_ends_at_the_first_special_byte() {
        for special in (0..=255_u8).filter(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            for before in 0..40 {
                // Bytes that the wide comparison could take for the special one.
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
