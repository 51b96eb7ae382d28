//! Walking trees on codes: each feature's values become small numbers, one byte a row, and a node becomes a mask.
//!
//! All that the nodes of some trees ask of a feature cuts its values into intervals inside which every node answers
//! alike. With at most 64 intervals the number of an interval is the code of a value, and bit `c` of a node's mask says
//! to which branch code `c` goes. The same rows are then asked of one byte each at every level, whatever the width of
//! the column, and trees that ask for the same feature share its codes. All rows walk the first levels side by side,
//! many in one instruction: they are asked at every node, though few of them stand there. Below, a node has a list of
//! its rows, of two bytes each: longer blocks are walked in spans of 65,536 rows.

use super::{Feature, Tree, TreeFeature, TreeNode};
use crate::codec::{Groups, dispatched};
use crate::wire::zigzag;
use crate::{Lane, Word, with_words};

/// Bits of a mask.
const MOST_CODES: usize = 64;

/// Words of more than this many values are found by their leading bits first.
const DIRECT: u64 = 1 << 16;

/// Leading bits of a word that stands in no single interval.
const AMBIGUOUS: u8 = u8::MAX;

/// Rows that two bytes can number.
const SPAN: usize = 1 << 16;

/// Levels that rows walk side by side, where there are so many rows at least.
const TOP_LEVELS: usize = 5;
const TOP_ROWS: usize = 2048;

/// The intervals of one feature.
struct Intervals {
    /// Where each interval but the first begins, ascending.
    starts: Vec<u64>,
    /// Code of each word, or of the leading bits of words, up to where the last interval begins.
    codes: Vec<u8>,
    last: u64,
    shift: u32,
}

impl Intervals {
    /// Intervals between `starts`, for so many words; few words are not worth a long list.
    fn new(starts: Vec<u64>, words: usize) -> Self {
        let last = starts.last().copied().unwrap_or(0);
        let is_direct = last < DIRECT.min(8 * words as u64);
        let shift = if is_direct {
            0
        } else {
            last.checked_ilog2().unwrap_or(0).saturating_sub(words.clamp(256, 2048).ilog2())
        };
        let mut codes = vec![AMBIGUOUS; (last >> shift) as usize + 1];
        // The leading bits of a boundary are ambiguous unless it is a multiple of the step.
        for (code, begin) in std::iter::once(0).chain(starts.iter().copied()).enumerate() {
            let from = (begin >> shift) as usize + usize::from(begin & ((1 << shift) - 1) != 0);
            let until = starts.get(code).map_or(codes.len(), |&next| (next >> shift) as usize);
            if from < until {
                codes[from..until].fill(code as u8);
            }
        }
        Self { starts, codes, last, shift }
    }

    #[inline]
    fn code(&self, word: u64) -> u8 {
        match self.codes.get((word.min(self.last) >> self.shift) as usize) {
            Some(&code) if code != AMBIGUOUS => code,
            _ => self.starts.partition_point(|&start| start <= word) as u8,
        }
    }

    /// The codes of a feature in all rows.
    fn codes<'a>(&self, feature: Feature, column: &impl Fn(u32) -> &'a Lane) -> Vec<u8> {
        if let Feature::Delta(c) = feature {
            return with_words!(column(c), words => {
                let change = |pair: &[_]| {
                    let [before, now] = [0, 1].map(|at: usize| Word::wide(pair[at]));
                    zigzag(now.wrapping_sub(before) as i64).saturating_add(1)
                };
                let first = words.first().map(|_| self.code(0));
                first.into_iter().chain(words.windows(2).map(|pair| self.code(change(pair)))).collect()
            });
        }
        match &*feature.values(column) {
            Lane::U8(words) => {
                let codes: [u8; 256] = std::array::from_fn(|word| self.code(word as u64));
                words.iter().map(|&word| codes[usize::from(word)]).collect()
            }
            values => with_words!(values, words => words.iter().map(|word| self.code(word.wide())).collect()),
        }
    }
}

/// A node in terms of codes.
#[derive(Debug, Clone, Copy)]
enum Step {
    Leaf,
    Split { feature: u32, mask: u64, low: u32, high: u32 },
}

/// A node of the first levels, its label and that of its low child; the high child has the next one.
#[derive(Debug)]
struct Top {
    feature: u32,
    mask: u64,
    label: u8,
    low: u8,
}

/// A tree in terms of codes.
#[derive(Debug)]
struct Walk {
    steps: Vec<Step>,
    /// Parents come before their children.
    top: Vec<Top>,
    /// The nodes below the top in the order of the tree, with their labels.
    below: Vec<(u32, u8)>,
}

impl Walk {
    fn new(steps: Vec<Step>) -> Self {
        let (mut top, mut below, mut labels) = (vec![], vec![], 1u8);
        let mut level = vec![(0u32, 0u8)];
        for depth in 0..=TOP_LEVELS {
            for (node, label) in std::mem::take(&mut level) {
                match steps[node as usize] {
                    Step::Split { feature, mask, low, high } if depth < TOP_LEVELS => {
                        top.push(Top { feature, mask, label, low: labels });
                        level.extend([(low, labels), (high, labels + 1)]);
                        labels += 2;
                    }
                    _ => below.push((node, label)),
                }
            }
        }
        below.sort_unstable();
        Self { steps, top, below }
    }
}

/// Some trees in terms of codes that they share.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    /// Every feature that some tree asks for, ascending.
    features: Vec<TreeFeature>,
    /// Where its intervals begin but for the first, ascending; nothing where they are too many.
    starts: Vec<Option<Vec<u64>>>,
    /// The nodes of each tree; nothing where one has more than two branches or asks for a feature of too many intervals.
    trees: Vec<Option<Walk>>,
}

impl Walks {
    /// The walks of some trees; places without a tree are numbered, too.
    pub fn new(trees: &[Option<&Tree>]) -> Self {
        let present = trees.iter().copied().flatten();
        let mut features: Vec<TreeFeature> = present.clone().flat_map(|tree| &tree.features).copied().collect();
        features.sort_unstable();
        features.dedup();
        let mut starts: Vec<Option<Vec<u64>>> =
            features.iter().map(|feature| Some(vec![feature.first_value])).collect();
        let place = |tree: &Tree, feature: u32| {
            features.binary_search(&tree.features[feature as usize]).expect("every feature is listed")
        };
        for tree in present {
            for node in &tree.nodes {
                let Some(feature) = node.feature() else { continue };
                let own = &mut starts[place(tree, feature)];
                match (node, own.as_mut()) {
                    (TreeNode::Threshold { at, .. }, Some(own)) => own.extend(at.checked_add(1)),
                    // Each value begins an interval, and what follows it another.
                    (TreeNode::ValueSet { values, .. }, Some(own)) if values.len() <= MOST_CODES => {
                        own.extend(values.iter().flat_map(|&value| [Some(value), value.checked_add(1)]).flatten());
                    }
                    _ => *own = None,
                }
            }
        }
        for (own, feature) in starts.iter_mut().zip(&features) {
            let Some(list) = own else { continue };
            list.retain(|&start| start >= feature.first_value && start > 0);
            list.sort_unstable();
            list.dedup();
            if list.len() >= MOST_CODES {
                *own = None;
            }
        }
        let walk = |tree: &Tree| steps(tree, &starts, |feature| place(tree, feature)).map(Walk::new);
        let trees = trees.iter().map(|tree| tree.and_then(walk)).collect();
        Self { features, starts, trees }
    }

    /// The walks over one block of rows.
    pub fn over(&self, rows: usize) -> BlockWalks<'_> {
        let spare = || vec![0; SPAN].try_into().expect("it has this length");
        BlockWalks { walks: self, rows, codes: vec![vec![]; self.features.len()], lists: [spare(), spare()] }
    }
}

fn steps(tree: &Tree, starts: &[Option<Vec<u64>>], place: impl Fn(u32) -> usize) -> Option<Vec<Step>> {
    let step = |node: &TreeNode| {
        let Some((feature, children)) = node.split() else { return Some(Step::Leaf) };
        let [low, high] = <[u32; 2]>::try_from(children).ok()?;
        let first = tree.features[feature as usize].first_value;
        let place = place(feature);
        let mut mask = 0u64;
        for (code, word) in std::iter::once(0).chain(starts[place].as_ref()?.iter().copied()).enumerate() {
            let branch = if word < first { node.missing_branch() } else { node.branch(word) };
            mask |= (branch as u64) << code;
        }
        Some(Step::Split { feature: place as u32, mask, low, high })
    };
    tree.nodes.iter().map(step).collect()
}

/// Walks over the rows of one block, whose features get their codes when they are first asked for.
pub(crate) struct BlockWalks<'a> {
    walks: &'a Walks,
    rows: usize,
    /// Codes of each feature in all rows; empty until they are needed.
    codes: Vec<Vec<u8>>,
    /// Room for lists of rows.
    lists: [Box<[u16; SPAN]>; 2],
}

impl BlockWalks<'_> {
    /// Divides the rows among the leaves of a tree; nothing where it must be walked on the words themselves.
    pub fn groups<'a>(&mut self, number: usize, leaves: usize, column: impl Fn(u32) -> &'a Lane) -> Option<Groups> {
        let walk = self.walks.trees[number].as_ref()?;
        for step in &walk.steps {
            let Step::Split { feature, .. } = *step else { continue };
            let place = feature as usize;
            if let (true, Some(starts)) = (self.codes[place].is_empty(), &self.walks.starts[place]) {
                let intervals = Intervals::new(starts.clone(), self.rows);
                self.codes[place] = intervals.codes(self.walks.features[place].feature, &column);
            }
        }
        // Where the leaves begin in each span of rows, and the rows of the span, leaf by leaf.
        let spans: Vec<(u32, Vec<u32>, Vec<u16>)> = (0..self.rows)
            .step_by(SPAN)
            .map(|first| {
                let span = first..self.rows.min(first + SPAN);
                let codes: Vec<&[u8]> =
                    self.codes.iter().map(|codes| codes.get(span.clone()).unwrap_or_default()).collect();
                let [list, spare] = &mut self.lists;
                let starts = dispatched(
                    #[inline(always)]
                    || divide(walk, &codes, span.len(), leaves, list, spare),
                );
                (first as u32, starts, list[..span.len()].to_vec())
            })
            .collect();
        let (mut order, mut starts) = (Vec::with_capacity(self.rows), vec![0u32]);
        for leaf in 0..leaves {
            for (first, own, list) in &spans {
                let members = &list[own[leaf] as usize..own[leaf + 1] as usize];
                order.extend(members.iter().map(|&row| first + u32::from(row)));
            }
            starts.push(order.len() as u32);
        }
        Some(Groups::from_order(order, starts))
    }
}

/// Sends all rows down the first levels: `labels` say where each stands.
#[inline(always)]
fn walk_top(top: &[Top], codes: &[&[u8]], labels: &mut [u8]) {
    const CHUNK: usize = 1024;
    for (first, labels) in (0..).step_by(CHUNK).zip(labels.chunks_mut(CHUNK)) {
        for node in top {
            let codes = &codes[node.feature as usize][first..first + labels.len()];
            let mut sides = [0u8; CHUNK];
            // Each run of ones in the mask is a range of codes.
            let mut ones = node.mask;
            while ones != 0 {
                let from = ones.trailing_zeros();
                let count = (ones >> from).trailing_ones();
                ones &= u64::MAX.checked_shl(from + count).unwrap_or(0);
                for (side, code) in sides.iter_mut().zip(codes) {
                    *side |= u8::from(code.wrapping_sub(from as u8) < count as u8);
                }
            }
            let (own, low) = (node.label, node.low);
            for (label, side) in labels.iter_mut().zip(&sides) {
                let hit = 0u8.wrapping_sub(u8::from(*label == own));
                *label = (*label & !hit) | (low.wrapping_add(*side) & hit);
            }
        }
    }
}

/// Walks over rows, which stay in order inside each branch. Returns where each leaf begins in `list`, and the end of
/// the last.
#[inline(always)]
fn divide(
    walk: &Walk,
    codes: &[&[u8]],
    rows: usize,
    leaves: usize,
    list: &mut [u16; SPAN],
    spare: &mut [u16; SPAN],
) -> Vec<u32> {
    let mut starts = Vec::with_capacity(leaves + 1);
    starts.push(0u32);
    let mut open = vec![];
    if rows < TOP_ROWS {
        list[..rows].iter_mut().enumerate().for_each(|(row, place)| *place = row as u16);
        open.push((0u32, 0usize, rows));
    } else {
        let mut labels = vec![0u8; rows];
        walk_top(&walk.top, codes, &mut labels);
        let mut ends = [0usize; 256];
        labels.iter().for_each(|&label| ends[usize::from(label)] += 1);
        let mut start = 0;
        for &(node, label) in &walk.below {
            let end = start + ends[usize::from(label)];
            open.push((node, start, end));
            ends[usize::from(label)] = start;
            start = end;
        }
        open.reverse();
        for (row, &label) in labels.iter().enumerate() {
            let place = &mut ends[usize::from(label)];
            list[*place % SPAN] = row as u16;
            *place += 1;
        }
    }
    while let Some((node, start, end)) = open.pop() {
        let Step::Split { feature, mask, low, high } = walk.steps[node as usize] else {
            starts.push(end as u32);
            continue;
        };
        let codes = codes[feature as usize];
        let (mut lows, mut highs) = (start, 0);
        // Without branches on data: every row is written to both sides, and only one side advances. An index below
        // `SPAN` by its mask is not checked again.
        for at in start..end {
            let row = list[at % SPAN];
            let goes_high = (mask >> (codes[usize::from(row)] & 63)) as usize & 1;
            list[lows % SPAN] = row;
            spare[highs % SPAN] = row;
            lows += 1 - goes_high;
            highs += goes_high;
        }
        list[lows..end].copy_from_slice(&spare[..highs]);
        open.extend([(high, lows, end), (low, start, lows)]);
    }
    starts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_codes(tree: &Tree, lane: &Lane) -> Option<Groups> {
        Walks::new(&[Some(tree)]).over(lane.len()).groups(0, tree.leaves(), |_| lane)
    }

    fn nodes(at: u64, values: Vec<u64>, missing: bool) -> Vec<TreeNode> {
        vec![
            TreeNode::Threshold { feature: 0, at, missing_low: missing, low: 1, high: 4 },
            TreeNode::ValueSet { feature: 1, values, missing_inside: !missing, inside: 2, outside: 3 },
            TreeNode::Leaf { leaf: 0 },
            TreeNode::Leaf { leaf: 1 },
            TreeNode::Threshold { feature: 1, at: at / 2, missing_low: !missing, low: 5, high: 6 },
            TreeNode::Leaf { leaf: 2 },
            TreeNode::Leaf { leaf: 3 },
        ]
    }

    proptest! {
        #[test]
        fn codes_divide_like_words(
            words in prop::collection::vec(prop_oneof![0u64..40, any::<u64>(), Just(u64::MAX)], 0..300),
            shift in 0u32..64,
            at in prop_oneof![0u64..40, any::<u64>(), Just(u64::MAX)],
            mut values in prop::collection::vec(prop_oneof![0u64..40, any::<u64>()], 0..20),
            first in prop_oneof![0u64..3, any::<u64>()],
            missing: bool,
            change: bool,
            rows in prop_oneof![Just(0), 0usize..5000, 60_000usize..140_000],
        ) {
            values.sort_unstable();
            values.dedup();
            let feature = if change { Feature::Delta(0) } else { Feature::Previous(0) };
            let features = [(Feature::Column(0), first), (feature, 1)]
                .map(|(feature, first_value)| TreeFeature { feature, first_value });
            let tree = Tree::new(features.to_vec(), nodes(at >> shift, values, missing)).unwrap();
            let words = words.iter().map(|word| word >> shift);
            let lane = Lane::narrowest(words.clone().cycle().take(rows.max(words.len())).collect());
            let by_codes = by_codes(&tree, &lane).unwrap();
            prop_assert_eq!(by_codes, tree.groups_of_words(|_| &lane, lane.len()));
        }
    }

    #[test]
    fn more_intervals_than_bits_are_left_to_the_words() {
        let features = vec![TreeFeature { feature: Feature::Column(0), first_value: 0 }; 2];
        let tree = Tree::new(features, nodes(50, (0..40).map(|v| 2 * v).collect(), true)).unwrap();
        let lane = Lane::from((0..100u8).collect::<Vec<_>>());
        assert!(by_codes(&tree, &lane).is_none());
        assert_eq!(tree.groups(|_| &lane, 100).rows(), 100);
    }
}
