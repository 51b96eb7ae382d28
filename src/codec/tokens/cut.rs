//! Text as tokens: words, and single bytes between them.

/// Whether a byte belongs to a word: letters and digits of ASCII, and everything beyond it.
#[inline]
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// The tokens of a text: the longest runs of word bytes, and all other bytes one by one. A single space between two words
/// is no token, for two words cannot be neighbours.
pub(super) fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let len = rest.iter().position(|&byte| !is_word(byte)).unwrap_or(rest.len());
        at += len.max(1);
        if len > 0 && text.get(at) == Some(&b' ') && text.get(at + 1).is_some_and(|&next| is_word(next)) {
            at += 1;
        }
        Some(&rest[..len.max(1)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_between_words_are_implied_and_others_are_not() {
        let cut =
            |text: &'static str| tokens(text.as_bytes()).map(|t| std::str::from_utf8(t).unwrap()).collect::<Vec<_>>();
        assert_eq!(cut("two words"), ["two", "words"]);
        assert_eq!(cut(" x1  y, z "), [" ", "x1", " ", " ", "y", ",", " ", "z", " "]);
        assert_eq!(cut(""), [""; 0]);
    }
}
