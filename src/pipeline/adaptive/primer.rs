//! What the first blocks of a table teach about all others.
//!
//! The counts of a *primed* column begin each block with what the first blocks, the *primer*, taught them, not with
//! nothing. Stored tables would have to say in bytes what rows say for nothing: a block that is decoded alone takes
//! the time of the primer besides, which is why the primer is short.

use std::borrow::Cow;

use super::leaves::Counts;
use crate::{Budget, Error, Result};

/// Rows of a primer, unless the first block has more. Counts beside many classes learn for long: with half as many rows,
/// blocks of 16,384 cost twice as much.
pub(super) const MOST_ROWS: usize = 1 << 17;

/// Bytes of memory that the counts of all columns together may take, so that a wide table decodes within the usual limits.
const MOST_MEMORY: u64 = 1 << 30;

/// Bytes of memory that the counts of one column among so many may take if it is to be primed.
pub(super) fn most_memory(columns: usize) -> u64 {
    MOST_MEMORY / columns.max(1) as u64
}

/// How many blocks, given the rows of each, make up the primer: the first one, and those behind it as long as they have
/// at most [`MOST_ROWS`] rows together.
pub(in crate::pipeline) fn primer_blocks(rows: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0usize;
    let is_short = |own: &usize| {
        sum = sum.saturating_add(*own);
        sum <= MOST_ROWS
    };
    rows.take_while(is_short).count().max(1)
}

/// The counts of primed columns behind the blocks of the primer that were decoded.
#[derive(Debug)]
pub(in crate::pipeline) struct Primer {
    columns: Vec<Option<Counts>>,
}

impl Primer {
    /// Nothing is known of these many columns.
    pub fn new(columns: usize) -> Self {
        Self { columns: vec![None; columns] }
    }

    /// Bytes of memory that the counts take.
    pub fn memory(&self) -> u64 {
        self.columns.iter().flatten().map(|counts| counts.memory).sum()
    }
}

/// What the columns of a block begin with.
pub(in crate::pipeline) enum Primed<'a> {
    /// The block belongs to the primer: counts go on through it.
    Learning(&'a mut Primer),
    /// It does not: counts are those behind the primer.
    Learnt(&'a Primer),
}

impl<'a> Primed<'a> {
    /// What a primed column begins with; none in the first block. Counts that others need too are lent.
    pub fn begin(&mut self, column: usize) -> Option<Cow<'a, Counts>> {
        match self {
            Self::Learning(primer) => primer.columns[column].take().map(Cow::Owned),
            Self::Learnt(primer) => {
                let primer: &'a Primer = primer;
                primer.columns[column].as_ref().map(Cow::Borrowed)
            }
        }
    }

    /// Keeps what a primed column ends with, if other blocks begin with it; `paid` bytes of it have been paid for.
    pub fn end(&mut self, column: usize, counts: Option<Counts>, paid: u64, budget: &mut Budget) -> Result<()> {
        let what = "mixed contexts are primed";
        let counts = counts.ok_or_else(|| Error::corrupt("columns", what, 0))?;
        if let Self::Learning(primer) = self {
            budget.spend(counts.memory.saturating_sub(paid))?;
            primer.columns[column] = Some(counts);
        }
        Ok(())
    }

    /// Pays for what the blocks of the primer before this one left behind; others were paid for once for all.
    pub fn spend(&self, budget: &mut Budget) -> Result<()> {
        if let Self::Learning(primer) = self { budget.spend(primer.memory()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primer_is_the_first_block_and_more_short_ones() {
        let blocks = |rows: &[usize]| primer_blocks(rows.iter().copied());
        assert_eq!(blocks(&[]), 1);
        assert_eq!(blocks(&[1 << 20, 1]), 1);
        assert_eq!(blocks(&[1 << 14; 9]), 8);
        assert_eq!(blocks(&[100_000, 31_072, 0, 1]), 3);
        assert_eq!(blocks(&[usize::MAX, usize::MAX]), 1);
    }
}
