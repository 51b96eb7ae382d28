//! The columns of a block as sections.

use super::super::Effort;
use super::super::columns::{CodedColumn, Setting};
use super::super::texts::joined;
use super::flag;
use crate::codec::{Groups, Joint, Plan, encode_auto, encode_mixed};
use crate::limits::MAX_LANE_LEN;
use crate::table::ColumnData;
use crate::tree::wire::Recorded;
use crate::tree::{BlockWalks, Walks};
use crate::wire::{put_bytes, put_varint};
use crate::{Error, Lane, Result};

/// Columns share a section, its checksum and its streams until it has this many bytes: reading less of a file at once
/// saves little time.
pub(super) const MOST_BYTES: usize = 1 << 15;

/// Consecutive columns of a block.
pub(super) struct Columns {
    pub first: usize,
    pub body: Vec<u8>,
    /// Bytes of leaf numbers, values, escapes and texts.
    pub parts: [usize; 4],
    /// Bytes of each column; what columns share is divided by what each would take alone.
    pub bytes: Vec<usize>,
}

/// Number of columns; the streams that some of them share, if there are such columns; the records of the others, each behind
/// its length, that of a primed column being its stream; the escapes of those that share or are primed, if there are any.
pub(super) fn of_block(
    setting: &Setting<'_>,
    number: usize,
    columns: &[CodedColumn],
    walks: &Walks,
) -> Result<Vec<Columns>> {
    let writer = BlockWriter { setting, number, columns };
    let mut walks = walks.over(setting.blocks[number].rows);
    let mut records = vec![];
    for (index, column) in columns.iter().enumerate() {
        records.push(if column.is_joint { None } else { Some(writer.record(index)?) });
    }
    let (mut sections, mut first) = (vec![], 0);
    while first < columns.len() {
        let (mut end, mut bytes) = (first, 0);
        while end < columns.len() && (end == first || bytes < MOST_BYTES) {
            let alone = columns[end].blocks[number].1.len();
            bytes += records[end].as_ref().map_or(alone, |parts| parts.iter().map(Vec::len).sum());
            end += 1;
        }
        sections.push(writer.section(first, &records[first..end], &mut walks)?);
        first = end;
    }
    Ok(sections)
}

struct BlockWriter<'a> {
    setting: &'a Setting<'a>,
    number: usize,
    columns: &'a [CodedColumn],
}

/// Flags and stored leaf numbers; residuals; escapes (lengths, bytes); text. Each but the flags is a node behind its length.
type Record = [Vec<u8>; 4];

impl BlockWriter<'_> {
    fn data(&self, column: usize) -> &ColumnData {
        &self.setting.blocks[self.number].columns[column]
    }

    fn encode(&self, lane: &Lane) -> Result<(Plan, Vec<u8>)> {
        if self.setting.pipeline.effort == Effort::Max { encode_mixed(lane) } else { encode_auto(lane) }
    }

    fn section(&self, first: usize, records: &[Option<Record>], walks: &mut BlockWalks<'_>) -> Result<Columns> {
        let mut body = vec![];
        put_varint(&mut body, records.len() as u64);
        let (mut parts, mut bytes) = ([0; 4], vec![0; records.len()]);
        let (mut joint, mut escapes, mut alone) = (Joint::default(), vec![], vec![0; records.len()]);
        for at in (0..records.len()).filter(|&at| records[at].is_none()) {
            let column = &self.columns[first + at];
            let residuals = self.setting.residuals_of(self.number, first + at, &column.transform)?;
            joint.push(&residuals, &self.groups(first + at, walks), &column.learned)?;
            alone[at] = column.blocks[self.number].1.len();
        }
        for at in first..first + records.len() {
            if self.columns[at].is_joint || self.columns[at].is_primed {
                escapes.extend(&self.data(at).escapes);
            }
        }
        let all: usize = alone.iter().sum();
        if records.iter().any(Option::is_none) {
            let start = body.len();
            joint.write(&mut body)?;
            parts[1] = body.len() - start;
            alone.iter().zip(&mut bytes).for_each(|(own, bytes)| *bytes = parts[1] * own / all.max(1));
        }
        for (record, bytes) in records.iter().zip(&mut bytes) {
            let Some(record) = record else { continue };
            parts.iter_mut().zip(record).for_each(|(all, part)| *all += part.len());
            *bytes = record.iter().map(Vec::len).sum();
            put_bytes(&mut body, &record.concat());
        }
        let start = body.len();
        self.put_escapes(&escapes, &mut body)?;
        parts[2] += body.len() - start;
        Ok(Columns { first, body, parts, bytes })
    }

    /// The groups of a column that has a tree or none.
    fn groups(&self, column: usize, walks: &mut BlockWalks<'_>) -> Groups {
        let block = &self.setting.blocks[self.number];
        let Recorded::Tree(tree) = &self.columns[column].recorded else { return Groups::whole(block.rows) };
        let ordinals = |c: u32| &block.columns[c as usize].ordinals;
        walks.groups(column, tree.leaves(), ordinals).unwrap_or_else(|| tree.groups(ordinals, block.rows))
    }

    /// Appends the lengths and the bytes of some cells, each a node behind its length; nothing for no cells.
    fn put_escapes(&self, cells: &[&Vec<u8>], out: &mut Vec<u8>) -> Result<()> {
        if cells.is_empty() {
            return Ok(());
        }
        if cells.iter().map(|cell| cell.len()).sum::<usize>() > MAX_LANE_LEN {
            return Err(Error::NotATable("a block has too many odd cells"));
        }
        let lengths = Lane::narrowest(cells.iter().map(|cell| cell.len() as u64).collect());
        put_bytes(out, &self.encode(&lengths)?.1);
        put_bytes(out, &self.encode(&Lane::U8(cells.iter().copied().flatten().copied().collect()))?.1);
        Ok(())
    }

    fn record(&self, index: usize) -> Result<Record> {
        let (data, column) = (self.data(index), &self.columns[index]);
        let (stored, residuals) = &column.blocks[self.number];
        if column.is_primed {
            return Ok([vec![], residuals.clone(), vec![], vec![]]);
        }
        let (mut head, mut values, mut escapes, mut text) = (vec![0u8], vec![], vec![], vec![]);
        if let Some(leaves) = stored {
            head[0] |= flag::ASSIGNED;
            put_bytes(&mut head, &encode_auto(leaves)?.1);
        }
        if column.is_adaptive {
            head[0] |= flag::ADAPTIVE;
        }
        match column.end {
            Some(_) => head[0] |= flag::ENDED,
            None => put_bytes(&mut values, residuals),
        }
        if !data.escapes.is_empty() {
            head[0] |= flag::ESCAPES;
            self.put_escapes(&data.escapes.iter().collect::<Vec<_>>(), &mut escapes)?;
        }
        if self.setting.texts[index] {
            head[0] |= flag::TEXT;
            if data.text.len() > MAX_LANE_LEN {
                return Err(Error::NotATable("a block has too much text"));
            }
            if column.end.is_some() && !residuals.is_empty() {
                put_bytes(&mut text, residuals);
            } else {
                let lane = column.end.map_or_else(|| Lane::U8(data.text.clone()), |end| joined(data, end));
                put_bytes(&mut text, &self.encode(&lane)?.1);
            }
        }
        Ok([head, values, escapes, text])
    }
}
