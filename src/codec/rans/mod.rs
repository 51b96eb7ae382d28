//! `Rans`: static range asymmetric numeral systems, one table for each group.

mod stream;
mod table;
mod tables;
mod wide;

use serde::{Deserialize, Serialize};

pub(super) use self::stream::{Run, Stream, write};
use super::alphabet::Symbol;
use super::entropy::{self, Kernel};
use super::kinds::Table;
use super::shared::Shared;
use super::{Block, Codec, CodecId, Encoded, Groups};
use crate::{Budget, Error, Lane, Result};

/// Codes words near the entropy of each group.
///
/// Byte lanes are coded byte by byte; in wider lanes the words that occur more than once have symbols, and the others
/// stand aside. Groups of equal words cost next to nothing, small groups a few bytes for their table.
///
/// ```
/// use losslaw::codec::{Codec, Rans};
/// use losslaw::{Budget, Lane, Limits};
/// let lane = Lane::from((0..10_000u32).map(|i| u8::from(i % 10 == 0)).collect::<Vec<_>>());
/// let coded = Rans::default().encode(&lane)?;
/// assert!(coded.params.len() < 610, "an entropy of 0.469 bits makes 587 bytes");
/// assert_eq!(Rans::default().decode(&coded.params, vec![], &mut Budget::new(&Limits::default()))?, lane);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540, 2013.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rans {
    /// States side by side: a power of two up to 32, which vectors decode fastest and scalars slower than 4. Unset, it
    /// is 1 below 2,048 words, 4 below 262,144, then 32.
    pub lanes: Option<u8>,
}

impl Rans {
    fn check(self) -> Result<Self> {
        match self.lanes {
            Some(lanes) if !lanes.is_power_of_two() || usize::from(lanes) > stream::MAX_LANES => {
                Err(Error::config("lanes", lanes, "1, 2, 4, 8, 16 or 32"))
            }
            _ => Ok(self),
        }
    }
}

/// The tables of all groups.
pub(super) type Tables = Vec<Table<table::Frequencies>>;

impl Kernel for Rans {
    const NAME: &'static str = "Rans";
    type Tables = Tables;

    fn ready(&self) -> Result<()> {
        self.check().map(|_| ())
    }

    fn groups(tables: &Self::Tables) -> usize {
        tables.len()
    }

    fn describe(
        pooled: &[u64],
        groups: usize,
        sizes_known: bool,
        mut counts: impl FnMut(usize, &mut [u64]),
    ) -> Vec<u8> {
        let mut writer = tables::Writer::new(pooled, sizes_known);
        let mut own = vec![0; pooled.len()];
        for group in 0..groups {
            own.fill(0);
            counts(group, &mut own);
            writer.group(&own);
        }
        writer.finish()
    }

    fn read_tables(
        bytes: &[u8],
        symbols: usize,
        sizes: &[usize],
        sizes_known: bool,
        budget: &mut Budget,
    ) -> Result<Self::Tables> {
        tables::read(bytes, symbols, sizes.len(), sizes_known.then_some(sizes), budget)
    }

    fn write_stream<S: Symbol>(&self, symbols: &[S], sizes: &[usize], tables: &Self::Tables) -> Result<Vec<u8>> {
        write(&[Run { symbols, sizes, tables }], self.lanes.map(usize::from))
    }

    fn read_stream<S: Symbol>(bytes: &[u8], sizes: &[usize], tables: &Self::Tables, out: &mut [S]) -> Result<()> {
        let mut stream = Stream::new(bytes)?;
        stream.read(sizes, tables, out)?;
        stream.end()
    }
}

impl Codec for Rans {
    crate::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        CodecId::RANS
    }

    entropy::kernel_methods!();
}
