//! Groups of words: the subsets (leaves) into which a partition divides a lane.

use crate::{Error, Lane, Result, Word, with_words};

/// Divides the words of a lane into groups; inside a group the order of the lane is kept.
///
/// Groups are numbered from zero and may be empty.
///
/// ```
/// use losslaw::codec::Groups;
/// let groups = Groups::from_leaf_of_row(&[1, 0, 1, 1], 2)?;
/// assert_eq!(groups.members(0), [1]);
/// assert_eq!(groups.members(1), [0, 2, 3]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    order: Vec<u32>,
    starts: Vec<u32>,
}

impl Groups {
    /// All `len` words in one group.
    pub fn whole(len: usize) -> Self {
        Self { order: (0..len as u32).collect(), starts: vec![0, len as u32] }
    }

    /// Groups from word indices sorted by group, and where each group starts (with the end behind the last).
    pub(crate) fn from_order(order: Vec<u32>, starts: Vec<u32>) -> Self {
        debug_assert_eq!(starts.last().map(|&end| end as usize), Some(order.len()));
        Self { order, starts }
    }

    /// Groups from the group number of each word, by counting sort.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a number is not below `groups`.
    pub fn from_leaf_of_row(leaf_of_row: &[u32], groups: usize) -> Result<Self> {
        let mut starts = vec![0u32; groups + 1];
        for &leaf in leaf_of_row {
            *starts.get_mut(leaf as usize + 1).ok_or(Error::Corrupt {
                part: "groups",
                what: "a leaf number is too large",
                at: 0,
            })? += 1;
        }
        for g in 0..groups {
            starts[g + 1] += starts[g];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; leaf_of_row.len()];
        for (row, &leaf) in leaf_of_row.iter().enumerate() {
            let place = &mut next[leaf as usize];
            order[*place as usize] = row as u32;
            *place += 1;
        }
        Ok(Self { order, starts })
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no group at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of words in all groups.
    pub fn rows(&self) -> usize {
        self.order.len()
    }

    /// Word indices of one group, ascending.
    pub fn members(&self, group: usize) -> &[u32] {
        &self.order[self.range(group)]
    }

    /// Where one group stands in a gathered lane.
    pub fn range(&self, group: usize) -> std::ops::Range<usize> {
        self.starts[group] as usize..self.starts[group + 1] as usize
    }

    /// Word indices, group after group.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The words of a lane, group after group.
    pub fn gather(&self, lane: &Lane) -> Lane {
        if self.len() == 1 { lane.clone() } else { lane.gather(&self.order) }
    }

    /// Inverse of [`Groups::gather`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the lane does not hold one word for each row.
    pub fn scatter(&self, gathered: Lane) -> Result<Lane> {
        if gathered.len() != self.rows() {
            return Err(Error::Corrupt { part: "groups", what: "a lane does not fit its groups", at: 0 });
        }
        if self.len() == 1 {
            return Ok(gathered);
        }
        Ok(with_words!(&gathered, words => Word::wrap(scatter_words(words, &self.order))))
    }
}

fn scatter_words<W: Word>(gathered: &[W], order: &[u32]) -> Vec<W> {
    let mut out = vec![W::zero(); gathered.len()];
    for (&word, &row) in gathered.iter().zip(order) {
        out[row as usize] = word;
    }
    out
}
