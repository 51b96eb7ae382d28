//! Writing the bit streams of Huffman codes: of each group, stream s has the s-th quarter.

use super::FOUR_STREAMS;
use super::lengths::{Lengths, MAX_LENGTH, codes};
use crate::codec::alphabet::{MAX_SYMBOLS, Symbol};
use crate::codec::dispatch::dispatched;
use crate::codec::kinds::{Table, coded_words};
use crate::wire::put_varint;
use crate::{Error, Result};

/// Codes put together before they are written: with up to seven bits left from before they must fit into 64.
const BLOCK: usize = 5;
const _: () = assert!(BLOCK as u32 * MAX_LENGTH + 7 <= 64);
/// Words coded at a time into a buffer that stays in the first-level cache.
const PIECE: usize = 3000;

/// Codes symbols that stand group after group.
pub(super) fn write<S: Symbol>(symbols: &[S], sizes: &[usize], tables: &[Table<Lengths>]) -> Result<Vec<u8>> {
    match coded_words(sizes, tables) {
        0 => write_as::<S, 0>(symbols, sizes, tables),
        1..FOUR_STREAMS => write_as::<S, 1>(symbols, sizes, tables),
        _ => write_as::<S, 4>(symbols, sizes, tables),
    }
}

fn write_as<S: Symbol, const STREAMS: usize>(
    symbols: &[S],
    sizes: &[usize],
    tables: &[Table<Lengths>],
) -> Result<Vec<u8>> {
    let mut streams: [Writer; STREAMS] = std::array::from_fn(|_| Writer::default());
    let mut all_codes = Codes([Codes::UNSEEN; MAX_SYMBOLS]);
    let mut rest = symbols;
    for (&size, table) in sizes.iter().zip(tables) {
        let (group, after) = rest.split_at(size);
        rest = after;
        let all_known = match table {
            Table::Empty => size == 0,
            Table::Constant(symbol) => group.iter().all(|s| s.index() == usize::from(*symbol)),
            Table::Coded(lengths) => {
                all_codes.set(lengths);
                let quarter = size.div_ceil(STREAMS.max(1)).max(1);
                let known = group.chunks(quarter).zip(&mut streams).map(|(part, stream)| stream.put(part, &all_codes));
                let known = known.fold(true, |all, known| all & known);
                all_codes.clear(lengths);
                known
            }
        };
        if !all_known {
            return Err(Error::Unsuitable {
                codec: "Huffman",
                why: "a word was not among those that were learnt from",
            });
        }
    }
    let streams = streams.map(Writer::finish);
    let Some((_, others)) = streams.split_last() else { return Ok(vec![]) };
    let mut out = vec![];
    others.iter().for_each(|stream| put_varint(&mut out, stream.len() as u64));
    streams.iter().for_each(|stream| out.extend_from_slice(stream));
    Ok(out)
}

/// Length (bits 0 to 7) and code (from bit 8) of each symbol.
struct Codes([u32; MAX_SYMBOLS]);

impl Codes {
    /// Stands for a symbol without a code.
    const UNSEEN: u32 = 1 << 31;

    fn set(&mut self, lengths: &Lengths) {
        for (symbol, length, code) in codes(lengths) {
            self.0[usize::from(symbol)] = u32::from(code) << 8 | u32::from(length);
        }
    }

    fn clear(&mut self, lengths: &Lengths) {
        lengths.iter().for_each(|&(symbol, _)| self.0[usize::from(symbol)] = Self::UNSEEN);
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// Bits not yet in `bytes` are the lowest `count`, less than 8; what is above them is stale.
    pending: u64,
    count: u32,
}

impl Writer {
    /// Codes some symbols; false if one of them has no code.
    fn put<S: Symbol>(&mut self, symbols: &[S], codes: &Codes) -> bool {
        dispatched(
            #[inline(always)]
            || self.put_here(symbols, codes),
        )
    }

    #[inline(always)]
    fn put_here<S: Symbol>(&mut self, symbols: &[S], codes: &Codes) -> bool {
        let mut buffer = [0; PIECE * MAX_LENGTH as usize / 8 + 16];
        let (mut pending, mut count, mut unseen) = (self.pending, self.count, 0);
        for piece in symbols.chunks(PIECE) {
            let mut filled = 0;
            let (blocks, tail) = piece.as_chunks::<BLOCK>();
            for block in blocks.iter().map(|block| &block[..]).chain([tail]) {
                // Put together first: the chain from block to block is then one shift.
                let (mut bits, mut lengths) = (0, 0u32);
                for symbol in block {
                    let code = codes.0[symbol.index() % MAX_SYMBOLS];
                    unseen |= code;
                    bits = bits << (code & 63) | u64::from(code >> 8);
                    // Of the sum only the lowest byte counts, which five lengths cannot fill.
                    lengths = lengths.wrapping_add(code);
                }
                let length = lengths & 63;
                pending = pending << length | bits;
                count += length;
                buffer[filled..filled + 8].copy_from_slice(&(pending << ((64 - count) & 63)).to_be_bytes());
                filled += count as usize / 8;
                count %= 8;
            }
            self.bytes.extend_from_slice(&buffer[..filled]);
        }
        (self.pending, self.count) = (pending, count);
        unseen < Codes::UNSEEN
    }

    /// The stream, the last byte filled with zero bits.
    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push((self.pending << (8 - self.count)) as u8);
        }
        self.bytes
    }
}
