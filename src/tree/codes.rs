//! Walking a tree on codes: each feature's values become small numbers, one byte a row, and a node becomes a mask.
//!
//! All that the nodes of one tree ask of a feature cuts its values into intervals inside which every node answers
//! alike. With at most 64 intervals the number of an interval is the code of a value, and bit `c` of a node's mask says
//! to which branch code `c` goes. The same rows are then asked of one byte each at every level, whatever the width of
//! the column, and lists of rows take two bytes a row in blocks of up to 65,536.

use super::{Feature, Tree, TreeNode};
use crate::codec::Groups;
use crate::wire::zigzag;
use crate::{Lane, Word, with_words};

/// Bits of a mask.
const MOST_CODES: usize = 64;

/// Words of more than this many values are found by their leading bits first.
const DIRECT: u64 = 1 << 16;

/// Leading bits of a word that stands in no single interval.
const AMBIGUOUS: u8 = u8::MAX;

/// The intervals of one feature.
struct Intervals {
    /// Where each interval but the first begins, ascending.
    starts: Vec<u64>,
    /// Code of each word, or of the leading bits of words.
    codes: Vec<u8>,
    shift: u32,
}

impl Intervals {
    /// Intervals between `starts`, for so many words up to `most`; few words are not worth a long list.
    fn new(starts: Vec<u64>, most: u64, words: usize) -> Self {
        let is_direct = most < DIRECT.min(8 * words as u64);
        let shift = if is_direct {
            0
        } else {
            most.checked_ilog2().unwrap_or(0).saturating_sub(words.clamp(256, 2048).ilog2())
        };
        let mut codes = vec![AMBIGUOUS; (most >> shift) as usize + 1];
        // The leading bits of a boundary are ambiguous unless it is a multiple of the step.
        // A boundary above all words is above all codes, however wide an index is.
        let step_of = |word: u64| usize::try_from(word >> shift).unwrap_or(usize::MAX >> 1);
        for (code, begin) in std::iter::once(0).chain(starts.iter().copied()).enumerate() {
            let from = step_of(begin) + usize::from(begin & ((1 << shift) - 1) != 0);
            let until = starts.get(code).map_or(codes.len(), |&next| step_of(next).min(codes.len()));
            if from < until {
                codes[from..until].fill(code as u8);
            }
        }
        Self { starts, codes, shift }
    }

    #[inline]
    fn code(&self, word: u64) -> u8 {
        match self.codes.get((word >> self.shift) as usize) {
            Some(&code) if code != AMBIGUOUS => code,
            _ => self.starts.partition_point(|&start| start <= word) as u8,
        }
    }
}

/// A node in terms of codes.
#[derive(Clone, Copy)]
enum Step {
    Leaf,
    Split { feature: u32, mask: u64, low: u32, high: u32 },
}

/// Divides rows among the leaves; `None` when some node has more than two branches or some feature more than 64
/// intervals, so that the tree must be walked on the words themselves.
pub(super) fn groups<'a>(tree: &Tree, column: &impl Fn(u32) -> &'a Lane, rows: usize) -> Option<Groups> {
    let starts = starts(tree)?;
    let steps = steps(tree, &starts)?;
    let codes: Vec<Vec<u8>> =
        tree.features.iter().zip(starts).map(|(feature, starts)| codes(feature.feature, starts, column)).collect();
    Some(if rows <= 1 << 16 {
        let order: Vec<u16> = (0..rows).map(|row| row as u16).collect();
        divide(&steps, &codes, order, tree.leaves(), usize::from, u32::from)
    } else {
        divide(&steps, &codes, (0..rows as u32).collect(), tree.leaves(), |row| row as usize, |row| row)
    })
}

/// Where the intervals of each feature begin: the missing values come first.
fn starts(tree: &Tree) -> Option<Vec<Vec<u64>>> {
    let mut starts: Vec<Vec<u64>> = tree.features.iter().map(|feature| vec![feature.first_value]).collect();
    for node in &tree.nodes {
        match node {
            TreeNode::Leaf { .. } => {}
            TreeNode::Threshold { feature, at, .. } => starts[*feature as usize].extend(at.checked_add(1)),
            TreeNode::ValueSet { feature, values, .. } => {
                // Each value begins an interval: these are too many for a mask.
                if values.len() > MOST_CODES {
                    return None;
                }
                let ends = values.iter().filter_map(|value| value.checked_add(1));
                starts[*feature as usize].extend(values.iter().copied().chain(ends));
            }
            TreeNode::Multiway { .. } => return None,
        }
    }
    for (own, feature) in starts.iter_mut().zip(&tree.features) {
        own.retain(|&start| start >= feature.first_value && start > 0);
        own.sort_unstable();
        own.dedup();
        if own.len() >= MOST_CODES {
            return None;
        }
    }
    Some(starts)
}

fn steps(tree: &Tree, starts: &[Vec<u64>]) -> Option<Vec<Step>> {
    let step = |node: &TreeNode| {
        let Some((feature, children)) = node.split() else { return Some(Step::Leaf) };
        let [low, high] = <[u32; 2]>::try_from(children).ok()?;
        let first = tree.features[feature as usize].first_value;
        let mut mask = 0u64;
        for (code, word) in std::iter::once(0).chain(starts[feature as usize].iter().copied()).enumerate() {
            let branch = if word < first { node.missing_branch() } else { node.branch(word) };
            mask |= (branch as u64) << code;
        }
        Some(Step::Split { feature, mask, low, high })
    };
    tree.nodes.iter().map(step).collect()
}

fn codes<'a>(feature: Feature, starts: Vec<u64>, column: &impl Fn(u32) -> &'a Lane) -> Vec<u8> {
    if let Feature::Delta(c) = feature {
        return with_words!(column(c), words => {
            let change = |pair: &[_]| {
                let [before, now] = [0, 1].map(|at: usize| Word::wide(pair[at]));
                zigzag(now.wrapping_sub(before) as i64).saturating_add(1)
            };
            let intervals = Intervals::new(starts, words.windows(2).map(change).max().unwrap_or(0), words.len());
            let first = words.first().map(|_| intervals.code(0));
            first.into_iter().chain(words.windows(2).map(|pair| intervals.code(change(pair)))).collect()
        });
    }
    let values = feature.values(column);
    let intervals = Intervals::new(starts, values.max().unwrap_or(0), values.len());
    with_words!(&*values, words => words.iter().map(|word| intervals.code(word.wide())).collect())
}

/// Walks node by node over lists of rows, which stay in order inside each branch.
fn divide<R: Copy + Default>(
    steps: &[Step],
    codes: &[Vec<u8>],
    mut order: Vec<R>,
    leaves: usize,
    index: impl Fn(R) -> usize,
    wide: impl Fn(R) -> u32,
) -> Groups {
    let mut starts = Vec::with_capacity(leaves + 1);
    starts.push(0u32);
    let mut spare = vec![R::default(); order.len()];
    let mut open = vec![(0u32, 0usize, order.len())];
    while let Some((node, start, end)) = open.pop() {
        let Step::Split { feature, mask, low, high } = steps[node as usize] else {
            starts.push(end as u32);
            continue;
        };
        let (codes, list) = (&codes[feature as usize][..], &mut order[start..end]);
        let spare = &mut spare[..list.len()];
        let (mut lows, mut highs) = (0, 0);
        // Without branches on data: every row is written to both sides, and only one side advances.
        for at in 0..list.len() {
            let row = list[at];
            let goes_high = (mask >> (codes[index(row)] & 63)) as usize & 1;
            list[lows] = row;
            spare[highs] = row;
            lows += 1 - goes_high;
            highs += goes_high;
        }
        list[lows..].copy_from_slice(&spare[..highs]);
        open.extend([(high, start + lows, end), (low, start, start + lows)]);
    }
    Groups::from_order(order.into_iter().map(wide).collect(), starts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::TreeFeature;

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
        ) {
            values.sort_unstable();
            values.dedup();
            let feature = if change { Feature::Delta(0) } else { Feature::Previous(0) };
            let features = [(Feature::Column(0), first), (feature, 1)]
                .map(|(feature, first_value)| TreeFeature { feature, first_value });
            let tree = Tree::new(features.to_vec(), nodes(at >> shift, values, missing)).unwrap();
            let lane = Lane::narrowest(words.iter().map(|word| word >> shift).collect());
            let by_codes = groups(&tree, &|_| &lane, lane.len()).unwrap();
            prop_assert_eq!(by_codes, tree.groups_of_words(|_| &lane, lane.len()));
        }
    }

    #[test]
    fn more_intervals_than_bits_are_left_to_the_words() {
        let features = vec![TreeFeature { feature: Feature::Column(0), first_value: 0 }; 2];
        let tree = Tree::new(features, nodes(50, (0..40).map(|v| 2 * v).collect(), true)).unwrap();
        let lane = Lane::from((0..100u8).collect::<Vec<_>>());
        assert!(groups(&tree, &|_| &lane, 100).is_none());
        assert_eq!(tree.groups(|_| &lane, 100).rows(), 100);
    }
}
