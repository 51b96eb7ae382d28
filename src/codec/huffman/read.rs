//! Reading the bit streams of Huffman codes: of each group, stream s has the s-th quarter.
//!
//! Bits are taken from the highest of a byte to the lowest. A [`Cursor`] keeps the next bits of a stream at the top of a
//! 64-bit word, and below all of them a sentinel, one bit that is set: the zeros under it count the bits that are gone.
//!
//! Source: F. Giesen, "Reading bits in far too many ways", parts 2 and 3, 2018.

use super::FOUR_STREAMS;
use super::lengths::{Lengths, MAX_LENGTH};
use super::lookup::{COUNT_AT, LENGTH_BITS, LENGTH_MASK, Lookup, MOST, SLOTS, Several};
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
/// Loads of several symbols from each stream between two looks at the room that is left.
const LOADS: usize = 4;
/// Bytes that so many loads can reach: with as many, the compiler sees that no number of symbols leads out of them.
const ROOM: usize = (1 << (64 - COUNT_AT)) + 8;
const _: () = assert!(LOADS * PER_LOAD * MOST + 8 <= ROOM);
/// Bytes they can come from, however many bits a byte can count: the first one may have lost seven already.
const SHOWN: usize = (1 << 8) / 8 + 8;
const _: () = assert!(7 + (LOADS * PER_LOAD) as u32 * MAX_LENGTH < 1 << 8);
/// Bytes that one load can reach.
const LITTLE_ROOM: usize = PER_LOAD * MOST + 8;
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
                several.fill(lengths);
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
        let mut parts = quarters(out);
        dispatched(
            #[inline(always)]
            || side_by_side::<STREAMS, LOADS, ROOM>(several, self.bytes, &mut self.at, &mut parts),
        );
        for (part, at) in parts.into_iter().zip(&mut self.at) {
            let (mut alone, mut left) = ([*at], [part]);
            side_by_side::<1, 1, LITTLE_ROOM>(several, self.bytes, &mut alone, &mut left);
            *at = one_by_one(single, self.bytes, alone[0], left[0]);
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

/// Reads loads of several symbols, as far as all streams have bits and their parts room for `LOADS` more; `parts` are
/// then what is left of them.
///
/// The processor is busy with shifts, additions and memory, all near their limits, so each entry is added up as a whole:
/// the sum tells both how many bits of the stream are gone and where in the room the next symbols belong.
#[inline(always)]
fn side_by_side<const STREAMS: usize, const LOADS: usize, const ROOM: usize>(
    several: &Several,
    bytes: &[u8],
    at: &mut [usize; STREAMS],
    parts: &mut [&mut [u8]; STREAMS],
) {
    let (mut local, mut left) = (*at, parts.each_mut().map(std::mem::take));
    while left.iter().all(|part| part.len() >= ROOM) {
        let shown = local.map(|at| bytes.get(at / 8..at / 8 + SHOWN).and_then(<[u8]>::first_chunk::<SHOWN>));
        if shown.iter().any(Option::is_none) {
            break;
        }
        let shown = shown.map(|bytes| bytes.expect("there for each"));
        let rooms = left.each_mut().map(|part| part.first_chunk_mut::<ROOM>().expect("long enough"));
        let mut sums = local.map(|at| at as u64 % 8);
        for _ in 0..LOADS {
            let mut bits = [0; STREAMS];
            for s in 0..STREAMS {
                let word = shown[s][usize::from(sums[s] as u8) / 8..].first_chunk().expect("fewer bits than shown");
                bits[s] = u64::from_be_bytes(*word) << (sums[s] % 8);
            }
            // Stream by stream the processor would see too little of the others to work on them meanwhile.
            for _ in 0..PER_LOAD {
                for s in 0..STREAMS {
                    let entry = several.get(bits[s]);
                    let room = rooms[s][(sums[s] >> COUNT_AT) as usize..].first_chunk_mut().expect("room");
                    *room = (entry >> 8).to_le_bytes();
                    sums[s] = sums[s].wrapping_add(entry);
                    bits[s] <<= entry & 63;
                }
            }
        }
        for s in 0..STREAMS {
            local[s] = local[s] / 8 * 8 + usize::from(sums[s] as u8);
            left[s] = &mut std::mem::take(&mut left[s])[(sums[s] >> COUNT_AT) as usize..];
        }
    }
    (*at, *parts) = (local, left);
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

    /// Several at a time and one by one, from streams of `bytes` of which all but the last are as long as `lengths` says;
    /// true if nothing is missing or left over.
    fn both_ways<const STREAMS: usize>(
        bytes: &[u8],
        lengths: &[usize],
        (single, several): (&Lookup<MAX_LENGTH, SLOTS>, &Several),
        words: usize,
    ) -> (Vec<u8>, Vec<u16>, bool) {
        let (mut out, mut wide) = (vec![170; words], vec![170; words]);
        let mut decoder = Decoder::<STREAMS>::new(bytes, lengths).unwrap();
        let begin = decoder.at;
        decoder.several(several, single, &mut out);
        let end = std::mem::replace(&mut decoder.at, begin);
        decoder.group(single, &mut wide);
        assert_eq!(decoder.at, end);
        (out, wide, decoder.end().is_ok())
    }

    proptest! {
        #[test]
        fn several_at_a_time_gives_what_one_by_one_gives(
            words in prop::collection::vec((0u8..=255, 0u32..12), 0..3000), repeat in 1usize..8, cut in 1usize..2000,
        ) {
            let symbols: Vec<u8> = words.iter().map(|&(word, shift)| word >> shift.min(7)).collect::<Vec<_>>().repeat(repeat);
            let mut counts = [0; 256];
            symbols.iter().for_each(|&symbol| counts[usize::from(symbol)] += 1);
            let lengths: Lengths = (0..).zip(optimal(&counts)).filter(|l| l.1 > 0).collect();
            prop_assume!(lengths.len() > 1);
            let bytes = write(&symbols, &[symbols.len()], &[Table::Coded(lengths.clone())]).unwrap();
            let (mut single, mut several) = (Lookup::new(), Several::new());
            single.fill(&lengths);
            several.fill(&lengths);
            let read = |cut: usize| {
                if symbols.len() < FOUR_STREAMS {
                    let kept = bytes.len().saturating_sub(cut);
                    return both_ways::<1>(&bytes[..kept], &[], (&single, &several), symbols.len());
                }
                let mut reader = Reader::new(&bytes, PART);
                let lengths = std::array::from_fn::<_, 3, _>(|_| reader.varint().unwrap() as usize);
                let streams = reader.rest();
                let kept = streams.len().saturating_sub(cut).max(lengths.iter().sum());
                both_ways::<4>(&streams[..kept], &lengths, (&single, &several), symbols.len())
            };
            let (out, wide, whole) = read(0);
            prop_assert!(whole);
            prop_assert!(wide.iter().zip(&symbols).all(|(&a, &b)| a == u16::from(b)));
            prop_assert_eq!(out, symbols.clone());
            // Zeros follow where bytes are missing.
            let (out, wide, whole) = read(cut);
            prop_assert!(!whole);
            prop_assert!(wide.iter().zip(&out).all(|(&a, &b)| a == u16::from(b)));
        }
    }
}
