//! Dividing a list of rows among the branches of one node, keeping their order.

use super::TreeNode;
use crate::Word;

/// Sets are small numbers as a rule: below this a table look-up replaces a search.
const TABLE_VALUES: u64 = 4096;

/// Divides rows between the two branches of a node: those of the first come first. Returns how many they are.
///
/// `spare` is as long as `rows` at least.
pub(super) fn divide<W: Word>(node: &TreeNode, first: u64, words: &[W], rows: &mut [u32], spare: &mut [u32]) -> usize {
    match node {
        TreeNode::Threshold { at, missing_low: true, .. } => {
            partition(rows, spare, words, |value| value >= first && value > *at)
        }
        TreeNode::Threshold { at, .. } => partition(rows, spare, words, |value| value < first || value > *at),
        TreeNode::ValueSet { values, missing_inside, .. } => {
            let outside = |value: u64| {
                if value < first { !missing_inside } else { values.binary_search(&value).is_err() }
            };
            let top = values.last().map_or(0, |&last| last.saturating_add(1)).max(first);
            if top < TABLE_VALUES {
                // The last entry stands for all larger values.
                let table: Vec<bool> = (0..=top).map(outside).collect();
                return partition(rows, spare, words, |value| table[value.min(top) as usize]);
            }
            partition(rows, spare, words, outside)
        }
        TreeNode::Multiway { .. } | TreeNode::Leaf { .. } => rows.len(),
    }
}

/// A stable partition without branches on data: every row is written to both sides, and only one side advances.
fn partition<W: Word>(rows: &mut [u32], spare: &mut [u32], words: &[W], second: impl Fn(u64) -> bool) -> usize {
    let spare = &mut spare[..rows.len()];
    let (mut low, mut high) = (0, 0);
    for at in 0..rows.len() {
        let row = rows[at];
        let goes_high = second(words[row as usize].wide());
        rows[low] = row;
        spare[high] = row;
        low += usize::from(!goes_high);
        high += usize::from(goes_high);
    }
    rows[low..].copy_from_slice(&spare[..high]);
    low
}

/// Spreads rows over the branches of a multiway node and returns where each branch ends.
pub(super) fn spread<W: Word>(
    node: &TreeNode,
    first: u64,
    words: &[W],
    rows: &mut [u32],
    spare: &mut [u32],
    branches: usize,
) -> Vec<usize> {
    let branch = |row: u32| {
        let value = words[row as usize].wide();
        if value < first { node.missing_branch() } else { node.branch(value) }
    };
    let mut ends = vec![0usize; branches + 1];
    rows.iter().for_each(|&row| ends[branch(row) + 1] += 1);
    (0..branches).for_each(|b| ends[b + 1] += ends[b]);
    for &row in rows.iter() {
        let place = &mut ends[branch(row)];
        spare[*place] = row;
        *place += 1;
    }
    rows.copy_from_slice(&spare[..rows.len()]);
    // Every place has moved on to the end of its branch.
    ends.truncate(branches);
    ends
}
