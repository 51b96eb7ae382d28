//! `Huffman`: canonical prefix codes of at most 11 bits, one table for each group.

mod lengths;
mod lookup;
mod read;
mod tables;
mod write;

use serde::{Deserialize, Serialize};

use super::alphabet::Symbol;
use super::entropy::{self, Kernel};
use super::kinds::Table;
use super::shared::Shared;
use super::{Block, Codec, CodecId, Encoded, Groups};
use crate::{Budget, Lane, Result};

/// From this many coded words on there are four streams, which are decoded side by side; below there is one.
const FOUR_STREAMS: usize = 4096;

/// Codes each word in a whole number of bits: quicker than [`Rans`](super::Rans), and larger where one word prevails.
///
/// Byte lanes are coded byte by byte; in wider lanes the words that occur more than once have symbols, and the others
/// stand aside. Groups of equal words cost next to nothing.
///
/// ```
/// use losslaw::codec::{Codec, Huffman};
/// use losslaw::{Budget, Lane, Limits};
/// let lane = Lane::from((0..8000u32).map(|i| (i % 8).trailing_zeros() as u8).collect::<Vec<_>>());
/// let coded = Huffman::default().encode(&lane)?;
/// assert!(coded.params.len() < 1780, "1.75 bits a word");
/// assert_eq!(Huffman::default().decode(&coded.params, vec![], &mut Budget::new(&Limits::default()))?, lane);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: D. Huffman, "A method for the construction of minimum-redundancy codes", Proc. IRE 40(9), 1952.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Huffman {}

/// The tables of all groups.
type Tables = Vec<Table<lengths::Lengths>>;

impl Kernel for Huffman {
    const NAME: &'static str = "Huffman";
    type Tables = Tables;

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
        write::write(symbols, sizes, tables)
    }

    fn read_stream<S: Symbol>(bytes: &[u8], sizes: &[usize], tables: &Self::Tables, out: &mut [S]) -> Result<()> {
        read::read(bytes, sizes, tables, out)
    }
}

impl Codec for Huffman {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::HUFFMAN
    }

    entropy::kernel_methods!();
}
