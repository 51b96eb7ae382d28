//! Reading the bit streams of Huffman codes: of each group, stream s has the s-th quarter.
//!
//! Bits are taken from the highest of a byte to the lowest. A [`Cursor`] keeps the next bits of a stream at the top of a
//! 64-bit word, and below all of them a sentinel, one bit that is set: the zeros under it count the bits that are gone.
//!
//! Source: F. Giesen, "Reading bits in far too many ways", parts 2 and 3, 2018.

use super::FOUR_STREAMS;
use super::lengths::{Lengths, MAX_LENGTH};
use super::lookup::{LENGTH_BITS, LENGTH_MASK, Lookup, MOST, SLOTS, Several};
use crate::codec::alphabet::Symbol;
use crate::codec::dispatch::dispatched;
use crate::codec::kinds::{Table, coded_words};
use crate::wire::Reader;
use crate::{Error, Result};

const PART: &str = "Huffman stream";
/// Codes that fit into the bits which one load surely shows: 56, since the sentinel takes one.
pub(super) const PER_LOAD: usize = 5;
const _: () = assert!(PER_LOAD as u32 * MAX_LENGTH <= 56);
/// Longest codes of small tables, which fit the table of many a small group and are quickly laid out.
const SMALL: u32 = 8;
/// From this many words on, a table of several symbols is worth laying out.
const MANY: usize = 8192;

/// Restores the symbols of all groups.
pub(super) fn read<S: Symbol>(bytes: &[u8], sizes: &[usize], tables: &[Table<Lengths>], out: &mut [S]) -> Result<()> {
    let mut reader = Reader::new(bytes, PART);
    let coded = coded_words(sizes, tables);
    if coded == 0 {
        reader.end()?;
        return Decoder::<1>::new(&[], &[])?.run(sizes, tables, out);
    }
    if coded < FOUR_STREAMS {
        return Decoder::<1>::new(bytes, &[])?.run(sizes, tables, out);
    }
    let lengths = [reader.varint()?, reader.varint()?, reader.varint()?];
    let lengths = lengths.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    Decoder::<4>::new(reader.rest(), &lengths)?.run(sizes, tables, out)
}

/// The bits from bit `at` on, at least 57 of them, zeros after the end.
#[inline(always)]
fn load(stream: &[u8], at: usize) -> u64 {
    let bytes = stream.get(at / 8..).unwrap_or(&[]);
    let word = bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut last = [0; 8];
        let len = bytes.len().min(8);
        last[..len].copy_from_slice(&bytes[..len]);
        last
    });
    u64::from_be_bytes(word) << (at % 8)
}

/// A stream that is being read quickly, as long as there are eight bytes more, be it of the next stream.
#[derive(Clone, Copy)]
struct Cursor {
    /// The first byte of those last loaded.
    byte: usize,
    bits: u64,
}

impl Cursor {
    fn new(at: usize) -> Self {
        Self { byte: at / 8, bits: 1 << (at % 8) }
    }

    /// The bit that is read next.
    fn at(self) -> usize {
        self.byte * 8 + self.bits.trailing_zeros() as usize
    }

    /// Shows at least 56 bits more; false at the end.
    #[inline(always)]
    fn refill(&mut self, bytes: &[u8]) -> bool {
        let gone = self.bits.trailing_zeros();
        let byte = self.byte + gone as usize / 8;
        let Some(word) = bytes.get(byte..).and_then(<[u8]>::first_chunk) else { return false };
        self.byte = byte;
        self.bits = (u64::from_be_bytes(*word) | 1) << (gone % 8);
        true
    }
}

/// Streams that stand one after the other.
struct Decoder<'a, const STREAMS: usize> {
    bytes: &'a [u8],
    /// The bit at which each stream is read next.
    at: [usize; STREAMS],
    /// The byte at which each ends.
    ends: [usize; STREAMS],
}

impl<'a, const STREAMS: usize> Decoder<'a, STREAMS> {
    /// Streams of the given numbers of bytes, and one more that takes the rest.
    fn new(bytes: &'a [u8], lengths: &[usize]) -> Result<Self> {
        let (mut at, mut ends, mut end) = ([0; STREAMS], [bytes.len(); STREAMS], 0usize);
        for (s, &length) in lengths.iter().enumerate() {
            end = end.saturating_add(length);
            if end > bytes.len() {
                return Err(Error::Truncated { part: PART, needed: (end - bytes.len()) as u64 });
            }
            ends[s] = end;
            at[s + 1] = end * 8;
        }
        Ok(Self { bytes, at, ends })
    }

    fn run<S: Symbol>(mut self, sizes: &[usize], tables: &[Table<Lengths>], out: &mut [S]) -> Result<()> {
        let (mut small, mut large) = (Lookup::<SMALL, { 1 << SMALL }>::new(), Lookup::<MAX_LENGTH, SLOTS>::new());
        let mut several = None;
        let mut rest = out;
        for (&size, table) in sizes.iter().zip(tables) {
            let (group, after) = rest.split_at_mut(size);
            rest = after;
            let lengths = match table {
                _ if size == 0 => continue,
                Table::Empty => return Err(Error::corrupt(PART, "a group with words has no table", 0)),
                Table::Constant(symbol) => {
                    group.fill(S::of(*symbol));
                    continue;
                }
                Table::Coded(lengths) => lengths,
            };
            if size >= MANY
                && short_on_average(lengths)
                && let Some(group) = S::bytes(group)
            {
                let several = several.get_or_insert_with(Several::new);
                large.fill(lengths);
                several.fill(&large, lengths);
                self.several(several, &large, group);
            } else if lengths.iter().all(|&(_, length)| u32::from(length) <= SMALL) {
                small.fill(lengths);
                self.group(&small, group);
            } else {
                large.fill(lengths);
                self.group(&large, group);
            }
        }
        self.end()
    }

    fn end(&self) -> Result<()> {
        for (end, at) in self.ends.into_iter().zip(self.at) {
            let missing = at.div_ceil(8).saturating_sub(end);
            if missing > 0 {
                return Err(Error::Truncated { part: PART, needed: missing as u64 });
            }
            let left = end * 8 - at;
            if left >= 8 || (left > 0 && load(self.bytes, at) >> (64 - left) != 0) {
                return Err(Error::corrupt(PART, "bits are left over", at / 8));
            }
        }
        Ok(())
    }

    /// Reads one group. A stream that ends too early is followed by others or by zeros, and [`Decoder::end`] finds out.
    fn group<S: Symbol, const LOG: u32, const SLOTS: usize>(&mut self, lookup: &Lookup<LOG, SLOTS>, out: &mut [S]) {
        let mut cursors = self.at.map(Cursor::new);
        let done = dispatched(
            #[inline(always)]
            || blocks(self.bytes, &mut cursors, lookup, out),
        );
        for ((quarter, at), cursor) in quarters::<S, STREAMS>(out).into_iter().zip(&mut self.at).zip(cursors) {
            *at = one_by_one(lookup, self.bytes, cursor.at(), &mut quarter[done * PER_LOAD..]);
        }
    }

    /// Reads one group of bytes with short codes, several at a time.
    fn several(&mut self, several: &Several, single: &Lookup<MAX_LENGTH, SLOTS>, out: &mut [u8]) {
        let (mut cursors, mut done) = (self.at.map(Cursor::new), [0; STREAMS]);
        dispatched(
            #[inline(always)]
            || side_by_side(several, self.bytes, &mut cursors, &mut quarters(out), &mut done),
        );
        for (s, part) in quarters::<_, STREAMS>(out).into_iter().enumerate() {
            let (mut cursor, mut done) = ([cursors[s]], [done[s]]);
            side_by_side(several, self.bytes, &mut cursor, &mut [&mut *part], &mut done);
            self.at[s] = one_by_one(single, self.bytes, cursor[0].at(), &mut part[done[0]..]);
        }
    }
}

/// Reads loads of single symbols from all streams, as far as all have some; returns their number.
#[inline(always)]
fn blocks<S: Symbol, const LOG: u32, const SLOTS: usize, const STREAMS: usize>(
    bytes: &[u8],
    cursors: &mut [Cursor; STREAMS],
    lookup: &Lookup<LOG, SLOTS>,
    out: &mut [S],
) -> usize {
    let mut local = *cursors;
    let parts = quarters::<S, STREAMS>(out).map(|quarter| quarter.as_chunks_mut::<PER_LOAD>().0);
    let whole = parts.iter().map(|blocks| blocks.len()).min().unwrap_or(0);
    let mut parts = parts.map(|blocks| &mut blocks[..whole]);
    let mut done = 0;
    'blocks: while done < whole {
        for cursor in &mut local {
            if !cursor.refill(bytes) {
                break 'blocks;
            }
        }
        for (cursor, blocks) in local.iter_mut().zip(&mut parts) {
            for symbol in &mut blocks[done] {
                let packed = lookup.get(cursor.bits);
                *symbol = S::of(packed >> LENGTH_BITS);
                cursor.bits <<= packed & LENGTH_MASK;
            }
        }
        done += 1;
    }
    *cursors = local;
    done
}

/// Reads loads of several symbols, as far as all streams and their parts have room for one more; `done` counts the
/// symbols of each part.
#[inline(always)]
fn side_by_side<const STREAMS: usize>(
    several: &Several,
    bytes: &[u8],
    cursors: &mut [Cursor; STREAMS],
    parts: &mut [&mut [u8]; STREAMS],
    done: &mut [usize; STREAMS],
) {
    let (mut local, mut at) = (*cursors, *done);
    'all: loop {
        // No stream can fill its part within so many loads.
        let room = (0..STREAMS).map(|s| parts[s].len().saturating_sub(at[s] + 8)).min().unwrap_or(0);
        let loads = room / (PER_LOAD * MOST);
        if loads == 0 {
            break;
        }
        for _ in 0..loads {
            for cursor in &mut local {
                if !cursor.refill(bytes) {
                    break 'all;
                }
            }
            // Stream by stream the processor would see too little of the others to work on them meanwhile.
            for _ in 0..PER_LOAD {
                for s in 0..STREAMS {
                    let entry = several.get(local[s].bits);
                    let Some(room) = parts[s].get_mut(at[s]..).and_then(<[u8]>::first_chunk_mut) else { break 'all };
                    *room = (entry >> 8).to_le_bytes();
                    at[s] += (entry >> 56) as usize;
                    local[s].bits <<= entry & 63;
                }
            }
        }
    }
    (*cursors, *done) = (local, at);
}

fn one_by_one<S: Symbol, const LOG: u32, const SLOTS: usize>(
    lookup: &Lookup<LOG, SLOTS>,
    bytes: &[u8],
    mut at: usize,
    out: &mut [S],
) -> usize {
    for symbol in out {
        let packed = lookup.get(load(bytes, at));
        *symbol = S::of(packed >> LENGTH_BITS);
        at += usize::from(packed & LENGTH_MASK);
    }
    at
}

/// The parts of a group, all as long as the first but for what is missing at the end.
#[inline(always)]
fn quarters<S, const STREAMS: usize>(out: &mut [S]) -> [&mut [S]; STREAMS] {
    let quarter = out.len().div_ceil(STREAMS);
    let mut rest = out;
    std::array::from_fn(|_| {
        let len = quarter.min(rest.len());
        let (own, after) = std::mem::take(&mut rest).split_at_mut(len);
        rest = after;
        own
    })
}

/// Whether words coded as well as lengths can take less than six bits each: of others there are hardly two in a lookup.
fn short_on_average(lengths: &Lengths) -> bool {
    let bits: u32 = lengths.iter().map(|&(_, length)| u32::from(length) << (MAX_LENGTH - u32::from(length))).sum();
    bits < 6 << MAX_LENGTH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lengths::optimal;
    use super::super::write::write;
    use super::*;

    proptest! {
        #[test]
        fn several_at_a_time_gives_what_one_by_one_gives(
            words in prop::collection::vec((0u8..=255, 0u32..12), 0..3000), repeat in 1usize..8,
        ) {
            let symbols: Vec<u8> = words.iter().map(|&(word, shift)| word >> shift.min(7)).collect::<Vec<_>>().repeat(repeat);
            let mut counts = [0; 256];
            symbols.iter().for_each(|&symbol| counts[usize::from(symbol)] += 1);
            let lengths: Lengths = (0..).zip(optimal(&counts)).filter(|l| l.1 > 0).collect();
            prop_assume!(lengths.len() > 1);
            let bytes = write(&symbols, &[symbols.len()], &[Table::Coded(lengths.clone())]).unwrap();
            let (mut single, mut several) = (Lookup::new(), Several::new());
            single.fill(&lengths);
            several.fill(&single, &lengths);
            let mut out = vec![170; symbols.len()];
            let mut wide = vec![0u16; symbols.len()];
            if symbols.len() < FOUR_STREAMS {
                let mut decoder = Decoder::<1>::new(&bytes, &[]).unwrap();
                decoder.several(&several, &single, &mut out);
                decoder.end().unwrap();
                decoder.at = [0];
                decoder.group(&single, &mut wide);
                decoder.end().unwrap();
            } else {
                let mut reader = Reader::new(&bytes, PART);
                let lengths = std::array::from_fn::<_, 3, _>(|_| reader.varint().unwrap() as usize);
                let mut decoder = Decoder::<4>::new(reader.rest(), &lengths).unwrap();
                let begin = decoder.at;
                decoder.several(&several, &single, &mut out);
                decoder.end().unwrap();
                decoder.at = begin;
                decoder.group(&single, &mut wide);
                decoder.end().unwrap();
            }
            prop_assert!(wide.iter().zip(&symbols).all(|(&a, &b)| a == u16::from(b)));
            prop_assert_eq!(out, symbols);
        }
    }
}
