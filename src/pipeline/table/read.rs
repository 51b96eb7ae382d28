//! Sections as a table.

use std::borrow::Cow;

use super::super::Decoder;
use super::super::adaptive::{Primed, Primer, Stream, primer_blocks};
use super::super::transform::Transform;
use super::decode_columns::BlockColumns;
use super::{JOINT, PRIMED, origin};
use crate::codec::{Groups, Learned};
use crate::container::{Container, Section, Tag};
use crate::limits::MAX_BLOCK_ROWS;
use crate::partition::Partition;
use crate::table::{Irregular, Kind, RowData, Schema};
use crate::threads::each;
use crate::tree::wire::{self as tree_wire, Recorded};
use crate::tree::{Frame, FrameColumn, Walks};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result};

/// Bytes a row takes while stored leaf numbers become groups: widened, narrowed, sorted.
pub(super) const ASSIGNED_BYTES: u64 = 8 + 4 + 4;

/// What holds for all blocks of a table file.
pub(super) struct Models {
    pub schema: Schema,
    rows: u64,
    blocks: u64,
    shared_leaves: u32,
    pub columns: Vec<ColumnModel>,
    /// Walks of the columns' trees.
    walks: Walks,
}

/// What all blocks of a column share.
pub(super) struct ColumnModel {
    pub transform: Transform,
    pub recorded: Recorded,
    pub learned: Learned,
    /// Whether its residuals stand in the streams of a section.
    pub is_joint: bool,
    /// Whether its residuals are streams whose counts begin with what the first blocks taught.
    pub is_primed: bool,
}

/// The head of a block and the sections of its columns.
type BlockSections<'a> = (&'a Section<'a>, &'a [Section<'a>]);

/// A table file, opened.
struct Opened<'a> {
    decoder: &'a Decoder,
    models: Models,
    blocks: Vec<BlockSections<'a>>,
    /// What is left when the models are there.
    budget: Budget,
}

/// Decodes a table file to CSV.
pub(in crate::pipeline) fn decompress(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<u8>> {
    let mut opened = Opened::new(decoder, container)?;
    let mut out = vec![];
    opened.models.schema.write_start(&mut out);
    let total = check_claims(&opened.models, &opened.blocks, out.len() as u64, decoder.limits.output_bytes)?;
    let mut primer = Primer::new(opened.models.columns.len());
    let (first, all) = (opened.primer_blocks()?, opened.blocks.len());
    for number in 0..first {
        opened.rows(number, Primed::Learning(&mut primer), &mut out)?;
    }
    opened.budget.spend(primer.memory())?;
    if decoder.threads == 1 {
        (first..all).try_for_each(|number| opened.rows(number, Primed::Learnt(&primer), &mut out))?;
        return Ok(out);
    }
    let blocks = each(decoder.threads, all - first, |number| {
        let mut block = vec![];
        opened.rows(first + number, Primed::Learnt(&primer), &mut block)?;
        Ok(block)
    })?;
    out.reserve_exact((total as usize).saturating_sub(out.len()));
    blocks.into_iter().for_each(|block| out.extend(block));
    Ok(out)
}

/// Decodes the rows of one block, the first with what stands before all rows. Of other blocks only those of the primer are
/// decoded, and only if there are primed columns.
pub(in crate::pipeline) fn block(decoder: &Decoder, container: &Container<'_>, number: u64) -> Result<Option<Vec<u8>>> {
    let mut opened = Opened::new(decoder, container)?;
    let Some(&(head, _)) = usize::try_from(number).ok().and_then(|number| opened.blocks.get(number)) else {
        return Ok(None);
    };
    let number = number as usize;
    let mut out = vec![];
    if number == 0 {
        opened.models.schema.write_start(&mut out);
    }
    let (_, asked, _) = read_claims(&mut head.reader())?;
    let allowed = decoder.limits.output_bytes;
    if asked.saturating_add(out.len() as u64) > allowed {
        return Err(Error::LimitExceeded { what: "output bytes", asked, allowed });
    }
    let mut primer = Primer::new(opened.models.columns.len());
    let first = opened.primer_blocks()?;
    for before in 0..first.min(number) {
        opened.columns(before, Primed::Learning(&mut primer), &mut opened.budget.clone())?;
    }
    if number < first {
        opened.rows(number, Primed::Learning(&mut primer), &mut out)?;
    } else {
        opened.budget.spend(primer.memory())?;
        opened.rows(number, Primed::Learnt(&primer), &mut out)?;
    }
    Ok(Some(out))
}

/// Bytes of the file, whose first `start` bytes belong to no block, by what its blocks claim. Blocks must keep their
/// claims, so this is the place to refuse a small file of large blocks before memory is spent.
fn check_claims(models: &Models, blocks: &[BlockSections<'_>], start: u64, allowed: u64) -> Result<u64> {
    let (mut rows, mut total) = (0, start);
    for (head, _) in blocks {
        let (own, csv_bytes, _) = read_claims(&mut head.reader())?;
        rows += own as u64;
        total = total.saturating_add(csv_bytes);
    }
    if total > allowed {
        return Err(Error::LimitExceeded { what: "output bytes", asked: total, allowed });
    }
    if rows != models.rows {
        return Err(Error::corrupt("schema", "the number of rows is wrong", 0));
    }
    Ok(total)
}

/// Rows, bytes of CSV and their CRC-32: the beginning of a block.
fn read_claims(reader: &mut Reader<'_>) -> Result<(usize, u64, u32)> {
    let rows = reader.varint_to(MAX_BLOCK_ROWS as u64, "too many rows in a block")? as usize;
    Ok((rows, reader.varint()?, reader.u32()?))
}

fn read_models(decoder: &Decoder, sections: &mut &[Section<'_>], budget: &mut Budget) -> Result<Models> {
    let mut next = |tag: Tag| {
        let missing = Error::Corrupt { part: tag.name(), what: "the section is missing", at: 0 };
        let fits = |found: Tag| found == tag || (tag, found) == (Tag::Schema, Tag::MixedSchema);
        let (first, rest) = sections.split_first().filter(|(first, _)| fits(first.tag)).ok_or(missing)?;
        *sections = rest;
        if first.first != 0 || (tag != Tag::Models && first.second != 0) {
            return Err(first.reader().corrupt("an address is not zero"));
        }
        Ok::<_, Error>(*first)
    };
    let section = next(Tag::Schema)?;
    let mixed = if section.tag == Tag::MixedSchema {
        let Lane::U8(body) = decoder.registry.decode(section.body, budget)? else {
            return Err(section.reader().corrupt("a schema is no bytes"));
        };
        body
    } else {
        vec![]
    };
    let mut reader = if section.tag == Tag::MixedSchema { Reader::new(&mixed, "schema") } else { section.reader() };
    let (rows, blocks) = (reader.varint()?, reader.varint()?);
    let mut fixed = Reader::new(reader.bytes()?, "schema");
    let mut lanes = vec![];
    while reader.left() > 0 {
        lanes.push(decoder.registry.decode(reader.bytes()?, budget)?);
    }
    let mut lanes = lanes.into_iter();
    let schema = Schema::read(&mut fixed, &mut lanes, budget)?;
    fixed.end()?;
    if lanes.next().is_some() {
        return Err(reader.corrupt("a lane is left over"));
    }
    let section = next(Tag::Trees)?;
    let mut reader = section.reader();
    let shared_leaves = budget.nodes(reader.varint()?)? as u32;
    let nature = Frame::new(
        schema
            .columns
            .iter()
            .map(|column| FrameColumn {
                name: String::new(),
                ordinals: Cow::Owned(Lane::U8(vec![])),
                first_value: column.first_value(),
                ordered: column.is_ordered(),
            })
            .collect(),
        0,
        0,
    );
    let count = schema.columns.len();
    let recorded = tree_wire::read(reader.rest(), count, |feature| nature.nature(feature).1, budget)?;
    let walks = Walks::new(&recorded.iter().map(Recorded::tree).collect::<Vec<_>>());
    let mut columns = vec![];
    let mut recorded = recorded.into_iter();
    while columns.len() < count {
        let section = next(Tag::Models)?;
        let mut reader = section.reader();
        for _ in 0..read_count(&section, &mut reader, (0, columns.len()), count)? {
            let recorded = recorded.next().expect("one partition was read for each column");
            let is_text = matches!(schema.columns[columns.len()].kind, Kind::Text);
            let place = (columns.len() as u32, is_text);
            columns.push(read_model(decoder, reader.bytes()?, place, recorded, budget)?);
        }
        reader.end()?;
    }
    Ok(Models { schema, rows, blocks, shared_leaves, columns, walks })
}

/// Record of a column: transform, what its plan shares.
fn read_model(
    decoder: &Decoder,
    record: &[u8],
    (index, is_text): (u32, bool),
    recorded: Recorded,
    budget: &mut Budget,
) -> Result<ColumnModel> {
    let mut reader = Reader::new(record, "models");
    let tag = reader.u8()?;
    let (is_joint, is_primed) = (tag & JOINT != 0, tag & PRIMED != 0);
    let transform = Transform::read(tag & !(JOINT | PRIMED), &mut reader, index, &decoder.registry, budget)?;
    let learned = Learned::read(&mut reader, budget)?;
    reader.end()?;
    if is_joint && !matches!(recorded, Recorded::Whole | Recorded::Tree(_)) {
        return Err(reader.corrupt("a column of joint streams has stored leaf numbers"));
    }
    if is_primed && (is_joint || is_text || !matches!(recorded, Recorded::Whole | Recorded::Tree(_))) {
        return Err(reader.corrupt("a column cannot be primed"));
    }
    Ok(ColumnModel { transform, recorded, learned, is_joint, is_primed })
}

/// The number of columns in a section, which must belong to `block`, begin with column `first` and stay below `count`.
pub(super) fn read_count(
    section: &Section<'_>,
    reader: &mut Reader<'_>,
    (block, first): (u64, usize),
    count: usize,
) -> Result<usize> {
    let columns = reader.varint_to((count - first) as u64, "too many columns")?;
    if (section.first, section.second) != (block, first as u64) || columns == 0 {
        return Err(reader.corrupt("columns are out of order"));
    }
    Ok(columns as usize)
}

impl Models {
    /// The stream of an adaptive column in a block.
    pub fn stream<'a>(&'a self, index: usize, bytes: &'a [u8]) -> Stream<'a> {
        let origin = origin(&self.schema.columns[index]);
        Stream { record: self.columns[index].learned.at(0), index: index as u32, origin, bytes }
    }
}

impl<'a> Opened<'a> {
    fn new(decoder: &'a Decoder, container: &'a Container<'a>) -> Result<Self> {
        let mut budget = Budget::new(&decoder.limits);
        let mut sections = container.sections();
        let models = read_models(decoder, &mut sections, &mut budget)?;
        let mut blocks = vec![];
        while let Some((first, rest)) = sections.split_first() {
            if first.tag != Tag::Block || (first.first, first.second) != (blocks.len() as u64, 0) {
                return Err(first.reader().corrupt("a block is out of order"));
            }
            let own = rest.iter().take_while(|section| section.tag == Tag::Columns).count();
            blocks.push((first, &rest[..own]));
            sections = &rest[own..];
        }
        if blocks.len() as u64 != models.blocks {
            return Err(Error::corrupt("schema", "the number of blocks is wrong", 0));
        }
        Ok(Self { decoder, models, blocks, budget })
    }

    /// How many blocks primed columns learn from; none if there are no such columns.
    fn primer_blocks(&self) -> Result<usize> {
        if !self.models.columns.iter().any(|column| column.is_primed) {
            return Ok(0);
        }
        let rows = self.blocks.iter().map(|(head, _)| Ok(read_claims(&mut head.reader())?.0));
        let rows: Vec<usize> = rows.collect::<Result<_>>()?;
        Ok(primer_blocks(rows.into_iter()).min(self.blocks.len()))
    }

    /// Appends the CSV bytes of one block.
    fn rows(&self, number: usize, primed: Primed<'_>, out: &mut Vec<u8>) -> Result<()> {
        let head = self.blocks[number].0;
        let (_, csv_bytes, checksum) = read_claims(&mut head.reader())?;
        let data = self.columns(number, primed, &mut self.budget.clone())?;
        let (start, schema) = (out.len(), &self.models.schema);
        // The line end that an open file lacks is written before it is taken away.
        let most = usize::try_from(csv_bytes).unwrap_or(usize::MAX).saturating_add(schema.layout.line_end().len());
        let is_last = number + 1 == self.blocks.len();
        schema.write_rows_within(&data, is_last, out, most.saturating_add(start))?;
        let csv = &out[start..];
        if csv.len() as u64 != csv_bytes || crc32fast::hash(csv) != checksum {
            return Err(Error::Checksum { part: "rows of block", index: head.first });
        }
        Ok(())
    }

    /// The rows of one block as columns.
    fn columns(&self, number: usize, primed: Primed<'_>, budget: &mut Budget) -> Result<RowData> {
        let (decoder, models, (head, sections)) = (self.decoder, &self.models, self.blocks[number]);
        primed.spend(budget)?;
        let mut reader = head.reader();
        let (rows, _, _) = read_claims(&mut reader)?;
        let mut data = RowData { rows, columns: vec![], irregular: vec![] };
        let mut before_row = 0u64;
        for _ in 0..reader.varint()? {
            before_row = before_row.saturating_add(reader.varint()?);
            if before_row > rows as u64 {
                return Err(reader.corrupt("an irregular line stands behind the last row"));
            }
            let bytes = reader.bytes()?;
            budget.spend((size_of::<Irregular>() + bytes.len()) as u64)?;
            data.irregular.push(Irregular { before_row: before_row as u32, bytes: bytes.to_vec() });
        }
        let shared = reader.bytes()?;
        reader.end()?;
        let shared = if models.shared_leaves > 0 {
            let leaf_of_row = decoder.registry.decode(shared, budget)?;
            budget.spend(rows as u64 * ASSIGNED_BYTES)?;
            let partition = Partition::Assigned { leaves: models.shared_leaves, leaf_of_row };
            Some(partition.groups(|_| unreachable!("leaf numbers are stored"), rows)?)
        } else if shared.is_empty() {
            None
        } else {
            return Err(reader.corrupt("leaf numbers stand without a shared tree"));
        };
        budget.reserve::<u32>(rows as u64)?;
        let whole = Groups::whole(rows);
        let count = models.columns.len();
        let mut columns = BlockColumns {
            decoder,
            models,
            whole: &whole,
            shared: shared.as_ref(),
            walks: models.walks.over(rows),
            primed,
        };
        for section in sections {
            columns.section(section, head.first, &mut data, budget)?;
        }
        if data.columns.len() != count {
            return Err(head.reader().corrupt("columns are missing"));
        }
        Ok(data)
    }
}
