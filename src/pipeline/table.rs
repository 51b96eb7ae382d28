//! Tables to containers and back.
//!
//! ```text
//! compress:   Table → blocks of rows → (per column: transform → partition → plan) → sections
//! decompress: sections → models → (per block, per column: plan → groups → transform back) → rows → CSV
//! ```

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use super::adaptive;
use super::candidates::Stretches;
use super::columns::{CodedColumn, Setting};
use super::transform::Transform;
use super::{Decoder, Effort, Pipeline, Stage};
use crate::codec::{ContextMix, Groups, Learned, Plan, Store, encode_auto, encode_mixed};
use crate::container::{Container, Section, Tag, Writer};
use crate::limits::{MAX_BLOCK_ROWS, MAX_LANE_LEN};
use crate::partition::{Partition, Target};
use crate::report::{ColumnReport, Report, seconds_since};
use crate::table::{ColumnData, ColumnSchema, Irregular, Kind, RowData, Schema, Table};
use crate::threads::each;
use crate::tree::wire::{self as tree_wire, Recorded};
use crate::tree::{Feature, Frame, FrameColumn};
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Error, Lane, Result};

/// Columns share a section until it has this many bytes, so that checksums stay a small share of small files.
const SECTION_BYTES: usize = 4096;

/// A block with text or escapes is closed at so many bytes of the source at the latest: one lane must hold them.
const TEXT_BLOCK_BYTES: usize = 12 << 20;

/// Most bytes of a schema that mixed contexts may code at effort `Balanced`: they decode slowly.
const MOST_MIXED: usize = 16 << 10;

/// Bytes a row takes while stored leaf numbers become groups: widened, narrowed, sorted.
const ASSIGNED_BYTES: u64 = 8 + 4 + 4;

/// Bytes a row takes while it walks down a tree, its features not counted: its place, a copy of it, its branch.
const WALK_BYTES: u64 = 4 + 4 + 1;

/// Bytes a row takes while a transform is undone: the residual, the key and the value, all widened.
const INVERSION_BYTES: u64 = 3 * 8;

/// Flags of one column in a block.
mod flag {
    pub const ESCAPES: u8 = 1;
    pub const TEXT: u8 = 2;
    pub const ASSIGNED: u8 = 4;
    pub const ADAPTIVE: u8 = 8;
}

/// Compresses a table; `report` is filled as far as this knows.
pub(super) fn compress(pipeline: &Pipeline, table: &Table, report: &mut Report) -> Result<Vec<u8>> {
    let start = Instant::now();
    let ranges = block_ranges(table, pipeline, report.original_bytes as usize);
    let blocks: Vec<RowData> = ranges.iter().map(|range| table.block(range.clone())).collect();
    let frame = table.frame();
    let mut setting = Setting {
        pipeline,
        frame: &frame,
        blocks: &blocks,
        origins: table.columns().iter().map(origin).collect(),
        usable: usable(table.columns()),
        shared: None,
        stretches: Stretches::new(&frame),
    };
    if pipeline.one_tree {
        setting.shared = Some(one_tree(&setting)?);
    }
    let count = table.columns().len();
    let tick = pipeline.listener.counter(Stage::Learning, count);
    let columns = each(pipeline.threads, count, |column| setting.code(column).inspect(|_| tick()))?;
    report.timings.learning = seconds_since(start);

    let start = Instant::now();
    let mut writer = SectionWriter { writer: Writer::new(crate::container::Kind::Table), report };
    writer.schema(&table.schema, table.rows(), blocks.len(), pipeline.effort)?;
    let recorded: Vec<Recorded> = columns.iter().map(|column| column.recorded.clone()).collect();
    let shared_leaves = setting.shared.as_ref().map_or(0, |shared| shared.0);
    writer.trees(shared_leaves, &recorded);
    let mut column_bytes = writer.models(&columns)?;
    let tick = pipeline.listener.counter(Stage::Writing, blocks.len());
    let coded = each(pipeline.threads, blocks.len(), |number| {
        let block = &blocks[number];
        let mut csv = vec![];
        table.schema.write_rows(block, number + 1 == blocks.len(), &mut csv)?;
        let shared = setting.shared.as_ref().map(|(_, lanes)| &lanes[number]);
        let encode = if pipeline.effort == Effort::Max { encode_mixed } else { encode_auto };
        let record =
            |index| column_record(number, &block.columns[index], &columns[index], &table.columns()[index], encode);
        let coded = (block_head(block, &csv, shared)?, (0..count).map(record).collect::<Result<Vec<_>>>()?);
        tick();
        Ok(coded)
    })?;
    for (number, (head, records)) in coded.iter().enumerate() {
        writer.block(number, head);
        writer.columns(number, records, &mut column_bytes);
    }
    let out = writer.finish();
    report.rows = table.rows() as u64;
    report.blocks = blocks.len() as u64;
    report.columns = describe(table, &columns, &column_bytes, shared_leaves);
    report.timings.writing = seconds_since(start);
    Ok(out)
}

fn block_ranges(table: &Table, pipeline: &Pipeline, source_bytes: usize) -> Vec<Range<usize>> {
    let rows = table.rows();
    let (block_rows, block_bytes) = pipeline.effort.block_size();
    let has_text = table.rows.columns.iter().any(|column| !column.text.is_empty() || !column.escapes.is_empty());
    let block_bytes = if has_text { block_bytes.min(TEXT_BLOCK_BYTES) } else { block_bytes };
    let by_bytes = (rows as u64 * block_bytes as u64 / (source_bytes as u64).max(1)) as usize;
    let step = pipeline.block_rows.unwrap_or(block_rows).min(by_bytes).clamp(1, MAX_BLOCK_ROWS);
    // A table without rows still has a block for its irregular lines.
    (0..rows.max(1)).step_by(step).map(|first| first..rows.min(first + step)).collect()
}

/// Text lengths and noise say nothing about other columns.
fn usable(columns: &[ColumnSchema]) -> Vec<bool> {
    columns.iter().map(|column| !matches!(column.kind, Kind::Text | Kind::Noise)).collect()
}

/// Where the ordinals of a column begin; ranks of distinct values and texts count nothing, and begin at 0.
fn origin(column: &ColumnSchema) -> adaptive::Origin {
    let low = if let Kind::Number(number) = &column.kind { number.min() } else { 0 };
    adaptive::Origin { first: column.first_value(), low }
}

/// Leaf numbers of one tree over all columns, for each block.
fn one_tree(setting: &Setting<'_>) -> Result<(u32, Vec<Lane>)> {
    let columns = 0..setting.usable.len() as u32;
    let features: Vec<Feature> = columns.filter(|&c| setting.usable[c as usize]).map(Feature::Column).collect();
    let frame = setting.frame;
    let partition = setting.checked(Target::Rows, &features)?;
    let groups = partition.groups(|c| &*frame.columns()[c as usize].ordinals, frame.rows())?;
    let mut leaf_of_row = vec![0u64; frame.rows()];
    for leaf in 0..groups.len() {
        groups.members(leaf).iter().for_each(|&row| leaf_of_row[row as usize] = leaf as u64);
    }
    Ok((groups.len() as u32, setting.cut(&Lane::narrowest(leaf_of_row))))
}

fn describe(table: &Table, columns: &[CodedColumn], bytes: &[usize], shared_leaves: u32) -> Vec<ColumnReport> {
    let name = |c: u32| table.columns()[c as usize].name.clone();
    let asked = |feature: Feature| match feature {
        Feature::Column(c) => name(c),
        Feature::Previous(c) => format!("previous {}", name(c)),
        Feature::Delta(c) => format!("change of {}", name(c)),
        Feature::LastIn { column, key } => format!("last {} of same {}", name(column), name(key)),
    };
    let column = |((coded, schema), &bytes): ((&CodedColumn, &ColumnSchema), &usize)| {
        let (leaves, asks) = match &coded.recorded {
            Recorded::Whole => (1, vec![]),
            Recorded::Tree(tree) => (tree.leaves(), tree.features().iter().map(|f| asked(f.feature)).collect()),
            Recorded::Assigned(leaves) => (*leaves as usize, vec![]),
            Recorded::Shared => (shared_leaves as usize, vec![]),
        };
        let of_tree = if let Recorded::Tree(tree) = &coded.recorded { tree.features() } else { &[] };
        let asked_columns = of_tree.iter().flat_map(|f| match f.feature {
            Feature::Column(c) | Feature::Previous(c) | Feature::Delta(c) => vec![c],
            Feature::LastIn { column, key } => vec![column, key],
        });
        let parents: BTreeSet<u32> = asked_columns.chain(coded.transform.key()).collect();
        ColumnReport {
            name: schema.name.clone(),
            kind: schema.kind.to_string(),
            transform: coded.transform.describe(name),
            plan: if coded.is_adaptive { adaptive::describe(&coded.learned) } else { coded.plan.to_string() },
            leaves: leaves as u64,
            asks,
            parents: parents.into_iter().map(name).collect(),
            bytes: bytes as u64,
            bits_per_value: 8.0 * bytes as f64 / table.rows().max(1) as f64,
        }
    };
    columns.iter().zip(table.columns()).zip(bytes).map(column).collect()
}

/// Writes sections and accounts for every byte of them.
struct SectionWriter<'a> {
    writer: Writer,
    report: &'a mut Report,
}

impl SectionWriter<'_> {
    fn section(&mut self, tag: Tag, first: usize, second: usize, body: &[u8]) {
        let overhead = self.writer.section(tag, first as u64, second as u64, body);
        self.report.add("container", overhead);
    }

    fn finish(self) -> Vec<u8> {
        let known: u64 = self.report.parts.iter().map(|part| part.bytes).sum();
        let out = self.writer.finish();
        self.report.add("container", out.len() - known as usize);
        out
    }

    /// Body: rows, blocks, length of the schema, the schema, then its large lanes as nodes behind their lengths. Or all
    /// that, with its lanes stored, as one node of mixed contexts.
    fn schema(&mut self, schema: &Schema, rows: usize, blocks: usize, effort: Effort) -> Result<()> {
        let (mut body, mut fixed, mut lanes) = (vec![], vec![], vec![]);
        put_varint(&mut body, rows as u64);
        put_varint(&mut body, blocks as u64);
        schema.write(&mut fixed, &mut lanes);
        put_bytes(&mut body, &fixed);
        let before = body.len();
        let mut plain = body.clone();
        for lane in &lanes {
            put_bytes(&mut body, &encode_auto(lane)?.1);
            put_bytes(&mut plain, &Plan::from(Store).encode(lane)?);
        }
        let most = if effort == Effort::Max { MAX_LANE_LEN } else { MOST_MIXED };
        if effort != Effort::Fast && plain.len() <= most {
            let node = Plan::from(ContextMix::default()).encode(&Lane::U8(plain));
            if let Some(node) = node.ok().filter(|node| node.len() < body.len()) {
                self.report.add("schema", node.len());
                self.section(Tag::MixedSchema, 0, 0, &node);
                return Ok(());
            }
        }
        self.report.add("schema", before);
        self.report.add("dictionaries", body.len() - before);
        self.section(Tag::Schema, 0, 0, &body);
        Ok(())
    }

    /// Body: leaves of the one tree of all columns (0: none), then the partitions of all columns.
    fn trees(&mut self, shared_leaves: u32, recorded: &[Recorded]) {
        let mut body = vec![];
        put_varint(&mut body, u64::from(shared_leaves));
        body.extend(tree_wire::write(recorded));
        self.report.add("trees", body.len());
        self.section(Tag::Trees, 0, 0, &body);
    }

    /// Gathers records of consecutive columns in sections: number of columns, then each record behind its length.
    fn records(&mut self, tag: Tag, block: usize, records: &[Vec<u8>]) {
        let mut first = 0;
        while first < records.len() {
            let (mut count, mut bytes) = (0, 0);
            while first + count < records.len() && (count == 0 || bytes < SECTION_BYTES) {
                bytes += records[first + count].len();
                count += 1;
            }
            let mut body = vec![];
            put_varint(&mut body, count as u64);
            records[first..first + count].iter().for_each(|record| put_bytes(&mut body, record));
            self.report.add("container", body.len() - bytes);
            self.section(tag, block, first, &body);
            first += count;
        }
    }

    /// Record: transform, what the plan shares.
    fn models(&mut self, columns: &[CodedColumn]) -> Result<Vec<usize>> {
        let mut records = vec![];
        for column in columns {
            let mut record = vec![];
            column.transform.write(&mut record)?;
            column.learned.write(&mut record);
            self.report.add("tables", record.len());
            records.push(record);
        }
        self.records(Tag::Models, 0, &records);
        Ok(records.iter().map(Vec::len).collect())
    }

    fn block(&mut self, number: usize, head: &[u8]) {
        self.report.add("layout", head.len());
        self.section(Tag::Block, number, 0, head);
    }

    fn columns(&mut self, number: usize, records: &[[Vec<u8>; 4]], column_bytes: &mut [usize]) {
        for (parts, bytes) in records.iter().zip(column_bytes) {
            for (name, part) in ["leaf numbers", "values", "escapes", "text"].into_iter().zip(parts) {
                self.report.add(name, part.len());
            }
            *bytes += parts.iter().map(Vec::len).sum::<usize>();
        }
        let records: Vec<Vec<u8>> = records.iter().map(|parts| parts.concat()).collect();
        self.records(Tag::Columns, number, &records);
    }
}

/// Body of a block: rows, bytes of CSV, their CRC-32, irregular lines (number; each: gap in rows, bytes), leaf numbers
/// of the one tree as a node (empty: none).
fn block_head(block: &RowData, csv: &[u8], shared: Option<&Lane>) -> Result<Vec<u8>> {
    let mut body = vec![];
    put_varint(&mut body, block.rows as u64);
    put_varint(&mut body, csv.len() as u64);
    body.extend(crc32fast::hash(csv).to_le_bytes());
    put_varint(&mut body, block.irregular.len() as u64);
    let mut last = 0;
    for line in &block.irregular {
        put_varint(&mut body, u64::from(line.before_row - last));
        put_bytes(&mut body, &line.bytes);
        last = line.before_row;
    }
    let leaves = shared.map(encode_auto).transpose()?.map_or(vec![], |coded| coded.1);
    put_bytes(&mut body, &leaves);
    Ok(body)
}

/// Record of a column in a block, in four parts: flags and stored leaf numbers; residuals; escapes (lengths, bytes);
/// text. Each but the flags is a node behind its length.
fn column_record(
    number: usize,
    data: &ColumnData,
    column: &CodedColumn,
    schema: &ColumnSchema,
    encode: impl Fn(&Lane) -> Result<(Plan, Vec<u8>)>,
) -> Result<[Vec<u8>; 4]> {
    let (stored, residuals) = &column.blocks[number];
    let (mut head, mut values, mut escapes, mut text) = (vec![0u8], vec![], vec![], vec![]);
    if let Some(leaves) = stored {
        head[0] |= flag::ASSIGNED;
        put_bytes(&mut head, &encode_auto(leaves)?.1);
    }
    if column.is_adaptive {
        head[0] |= flag::ADAPTIVE;
    }
    put_bytes(&mut values, residuals);
    if !data.escapes.is_empty() {
        head[0] |= flag::ESCAPES;
        let lengths = Lane::narrowest(data.escapes.iter().map(|cell| cell.len() as u64).collect());
        if data.escapes.iter().map(Vec::len).sum::<usize>() > MAX_LANE_LEN {
            return Err(Error::NotATable("a block has too many odd cells"));
        }
        put_bytes(&mut escapes, &encode(&lengths)?.1);
        put_bytes(&mut escapes, &encode(&Lane::U8(data.escapes.concat()))?.1);
    }
    if matches!(schema.kind, Kind::Text) {
        head[0] |= flag::TEXT;
        if data.text.len() > MAX_LANE_LEN {
            return Err(Error::NotATable("a block has too much text"));
        }
        put_bytes(&mut text, &encode(&Lane::U8(data.text.clone()))?.1);
    }
    Ok([head, values, escapes, text])
}

/// What holds for all blocks of a table file.
struct Models {
    schema: Schema,
    rows: u64,
    blocks: u64,
    shared_leaves: u32,
    columns: Vec<(Transform, Recorded, Learned)>,
}

/// Decodes a table file to CSV.
pub(super) fn decompress(decoder: &Decoder, container: &Container<'_>) -> Result<Vec<u8>> {
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
pub(super) fn block(decoder: &Decoder, container: &Container<'_>, number: u64) -> Result<Option<Vec<u8>>> {
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
    Ok(Models { schema, rows, blocks, shared_leaves, columns })
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
    let count = models.columns.len();
    for section in sections {
        read_records(section, (head.first, data.columns.len()), count, |index, record| {
            let column = decode_column(decoder, models, index, record, &data, &whole, shared.as_ref(), budget)?;
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
    if !fits || flags > flag::ESCAPES | flag::TEXT | flag::ASSIGNED | flag::ADAPTIVE {
        return Err(reader.corrupt("flags do not fit the column"));
    }
    let assigned = if flags & flag::ASSIGNED != 0 { reader.bytes()? } else { &[] };
    let groups = match (recorded, shared) {
        (Recorded::Whole, _) => Cow::Borrowed(whole),
        (Recorded::Tree(tree), _) => {
            budget.spend(rows * (WALK_BYTES + tree.features().len() as u64 * 8))?;
            Cow::Owned(tree.groups(column, data.rows))
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
        let tree = match recorded {
            Recorded::Tree(tree) => Some(tree),
            _ => None,
        };
        let columns: Vec<&Lane> = data.columns.iter().map(|column| &column.ordinals).collect();
        let known = adaptive::Known { rows: data.rows, tree, groups: &groups, columns: &columns };
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
