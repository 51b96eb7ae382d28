//! Partitions: how the rows of a column are divided into groups that are coded with a model each.

use std::sync::Arc;

use crate::codec::Groups;
use crate::settings::Settings;
use crate::tree::{Feature, Frame, FrameColumn, Tree};
use crate::{Error, Lane, Result};

/// What a partition is for.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// One column of the frame.
    Column(usize),
    /// A column that is not in the frame, but derived from one that is: what a transform left to code.
    Derived(&'a FrameColumn<'a>),
    /// All columns at once: one global tree.
    Rows,
}

/// Rows divided into leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partition {
    /// All rows together.
    Whole,
    /// Recomputed by the decoder from columns it has already, so it costs only the tree.
    Tree(Tree),
    /// For partitioners that are no tree: the leaf numbers are stored.
    Assigned {
        /// Number of leaves.
        leaves: u32,
        /// Leaf of each row.
        leaf_of_row: Lane,
    },
}

impl Partition {
    /// A tree, or [`Partition::Whole`] if it has a single leaf.
    pub fn of_tree(tree: Tree) -> Self {
        if tree.leaves() < 2 { Self::Whole } else { Self::Tree(tree) }
    }

    /// Number of leaves.
    pub fn leaves(&self) -> usize {
        match self {
            Self::Whole => 1,
            Self::Tree(tree) => tree.leaves(),
            Self::Assigned { leaves, .. } => *leaves as usize,
        }
    }

    /// The groups of rows, given the ordinals of the columns a tree asks for.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a stored leaf number is too large or their number is not `rows`.
    pub fn groups<'a>(&self, column: impl Fn(u32) -> &'a Lane, rows: usize) -> Result<Groups> {
        match self {
            Self::Whole => Ok(Groups::whole(rows)),
            Self::Tree(tree) => Ok(tree.groups(column, rows)),
            Self::Assigned { leaves, leaf_of_row } if leaf_of_row.len() == rows => {
                let leaf_of_row: Vec<u32> =
                    leaf_of_row.to_u64s().into_iter().map(|leaf| leaf.min(u64::from(u32::MAX)) as u32).collect();
                Groups::from_leaf_of_row(&leaf_of_row, *leaves as usize)
            }
            Self::Assigned { .. } => Err(Error::corrupt("partition", "there is not one leaf number for each row", 0)),
        }
    }
}

/// Learns how to divide rows.
///
/// ```
/// use losslaw::partition::{Partition, Partitioner, Target, Whole};
/// use losslaw::tree::Frame;
/// let frame = Frame::categories(&[("sky", &["clear", "cloud"])]);
/// assert_eq!(Whole.partition(&frame, Target::Column(0), &[])?, Partition::Whole);
/// # Ok::<(), losslaw::Error>(())
/// ```
pub trait Partitioner: std::fmt::Debug + Send + Sync {
    /// The name in reports.
    fn name(&self) -> &'static str;

    /// Divides the rows of `frame` so that `target` is cheap to code inside each group.
    ///
    /// A tree may ask for `features` only: the decoder has nothing else when it needs the groups.
    fn partition(&self, frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Partition>;

    /// The settings, from which [`Partitioner::configured`] makes the same partitioner again;
    /// [`crate::saved_by_serde`] writes both.
    ///
    /// # Errors
    /// [`Error::Settings`]: by default a partitioner cannot be written down.
    fn settings(&self) -> Result<Settings> {
        Err(Error::settings(self.name(), "they cannot be written down"))
    }

    /// A partitioner of this type with other settings.
    ///
    /// # Errors
    /// [`Error::Settings`] or [`Error::InvalidConfig`] when the settings do not fit.
    fn configured(&self, _settings: &Settings) -> Result<Arc<dyn Partitioner>> {
        Err(Error::settings(self.name(), "they cannot be read"))
    }
}

/// Leaves all rows together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Whole;

impl Partitioner for Whole {
    crate::saved_by_serde!(Partitioner);

    fn name(&self) -> &'static str {
        "Whole"
    }

    fn partition(&self, _: &Frame<'_>, _: Target, _: &[Feature]) -> Result<Partition> {
        Ok(Partition::Whole)
    }
}

/// A tree used as a classifier: the commonest ordinal of each leaf is its answer.
#[derive(Debug, Clone)]
pub struct Classifier {
    partition: Partition,
    target: usize,
    answers: Vec<u64>,
}

impl Classifier {
    /// Learns to tell column `target` from `features`.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the partitioner gives no tree that unseen rows could walk.
    pub fn fit(how: &dyn Partitioner, frame: &Frame<'_>, target: usize, features: &[Feature]) -> Result<Self> {
        let partition = how.partition(frame, Target::Column(target), features)?;
        if let Partition::Assigned { .. } = partition {
            return Err(Error::config("partitioner", how.name(), "partitioners that learn a tree"));
        }
        let groups = partition.groups(|c| &*frame.columns()[c as usize].ordinals, frame.rows())?;
        let values = frame.columns()[target].ordinals.to_u64s();
        let commonest = |rows: &[u32]| {
            let mut own: Vec<u64> = rows.iter().map(|&row| values[row as usize]).collect();
            own.sort_unstable();
            // The smallest of equally common values: `max_by_key` keeps the last, so the order is turned.
            own.chunk_by(|a, b| a == b).rev().max_by_key(|run| run.len()).map(|run| run[0])
        };
        let all = commonest(groups.order()).unwrap_or(0);
        let answers = (0..groups.len()).map(|g| commonest(groups.members(g)).unwrap_or(all)).collect();
        Ok(Self { partition, target, answers })
    }

    /// The partition behind the answers.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The ordinal expected in a row with these feature values.
    pub fn predict(&self, value: impl Fn(Feature) -> u64) -> u64 {
        match &self.partition {
            Partition::Tree(tree) => self.answers[tree.leaf_of(value)],
            _ => self.answers[0],
        }
    }

    /// Share of rows of a frame whose target is predicted rightly.
    pub fn accuracy(&self, frame: &Frame<'_>) -> f64 {
        let column = |c: u32| &*frame.columns()[c as usize].ordinals;
        let target = &frame.columns()[self.target].ordinals;
        let groups = match &self.partition {
            Partition::Tree(tree) => tree.groups(column, frame.rows()),
            _ => Groups::whole(frame.rows()),
        };
        let right = (0..groups.len())
            .map(|g| {
                let agrees = |row: &&u32| target.get(**row as usize) == Some(self.answers[g]);
                groups.members(g).iter().filter(agrees).count()
            })
            .sum::<usize>();
        right as f64 / frame.rows().max(1) as f64
    }
}
