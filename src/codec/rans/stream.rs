//! The rANS stream: interleaved states that share one run of 16-bit words, read forward.
//!
//! A state x lies in [2^15, 2^31). A symbol with frequency f whose slots begin at s, in a table of precision L, turns
//! x into (x / f)·2^L + x mod f + s; the encoder first moves the low 16 bits out while x ≥ f·2^(31 − L), and the
//! decoder moves 16 bits in when x falls below 2^15. Word j of a group belongs to state j mod lanes. The encoder runs
//! backwards from states of 2^15, so that the decoder ends there: a check that costs nothing.
//!
//! Source: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540, 2013; F. Giesen, "Interleaved entropy coders",
//! arXiv:1402.3392, 2014.

use super::table::{Frequencies, NARROW_LOG, Narrow, Slots, Steps};
use super::wide;
use crate::bits::{BitReader, BitWriter};
use crate::codec::alphabet::{MAX_SYMBOLS, Symbol};
use crate::codec::dispatch::dispatched;
use crate::codec::kinds::{Table, coded_words};
use crate::{Error, Result};

/// Lowest state, the first of the encoder and the last of the decoder.
const FLOOR: u32 = 1 << 15;
/// Most states that run side by side.
pub(super) const MAX_LANES: usize = 32;
const PART: &str = "rANS stream";
/// Below so many words there is one state.
const FEW: usize = 2048;
/// From so many words on there may be 32 states, whose 70 bytes more are then no more than a thousandth of the stream.
const MANY: usize = 1 << 18;
const LONG: usize = 1 << 16;

/// What the encoder does for one symbol of the group at hand.
#[derive(Debug, Clone, Copy, Default)]
struct Coder {
    /// First slot.
    start: u32,
    /// First state that is too large; 0 if the symbol is unseen.
    limit: u32,
    /// ⌈2^shift / frequency⌉, less than 2^32: x / frequency is x · reciprocal / 2^shift for all x below 2^31.
    reciprocal: u32,
    shift: u32,
    /// 2^log less the frequency.
    others: u32,
}

impl Coder {
    fn new(start: u32, frequency: u32, log: u32) -> Self {
        let shift = 31 + frequency.next_power_of_two().ilog2();
        let reciprocal = (1u64 << shift).div_ceil(u64::from(frequency)) as u32;
        Self { start, limit: frequency << (31 - log), reciprocal, shift, others: (1 << log) - frequency }
    }

    /// (x / f)·2^log + x mod f + start.
    #[inline]
    fn push(self, x: u32) -> u32 {
        let quotient = (u64::from(x) * u64::from(self.reciprocal)) >> self.shift;
        x + self.start + quotient as u32 * self.others
    }
}

/// Symbols that stand group after group, and the tables of the groups.
pub(in crate::codec) struct Run<'a, S> {
    pub symbols: &'a [S],
    pub sizes: &'a [usize],
    pub tables: &'a [Table<Frequencies>],
}

/// Codes runs of symbols one after the other, all with the same states.
///
/// Without `lanes`, few symbols get one state, for each further one costs about three bytes; where there are [`MANY`]
/// symbols and the stream is long enough, there are as many as vectors can work on.
pub(in crate::codec) fn write<S: Symbol>(runs: &[Run<'_, S>], lanes: Option<usize>) -> Result<Vec<u8>> {
    let coded: usize = runs.iter().map(|run| coded_words(run.sizes, run.tables)).sum();
    if coded == 0 {
        return write_with(runs, 1).map(|_| vec![]);
    }
    let out = write_with(runs, lanes.unwrap_or(if coded < FEW { 1 } else { 4 }))?;
    if lanes.is_none() && coded >= MANY && out.len() >= LONG {
        return write_with(runs, wide::STATES);
    }
    Ok(out)
}

fn write_with<S: Symbol>(runs: &[Run<'_, S>], lanes: usize) -> Result<Vec<u8>> {
    let unsuitable = |why| Error::Unsuitable { codec: "Rans", why };
    let mut states = [FLOOR; MAX_LANES];
    let mut words: Vec<u16> = vec![];
    let mut current = vec![Coder::default(); MAX_SYMBOLS];
    for &Run { symbols, sizes, tables } in runs.iter().rev() {
        let mut end = symbols.len();
        for (&size, table) in sizes.iter().zip(tables).rev() {
            let group = &symbols[end - size..end];
            end -= size;
            let table = match table {
                Table::Empty if size == 0 => continue,
                Table::Constant(symbol) if group.iter().all(|s| s.index() == usize::from(*symbol)) => continue,
                Table::Coded(table) => table,
                _ => return Err(unsuitable("a word was not among those that were learnt from")),
            };
            let mut start = 0;
            for &(symbol, frequency) in &table.entries {
                current[usize::from(symbol)] = Coder::new(start, u32::from(frequency), table.log);
                start += u32::from(frequency);
            }
            for (index, &symbol) in group.iter().enumerate().rev() {
                let coder = current[symbol.index() % MAX_SYMBOLS];
                if coder.limit == 0 {
                    return Err(unsuitable("a word was not among those that were learnt from"));
                }
                let state = &mut states[index & (lanes - 1)];
                let mut x = *state;
                if x >= coder.limit {
                    words.push(x as u16);
                    x >>= 16;
                }
                *state = coder.push(x);
            }
            for &(symbol, _) in &table.entries {
                current[usize::from(symbol)].limit = 0;
            }
        }
    }
    let mut head = BitWriter::new();
    head.put(u64::from(lanes.ilog2()), 3);
    for &state in &states[..lanes] {
        head.put(u64::from(state.ilog2() - 15), 4);
        head.put(u64::from(state), state.ilog2());
    }
    let mut out = head.finish();
    words.iter().rev().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    Ok(out)
}

/// Restores runs of symbols in their order.
pub(in crate::codec) struct Stream<'a> {
    states: [u32; MAX_LANES],
    /// 0 if nothing was coded.
    lanes: usize,
    words: &'a [[u8; 2]],
    /// Symbols that came from the states.
    read: usize,
}

impl<'a> Stream<'a> {
    /// A stream at its first run.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let mut states = [FLOOR; MAX_LANES];
        if bytes.is_empty() {
            return Ok(Self { states, lanes: 0, words: &[], read: 0 });
        }
        let mut head = BitReader::new(bytes, PART);
        let lanes = 1usize << head.take(3)?;
        if lanes > MAX_LANES {
            return Err(Error::corrupt(PART, "too many lanes", 0));
        }
        let mut bits = 3;
        for state in &mut states[..lanes] {
            let log = 15 + head.take(4)? as u32;
            *state = 1 << log | head.take(log)? as u32;
            bits += 4 + log as usize;
        }
        if head.take((bits.next_multiple_of(8) - bits) as u32)? != 0 {
            return Err(Error::corrupt(PART, "the states are not padded with zeros", bits / 8));
        }
        let (words, odd) = bytes[bits.div_ceil(8)..].as_chunks();
        if !odd.is_empty() {
            return Err(Error::corrupt(PART, "a word is cut", bytes.len()));
        }
        Ok(Self { states, lanes, words, read: 0 })
    }

    /// Restores the symbols of all groups of a run.
    pub fn read<S: Symbol>(&mut self, sizes: &[usize], tables: &[Table<Frequencies>], out: &mut [S]) -> Result<()> {
        let coded = coded_words(sizes, tables);
        self.read += coded;
        match self.lanes {
            0 if coded > 0 => Err(Error::Truncated { part: PART, needed: 1 }),
            0 | 1 => self.read_by::<1, S>(sizes, tables, out),
            2 => self.read_by::<2, S>(sizes, tables, out),
            4 => self.read_by::<4, S>(sizes, tables, out),
            8 => self.read_by::<8, S>(sizes, tables, out),
            16 => self.read_by::<16, S>(sizes, tables, out),
            _ => self.read_by::<32, S>(sizes, tables, out),
        }
    }

    fn read_by<const LANES: usize, S: Symbol>(
        &mut self,
        sizes: &[usize],
        tables: &[Table<Frequencies>],
        out: &mut [S],
    ) -> Result<()> {
        let states = self.states.first_chunk_mut::<LANES>().expect("no more than there are");
        let mut decoder = Decoder { states: *states, words: self.words };
        decoder.run(sizes, tables, out)?;
        (*states, self.words) = (decoder.states, decoder.words);
        Ok(())
    }

    /// Fails unless the last run was read.
    pub fn end(&self) -> Result<()> {
        if !self.words.is_empty() {
            return Err(Error::corrupt(PART, "words are left over", 0));
        }
        if self.states.iter().any(|&state| state != FLOOR) {
            return Err(Error::corrupt(PART, "a final state is wrong", 0));
        }
        if self.read == 0 && self.lanes > 0 {
            return Err(Error::corrupt(PART, "bytes are left over", 0));
        }
        Ok(())
    }
}

struct Decoder<'a, const LANES: usize> {
    states: [u32; LANES],
    words: &'a [[u8; 2]],
}

impl<const LANES: usize> Decoder<'_, LANES> {
    fn run<S: Symbol>(&mut self, sizes: &[usize], tables: &[Table<Frequencies>], out: &mut [S]) -> Result<()> {
        let (mut narrow, mut slots) = (Narrow::new(), None);
        let mut rest = out;
        for (&size, table) in sizes.iter().zip(tables) {
            let (group, after) = rest.split_at_mut(size);
            rest = after;
            match table {
                _ if group.is_empty() => {}
                Table::Empty => return Err(Error::corrupt(PART, "a group with words has no table", 0)),
                Table::Constant(symbol) => group.fill(S::of(*symbol)),
                Table::Coded(table) if table.log <= NARROW_LOG && S::bytes(group).is_some() => {
                    narrow.fill(table);
                    let done = S::bytes(group).map_or(0, |bytes| self.wide(&narrow, bytes));
                    self.group(&narrow, &mut group[done..])?;
                }
                Table::Coded(table) => {
                    let slots = slots.get_or_insert_with(Slots::new);
                    slots.fill(table);
                    self.group(slots, group)?;
                }
            }
        }
        Ok(())
    }

    /// What vectors can do of a group; returns the number of words.
    fn wide(&mut self, table: &Narrow, out: &mut [u8]) -> usize {
        let Some(states) = self.states.first_chunk_mut() else { return 0 };
        let (rounds, taken) = wide::rounds(states, self.words, table, out.as_chunks_mut().0);
        self.words = &self.words[taken..];
        rounds * LANES
    }

    fn group<S: Symbol>(&mut self, slots: &impl Steps, out: &mut [S]) -> Result<()> {
        dispatched(
            #[inline(always)]
            || self.group_here(slots, out),
        )
    }

    #[inline(always)]
    fn group_here<S: Symbol>(&mut self, slots: &impl Steps, out: &mut [S]) -> Result<()> {
        let (mut states, mut words) = (self.states, self.words);
        let (rounds, tail) = out.as_chunks_mut::<LANES>();
        let mut done = 0;
        // As long as every lane could take a word, one check does for a round.
        for round in rounds.iter_mut() {
            let Some(next) = words.first_chunk::<LANES>() else { break };
            let mut taken = 0;
            for (symbol, state) in round.iter_mut().zip(&mut states) {
                let (found, x) = slots.step(*state);
                *symbol = S::of(found);
                let refilled = x << 16 | u32::from(u16::from_le_bytes(next[taken & (LANES - 1)]));
                let low = x < FLOOR;
                *state = if low { refilled } else { x };
                taken += usize::from(low);
            }
            words = &words[taken..];
            done += 1;
        }
        for part in rounds[done..].iter_mut().map(|round| &mut round[..]).chain([tail]) {
            for (symbol, state) in part.iter_mut().zip(&mut states) {
                let (found, x) = slots.step(*state);
                *symbol = S::of(found);
                *state = x;
                if x < FLOOR {
                    let (word, after) = words.split_first().ok_or(Error::Truncated { part: PART, needed: 2 })?;
                    *state = x << 16 | u32::from(u16::from_le_bytes(*word));
                    words = after;
                }
            }
        }
        (self.states, self.words) = (states, words);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [(u16, u64); 3] = [(0, 1), (1, 5), (2, 90)];

    fn coded() -> ([Table<Frequencies>; 1], Vec<u16>, Vec<u8>) {
        let tables = [Table::Coded(Frequencies::from_weights(TABLE.into_iter()))];
        let symbols: Vec<u16> = (0..500).map(|i| 2 - u16::from(i % 16 == 0) - u16::from(i % 96 == 0)).collect();
        let bytes = write(&[Run { symbols: &symbols, sizes: &[500], tables: &tables }], Some(2)).unwrap();
        (tables, symbols, bytes)
    }

    #[test]
    fn a_reciprocal_divides_like_a_division() {
        for frequency in (1..1 << 14).step_by(7).chain([2, 3, 4095, 4096, 16383]) {
            let coder = Coder::new(5, frequency, 14);
            let most = coder.limit - 1;
            for x in [frequency, most / 3, most - 1, most, most / frequency * frequency] {
                assert_eq!(coder.push(x), ((x / frequency) << 14) + x % frequency + 5, "{x} / {frequency}");
            }
        }
    }

    #[test]
    fn a_wrong_final_state_and_leftover_words_are_named() {
        let (tables, symbols, bytes) = coded();
        let read = |bytes: &[u8], rows: usize| {
            let (mut out, mut stream) = (vec![0u16; rows], Stream::new(bytes)?);
            stream.read(&[rows], &tables, &mut out)?;
            stream.end()?;
            Ok::<_, Error>(out)
        };
        assert_eq!(read(&bytes, 500).unwrap(), symbols);
        let error = |bytes: &[u8], rows: usize| read(bytes, rows).unwrap_err().to_string();
        assert!(error(&[&bytes[..], &[0, 0]].concat(), 500).contains("words are left over"));
        assert!(error(&[&bytes[..], &[0]].concat(), 500).contains("a word is cut"));
        assert!(error(&bytes, 498).contains("left over") || error(&bytes, 498).contains("final state"));
        assert!(error(&bytes[..bytes.len() - 2], 500).contains("input ended"));
        assert!(error(&[7, 0, 0, 0], 500).contains("too many lanes"));
        let mut changed = bytes;
        *changed.last_mut().unwrap() ^= 1;
        assert!(error(&changed, 500).contains("final state is wrong"));
    }
}
