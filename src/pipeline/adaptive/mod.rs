//! Columns whose models learn while they are coded: adaptive leaves (`Balanced`) and mixed contexts (`Max`).
//!
//! A column of a block is one stream, coded row after row when all earlier columns of the block are known. What the
//! stream's models look like is a short record that all blocks of the column share.

mod beside;
mod contexts;
mod figures;
mod leaves;
mod mixed;
mod plane;
mod rank;
mod trial;
mod values;

pub(super) use figures::Origin;
pub(super) use rank::Screen;
use trial::Proposal;
use values::Numbers;

use super::Effort;
use super::columns::{CodedColumn, Setting, tree_bytes};
use super::transform::Transform;
use crate::codec::adaptive::{RangeDecoder, RangeEncoder};
use crate::codec::{Groups, Learned};
use crate::partition::Partition;
use crate::tree::Tree;
use crate::tree::wire::Recorded;
use crate::{Budget, Error, Lane, Result};

/// Rows that one byte of a stream may stand for, so that a short file cannot ask for long work.
const MOST_RATIO: usize = 4096;

/// One part in so many of a column's bytes must be saved for its rows to be decoded bit by bit at effort `Balanced`.
const LEAST_SAVED: usize = 512;

/// Mixed contexts that save more than one part in so many of a column's bytes are not compared with adaptive leaves.
const TELLING: usize = 32;

/// Up to so many rows adaptive leaves are compared with mixed contexts in any case.
const FEW_ROWS: usize = 1 << 12;

/// Up to so many rows mixed contexts are also tried without a tree.
const SHORT_ROWS: usize = 1 << 14;

/// How one column is coded.
#[derive(Debug, Clone)]
enum Model {
    /// Counts in the leaves of a tree.
    Leaves(leaves::Leaves),
    /// Many contexts.
    Mixed(mixed::Mixed),
}

/// What a column knows of its block before its own values.
pub(super) struct Known<'a> {
    pub rows: usize,
    /// The tree of the column, if it has one, and the rows of its leaves.
    pub tree: Option<&'a Tree>,
    pub groups: &'a Groups,
    /// All columns; those before this one are known.
    pub columns: &'a [&'a Lane],
}

impl Known<'_> {
    /// The leaf of each row.
    fn leaf_of_row(&self) -> Vec<u32> {
        let mut leaves = vec![0; self.rows];
        for leaf in 0..self.groups.len() {
            self.groups.members(leaf).iter().for_each(|&row| leaves[row as usize] = leaf as u32);
        }
        leaves
    }
}

impl Model {
    fn write(&self) -> Vec<u8> {
        let (mut out, mut numbers) = (RangeEncoder::default(), Numbers::default());
        match self {
            Self::Leaves(model) => {
                numbers.tag.encode(0, &mut out);
                model.write(&mut numbers, &mut out);
            }
            Self::Mixed(model) => {
                numbers.tag.encode(1, &mut out);
                model.write(&mut numbers, &mut out);
            }
        }
        out.finish()
    }

    fn read(bytes: &[u8], index: u32, origin: Origin) -> Result<Self> {
        let (mut source, mut numbers) = (RangeDecoder::new(bytes, "adaptive model"), Numbers::default());
        let model = match numbers.tag.decode(&mut source) {
            0 => Self::Leaves(leaves::Leaves::read(index, origin, &mut numbers, &mut source)?),
            1 => Self::Mixed(mixed::Mixed::read(index, origin, &mut numbers, &mut source)?),
            _ => return Err(source.corrupt("unknown kind of model")),
        };
        source.end()?;
        Ok(model)
    }

    fn encode(&self, words: &Lane, known: &Known<'_>) -> Vec<u8> {
        match self {
            Self::Leaves(model) => model.encode(words, known),
            Self::Mixed(model) => model.encode(words, known),
        }
    }
}

impl Setting<'_> {
    /// The figures of a column's numbers.
    fn figures(&self, column: usize) -> figures::Figures {
        let lanes: Vec<&Lane> = self.blocks.iter().map(|block| &block.columns[column].ordinals).collect();
        figures::Figures::of(self.origins[column], &lanes)
    }
}

/// The column coded adaptively, if that takes fewer bytes than `coded`.
pub(super) fn improve(setting: &Setting<'_>, column: usize, coded: CodedColumn) -> Result<CodedColumn> {
    let effort = setting.pipeline.effort;
    let is_constant = setting.frame.columns()[column].ordinals.max().is_none_or(|max| max == 0);
    let is_whole = matches!(coded.recorded, Recorded::Whole | Recorded::Tree(_));
    if effort == Effort::Fast || setting.pipeline.plan.is_some() || is_constant || !is_whole {
        return Ok(coded);
    }
    let (transform, recorded, plain) = (coded.transform.clone(), coded.recorded.clone(), coded.bytes);
    let mut best = coded;
    if effort == Effort::Max {
        let mut partitions = vec![recorded.clone()];
        // In a short table a tree may cost more than its leaves add to the other contexts.
        if recorded != Recorded::Whole && setting.frame.rows() <= SHORT_ROWS {
            partitions.insert(0, Recorded::Whole);
        }
        if let Some(Proposal { recorded, model, stream }) = trial::propose(setting, column, partitions, plain)? {
            best = better(setting, column, best, (recorded, Transform::Plain), &Model::Mixed(model), stream)?;
        }
        // Where contexts beside the leaves tell much, leaves alone are no match; few rows are quickly tried.
        let rows = setting.frame.rows();
        if best.bytes + plain / TELLING < plain && rows > FEW_ROWS && rows <= mixed::LONG_ROWS {
            return Ok(best);
        }
    }
    for (transform, model) in leaves::propose(setting, column, &transform)? {
        best = better(setting, column, best, (recorded.clone(), transform), &Model::Leaves(model), None)?;
    }
    Ok(best)
}

/// `best`, or the column under `model` with the partition `recorded` if that is smaller; `stream` is what the model makes of
/// the only block, if that is known.
fn better(
    setting: &Setting<'_>,
    column: usize,
    best: CodedColumn,
    (recorded, transform): (Recorded, Transform),
    model: &Model,
    mut stream: Option<Vec<u8>>,
) -> Result<CodedColumn> {
    let record = model.write();
    let mut bytes = record.len() + 2;
    let mut blocks = vec![];
    for number in 0..setting.blocks.len() {
        let words = setting.residuals_of(number, column, &transform)?;
        let stream = match stream.take() {
            Some(stream) => stream,
            None => with_known(setting, number, &recorded, |known| model.encode(&words, known))?,
        };
        if words.len() > (stream.len() + 1) * MOST_RATIO {
            return Ok(best);
        }
        bytes += stream.len();
        blocks.push((None, stream));
    }
    let mut written = vec![];
    transform.write(&mut written)?;
    bytes += written.len() + tree_bytes(&recorded);
    // Static coding is read many times faster, so at `Balanced` it stays where next to nothing is gained.
    let is_static = setting.pipeline.effort == Effort::Balanced && !best.is_adaptive;
    let saved = if is_static { best.bytes / LEAST_SAVED } else { 0 };
    if bytes + saved >= best.bytes {
        return Ok(best);
    }
    let learned = Learned::new(vec![record]);
    Ok(CodedColumn { recorded, transform, learned, blocks, bytes, is_adaptive: true, is_joint: false, ..best })
}

/// Calls `work` with what a column knows of a block.
fn with_known<T>(
    setting: &Setting<'_>,
    number: usize,
    recorded: &Recorded,
    work: impl FnOnce(&Known<'_>) -> T,
) -> Result<T> {
    let block = &setting.blocks[number];
    let columns: Vec<&Lane> = block.columns.iter().map(|column| &column.ordinals).collect();
    let (tree, partition) = match recorded {
        Recorded::Tree(tree) => (Some(tree), Partition::Tree(tree.clone())),
        _ => (None, Partition::Whole),
    };
    let groups = partition.groups(|c| columns[c as usize], block.rows)?;
    Ok(work(&Known { rows: block.rows, tree, groups: &groups, columns: &columns }))
}

/// Decodes the words of a column in one block.
pub(super) fn decode(
    record: &[u8],
    index: u32,
    origin: Origin,
    stream: &[u8],
    known: &Known<'_>,
    budget: &mut Budget,
) -> Result<Lane> {
    if known.rows > (stream.len() + 1) * MOST_RATIO {
        return Err(Error::corrupt("columns", "a stream is too short for its rows", 0));
    }
    budget.reserve::<u64>(known.rows as u64)?;
    // Models go when the words are there, so only the rest of the budget must hold them.
    let mut rest = budget.clone();
    match Model::read(record, index, origin)? {
        Model::Leaves(model) => model.decode(stream, known, &mut rest),
        Model::Mixed(model) => model.decode(stream, known, &mut rest),
    }
}

/// The kind of model in a record, for people.
pub(super) fn describe(learned: &Learned) -> String {
    let mut source = RangeDecoder::new(learned.at(0), "adaptive model");
    match Numbers::default().tag.decode(&mut source) {
        0 => "adaptive leaves".to_owned(),
        _ => "mixed contexts".to_owned(),
    }
}
