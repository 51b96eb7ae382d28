//! Texts that end with a byte of their own.
//!
//! Where a text ends is easier to foresee from its last letters than from the lengths of other texts.

use crate::wire::Reader;
use crate::{Lane, Result};

/// Lengths that cost fewer bits each, by themselves, are better than ends.
pub(crate) const LEAST_BITS: u64 = 2;

/// A byte that none of these texts holds.
pub(crate) fn free_byte<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Option<u8> {
    let mut seen = [false; 256];
    texts.into_iter().flatten().for_each(|&byte| seen[usize::from(byte)] = true);
    // A line end is what most coders of text have learnt to expect.
    std::iter::once(b'\n').chain(0..=255).find(|&byte| !seen[usize::from(byte)])
}

/// The end, then each text with the end behind it.
pub(crate) fn join<'a>(texts: impl IntoIterator<Item = &'a [u8]>, end: u8) -> Lane {
    let mut out = vec![end];
    for text in texts {
        out.extend_from_slice(text);
        out.push(end);
    }
    Lane::U8(out)
}

/// Inverse of [`join`]: the lengths of the texts, and the texts one after the other.
pub(crate) fn split(lane: &Lane, part: &'static str) -> Result<(Vec<u64>, Vec<u8>)> {
    let mut reader = Reader::new(lane.words::<u8>(part)?, part);
    let end = reader.u8()?;
    let ended = reader.rest();
    let (mut lengths, mut text) = (vec![], Vec::with_capacity(ended.len()));
    let mut start = 0;
    for at in memchr::memchr_iter(end, ended) {
        lengths.push((at - start) as u64);
        text.extend_from_slice(&ended[start..at]);
        start = at + 1;
    }
    if start == ended.len() { Ok((lengths, text)) } else { Err(reader.corrupt("the last text has no end")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_and_their_lengths_return(texts in prop::collection::vec(prop::collection::vec(0u8..255, 0..9), 0..40)) {
            let parts = || texts.iter().map(Vec::as_slice);
            let lane = join(parts(), 255);
            let lengths: Vec<u64> = parts().map(|text| text.len() as u64).collect();
            prop_assert_eq!(split(&lane, "test").unwrap(), (lengths, texts.concat()));
            // Without its last byte the last text has no end, or, if it is empty, is not there.
            let cut = split(&lane.slice(0..lane.len() - 1), "test");
            prop_assert!(cut.map_or(true, |(lengths, _)| lengths.len() + 1 == texts.len()));
        }
    }

    #[test]
    fn a_free_byte_is_in_no_text() {
        assert_eq!(free_byte([b"abc".as_slice()]), Some(b'\n'));
        assert_eq!(free_byte([b"a\n".as_slice(), b"\0"]), Some(1));
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(free_byte([&all[..100], &all[100..]]), None);
    }
}
