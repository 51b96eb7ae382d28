//! Columns of texts that are better ended than counted.

use super::Effort;
use super::columns::{CodedColumn, Setting};
use crate::codec::{Block, Groups, Learned, Plan, Store, Tokens, auto, encode_auto, encode_mixed};
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
/// block gets the plan that suits it when it is written.
pub(super) fn code(setting: &Setting<'_>, column: usize, end: u8) -> Result<CodedColumn> {
    let lane = |block: &RowData| joined(&block.columns[column], end);
    let count = setting.blocks.len();
    let middle = &setting.blocks[count / 2];
    let tokens = Plan::from(Tokens);
    let blocks = setting.blocks.iter().map(|block| Block { lane: lane(block), groups: Groups::whole(0) });
    let blocks: Vec<Block> = blocks.collect();
    let learned = tokens.learn(blocks.clone())?;
    let spelled = Tokens.spelled(&blocks[count / 2].lane, &learned)?;
    let tokens = Plan::new(Tokens, [auto(&spelled)?]);
    let node = tokens.encode_grouped(&blocks[count / 2].lane, &Groups::whole(0), &learned)?;
    let encode = if setting.pipeline.effort == Effort::Max { encode_mixed } else { encode_auto };
    if node.len() + learned.at(0).len() * middle.rows / setting.frame.rows() >= encode(&lane(middle))?.1.len() {
        return Ok(CodedColumn::ended(end, Plan::from(Store), Learned::default(), vec![vec![]; count]));
    }
    let nodes = blocks.iter().map(|block| tokens.encode_grouped(&block.lane, &Groups::whole(0), &learned));
    let nodes = nodes.collect::<Result<_>>()?;
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
