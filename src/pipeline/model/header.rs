//! The header of a model as a section.
//!
//! ```text
//! bytes of the text (varint) · their CRC-32 (4) · bytes of the outline (varint) · nodes of the outline, each behind its
//! length
//! ```
//!
//! The outline is the text without the offsets that dtype, shape and the entry before tell. If it is as long as the text
//! it is the text.

use memchr::memmem;

use crate::codec::{encode_auto, encode_mixed};
use crate::container::Tag;
use crate::model::{Dtype, MAX_HEADER_BYTES};
use crate::pipeline::{Decoder, Effort};
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Error, Lane, Result};

/// Bytes that are coded as one lane.
const STRETCH: usize = 8 << 20;

/// Memory that reading a header takes, in units of its length: a dimension of two bytes becomes a word of eight in a
/// list that may be half empty.
const COST: u64 = 16;

/// What stands before the offsets of an entry, as most writers spell it.
const OFFSETS: &[u8] = br#""data_offsets":["#;

/// The body of the section.
pub fn write(text: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let outline = outline(text);
    let is_exact = outline.len() < text.len() && filled(&outline, text.len()).is_some_and(|filled| filled == text);
    let outline = if is_exact { &outline } else { text };
    let mut body = vec![];
    put_varint(&mut body, text.len() as u64);
    body.extend(crc32fast::hash(text).to_le_bytes());
    put_varint(&mut body, outline.len() as u64);
    for stretch in outline.chunks(STRETCH) {
        let lane = Lane::U8(stretch.to_vec());
        let (_, node) = if effort == Effort::Max { encode_mixed(&lane)? } else { encode_auto(&lane)? };
        put_bytes(&mut body, &node);
    }
    Ok(body)
}

/// Inverse of [`write`].
pub fn read(decoder: &Decoder, body: &[u8], budget: &mut Budget) -> Result<Vec<u8>> {
    let mut reader = Reader::new(body, Tag::Header.name());
    let len = reader.varint_to(MAX_HEADER_BYTES as u64, "the header is too long")? as usize;
    budget.spend(len as u64 * COST)?;
    let checksum = reader.u32()?;
    let outlined = reader.varint_to(len as u64, "an outline is longer than its header")? as usize;
    let mut text = vec![];
    while text.len() < outlined {
        let Lane::U8(stretch) = decoder.registry.decode(reader.bytes()?, budget)? else {
            return Err(reader.corrupt("the header does not hold bytes"));
        };
        if stretch.is_empty() || stretch.len() > outlined - text.len() {
            return Err(reader.corrupt("the header has the wrong length"));
        }
        text.extend(stretch);
    }
    reader.end()?;
    if outlined < len {
        text = filled(&text, len).ok_or_else(|| reader.corrupt("an outline does not fit its header"))?;
    }
    if crc32fast::hash(&text) != checksum {
        return Err(Error::Checksum { part: "decoded header", index: 0 });
    }
    Ok(text)
}

/// What stands between two pairs of offsets, what stands in the place of a pair, and all the rest.
fn next_offsets(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let start = memmem::find(text, OFFSETS)? + OFFSETS.len();
    let length = memchr::memchr(b']', &text[start..])?;
    Some((&text[..start], &text[start..start + length], &text[start + length..]))
}

/// Bytes of the tensor whose dtype and shape stand last in a piece of a header.
fn bytes_of(piece: &[u8]) -> Option<usize> {
    let after = |mark: &[u8], end: u8| {
        let start = memmem::rfind(piece, mark)? + mark.len();
        let length = memchr::memchr(end, &piece[start..])?;
        std::str::from_utf8(&piece[start..start + length]).ok()
    };
    let name = after(br#""dtype":""#, b'"')?;
    let dtype = Dtype::ALL.into_iter().find(|dtype| dtype.name() == name)?;
    let shape = after(br#""shape":["#, b']')?;
    let lengths = shape.split(',').filter(|_| !shape.is_empty()).map(|length| length.trim().parse().ok());
    dtype.bytes(&lengths.collect::<Option<Vec<usize>>>()?)
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Two numbers with a comma between.
fn pair(offsets: &[u8]) -> Option<(usize, usize)> {
    let comma = memchr::memchr(b',', offsets)?;
    Some((number(&offsets[..comma])?, number(&offsets[comma + 1..])?))
}

/// Leaves out the end of a tensor where its size tells it, and its start where that is the end of the one before.
fn outline(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest, mut last) = (vec![], text, 0);
    while let Some((piece, offsets, after)) = next_offsets(rest) {
        out.extend_from_slice(piece);
        let known = pair(offsets).filter(|(start, end)| end.checked_sub(*start) == bytes_of(piece));
        match known {
            Some((start, _)) if start == last => {}
            Some((start, _)) => out.extend(start.to_string().into_bytes()),
            None => out.extend_from_slice(offsets),
        }
        last = pair(offsets).map_or(last, |(_, end)| end);
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// The text of `len` bytes that has this outline; `None` if there is none.
fn filled(outline: &[u8], len: usize) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut last) = (vec![], outline, 0usize);
    while let Some((piece, offsets, after)) = next_offsets(rest) {
        out.extend_from_slice(piece);
        if offsets.contains(&b',') {
            out.extend_from_slice(offsets);
            last = pair(offsets).map_or(last, |(_, end)| end);
        } else {
            let start = if offsets.is_empty() { last } else { number(offsets)? };
            last = start.checked_add(bytes_of(piece)?)?;
            out.extend(format!("{start},{last}").into_bytes());
        }
        if out.len() > len {
            return None;
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_returns_at_every_effort(
            pieces in prop::collection::vec(prop_oneof![
                Just(r#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}"#),
                Just(r#","v":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}"#),
                Just(r#","u":{"shape":[ 4, 1],"dtype":"U8","data_offsets":[7,11],"note":{"data_offsets":[]}}"#),
                Just(r#""data_offsets":[26,26],"dtype":"F4","shape":[0]"#),
                Just(r#""data_offsets":[5"#), Just(r#""data_offsets":[x,y]"#), Just("]"), Just("}"), Just("é"),
                Just(r#""data_offsets":[024,26]"#), Just(r#""data_offsets":[99999999999999999999,1]"#),
            ], 0..12),
            effort in 0usize..3,
        ) {
            let text = pieces.concat().into_bytes();
            let body = write(&text, Effort::ALL[effort]).unwrap();
            let mut budget = Budget::new(&crate::Limits::default());
            prop_assert_eq!(read(&Decoder::default(), &body, &mut budget).unwrap(), text);
        }
    }

    #[test]
    fn offsets_that_follow_from_the_rest_are_left_out() {
        let text = br#"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[],"data_offsets":[9,10]}}"#;
        let short =
            br#"{"a":{"dtype":"F16","shape":[2],"data_offsets":[]},"b":{"dtype":"U8","shape":[],"data_offsets":[9]}}"#;
        assert_eq!((outline(text), filled(short, text.len())), (short.to_vec(), Some(text.to_vec())));
        assert_eq!(filled(short, text.len() - 1), None);
    }
}
