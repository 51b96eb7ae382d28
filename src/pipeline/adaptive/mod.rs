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
mod primer;
mod rank;
mod trial;
mod values;

use std::borrow::Cow;

pub(super) use figures::Origin;
use leaves::Counts;
use primer::MOST_ROWS;
pub(super) use primer::{Primed, Primer, primer_blocks};
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

/// Rows that one byte of a stream may stand for, so that a short file cannot ask for long work; a stream is never counted
/// as less than so many bytes more than it has, since a small block may hold no news.
const MOST_RATIO: usize = 4096;
const FREE_BYTES: usize = 16;

/// Whether a stream of so many bytes is too short for its rows.
fn is_too_short(bytes: usize, rows: usize) -> bool {
    rows.div_ceil(MOST_RATIO) > bytes + FREE_BYTES
}

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

    /// The stream of a block, begun with these counts, and the counts behind it if other blocks may begin with them.
    fn encode(&self, words: &Lane, known: &Known<'_>, begun: Option<Counts>) -> (Vec<u8>, Option<Counts>) {
        match self {
            Self::Leaves(model) => {
                let (stream, counts) = model.encode(words, known, begun);
                (stream, Some(counts))
            }
            Self::Mixed(model) => (model.encode(words, known), None),
        }
    }
}

impl Setting<'_> {
    /// The figures of a column's numbers.
    fn figures(&self, column: usize) -> figures::Figures {
        let lanes: Vec<&Lane> = self.blocks.iter().map(|block| &block.columns[column].ordinals).collect();
        figures::Figures::of(self.origins[column], &lanes)
    }

    /// Blocks that primed columns learn from.
    fn primer_blocks(&self) -> usize {
        primer_blocks(self.blocks.iter().map(|block| block.rows)).min(self.blocks.len())
    }

    /// Rows of those blocks.
    fn primer_rows(&self) -> usize {
        self.blocks[..self.primer_blocks()].iter().map(|block| block.rows).sum()
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
    // Whether a trial is better than what was found before it; nothing if it is not possible.
    let try_out = |trial: &Trial, found: &mut Option<CodedColumn>| -> Result<Option<bool>> {
        let Some(new) = trial.code(setting, column, &coded)? else { return Ok(None) };
        let is_better = found.as_ref().is_none_or(|best| new.bytes < best.bytes);
        if is_better {
            *found = Some(new);
        }
        Ok(Some(is_better))
    };
    let mut found = None;
    if effort == Effort::Max {
        let mut partitions = vec![coded.recorded.clone()];
        // In a short table a tree may cost more than its leaves add to the other contexts.
        if coded.recorded != Recorded::Whole && setting.frame.rows() <= SHORT_ROWS {
            partitions.insert(0, Recorded::Whole);
        }
        if let Some(Proposal { recorded, model, stream }) = trial::propose(setting, column, partitions, coded.bytes)? {
            let (transform, model) = (Transform::Plain, Model::Mixed(model));
            try_out(&Trial { recorded, transform, model, is_primed: false, stream }, &mut found)?;
        }
        // Where contexts beside the leaves tell much, leaves alone are no match; few rows are quickly tried.
        let is_telling = |found: &mut CodedColumn| found.bytes + coded.bytes / TELLING < coded.bytes;
        let rows = setting.frame.rows();
        if (FEW_ROWS + 1..=mixed::LONG_ROWS).contains(&rows)
            && let Some(found) = found.take_if(is_telling)
        {
            return Ok(found);
        }
    }
    let mut best = None;
    for (transform, model) in leaves::propose(setting, column, &coded.transform)? {
        let recorded = coded.recorded.clone();
        let is_primed = setting.blocks.len() > 1 && setting.primer_rows() <= MOST_ROWS && !setting.texts[column];
        let mut trial = Trial { recorded, transform, model: Model::Leaves(model), is_primed, stream: None };
        let mut is_better = try_out(&trial, &mut found)?;
        if is_better.is_none() && is_primed {
            trial.is_primed = false;
            is_better = try_out(&trial, &mut found)?;
        }
        if is_better == Some(true) {
            best = Some(trial);
        }
    }
    // Rows that are nothing like the first ones are better off without them.
    if let Some(trial) = best.filter(|trial| trial.is_primed) {
        try_out(&Trial { is_primed: false, ..trial }, &mut found)?;
    }
    // Static coding is read many times faster, so at `Balanced` it stays where next to nothing is gained.
    let least = if effort == Effort::Balanced { coded.bytes / LEAST_SAVED } else { 0 };
    Ok(found.filter(|found| found.bytes + least < coded.bytes).unwrap_or(coded))
}

/// A way to code a column.
struct Trial {
    recorded: Recorded,
    transform: Transform,
    model: Model,
    /// Whether blocks begin with what the first ones taught.
    is_primed: bool,
    /// What the model makes of the only block, if that is known.
    stream: Option<Vec<u8>>,
}

impl Trial {
    /// The column coded so; nothing if that is not possible.
    fn code(&self, setting: &Setting<'_>, column: usize, coded: &CodedColumn) -> Result<Option<CodedColumn>> {
        let Self { recorded, transform, model, is_primed, stream } = self;
        let record = model.write();
        let mut bytes = record.len() + 2;
        let (mut blocks, mut counts) = (vec![], None);
        let primer = if *is_primed { setting.primer_blocks() } else { 0 };
        for number in 0..setting.blocks.len() {
            let words = setting.residuals_of(number, column, transform)?;
            let begun = if number < primer { counts.take() } else { counts.clone() };
            let (stream, after) = match stream {
                Some(stream) => (stream.clone(), None),
                None => with_known(setting, number, recorded, |known| model.encode(&words, known, begun))?,
            };
            if is_too_short(stream.len(), words.len()) {
                return Ok(None);
            }
            if number < primer {
                let most = primer::most_memory(setting.blocks[number].columns.len());
                if after.as_ref().is_some_and(|counts| counts.memory > most) {
                    return Ok(None);
                }
                counts = after;
            }
            bytes += stream.len();
            blocks.push((None, stream));
        }
        let mut written = vec![];
        transform.write(&mut written)?;
        bytes += written.len() + tree_bytes(recorded);
        Ok(Some(CodedColumn {
            transform: transform.clone(),
            plan: coded.plan.clone(),
            recorded: recorded.clone(),
            learned: Learned::new(vec![record]),
            blocks,
            is_adaptive: true,
            is_primed: *is_primed,
            is_joint: false,
            end: coded.end,
            bytes,
        }))
    }
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

/// A column of a block as it stands in a file.
pub(super) struct Stream<'a> {
    /// What all blocks of the column share.
    pub record: &'a [u8],
    pub index: u32,
    pub origin: Origin,
    pub bytes: &'a [u8],
}

impl Stream<'_> {
    /// The words of the column, begun with these counts or none, and the counts behind them if other blocks may begin so.
    pub fn decode(
        &self,
        known: &Known<'_>,
        begun: Option<Cow<'_, Counts>>,
        budget: &mut Budget,
    ) -> Result<(Lane, Option<Counts>)> {
        if is_too_short(self.bytes.len(), known.rows) {
            return Err(Error::corrupt("columns", "a stream is too short for its rows", 0));
        }
        budget.reserve::<u64>(known.rows as u64)?;
        // Models go when the words are there, so only the rest of the budget must hold them.
        let mut rest = budget.clone();
        match Model::read(self.record, self.index, self.origin)? {
            Model::Leaves(model) => {
                let (words, counts) = model.decode(self.bytes, known, begun, &mut rest)?;
                Ok((words, Some(counts)))
            }
            Model::Mixed(model) => Ok((model.decode(self.bytes, known, &mut rest)?, None)),
        }
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
