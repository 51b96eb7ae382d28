//! Texts that end with a byte of their own.
//!
//! Where a text ends is easier to foresee from its last letters than from the lengths of other texts.

use crate::limits::MAX_LANE_LEN;
use crate::log2::{BIT, code_length};
use crate::table::{ColumnData, RowData};
use crate::wire::Reader;
use crate::{Lane, Result};

/// Lengths that cost fewer bits each, by themselves, stay lengths.
const LEAST_BITS: u64 = 2;

/// A byte that may end the texts of a column in all blocks, if they are better ended than counted.
pub(in crate::pipeline) fn end_of(blocks: &[RowData], column: usize) -> Option<u8> {
    let mut seen = [false; 256];
    let (mut rows, mut bits) = (0, 0);
    for block in blocks {
        let ColumnData { ordinals, text, .. } = &block.columns[column];
        if text.len() + ordinals.len() >= MAX_LANE_LEN {
            return None;
        }
        text.iter().for_each(|&byte| seen[usize::from(byte)] = true);
        let mut lengths = ordinals.to_u64s();
        lengths.sort_unstable();
        let counts: Vec<u32> = lengths.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect();
        rows += ordinals.len() as u64;
        bits += code_length(&counts);
    }
    // A line end is what most coders of text have learnt to expect.
    let free = std::iter::once(b'\n').chain(0..=255).find(|&byte| !seen[usize::from(byte)]);
    free.filter(|_| bits > rows * LEAST_BITS * BIT)
}

/// The end, then each text with the end behind it.
pub(super) fn join(data: &ColumnData, end: u8) -> Lane {
    let mut out = Vec::with_capacity(1 + data.text.len() + data.ordinals.len());
    out.push(end);
    let mut at = 0;
    for length in data.ordinals.to_u64s() {
        out.extend_from_slice(&data.text[at..at + length as usize]);
        out.push(end);
        at += length as usize;
    }
    Lane::U8(out)
}

/// The lengths of `rows` texts, and the texts one after the other.
pub(super) fn split(lane: &[u8], rows: usize) -> Result<(Lane, Vec<u8>)> {
    let mut reader = Reader::new(lane, "text");
    let end = reader.u8()?;
    let ended = reader.rest();
    let (mut lengths, mut text) = (vec![], Vec::with_capacity(ended.len()));
    let mut start = 0;
    for at in memchr::memchr_iter(end, ended).take(rows) {
        lengths.push((at - start) as u64);
        text.extend_from_slice(&ended[start..at]);
        start = at + 1;
    }
    if lengths.len() != rows || start != ended.len() {
        return Err(reader.corrupt("texts end more or less often than there are rows"));
    }
    Ok((Lane::narrowest(lengths), text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(texts: &[Vec<u8>]) -> RowData {
        let ordinals = Lane::narrowest(texts.iter().map(|text| text.len() as u64).collect());
        let data = ColumnData { ordinals, escapes: vec![], text: texts.concat() };
        RowData { rows: texts.len(), columns: vec![data], irregular: vec![] }
    }

    proptest! {
        #[test]
        fn texts_and_their_lengths_return(texts in prop::collection::vec(prop::collection::vec(0u8..255, 0..9), 1..40)) {
            let RowData { rows, columns, .. } = block(&texts);
            let Lane::U8(lane) = join(&columns[0], 255) else { panic!("bytes are expected") };
            prop_assert_eq!(split(&lane, rows).unwrap(), (columns[0].ordinals.clone(), columns[0].text.clone()));
            prop_assert!(split(&lane, rows + 1).is_err());
            prop_assert!(split(&lane, rows - 1).is_err());
            prop_assert!(split(&lane[..lane.len() - 1], rows).is_err());
        }
    }

    #[test]
    fn an_end_is_a_byte_that_no_block_holds() {
        let texts =
            |extra: u8| -> Vec<Vec<u8>> { (0..200).map(|i| vec![if i == 0 { extra } else { b'x' }; i % 60]).collect() };
        assert_eq!(end_of(&[block(&texts(b'x'))], 0), Some(b'\n'));
        assert_eq!(end_of(&[block(&texts(b'x')), block(&[vec![b'\n', 0]])], 0), Some(1));
        let all: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte; usize::from(byte) % 60]).collect();
        assert_eq!(end_of(&[block(&all), block(&texts(0)), block(&[vec![0, 60, 120, 180, 240]])], 0), None);
    }

    #[test]
    fn texts_of_one_length_are_counted() {
        assert_eq!(end_of(&[block(&vec![b"0123456789abcdef".to_vec(); 500])], 0), None);
    }
}
