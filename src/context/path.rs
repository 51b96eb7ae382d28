//! Symbols as walks down a binary tree, short for frequent symbols.

use crate::{Error, Result};

/// Levels of the tree that lie together in one line of a [`super::MixedModel`].
const GROUP_LEVELS: u32 = 4;

/// Longest walk.
const MOST_DEPTH: u32 = 40;

/// Most symbols.
const MOST_SYMBOLS: usize = 256;

/// Where a walk goes from a node: to another node, or to a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// Index of a node.
    Node(u16),
    /// A symbol; the walk is over.
    Symbol(u16),
}

/// One yes-or-no question.
#[derive(Debug, Clone, Copy)]
pub struct PathNode {
    /// Where a clear bit and a set bit lead.
    pub branches: [Branch; 2],
    /// The node four levels apart, at most, above which no question of the same line stands.
    pub group: u16,
    /// Place in the line of the group, from 1 to 15.
    pub slot: u8,
}

/// A binary tree over up to 256 symbols.
///
/// The tree follows from the number of questions for each symbol, its *depth*, and from an order: that of the symbols
/// where neighbours resemble each other, or that of the depths where they do not.
///
/// ```
/// use losslaw::context::Path;
/// let path = Path::new(&[1, 2, 2], true)?;
/// assert_eq!((path.nodes().len(), path.code(2)), (2, (0b11, 2)));
/// assert!(Path::new(&[1, 2, 3], true).is_err(), "a branch leads nowhere");
/// assert_eq!(Path::depths(&[50, 20, 30], true), [1, 2, 2]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Path {
    nodes: Vec<PathNode>,
    codes: Vec<(u64, u32)>,
}

impl Path {
    /// The tree of these depths; `ordered` keeps symbols in their order, else those of smaller depth come first.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when no such tree exists.
    pub fn new(depths: &[u32], ordered: bool) -> Result<Self> {
        let bad = || Error::corrupt("path", "the depths of symbols fit no tree", 0);
        let mut order: Vec<usize> = (0..depths.len()).collect();
        if !ordered {
            order.sort_by_key(|&symbol| depths[symbol]);
        }
        if depths.is_empty() || depths.len() > MOST_SYMBOLS || depths.iter().any(|&depth| depth > MOST_DEPTH) {
            return Err(bad());
        }
        let mut codes = vec![(0, 0); depths.len()];
        let (mut next, mut depth) = (0u64, depths[order[0]]);
        for (place, &symbol) in order.iter().enumerate() {
            if place > 0 {
                // One more than the last code, cut or lengthened to the depth of this symbol.
                let own = depths[symbol];
                if own >= depth {
                    next <<= own - depth;
                } else {
                    let cut = depth - own;
                    if next & ((1 << cut) - 1) != 0 {
                        return Err(bad());
                    }
                    next >>= cut;
                }
                depth = own;
            }
            if next >> depth != 0 {
                return Err(bad());
            }
            codes[symbol] = (next, depth);
            next += 1;
        }
        if next != 1 << depth {
            return Err(bad());
        }
        Ok(Self { nodes: nodes(&codes), codes })
    }

    /// Good depths for symbols that occur so often; one that never occurs still has a place.
    ///
    /// Each node divides its symbols where both halves come nearest to weighing the same.
    pub fn depths(counts: &[u64], ordered: bool) -> Vec<u32> {
        let mut order: Vec<usize> = (0..counts.len()).collect();
        if !ordered {
            order.sort_by_key(|&symbol| std::cmp::Reverse(counts[symbol]));
        }
        let total: u64 = counts.iter().sum();
        // Depths stay near 20 however rare a symbol is.
        let weight = |symbol: usize| counts[symbol].max((total >> 20) + 1);
        let mut before = vec![0u64];
        order.iter().for_each(|&symbol| before.push(before[before.len() - 1] + weight(symbol)));
        let mut depths = vec![0; counts.len()];
        let mut open = vec![(0, counts.len(), 0u32)];
        while let Some((start, end, depth)) = open.pop() {
            if end - start <= 1 {
                (start..end).for_each(|place| depths[order[place]] = depth);
                continue;
            }
            let sum = before[start] + before[end];
            let cut = before[start + 1..end].partition_point(|&weight| 2 * weight < sum) + start + 1;
            let off = |cut: usize| (2 * before[cut]).abs_diff(sum);
            let cut = if cut >= end || (cut > start + 1 && off(cut - 1) <= off(cut)) { cut - 1 } else { cut };
            open.extend([(start, cut, depth + 1), (cut, end, depth + 1)]);
        }
        if !ordered {
            // Frequent symbols get the short walks even where halves came out unevenly.
            let mut sorted = depths.clone();
            sorted.sort_unstable();
            order.iter().zip(sorted).for_each(|(&symbol, depth)| depths[symbol] = depth);
        }
        depths
    }

    /// Number of symbols.
    pub fn symbols(&self) -> usize {
        self.codes.len()
    }

    /// The questions, the first one first; none if there is but one symbol.
    pub fn nodes(&self) -> &[PathNode] {
        &self.nodes
    }

    /// The answers that lead to a symbol, the first one highest, and their number.
    pub fn code(&self, symbol: usize) -> (u64, u32) {
        self.codes[symbol]
    }
}

/// The nodes of a complete prefix code, parents first.
fn nodes(codes: &[(u64, u32)]) -> Vec<PathNode> {
    let fresh = |group, slot| PathNode { branches: [Branch::Symbol(0); 2], group, slot };
    let mut nodes: Vec<PathNode> = vec![];
    if codes.len() > 1 {
        nodes.push(fresh(0, 1));
    }
    for (symbol, &(code, depth)) in codes.iter().enumerate() {
        let mut at = 0usize;
        for level in 0..depth {
            let bit = (code >> (depth - 1 - level) & 1) as usize;
            if level + 1 == depth {
                nodes[at].branches[bit] = Branch::Symbol(symbol as u16);
            } else if let Branch::Node(next) = nodes[at].branches[bit] {
                at = usize::from(next);
            } else {
                let next = nodes.len();
                let PathNode { group, slot, .. } = nodes[at];
                nodes.push(if (level + 1) % GROUP_LEVELS == 0 {
                    fresh(next as u16, 1)
                } else {
                    fresh(group, 2 * slot + bit as u8)
                });
                nodes[at].branches[bit] = Branch::Node(next as u16);
                at = next;
            }
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn depths_of_any_counts_make_a_tree(
            counts in prop::collection::vec((any::<u64>(), 0u32..60), 1..257),
            ordered in any::<bool>(),
        ) {
            let counts: Vec<u64> = counts.iter().map(|(count, shift)| count >> 8 >> shift).collect();
            let path = Path::new(&Path::depths(&counts, ordered), ordered).unwrap();
            prop_assert_eq!(path.nodes().len() + 1, counts.len());
            for symbol in 0..counts.len() {
                let (code, depth) = path.code(symbol);
                let mut at = Branch::Node(0);
                for shift in (0..depth).rev() {
                    let Branch::Node(node) = at else { panic!("too short") };
                    let node = path.nodes()[usize::from(node)];
                    prop_assert!((1..16).contains(&node.slot));
                    at = node.branches[(code >> shift & 1) as usize];
                }
                prop_assert!(depth == 0 || at == Branch::Symbol(symbol as u16));
            }
        }

        #[test]
        fn any_depths_make_a_tree_or_an_error(depths in prop::collection::vec(0u32..50, 0..40), ordered in any::<bool>()) {
            let _ = Path::new(&depths, ordered);
        }
    }
}
