//! A table as sections.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use super::super::adaptive;
use super::super::candidates::Stretches;
use super::super::columns::{CodedColumn, Setting};
use super::super::{Effort, Pipeline, Stage};
use super::encode_columns::{self, Columns};
use super::{JOINT, PRIMED, origin};
use crate::codec::{ContextMix, Plan, Store, encode_auto};
use crate::container::{Tag, Writer};
use crate::limits::{MAX_BLOCK_ROWS, MAX_LANE_LEN};
use crate::partition::Target;
use crate::report::{ColumnReport, Report, seconds_since};
use crate::table::{ColumnSchema, Kind, RowData, Schema, Table};
use crate::threads::each;
use crate::tree::wire::{self as tree_wire, Recorded};
use crate::tree::{Feature, Walks};
use crate::wire::{put_bytes, put_varint};
use crate::{Lane, Result};

/// A block with text or escapes is closed at so many bytes of the source at the latest: one lane must hold them.
const TEXT_BLOCK_BYTES: usize = 12 << 20;

/// Most bytes of a schema that mixed contexts may code at effort `Balanced`: they decode slowly.
const MOST_MIXED: usize = 16 << 10;

/// Compresses a table; `report` is filled as far as this knows.
pub(in crate::pipeline) fn compress(pipeline: &Pipeline, table: &Table, report: &mut Report) -> Result<Vec<u8>> {
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
        texts: table.columns().iter().map(|column| column.kind == Kind::Text).collect(),
        shared: None,
        stretches: Stretches::new(&frame),
        screen: adaptive::Screen::new(table.columns().len()),
    };
    if pipeline.one_tree {
        setting.shared = Some(one_tree(&setting)?);
    }
    let count = table.columns().len();
    let tick = pipeline.listener.counter(Stage::Learning, count);
    let columns =
        each(pipeline.threads, count, |column| setting.code(column).inspect(|_| tick(&table.columns()[column].name)))?;
    report.timings.learning = seconds_since(start);

    let start = Instant::now();
    let mut writer = SectionWriter { writer: Writer::new(crate::container::Kind::Table), report };
    writer.schema(&table.schema, table.rows(), blocks.len(), pipeline.effort)?;
    let recorded: Vec<Recorded> = columns.iter().map(|column| column.recorded.clone()).collect();
    let shared_leaves = setting.shared.as_ref().map_or(0, |shared| shared.0);
    writer.trees(shared_leaves, &recorded);
    let mut column_bytes = writer.models(&columns)?;
    let tick = pipeline.listener.counter(Stage::Writing, blocks.len());
    let walks = Walks::new(&recorded.iter().map(Recorded::tree).collect::<Vec<_>>());
    let coded = each(pipeline.threads, blocks.len(), |number| {
        let block = &blocks[number];
        let mut csv = vec![];
        table.schema.write_rows(block, number + 1 == blocks.len(), &mut csv)?;
        let shared = setting.shared.as_ref().map(|(_, lanes)| &lanes[number]);
        let coded = (block_head(block, &csv, shared)?, encode_columns::of_block(&setting, number, &columns, &walks)?);
        tick("");
        Ok(coded)
    })?;
    for (number, (head, sections)) in coded.iter().enumerate() {
        writer.block(number, head);
        writer.columns(number, sections, &mut column_bytes);
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
            plan: if coded.end.is_some() && coded.learned.is_empty() {
                "ended texts".to_owned()
            } else if coded.is_adaptive {
                let primed = if coded.is_primed { "primed " } else { "" };
                format!("{primed}{}", adaptive::describe(&coded.learned))
            } else {
                coded.plan.to_string()
            },
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
        let parts = |listed: bool| {
            let (mut body, mut fixed, mut lanes) = (vec![], vec![], vec![]);
            put_varint(&mut body, rows as u64);
            put_varint(&mut body, blocks as u64);
            schema.write(listed, &mut fixed, &mut lanes);
            put_bytes(&mut body, &fixed);
            (body, lanes)
        };
        let (mut body, lanes) = parts(false);
        let before = body.len();
        for lane in &lanes {
            put_bytes(&mut body, &encode_auto(lane)?.1);
        }
        let most = if effort == Effort::Max { MAX_LANE_LEN } else { MOST_MIXED };
        let mut best: Option<Vec<u8>> = None;
        // A long list says by itself what its entries share; a short one may be too short to learn that.
        for listed in if effort == Effort::Fast { vec![] } else { vec![true, false] } {
            let (mut plain, lanes) = parts(listed);
            for lane in &lanes {
                put_bytes(&mut plain, &Plan::from(Store).encode(lane)?);
            }
            if plain.len() > if listed { most } else { most.min(MOST_MIXED) } {
                continue;
            }
            let least = best.as_ref().map_or(body.len(), Vec::len);
            let node = Plan::from(ContextMix::default()).encode(&Lane::U8(plain));
            best = node.ok().filter(|node| node.len() < least).or(best);
        }
        if let Some(node) = best {
            self.report.add("schema", node.len());
            self.section(Tag::MixedSchema, 0, 0, &node);
            return Ok(());
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
    fn records(&mut self, records: &[Vec<u8>]) {
        let mut first = 0;
        while first < records.len() {
            let (mut count, mut bytes) = (0, 0);
            while first + count < records.len() && (count == 0 || bytes < encode_columns::MOST_BYTES) {
                bytes += records[first + count].len();
                count += 1;
            }
            let mut body = vec![];
            put_varint(&mut body, count as u64);
            records[first..first + count].iter().for_each(|record| put_bytes(&mut body, record));
            self.report.add("container", body.len() - bytes);
            self.section(Tag::Models, 0, first, &body);
            first += count;
        }
    }

    /// Record: transform, what the plan shares.
    fn models(&mut self, columns: &[CodedColumn]) -> Result<Vec<usize>> {
        let mut records = vec![];
        for column in columns {
            let mut record = vec![];
            column.transform.write(&mut record)?;
            record[0] |= if column.is_joint { JOINT } else { 0 } | if column.is_primed { PRIMED } else { 0 };
            column.learned.write(&mut record);
            self.report.add("tables", record.len());
            records.push(record);
        }
        self.records(&records);
        Ok(records.iter().map(Vec::len).collect())
    }

    fn block(&mut self, number: usize, head: &[u8]) {
        self.report.add("layout", head.len());
        self.section(Tag::Block, number, 0, head);
    }

    fn columns(&mut self, number: usize, sections: &[Columns], column_bytes: &mut [usize]) {
        for Columns { first, body, parts, bytes } in sections {
            for (name, part) in ["leaf numbers", "values", "escapes", "text"].into_iter().zip(parts) {
                self.report.add(name, *part);
            }
            self.report.add("container", body.len() - parts.iter().sum::<usize>());
            column_bytes[*first..].iter_mut().zip(bytes).for_each(|(all, own)| *all += own);
            self.section(Tag::Columns, number, *first, body);
        }
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
