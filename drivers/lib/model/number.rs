// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Numbers and truth values, as the kernel reads them in the parameters of its modules.

/// Parses a whole number as `kstrtoint()` does with base 0: `0x` and `0` before the digits make it
/// hexadecimal and octal. `None` if it is none, or does not fit.
pub fn integer(text: &str) -> Option<i32> {
    let (sign, digits) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(digits), _) => (-1, digits),
        (None, Some(digits)) => (1, digits),
        (None, None) => (1, text),
    };
    let (digits, base) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    // Another sign would be taken.
    let digits =
        Some(digits).filter(|digits| digits.starts_with(|c: char| c.is_ascii_hexdigit()))?;
    let number = i64::from(u32::from_str_radix(digits, base).ok()?);
    i32::try_from(sign * number).ok()
}

/// Parses a truth value as `kstrtobool()` does, by its first letters; `None` if it is none.
pub fn truth(text: &str) -> Option<bool> {
    let mut letters = text.bytes().map(|letter| letter.to_ascii_lowercase());
    match (letters.next()?, letters.next()) {
        (b'1' | b'y' | b't' | b'e', _) | (b'o', Some(b'n')) => Some(true),
        (b'0' | b'n' | b'f' | b'd', _) | (b'o', Some(b'f')) => Some(false),
        _ => None,
    }
}
