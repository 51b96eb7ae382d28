//! What decoding may cost: [`Limits`] are set by the caller, a [`Budget`] is spent while reading.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Most words one lane may hold, fixed by the format, so that a claimed size always has a bound.
pub const MAX_LANE_LEN: usize = 1 << 24;

/// Most rows one block of a table may hold, fixed by the format.
pub const MAX_BLOCK_ROWS: usize = 1 << 20;

/// Deepest tree of codecs the format allows.
pub const MAX_PLAN_DEPTH: u32 = 8;

/// Upper bounds on what decoding may use.
///
/// ```
/// use losslaw::Limits;
/// let limits = Limits { output_bytes: 1 << 20, ..Limits::default() };
/// assert!(limits.memory_bytes >= limits.output_bytes);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of decoded output.
    pub output_bytes: u64,
    /// Bytes of working memory spent on lanes, tables and trees of one section.
    pub memory_bytes: u64,
    /// Nodes of one tree.
    pub tree_nodes: u64,
    /// Sections of one container.
    pub sections: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output_bytes: 1 << 40, memory_bytes: 4 << 30, tree_nodes: 1 << 20, sections: 1 << 32 }
    }
}

/// What is left of the [`Limits`] while one container is read.
///
/// A length read from a file is paid for here before anything is allocated for it.
#[derive(Debug, Clone)]
pub struct Budget {
    memory: u64,
    nodes: u64,
    depth: u32,
}

impl Budget {
    /// A full budget.
    pub fn new(limits: &Limits) -> Self {
        Self { memory: limits.memory_bytes, nodes: limits.tree_nodes, depth: MAX_PLAN_DEPTH }
    }

    /// Pays for `count` values of type `T` and returns `count` as a length.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] when the format's cap on a lane or the remaining memory is passed.
    ///
    /// ```
    /// use losslaw::{Budget, Limits};
    /// let mut budget = Budget::new(&Limits::default());
    /// assert_eq!(budget.reserve::<u32>(1000)?, 1000);
    /// assert!(budget.reserve::<u32>(1 << 60).is_err());
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn reserve<T>(&mut self, count: u64) -> Result<usize> {
        if count > MAX_LANE_LEN as u64 {
            return Err(Error::LimitExceeded { what: "words in a lane", asked: count, allowed: MAX_LANE_LEN as u64 });
        }
        self.spend(count * size_of::<T>() as u64)?;
        Ok(count as usize)
    }

    /// Pays for `bytes` bytes of memory.
    pub fn spend(&mut self, bytes: u64) -> Result<()> {
        self.memory = self.memory.checked_sub(bytes).ok_or(Error::LimitExceeded {
            what: "memory",
            asked: bytes,
            allowed: self.memory,
        })?;
        Ok(())
    }

    /// Bytes of memory that are left.
    pub(crate) fn memory_left(&self) -> u64 {
        self.memory
    }

    /// Pays for `count` tree nodes.
    pub fn nodes(&mut self, count: u64) -> Result<usize> {
        self.nodes = self.nodes.checked_sub(count).ok_or(Error::LimitExceeded {
            what: "tree nodes",
            asked: count,
            allowed: self.nodes,
        })?;
        Ok(count as usize)
    }

    /// Runs `inner` one level deeper in a plan.
    pub fn descend<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth = self.depth.checked_sub(1).ok_or(Error::LimitExceeded {
            what: "plan depth",
            asked: u64::from(MAX_PLAN_DEPTH) + 1,
            allowed: u64::from(MAX_PLAN_DEPTH),
        })?;
        let out = inner(self);
        self.depth += 1;
        out
    }
}
