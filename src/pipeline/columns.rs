//! Coding one column: transforms, partitions and plans compete by coded bytes.

use std::borrow::Cow;

use super::Pipeline;
use super::adaptive::{Origin, Screen};
use super::candidates::{self, Estimate, Stretches};
use super::texts;
use super::transform::Transform;
use crate::codec::{Begun, Bins, Groups, Learned, Plan, Rans, Then};
use crate::partition::{Partition, Target};
use crate::table::RowData;
use crate::tree::wire::Recorded;
use crate::tree::{Feature, Frame, FrameColumn, Mdl, TreeFeature};
use crate::{Error, Lane, Result};

/// Of many earlier columns, so many of the first (keys stand there) and of the nearest are looked at.
const FIRST: usize = 16;
const NEAREST: usize = 32;

/// Rows on which the trees of several transforms are compared before one of them is learnt in full.
const COMPARED_ROWS: usize = 8192;

/// Bytes of a node of `Bins → Rans` besides what joint streams hold: ids, lengths, kinds, numbers of children, states.
const NODE_HEADS: usize = 11;

/// A column as it goes into the file.
pub(super) struct CodedColumn {
    pub transform: Transform,
    pub plan: Plan,
    pub recorded: Recorded,
    pub learned: Learned,
    /// For each block: stored leaf numbers, if the partition is no tree, and the coded residuals, or ended texts where they
    /// are coded already.
    pub blocks: Vec<(Option<Lane>, Vec<u8>)>,
    /// Whether the residuals are streams of an adaptive model, whose record is all that is learned.
    pub is_adaptive: bool,
    /// Whether blocks of an adaptive column begin with what the first ones taught.
    pub is_primed: bool,
    /// Whether the residuals stand in the streams that the columns of a section share; the nodes only tell their size.
    pub is_joint: bool,
    /// The byte behind each text of a column of texts whose lengths are not coded.
    pub end: Option<u8>,
    /// Bytes by which candidates are compared: everything above, the tree included.
    pub bytes: usize,
}

impl CodedColumn {
    /// A column of texts that end with a byte of their own. A block without a node is coded when it is written.
    pub fn ended(end: u8, plan: Plan, learned: Learned, nodes: Vec<Vec<u8>>) -> Self {
        Self {
            transform: Transform::Plain,
            plan,
            recorded: Recorded::Whole,
            learned,
            blocks: nodes.into_iter().map(|node| (None, node)).collect(),
            is_adaptive: false,
            is_primed: false,
            is_joint: false,
            end: Some(end),
            bytes: 0,
        }
    }
}

/// One transform of a column, applied.
struct Candidate<'a> {
    transform: Transform,
    residuals: Vec<Lane>,
    derived: Option<FrameColumn<'a>>,
    /// How its rows are divided, if that is known already.
    partition: Option<Partition>,
}

fn target<'a>(column: usize, derived: Option<&'a FrameColumn<'a>>) -> Target<'a> {
    derived.map_or(Target::Column(column), Target::Derived)
}

/// Candidates within one part in so many of the best estimate are tried, too: many rows are estimated well, and few
/// are quickly tried in full.
const CLOSE: u64 = 16;
const CLOSE_OF_FEW: u64 = 5;

/// What all columns share while they are coded.
pub(super) struct Setting<'a> {
    pub pipeline: &'a Pipeline,
    pub frame: &'a Frame<'a>,
    pub blocks: &'a [RowData],
    /// Where the ordinals of each column begin.
    pub origins: Vec<Origin>,
    /// Columns that may serve as features or references.
    pub usable: Vec<bool>,
    /// Columns whose cells are texts that stand beside their lengths.
    pub texts: Vec<bool>,
    /// The one tree of all columns, as leaf numbers for each block.
    pub shared: Option<(u32, Vec<Lane>)>,
    /// Few rows of all columns, for estimates.
    pub stretches: Stretches<'a>,
    /// More rows of all columns, as classes.
    pub screen: Screen,
}

impl Setting<'_> {
    /// Codes one column in the way that takes the fewest bytes; the earlier candidate wins a tie.
    pub fn code(&self, column: usize) -> Result<CodedColumn> {
        if let Some(end) = self.end(column) {
            return texts::code(self, column, end);
        }
        let earlier = self.earlier(column);
        let plan = self.pipeline.plan.clone();
        let transforms = if plan.is_some() || self.is_constant(column) {
            vec![Transform::Plain]
        } else {
            candidates::transforms(&self.stretches, column, &earlier)
        };
        let plan = plan.unwrap_or_else(|| Bins::default().then(Rans::default()));
        let features: Vec<Feature> = earlier.iter().flat_map(|&c| [Feature::Column(c), Feature::Delta(c)]).collect();
        let mut candidates =
            transforms.into_iter().map(|transform| self.candidate(column, transform)).collect::<Result<Vec<_>>>()?;
        self.select(column, &mut candidates, &features)?;
        let mut best = None;
        for candidate in candidates {
            self.offer(column, candidate, &features, &plan, &mut best)?;
        }
        // What the best one leaves out in each block is tried when all others are done.
        let recalled = best.as_ref().and_then(|best: &CodedColumn| self.recalled(column, &best.transform));
        if let Some(transform) = recalled {
            self.offer(column, self.candidate(column, transform)?, &features, &plan, &mut best)?;
        }
        super::adaptive::improve(self, column, best.expect("the plain transform is always tried"))
    }

    /// Codes a column by one candidate, whole and divided, and keeps what takes fewer bytes than the best so far.
    fn offer(
        &self,
        column: usize,
        Candidate { transform, residuals, derived, partition }: Candidate<'_>,
        features: &[Feature],
        plan: &Plan,
        best: &mut Option<CodedColumn>,
    ) -> Result<()> {
        let mut partitions = vec![Partition::Whole];
        if !self.is_constant(column) && self.shared.is_none() {
            let learn = || self.checked(target(column, derived.as_ref()), features);
            let partition = partition.map_or_else(learn, Ok)?;
            if partition != Partition::Whole {
                partitions.push(partition);
            }
        }
        let begun = plan.begin(residuals)?;
        let mut written = vec![];
        transform.write(&mut written)?;
        for partition in &partitions {
            let coded = self.encode(column, (&transform, &written), &begun, partition, plan)?;
            // A partition that was asked for by name is used, whatever it costs.
            let forced = self.pipeline.partitioner.is_some() && *partition != Partition::Whole;
            if forced || best.as_ref().is_none_or(|best| coded.bytes < best.bytes) {
                *best = Some(coded);
            }
        }
        Ok(())
    }

    /// Whether there is nothing to say about a column.
    fn is_constant(&self, column: usize) -> bool {
        self.frame.columns()[column].ordinals.max().is_none_or(|max| max == 0)
    }

    /// The byte that ends each text, if a column of texts is coded so.
    fn end(&self, column: usize) -> Option<u8> {
        let is_text = self.blocks.iter().any(|block| !block.columns[column].text.is_empty());
        let is_free = self.pipeline.plan.is_none() && self.shared.is_none();
        if is_text && is_free { texts::end_of(self.blocks, column) } else { None }
    }

    /// Leaves the candidate that takes the fewest bits under a tree for a small sample, and one that comes close.
    fn select(&self, column: usize, candidates: &mut Vec<Candidate<'_>>, features: &[Feature]) -> Result<()> {
        // Another partitioner has no such estimate, and few rows are quickly tried in full.
        if candidates.len() < 2 || self.pipeline.partitioner.is_some() {
            return Ok(());
        }
        let sample = self.frame.sample();
        let bits = self.bits(column, candidates, features, COMPARED_ROWS)?;
        let least = bits.iter().copied().min().unwrap_or(0);
        let mut places: Vec<usize> = (0..bits.len()).collect();
        places.sort_by_key(|&place| bits[place]);
        places.truncate(2);
        let close = if sample.len() > COMPARED_ROWS { CLOSE } else { CLOSE_OF_FEW };
        places.retain(|&place| bits[place] <= least + least / close);
        let mut place = 0..;
        candidates.retain(|_| places.contains(&place.next().expect("the range has no end")));
        Ok(())
    }

    /// About how many bits (in 2⁻¹⁶) each candidate takes for so many rows.
    fn bits(
        &self,
        column: usize,
        candidates: &mut [Candidate<'_>],
        features: &[Feature],
        most_rows: usize,
    ) -> Result<Vec<u64>> {
        let sample = self.frame.sample();
        let rows: Vec<u32> = sample.iter().copied().step_by(sample.len().div_ceil(most_rows).max(1)).collect();
        // A split of all rows tells of some of them what it costs, and as much less.
        let trees = if sample.len() <= most_rows { self.pipeline.trees() } else { &Mdl::DEFAULT };
        let mut bits = vec![];
        for candidate in candidates {
            let target = target(column, candidate.derived.as_ref());
            let (classes, partition) = trees.estimate(self.frame, target, features, most_rows)?;
            candidate.partition = partition;
            let ordinals = candidate.derived.as_ref().map_or(&self.frame.columns()[column].ordinals, |d| &d.ordinals);
            // A tree tells classes apart; what is left inside a class costs the same with or without it.
            let alone = Estimate::of(rows.iter().filter_map(|&row| ordinals.get(row as usize)));
            let described = u128::from(candidates::description(&candidate.transform)) * rows.len() as u128;
            let described = (described / self.frame.rows().max(1) as u128) as u64;
            bits.push(alone.max(classes.alone) - classes.alone + classes.under_tree + described);
        }
        // Better by a hair is noise of the estimate, and the plain column decodes faster.
        for bits in bits.iter_mut().skip(1) {
            *bits += *bits / 256;
        }
        Ok(bits)
    }

    /// Columns that a column may refer to: all usable ones before it, or of very many the nearest and the first, so
    /// that the cost of learning stays in proportion to the number of columns.
    pub fn earlier(&self, column: usize) -> Vec<u32> {
        if self.pipeline.is_lonely {
            return vec![];
        }
        let mut earlier: Vec<u32> = (0..column as u32).filter(|&c| self.usable[c as usize]).collect();
        if earlier.len() > FIRST + NEAREST {
            earlier.drain(FIRST..earlier.len() - NEAREST);
        }
        earlier
    }

    fn candidate(&self, column: usize, transform: Transform) -> Result<Candidate<'static>> {
        let residuals = self.residuals(column, &transform)?;
        let derived = self.derived(column, &transform, &residuals);
        Ok(Candidate { transform, residuals, derived, partition: None })
    }

    /// A transform by the last row of the same key that begins with a table, if that may pay.
    fn recalled(&self, column: usize, transform: &Transform) -> Option<Transform> {
        let key = transform.key()? as usize;
        let keys = self.blocks.iter().map(|block| &block.columns[key].ordinals);
        let columns = self.frame.columns();
        candidates::recalled(transform, keys, [column, key].map(|c| &*columns[c].ordinals))
    }

    fn residuals(&self, column: usize, transform: &Transform) -> Result<Vec<Lane>> {
        (0..self.blocks.len()).map(|number| self.residuals_of(number, column, transform)).collect()
    }

    /// What a transform leaves of a column in one block.
    pub fn residuals_of(&self, number: usize, column: usize, transform: &Transform) -> Result<Lane> {
        let block = &self.blocks[number];
        transform.apply(&block.columns[column].ordinals, |c| &block.columns[c as usize].ordinals)
    }

    /// The column that a transform leaves, for partitioners; nothing if it changes nothing.
    fn derived(&self, column: usize, transform: &Transform, residuals: &[Lane]) -> Option<FrameColumn<'static>> {
        if *transform == Transform::Plain {
            return None;
        }
        let source = &self.frame.columns()[column];
        Some(FrameColumn {
            name: source.name.clone(),
            ordinals: Cow::Owned(Lane::joined(residuals)),
            first_value: 0,
            // Small differences lie close together, and so do ordered values behind the mark of a match.
            ordered: source.ordered || matches!(transform, Transform::Difference(_)),
        })
    }

    /// What the partitioner answers, if a decoder could divide the rows in the same way.
    pub fn checked(&self, target: Target<'_>, features: &[Feature]) -> Result<Partition> {
        let how = self.pipeline.partitioner();
        let partition = how.partition(self.frame, target, features)?;
        let offered = |asked: &TreeFeature| {
            features.contains(&asked.feature) && asked.first_value == self.frame.nature(asked.feature).1
        };
        match &partition {
            Partition::Tree(tree) if !tree.features().iter().all(offered) => Err(Error::config(
                "partitioner",
                how.name(),
                "trees over the features offered, with the frame's first proper values",
            )),
            Partition::Assigned { leaves, leaf_of_row }
                if leaf_of_row.len() != self.frame.rows() || leaf_of_row.max() >= Some(u64::from(*leaves)) =>
            {
                Err(Error::config("partitioner", how.name(), "one leaf number, below their count, for each row"))
            }
            _ => Ok(partition),
        }
    }

    fn encode(
        &self,
        column: usize,
        (transform, written): (&Transform, &[u8]),
        begun: &Begun,
        partition: &Partition,
        plan: &Plan,
    ) -> Result<CodedColumn> {
        let (recorded, assigned) = self.record(partition);
        let groups = |(block, data): (usize, &RowData)| -> Result<Groups> {
            match (&assigned, &self.shared) {
                (Some((leaves, lanes)), _) | (None, Some((leaves, lanes))) => {
                    let leaf_of_row = lanes[block].clone();
                    Partition::Assigned { leaves: *leaves, leaf_of_row }.groups(|_| unreachable!("stored"), data.rows)
                }
                (None, None) => partition.groups(|c| &data.columns[c as usize].ordinals, data.rows),
            }
        };
        let (learned, nodes) = begun.finish(self.blocks.iter().enumerate().map(groups).collect::<Result<_>>()?)?;
        let mut model = vec![];
        learned.write(&mut model);
        let tree = tree_bytes(&recorded);
        let is_free = self.pipeline.plan.is_none() && assigned.is_none() && self.shared.is_none();
        let is_joint = is_free && !self.texts[column];
        let node_bytes = |node: &Vec<u8>| if is_joint { node.len().saturating_sub(NODE_HEADS) } else { node.len() };
        let bytes = model.len() + written.len() + tree + nodes.iter().map(node_bytes).sum::<usize>();
        let stored = |number: usize| assigned.as_ref().map(|(_, lanes)| lanes[number].clone());
        let blocks = nodes.into_iter().enumerate().map(|(number, node)| (stored(number), node)).collect();
        Ok(CodedColumn {
            transform: transform.clone(),
            plan: plan.clone(),
            recorded,
            learned,
            blocks,
            is_adaptive: false,
            is_primed: false,
            is_joint,
            end: None,
            bytes,
        })
    }

    /// How a partition is recorded, with its leaf numbers for each block if they must be stored.
    fn record(&self, partition: &Partition) -> (Recorded, Option<(u32, Vec<Lane>)>) {
        match partition {
            Partition::Whole if self.shared.is_some() => (Recorded::Shared, None),
            Partition::Whole => (Recorded::Whole, None),
            Partition::Tree(tree) => (Recorded::Tree(tree.clone()), None),
            Partition::Assigned { leaves, leaf_of_row } => {
                (Recorded::Assigned(*leaves), Some((*leaves, self.cut(leaf_of_row))))
            }
        }
    }

    /// A lane over all rows, cut into blocks.
    pub fn cut(&self, lane: &Lane) -> Vec<Lane> {
        let mut start = 0;
        let of_block = |block: &RowData| {
            let range = start..start + block.rows;
            start = range.end;
            lane.slice(range)
        };
        self.blocks.iter().map(of_block).collect()
    }
}

/// Bytes of a partition alone in a file.
pub(super) fn tree_bytes(recorded: &Recorded) -> usize {
    crate::tree::wire::write(std::slice::from_ref(recorded)).len()
}
