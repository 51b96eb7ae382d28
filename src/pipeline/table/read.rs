//! Sections as a table.

use std::borrow::Cow;

use super::super::Decoder;
use super::super::adaptive;
use super::super::transform::Transform;
use super::{flag, origin};
use crate::codec::{Groups, Learned};
use crate::container::{Container, Section, Tag};
use crate::limits::MAX_BLOCK_ROWS;
use crate::partition::Partition;
use crate::table::ended::split;
use crate::table::{ColumnData, Irregular, Kind, RowData, Schema};
use crate::threads::each;
use crate::tree::wire::{self as tree_wire, Recorded};
use crate::tree::{BlockWalks, Frame, FrameColumn, Walks};
use crate::wire::Reader;
use crate::{Budget, Error, Lane, Result};

/// Bytes a row takes while stored leaf numbers become groups: widened, narrowed, sorted.
const ASSIGNED_BYTES: u64 = 8 + 4 + 4;

/// Bytes a row takes while it walks down a tree, its features not counted: its place, a copy of it, its branch.
const WALK_BYTES: u64 = 4 + 4 + 1;

/// Bytes a row takes while a transform is undone: the residual, the key and the value, all widened.
const INVERSION_BYTES: u64 = 3 * 8;

/// Bytes that a byte of ended texts takes: a length, a copy of it, and itself.
const ENDED_BYTES: u64 = 8 + 8 + 1;

/// Flags of texts that end with a byte of their own.
const ENDED_TEXT: u8 = flag::TEXT | flag::ENDED;

/// What holds for all blocks of a table file.
struct Models {
    schema: Schema,
    rows: u64,
    blocks: u64,
    shared_leaves: u32,
    columns: Vec<(Transform, Recorded, Learned)>,
    /// Walks of the columns' trees.
    walks: Walks,
}

/// Decodes a table file to CSV.
pub(in crate::pipeline) fn decompress(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<u8>> {
    let mut budget = Budget::new(&decoder.limits);
    let mut sections = container.sections();
    let models = read_models(decoder, &mut sections, &mut budget)?;
    let mut starts = vec![];
    while let Some((first, rest)) = sections.split_first() {
        if first.tag != Tag::Block || (first.first, first.second) != (starts.len() as u64, 0) {
            return Err(first.reader().corrupt("a block is out of order"));
        }
        let own = rest.iter().take_while(|section| section.tag == Tag::Columns).count();
        starts.push((first, &rest[..own]));
        sections = &rest[own..];
    }
    if starts.len() as u64 != models.blocks {
        return Err(Error::corrupt("schema", "the number of blocks is wrong", 0));
    }
    let mut out = vec![];
    models.schema.write_start(&mut out);
    let total = check_claims(&models, &starts, out.len() as u64, decoder.limits.output_bytes)?;
    let decode = |number: usize, out: &mut Vec<u8>| {
        let (head, columns) = starts[number];
        decode_block(decoder, &models, head, columns, number + 1 == starts.len(), &mut budget.clone(), out)
    };
    if decoder.threads == 1 {
        (0..starts.len()).try_for_each(|number| decode(number, &mut out))?;
        return Ok(out);
    }
    let blocks = each(decoder.threads, starts.len(), |number| {
        let mut block = vec![];
        decode(number, &mut block)?;
        Ok(block)
    })?;
    out.reserve_exact(total as usize - out.len());
    blocks.into_iter().for_each(|block| out.extend(block));
    Ok(out)
}

/// Decodes the rows of one block, the first with what stands before all rows; nothing of other blocks is decoded.
pub(in crate::pipeline) fn block(decoder: &Decoder, container: &Container<'_>, number: u64) -> Result<Option<Vec<u8>>> {
    let mut budget = Budget::new(&decoder.limits);
    let mut sections = container.sections();
    let models = read_models(decoder, &mut sections, &mut budget)?;
    let is_head = |section: &Section<'_>| section.tag == Tag::Block && section.first == number;
    let Some(at) = sections.iter().position(is_head).filter(|_| number < models.blocks) else { return Ok(None) };
    let own = sections[at + 1..].iter().take_while(|section| section.tag == Tag::Columns).count();
    let mut out = vec![];
    if number == 0 {
        models.schema.write_start(&mut out);
    }
    let (_, asked, _) = read_claims(&mut sections[at].reader())?;
    let allowed = decoder.limits.output_bytes;
    if asked.saturating_add(out.len() as u64) > allowed {
        return Err(Error::LimitExceeded { what: "output bytes", asked, allowed });
    }
    let is_last = number + 1 == models.blocks;
    decode_block(decoder, &models, &sections[at], &sections[at + 1..][..own], is_last, &mut budget, &mut out)?;
    Ok(Some(out))
}

/// Bytes of the file, whose first `start` bytes belong to no block, by what its blocks claim. Blocks must keep their
/// claims, so this is the place to refuse a small file of large blocks before memory is spent.
fn check_claims(models: &Models, starts: &[(&Section<'_>, &[Section<'_>])], start: u64, allowed: u64) -> Result<u64> {
    let (mut rows, mut total) = (0, start);
    for (head, _) in starts {
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
        read_records(&section, (0, columns.len()), count, |index, record| {
            let mut reader = Reader::new(record, "models");
            let transform = Transform::read(&mut reader, index as u32, &decoder.registry, budget)?;
            let learned = Learned::read(&mut reader, budget)?;
            reader.end()?;
            let recorded = recorded.next().expect("one partition was read for each column");
            columns.push((transform, recorded, learned));
            Ok(())
        })?;
    }
    Ok(Models { schema, rows, blocks, shared_leaves, columns, walks })
}

/// Hands the records of a section on, which must belong to `block`, begin with column `first` and stay below `count`.
fn read_records(
    section: &Section<'_>,
    (block, first): (u64, usize),
    count: usize,
    mut hand_on: impl FnMut(usize, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut reader = section.reader();
    let records = reader.varint_to((count - first) as u64, "too many columns")?;
    if (section.first, section.second) != (block, first as u64) || records == 0 {
        return Err(reader.corrupt("columns are out of order"));
    }
    for index in 0..records as usize {
        hand_on(first + index, reader.bytes()?)?;
    }
    reader.end()
}

/// Appends the CSV bytes of one block.
fn decode_block(
    decoder: &Decoder,
    models: &Models,
    head: &Section<'_>,
    sections: &[Section<'_>],
    is_last: bool,
    budget: &mut Budget,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut reader = head.reader();
    let (rows, csv_bytes, checksum) = read_claims(&mut reader)?;
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
    let mut walks = models.walks.over(rows);
    let count = models.columns.len();
    for section in sections {
        read_records(section, (head.first, data.columns.len()), count, |index, record| {
            let column =
                decode_column(decoder, models, index, record, &data, &whole, shared.as_ref(), &mut walks, budget)?;
            data.columns.push(column);
            Ok(())
        })?;
    }
    if data.columns.len() != count {
        return Err(head.reader().corrupt("columns are missing"));
    }
    let start = out.len();
    // The line end that an open file lacks is written before it is taken away.
    let most = usize::try_from(csv_bytes).unwrap_or(usize::MAX).saturating_add(models.schema.layout.line_end().len());
    models.schema.write_rows_within(&data, is_last, out, most.saturating_add(start))?;
    let csv = &out[start..];
    if csv.len() as u64 != csv_bytes || crc32fast::hash(csv) != checksum {
        return Err(Error::Checksum { part: "rows of block", index: head.first });
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "what a column needs of its block, its models and its decoder")]
fn decode_column(
    decoder: &Decoder,
    models: &Models,
    index: usize,
    record: &[u8],
    data: &RowData,
    whole: &Groups,
    shared: Option<&Groups>,
    walks: &mut BlockWalks<'_>,
    budget: &mut Budget,
) -> Result<ColumnData> {
    let (transform, recorded, learned) = &models.columns[index];
    let column = |c: u32| &data.columns[c as usize].ordinals;
    let rows = data.rows as u64;
    let mut reader = Reader::new(record, "columns");
    let flags = reader.u8()?;
    let is_assigned = matches!(recorded, Recorded::Assigned(_));
    let is_text = matches!(models.schema.columns[index].kind, Kind::Text);
    let fits = (flags & flag::ASSIGNED != 0, flags & flag::TEXT != 0) == (is_assigned, is_text);
    if !fits || flags > flag::ESCAPES | flag::TEXT | flag::ASSIGNED | flag::ADAPTIVE && flags != ENDED_TEXT {
        return Err(reader.corrupt("flags do not fit the column"));
    }
    if flags == ENDED_TEXT {
        let lane = decoder.registry.decode(reader.bytes()?, budget)?;
        reader.end()?;
        // Each text ends with one byte of the lane at least.
        budget.spend(lane.len() as u64 * ENDED_BYTES)?;
        let (lengths, text) = split(&lane, "text")?;
        if lengths.len() != data.rows {
            return Err(reader.corrupt("there are more or fewer texts than rows"));
        }
        return Ok(ColumnData { ordinals: Lane::narrowest(lengths), escapes: vec![], text });
    }
    let assigned = if flags & flag::ASSIGNED != 0 { reader.bytes()? } else { &[] };
    let groups = match (recorded, shared) {
        (Recorded::Whole, _) => Cow::Borrowed(whole),
        (Recorded::Tree(tree), _) => {
            budget.spend(rows * (WALK_BYTES + tree.features().len() as u64 * 8))?;
            let by_codes = walks.groups(index, tree.leaves(), column);
            Cow::Owned(by_codes.unwrap_or_else(|| tree.groups(column, data.rows)))
        }
        (Recorded::Assigned(leaves), _) => {
            let leaf_of_row = decoder.registry.decode(assigned, budget)?;
            budget.spend(rows * ASSIGNED_BYTES)?;
            let partition = Partition::Assigned { leaves: *leaves, leaf_of_row };
            Cow::Owned(partition.groups(|_| unreachable!("leaf numbers are stored"), data.rows)?)
        }
        (Recorded::Shared, Some(groups)) => Cow::Borrowed(groups),
        (Recorded::Shared, None) => return Err(reader.corrupt("there is no shared partition")),
    };
    let residuals = if flags & flag::ADAPTIVE != 0 {
        let columns: Vec<&Lane> = data.columns.iter().map(|column| &column.ordinals).collect();
        let known = adaptive::Known { rows: data.rows, tree: recorded.tree(), groups: &groups, columns: &columns };
        let origin = origin(&models.schema.columns[index]);
        adaptive::decode(learned.at(0), index as u32, origin, reader.bytes()?, &known, budget)?
    } else {
        decoder.registry.decode_grouped(reader.bytes()?, &groups, learned, budget)?
    };
    if residuals.len() != data.rows {
        return Err(reader.corrupt("a column has the wrong number of rows"));
    }
    if *transform != Transform::Plain {
        budget.spend(rows * INVERSION_BYTES)?;
    }
    let ordinals = transform.invert(residuals, column);
    let mut escapes = vec![];
    if flags & flag::ESCAPES != 0 {
        let lengths = decoder.registry.decode(reader.bytes()?, budget)?;
        budget.spend(lengths.len() as u64 * (8 + size_of::<Vec<u8>>() as u64))?;
        let Lane::U8(bytes) = decoder.registry.decode(reader.bytes()?, budget)? else {
            return Err(reader.corrupt("escapes are no bytes"));
        };
        let mut cells = Reader::new(&bytes, "escapes");
        for length in lengths.to_u64s() {
            let cell = cells.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            budget.spend(cell.len() as u64)?;
            escapes.push(cell.to_vec());
        }
        cells.end()?;
    }
    let text = if flags & flag::TEXT != 0 {
        let Lane::U8(text) = decoder.registry.decode(reader.bytes()?, budget)? else {
            return Err(reader.corrupt("text is no bytes"));
        };
        text
    } else {
        vec![]
    };
    reader.end()?;
    Ok(ColumnData { ordinals, escapes, text })
}
