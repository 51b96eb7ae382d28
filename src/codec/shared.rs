//! What the blocks of a lane share: bytes, and what a codec made of them.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use crate::{Budget, Result};

/// The grouped methods of a [`Codec`](super::Codec) that keeps what it reads from shared bytes: those for one of several
/// blocks, with nothing kept before or after.
macro_rules! grouped_as_blocks {
    () => {
        fn encode_grouped(&self, input: &Lane, groups: &Groups, shared: &[u8]) -> Result<Encoded> {
            self.encode_block(input, groups, &shared.to_vec().into())
        }

        $crate::codec::shared::decode_grouped_as_block!();
    };
}
pub(super) use grouped_as_blocks;

/// The half of these methods that reads, for a codec that writes all blocks alike.
macro_rules! decode_grouped_as_block {
    () => {
        fn decode_grouped(
            &self,
            params: &[u8],
            children: Vec<Lane>,
            groups: &Groups,
            shared: &[u8],
            budget: &mut Budget,
        ) -> Result<Lane> {
            self.decode_block(params, children, groups, &shared.to_vec().into(), budget)
        }
    };
}
pub(super) use decode_grouped_as_block;

/// Bytes that [`Codec::learn`](super::Codec::learn) returned, and what its codec read from them, so that a model of many
/// tables is read once and not with each block.
///
/// ```
/// use losslaw::codec::Shared;
/// use losslaw::{Budget, Limits};
/// let shared = Shared::from(vec![3, 4]);
/// let mut budget = Budget::new(&Limits::default());
/// let mut sum = || shared.read_once(&mut budget, |bytes, _| Ok(bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>()));
/// assert_eq!((*sum()?, *sum()?), (7, 7));
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Shared {
    bytes: Vec<u8>,
    kept: OnceLock<Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    model: Arc<dyn Any + Send + Sync>,
    /// Memory that reading took from a budget.
    cost: u64,
}

impl Shared {
    /// The bytes; none if nothing was learnt.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What `read` makes of the bytes, or made of them before. A second type of model is read anew at each call.
    ///
    /// Each call takes from its budget what the first one took: it does not matter which block comes first.
    ///
    /// # Errors
    /// Those of `read`, and of a budget that is spent.
    pub fn read_once<T: Any + Send + Sync>(
        &self,
        budget: &mut Budget,
        read: impl FnOnce(&[u8], &mut Budget) -> Result<T>,
    ) -> Result<Arc<T>> {
        if let Some(Kept { model, cost }) = self.kept.get()
            && let Ok(model) = model.clone().downcast::<T>()
        {
            budget.spend(*cost)?;
            return Ok(model);
        }
        let before = budget.memory_left();
        let model = Arc::new(read(&self.bytes, budget)?);
        let cost = before - budget.memory_left();
        // Another thread may have been faster; both have read the same.
        self.kept.get_or_init(|| Kept { model: model.clone(), cost });
        Ok(model)
    }
}

impl From<Vec<u8>> for Shared {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, kept: OnceLock::new() }
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Shared {}

#[cfg(test)]
mod tests {
    use super::super::{Block, Codec, Groups, Huffman, Rans};
    use super::*;
    use crate::{Lane, Limits};

    #[test]
    fn a_model_is_paid_for_each_time_and_by_the_poor_as_well() {
        let lane = Lane::from((0..4000u32).map(|i| (i % 13 * i % 7) as u8).collect::<Vec<_>>());
        let groups = Groups::from_leaf_of_row(&(0..4000).map(|i| i % 9).collect::<Vec<_>>(), 9).unwrap();
        for codec in [&Rans::default() as &dyn Codec, &Huffman::default()] {
            let shared = Shared::from(codec.learn(&[Block { lane: lane.clone(), groups: groups.clone() }]).unwrap());
            let coded = codec.encode_grouped(&lane, &groups, shared.bytes()).unwrap().params;
            let left = |memory_bytes| {
                let mut budget = Budget::new(&Limits { memory_bytes, ..Limits::default() });
                let back = codec.decode_block(&coded, vec![], &groups, &shared, &mut budget)?;
                assert_eq!(back, lane);
                Ok::<_, crate::Error>(budget.memory_left())
            };
            let first = left(1 << 20).unwrap();
            assert!(shared.kept.get().is_some());
            assert_eq!(left(1 << 20).unwrap(), first);
            assert!(left((1 << 20) - first - 1).is_err());
        }
    }
}
