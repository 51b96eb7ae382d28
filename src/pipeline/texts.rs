//! Columns of texts that are better ended than counted.

use super::Effort;
use super::columns::{CodedColumn, Setting};
use crate::codec::{Block, Groups, Learned, Lz77, Lz77Effort, Plan, Rans, Store, Tokens, auto, encode_auto};
use crate::limits::MAX_LANE_LEN;
use crate::log2::{BIT, code_length};
use crate::table::ended::{LEAST_BITS, free_byte, join};
use crate::table::{ColumnData, RowData};
use crate::{Lane, Result};

/// A byte that may end the texts of a column in all blocks, if their lengths cost more.
pub(super) fn end_of(blocks: &[RowData], column: usize) -> Option<u8> {
    let (mut rows, mut bits) = (0, 0);
    for block in blocks {
        let ColumnData { ordinals, text, .. } = &block.columns[column];
        if text.len() + ordinals.len() >= MAX_LANE_LEN {
            return None;
        }
        let mut lengths = ordinals.to_u64s();
        lengths.sort_unstable();
        let counts: Vec<u32> = lengths.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect();
        rows += ordinals.len() as u64;
        bits += code_length(&counts);
    }
    let free = free_byte(blocks.iter().map(|block| &*block.columns[column].text));
    free.filter(|_| bits > rows * LEAST_BITS * BIT)
}

/// A column of texts as tokens, if these take fewer bytes in one block, with its share of what all blocks learn; else each
/// block gets the plan that suits it when it is written. Mixed contexts foretell more than tokens do.
pub(super) fn code(setting: &Setting<'_>, column: usize, end: u8) -> Result<CodedColumn> {
    let count = setting.blocks.len();
    let (middle, mut nodes) = (count / 2, vec![vec![]; count]);
    if setting.pipeline.effort == Effort::Max {
        return Ok(CodedColumn::ended(end, Plan::from(Store), Learned::default(), nodes));
    }
    let block = |block: &RowData| Block { lane: joined(&block.columns[column], end), groups: Groups::whole(0) };
    let blocks: Vec<Block> = setting.blocks.iter().map(block).collect();
    let learned = Plan::from(Tokens).learn(blocks.clone())?;
    let tokens = Plan::new(Tokens, [auto(&Tokens.spelled(&blocks[middle].lane, &learned)?)?]);
    let encode = |block: &Block| tokens.encode_grouped(&block.lane, &block.groups, &learned);
    let share = learned.at(0).len() * setting.blocks[middle].rows / setting.frame.rows();
    let least = encode(&blocks[middle])?.len() + share;
    // A parse that looks for the smallest output takes long and saves about a quarter of a quick one.
    let quick = Lz77 { effort: Lz77Effort::Fast }.each(Rans::default()).encode(&blocks[middle].lane)?;
    if least * 10 >= quick.len() * 7 {
        let plain = encode_auto(&blocks[middle].lane)?.1;
        if least >= plain.len() {
            nodes[middle] = plain;
            return Ok(CodedColumn::ended(end, Plan::from(Store), Learned::default(), nodes));
        }
    }
    let nodes = blocks.iter().map(encode).collect::<Result<_>>()?;
    Ok(CodedColumn::ended(end, tokens, learned, nodes))
}

/// The texts of a column in one block, each with `end` behind it.
pub(super) fn joined(data: &ColumnData, end: u8) -> Lane {
    let mut left = &*data.text;
    let texts = data.ordinals.to_u64s().into_iter().map(|length| {
        let (text, rest) = left.split_at(length as usize);
        left = rest;
        text
    });
    join(texts, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(texts: &[Vec<u8>]) -> RowData {
        let ordinals = Lane::narrowest(texts.iter().map(|text| text.len() as u64).collect());
        let data = ColumnData { ordinals, escapes: vec![], text: texts.concat() };
        RowData { rows: texts.len(), columns: vec![data], irregular: vec![] }
    }

    fn many(byte: u8) -> Vec<Vec<u8>> {
        (0..200).map(|length| vec![byte; length % 60]).collect()
    }

    #[test]
    fn an_end_is_a_byte_that_no_block_holds() {
        assert_eq!(end_of(&[block(&many(b'x'))], 0), Some(b'\n'));
        assert_eq!(end_of(&[block(&many(b'x')), block(&[vec![b'\n', 0]])], 0), Some(1));
        let all: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte; 1 + usize::from(byte) % 60]).collect();
        assert_eq!(end_of(&[block(&many(b'x')), block(&all)], 0), None);
    }

    #[test]
    fn texts_of_one_length_are_counted() {
        assert_eq!(end_of(&[block(&vec![b"0123456789abcdef".to_vec(); 500])], 0), None);
    }
}
