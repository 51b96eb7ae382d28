//! Decision trees: flat nodes that divide rows by features known before a column is decoded.
//!
//! ```text
//! Frame (ordinals) → binned features and classes → grow (one criterion) → prune → Tree → Groups of rows
//! ```

mod binned;
mod c45;
mod codes;
pub mod criterion;
mod cuts;
mod frame;
mod grow;
mod histogram;
mod id3;
mod mdl;
mod problem;
mod prune;
mod walk;
pub(crate) mod wire;

pub use c45::C45;
pub(crate) use codes::{BlockWalks, Walks};
pub use frame::{Feature, Frame, FrameColumn};
pub use id3::Id3;
pub use mdl::Mdl;

use crate::codec::Groups;
use crate::{Error, Lane, Result, with_words};

/// Deepest tree the format allows; it bounds the work of a walk to rows × depth.
pub const MAX_TREE_DEPTH: usize = 64;

/// Most branches of a multiway node.
pub const MAX_BRANCHES: usize = 255;

/// One node. A child's index is always greater than its parent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeNode {
    /// Values up to `at` go low, larger ones high.
    Threshold {
        /// Index into the tree's features.
        feature: u32,
        /// Largest value of the low branch.
        at: u64,
        /// Whether missing values go low; with `at` below every proper value that branch is theirs alone.
        missing_low: bool,
        /// Node of the low branch.
        low: u32,
        /// Node of the high branch.
        high: u32,
    },
    /// Values in a set go inside, all others outside.
    ValueSet {
        /// Index into the tree's features.
        feature: u32,
        /// The set, ascending.
        values: Vec<u64>,
        /// Whether missing values go inside.
        missing_inside: bool,
        /// Node of the values in the set.
        inside: u32,
        /// Node of all other values.
        outside: u32,
    },
    /// One branch for each value, one for values not listed, and one for missing values.
    Multiway {
        /// Index into the tree's features.
        feature: u32,
        /// The values listed, ascending.
        values: Vec<u64>,
        /// A node for each value, then one for other values, then one for missing values.
        children: Vec<u32>,
    },
    /// A group of rows.
    Leaf {
        /// Leaves are numbered from 0 as a walk in preorder meets them.
        leaf: u32,
    },
}

impl TreeNode {
    /// The feature asked for, and the child nodes in order; `None` for a leaf.
    pub fn split(&self) -> Option<(u32, Vec<u32>)> {
        match self {
            Self::Leaf { .. } => None,
            Self::Threshold { feature, low, high, .. } => Some((*feature, vec![*low, *high])),
            Self::ValueSet { feature, inside, outside, .. } => Some((*feature, vec![*inside, *outside])),
            Self::Multiway { feature, children, .. } => Some((*feature, children.clone())),
        }
    }

    /// The feature asked for; `None` for a leaf.
    fn feature(&self) -> Option<u32> {
        match self {
            Self::Leaf { .. } => None,
            Self::Threshold { feature, .. } | Self::ValueSet { feature, .. } | Self::Multiway { feature, .. } => {
                Some(*feature)
            }
        }
    }

    /// Names the node of one branch, which becomes known only after its parent is written.
    fn set_child(&mut self, branch: usize, child: u32) {
        match self {
            Self::Threshold { low, high, .. } => *(if branch == 0 { low } else { high }) = child,
            Self::ValueSet { inside, outside, .. } => *(if branch == 0 { inside } else { outside }) = child,
            Self::Multiway { children, .. } => children[branch] = child,
            Self::Leaf { .. } => {}
        }
    }

    /// Which child a proper value goes to, as a position among the children.
    fn branch(&self, value: u64) -> usize {
        match self {
            Self::Leaf { .. } => 0,
            Self::Threshold { at, .. } => usize::from(value > *at),
            Self::ValueSet { values, .. } => usize::from(values.binary_search(&value).is_err()),
            Self::Multiway { values, .. } => values.binary_search(&value).unwrap_or(values.len()),
        }
    }

    /// Which child a missing value goes to.
    fn missing_branch(&self) -> usize {
        match self {
            Self::Leaf { .. } => 0,
            Self::Threshold { missing_low, .. } => usize::from(!missing_low),
            Self::ValueSet { missing_inside, .. } => usize::from(!missing_inside),
            Self::Multiway { values, .. } => values.len() + 1,
        }
    }
}

/// A feature as a tree uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeFeature {
    /// Where the value comes from.
    pub feature: Feature,
    /// Values below this one are missing.
    pub first_value: u64,
}

/// A decision tree over ordinals.
///
/// ```
/// use losslaw::tree::{Feature, Tree, TreeFeature, TreeNode};
/// use losslaw::Lane;
/// let age = TreeFeature { feature: Feature::Column(0), first_value: 1 };
/// let nodes = vec![
///     TreeNode::Threshold { feature: 0, at: 30, missing_low: true, low: 1, high: 2 },
///     TreeNode::Leaf { leaf: 0 },
///     TreeNode::Leaf { leaf: 1 },
/// ];
/// let tree = Tree::new(vec![age], nodes)?;
/// let ages = Lane::from(vec![25u8, 61, 0, 30]);
/// let groups = tree.groups(|_| &ages, 4);
/// assert_eq!(groups.members(0), [0, 2, 3]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    features: Vec<TreeFeature>,
    nodes: Vec<TreeNode>,
    leaves: u32,
}

impl Tree {
    /// A tree of these nodes, the first of which is the root.
    ///
    /// # Errors
    /// [`Error::Corrupt`] unless nodes stand in preorder, leaves are numbered in that order, every feature index is
    /// known, value lists ascend, and no path is longer than [`MAX_TREE_DEPTH`].
    pub fn new(features: Vec<TreeFeature>, nodes: Vec<TreeNode>) -> Result<Self> {
        let bad = |what, at: usize| Err(Error::corrupt("tree", what, at));
        let (mut leaves, mut at) = (0u32, 0usize);
        // Expected indices of nodes still to come, with their depth; preorder makes the next one the top.
        let mut open = vec![(0u32, 0usize)];
        while let Some((index, depth)) = open.pop() {
            if index as usize != at {
                return bad("nodes are not in preorder", at);
            }
            let Some(node) = nodes.get(at) else { return bad("a child is missing", at) };
            at += 1;
            if depth > MAX_TREE_DEPTH {
                return bad("a path is too long", at);
            }
            let Some((feature, children)) = node.split() else {
                if *node != (TreeNode::Leaf { leaf: leaves }) {
                    return bad("leaves are not numbered in order", at);
                }
                leaves += 1;
                continue;
            };
            if feature as usize >= features.len() {
                return bad("a feature is unknown", at);
            }
            if let TreeNode::ValueSet { values, .. } | TreeNode::Multiway { values, .. } = node
                && values.windows(2).any(|pair| pair[0] >= pair[1])
            {
                return bad("a value list does not ascend", at);
            }
            if let TreeNode::Multiway { values, .. } = node
                && (children.len() != values.len() + 2 || children.len() > MAX_BRANCHES)
            {
                return bad("a multiway node has the wrong number of branches", at);
            }
            open.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
        }
        if at != nodes.len() {
            return bad("nodes are left over", at);
        }
        Ok(Self { features, nodes, leaves })
    }

    /// The features the nodes refer to.
    pub fn features(&self) -> &[TreeFeature] {
        &self.features
    }

    /// The nodes, the root first.
    pub fn nodes(&self) -> &[TreeNode] {
        &self.nodes
    }

    /// Number of leaves.
    pub fn leaves(&self) -> usize {
        self.leaves as usize
    }

    /// The leaf of one row, given the value of each feature in that row.
    pub fn leaf_of(&self, value: impl Fn(Feature) -> u64) -> usize {
        let mut node = &self.nodes[0];
        loop {
            if let TreeNode::Leaf { leaf } = node {
                return *leaf as usize;
            }
            let (feature, children) = node.split().expect("a node that is no leaf splits");
            let TreeFeature { feature, first_value } = self.features[feature as usize];
            let value = value(feature);
            let branch = if value < first_value { node.missing_branch() } else { node.branch(value) };
            node = &self.nodes[children[branch] as usize];
        }
    }

    /// Bytes of this tree alone as a file would say it.
    pub fn coded_bytes(&self) -> usize {
        wire::write(&[wire::Recorded::Tree(self.clone())]).len()
    }

    /// Divides rows among the leaves. `column(i)` gives the ordinals of column `i`.
    pub fn groups<'a>(&self, column: impl Fn(u32) -> &'a Lane, rows: usize) -> Groups {
        let by_codes = Walks::new(&[Some(self)]).over(rows).groups(0, self.leaves(), &column);
        by_codes.unwrap_or_else(|| self.groups_of_words(column, rows))
    }

    /// The walk goes node by node over lists of rows, so that the width of a lane is looked at once for each node.
    fn groups_of_words<'a>(&self, column: impl Fn(u32) -> &'a Lane, rows: usize) -> Groups {
        let values: Vec<_> = self.features.iter().map(|f| f.feature.values(&column)).collect();
        let mut order: Vec<u32> = (0..rows as u32).collect();
        let mut starts = Vec::with_capacity(self.leaves() + 1);
        starts.push(0u32);
        let mut spare = vec![0u32; rows];
        let mut open = vec![(0u32, 0usize, rows)];
        while let Some((index, start, end)) = open.pop() {
            let node = &self.nodes[index as usize];
            let list = &mut order[start..end];
            let divide = |feature: u32, list: &mut [u32], spare: &mut [u32]| {
                let first = self.features[feature as usize].first_value;
                with_words!(&*values[feature as usize], words => walk::divide(node, first, words, list, spare))
            };
            match node {
                TreeNode::Leaf { .. } => starts.push(end as u32),
                TreeNode::Threshold { feature, low: one, high: other, .. }
                | TreeNode::ValueSet { feature, inside: one, outside: other, .. } => {
                    let middle = start + divide(*feature, list, &mut spare);
                    open.extend([(*other, middle, end), (*one, start, middle)]);
                }
                TreeNode::Multiway { feature, children, .. } => {
                    let first = self.features[*feature as usize].first_value;
                    let ends = with_words!(&*values[*feature as usize], words => {
                        walk::spread(node, first, words, list, &mut spare, children.len())
                    });
                    let starts = std::iter::once(0).chain(ends.iter().copied());
                    let ranges: Vec<_> = starts.zip(&ends).map(|(from, to)| (start + from, start + to)).collect();
                    open.extend(children.iter().zip(ranges).rev().map(|(&child, (from, to))| (child, from, to)));
                }
            }
        }
        Groups::from_order(order, starts)
    }
}
