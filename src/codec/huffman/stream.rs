//! The bit streams of Huffman codes: word j of a group belongs to stream j mod their number.

use super::lengths::{Lengths, MAX_LENGTH, codes};
use crate::bits::BitWriter;
use crate::codec::kinds::{Table, coded_words};
use crate::wire::{Reader, put_bytes};
use crate::{Error, Result};

const PART: &str = "Huffman stream";
/// From this many words on, four streams are decoded side by side.
const FOUR_STREAMS: usize = 4096;
/// Codes that fit into the 57 bits which one load surely shows.
const PER_LOAD: usize = 5;
const SLOTS: usize = 1 << MAX_LENGTH;

/// Codes symbols that stand group after group, over an alphabet of `alphabet` symbols.
pub(super) fn write(symbols: &[u16], sizes: &[usize], alphabet: usize, tables: &[Table<Lengths>]) -> Result<Vec<u8>> {
    match coded_words(sizes, tables) {
        0 => write_as::<0>(symbols, sizes, alphabet, tables),
        1..FOUR_STREAMS => write_as::<1>(symbols, sizes, alphabet, tables),
        _ => write_as::<4>(symbols, sizes, alphabet, tables),
    }
}

fn write_as<const STREAMS: usize>(
    symbols: &[u16],
    sizes: &[usize],
    alphabet: usize,
    tables: &[Table<Lengths>],
) -> Result<Vec<u8>> {
    let mut encoder = Encoder::<STREAMS> { streams: std::array::from_fn(|_| BitWriter::new()), codes: vec![] };
    let mut rest = symbols;
    for (&size, table) in sizes.iter().zip(tables) {
        let (group, after) = rest.split_at(size);
        rest = after;
        let all_known = match table {
            Table::Empty => size == 0,
            Table::Constant(symbol) => group.iter().all(|s| s == symbol),
            Table::Coded(lengths) => {
                encoder.codes.clear();
                encoder.codes.resize(alphabet, (0, 0));
                for (symbol, length, code) in codes(lengths) {
                    encoder.codes[usize::from(symbol)] = (code, length);
                }
                encoder.group(group)
            }
        };
        if !all_known {
            return Err(Error::Unsuitable {
                codec: "Huffman",
                why: "a word was not among those that were learnt from",
            });
        }
    }
    let mut streams = encoder.streams.into_iter().map(BitWriter::finish);
    let Some(last) = streams.next_back() else { return Ok(vec![]) };
    let mut out = vec![STREAMS.ilog2() as u8];
    for stream in streams {
        put_bytes(&mut out, &stream);
    }
    out.extend(last);
    Ok(out)
}

struct Encoder<const STREAMS: usize> {
    streams: [BitWriter; STREAMS],
    /// Code and length of each symbol; a length of 0 means unseen.
    codes: Vec<(u16, u8)>,
}

impl<const STREAMS: usize> Encoder<STREAMS> {
    /// Codes one group; false if one of its symbols has no code.
    fn group(&mut self, symbols: &[u16]) -> bool {
        let mut all_known = true;
        for block in symbols.chunks(PER_LOAD * STREAMS.max(1)) {
            for (first, stream) in self.streams.iter_mut().enumerate() {
                let (mut bits, mut count) = (0, 0);
                for &symbol in block.iter().skip(first).step_by(STREAMS) {
                    let (code, length) = self.codes[usize::from(symbol)];
                    all_known &= length > 0;
                    bits |= u64::from(code) << count;
                    count += u32::from(length);
                }
                stream.put(bits, count);
            }
        }
        all_known
    }
}

/// Restores the symbols of all groups.
pub(super) fn read(bytes: &[u8], sizes: &[usize], tables: &[Table<Lengths>], out: &mut [u16]) -> Result<()> {
    let mut reader = Reader::new(bytes, PART);
    if coded_words(sizes, tables) == 0 {
        reader.end()?;
        return Decoder { streams: [&[]], at: [0] }.run(sizes, tables, out);
    }
    match reader.u8()? {
        0 => Decoder { streams: [reader.rest()], at: [0] }.run(sizes, tables, out),
        2 => {
            let streams = [reader.bytes()?, reader.bytes()?, reader.bytes()?, reader.rest()];
            Decoder { streams, at: [0; 4] }.run(sizes, tables, out)
        }
        _ => Err(reader.corrupt("there are one or four streams")),
    }
}

/// Which symbol (above the low four bits) of which length (those bits) begins with the bits of the index.
struct Lookup {
    slots: Box<[u16; SLOTS]>,
    mask: u64,
}

impl Lookup {
    fn fill(&mut self, lengths: &Lengths) {
        // Small tables need few slots, which matters for many small groups.
        let longest = lengths.iter().map(|l| l.1).max().unwrap_or(0);
        let size = 1usize << longest;
        self.mask = size as u64 - 1;
        for (symbol, length, code) in codes(lengths) {
            let packed = symbol << 4 | u16::from(length);
            for slot in self.slots[..size].iter_mut().skip(usize::from(code)).step_by(1 << length) {
                *slot = packed;
            }
        }
    }

    #[inline]
    fn get(&self, bits: u64) -> u16 {
        self.slots[(bits & self.mask) as usize & (SLOTS - 1)]
    }
}

/// Streams and the bit at which each is read next.
struct Decoder<'a, const STREAMS: usize> {
    streams: [&'a [u8]; STREAMS],
    at: [usize; STREAMS],
}

impl<const STREAMS: usize> Decoder<'_, STREAMS> {
    fn run(mut self, sizes: &[usize], tables: &[Table<Lengths>], out: &mut [u16]) -> Result<()> {
        let mut lookup = Lookup { slots: Box::new([0; SLOTS]), mask: 0 };
        let mut rest = out;
        for (&size, table) in sizes.iter().zip(tables) {
            let (group, after) = rest.split_at_mut(size);
            rest = after;
            match table {
                _ if size == 0 => {}
                Table::Empty => return Err(Error::corrupt(PART, "a group with words has no table", 0)),
                Table::Constant(symbol) => group.fill(*symbol),
                Table::Coded(lengths) => {
                    lookup.fill(lengths);
                    self.group(&lookup, group);
                }
            }
        }
        for (stream, at) in self.streams.iter().zip(self.at) {
            let missing = at.div_ceil(8).saturating_sub(stream.len());
            if missing > 0 {
                return Err(Error::Truncated { part: PART, needed: missing as u64 });
            }
            if stream.len() * 8 - at >= 8 || load(stream, at) != 0 {
                return Err(Error::corrupt(PART, "bits are left over", at / 8));
            }
        }
        Ok(())
    }

    /// Reads one group. Past the end of a stream there are zeros, and [`Decoder::run`] finds out.
    fn group(&mut self, lookup: &Lookup, out: &mut [u16]) {
        let (rows, tail) = out.as_chunks_mut::<STREAMS>();
        let (blocks, rows) = rows.as_chunks_mut::<PER_LOAD>();
        for block in blocks {
            for s in 0..STREAMS {
                let mut bits = load(self.streams[s], self.at[s]);
                for row in &mut *block {
                    let packed = lookup.get(bits);
                    row[s] = packed >> 4;
                    bits >>= packed & 15;
                    self.at[s] += usize::from(packed & 15);
                }
            }
        }
        for part in rows.iter_mut().map(|row| &mut row[..]).chain([tail]) {
            for ((symbol, stream), at) in part.iter_mut().zip(self.streams).zip(&mut self.at) {
                let packed = lookup.get(load(stream, *at));
                *symbol = packed >> 4;
                *at += usize::from(packed & 15);
            }
        }
    }
}

/// The bits from bit `at` on, at least 57 of them, zeros after the end.
#[inline]
fn load(stream: &[u8], at: usize) -> u64 {
    let bytes = stream.get(at / 8..).unwrap_or(&[]);
    let word = bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut last = [0; 8];
        let len = bytes.len().min(8);
        last[..len].copy_from_slice(&bytes[..len]);
        last
    });
    u64::from_le_bytes(word) >> (at % 8)
}
