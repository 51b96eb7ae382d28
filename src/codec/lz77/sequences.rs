//! Sequences and how they become lanes of codes and a stream of extra bits, and back.

use super::split::Split;
use crate::bits::{BitReader, BitWriter};
use crate::{Error, Result, Word};

/// Lanes of offset codes, one for each class of match lengths.
pub(super) const OFFSET_LANES: usize = 4;
/// Shortest match that a sequence can express.
pub(super) const MIN_MATCH: u32 = 2;
/// Distances that the first sequences may repeat.
const FIRST_REPEATS: [u32; 3] = [1, 2, 4];
/// Codes a number can have: those of numbers below 2^25.
pub(super) const CODES: usize = 16 + 2 * 21;
/// Extra bits that are sure to be shown at once: those of a run and a length always are.
const SHOWN: u32 = 57;
/// Codes an offset can have.
pub(super) const OFFSET_CODES: usize = 3 + CODES;

/// Some literals, then a stretch that occurred before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Number of literals.
    pub run: u32,
    /// Length of the match.
    pub length: u32,
    /// 0, 1, 2 for a distance used lately, else the distance + 2.
    pub offset: u32,
}

/// The last three distances, latest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeats(pub [u32; 3]);

impl Default for Repeats {
    fn default() -> Self {
        Self(FIRST_REPEATS)
    }
}

impl Repeats {
    /// The offset that stands for a distance.
    pub fn offset(self, distance: u32) -> u32 {
        self.0.iter().position(|&r| r == distance).map_or(distance + 2, |k| k as u32)
    }

    /// The distance an offset stands for, moved to the front.
    #[inline]
    pub fn distance(&mut self, offset: u32) -> u32 {
        // Offsets are hard to foresee: choosing values is faster than choosing where to go on.
        let [a, b, c] = self.0;
        let repeated = if offset == 1 { b } else { a };
        let repeated = if offset == 2 { c } else { repeated };
        let distance = if offset > 2 { offset - 2 } else { repeated };
        self.0 = [distance, if offset == 0 { b } else { a }, if offset < 2 { c } else { b }];
        distance
    }
}

/// A number as a code and extra bits: below 16 itself, above two codes for each power of two.
///
/// With e = floor(log2 n) the code is 16 + 2 (e - 4) + (bit e - 1 of n) and the e - 1 low bits are extra.
#[inline]
pub(super) fn code(n: u32) -> (u8, u32) {
    if n < 16 {
        return (n as u8, 0);
    }
    let e = n.ilog2();
    (16 + 2 * (e as u8 - 4) + (n >> (e - 1) & 1) as u8, e - 1)
}

/// What a code stands for: the smallest of its numbers, and how many extra bits it has.
#[derive(Debug, Clone, Copy)]
struct Base {
    number: u32,
    bits: u32,
}

impl Base {
    const fn of(code: u32) -> Self {
        if code < 16 {
            return Self { number: code, bits: 0 };
        }
        let bits = (code - 16) / 2 + 3;
        Self { number: (2 + (code & 1)) << bits, bits }
    }

    /// The number whose extra bits are the lowest of `bits`.
    #[inline]
    fn with(self, bits: u64) -> u32 {
        self.number + (bits & ((1 << self.bits) - 1)) as u32
    }
}

/// Room for all codes, a power of two.
const BASES: usize = 64;

/// The bases of all codes of runs and lengths.
static NUMBERS: [Base; BASES] = bases(0);
/// The bases of all codes of offsets.
static OFFSETS: [Base; BASES] = bases(3);

/// The first `plain` codes stand for themselves, and the others for numbers from `plain` on.
const fn bases(plain: u32) -> [Base; BASES] {
    let mut bases = [Base { number: 0, bits: 0 }; BASES];
    let mut code = 0;
    while code < BASES as u32 {
        let base = Base::of(code.saturating_sub(plain));
        bases[code as usize] = if code < plain {
            Base { number: code, bits: 0 }
        } else {
            Base { number: base.number + plain, bits: base.bits }
        };
        code += 1;
    }
    bases
}

/// An offset as a code and extra bits.
#[inline]
pub(super) fn offset_code(offset: u32) -> (u8, u32) {
    if offset < 3 {
        return (offset as u8, 0);
    }
    let (code, bits) = code(offset - 3);
    (code + 3, bits)
}

/// The lane of an offset: short matches are near, long ones anywhere.
#[inline]
pub(super) fn offset_lane(length: u32) -> usize {
    (length - MIN_MATCH).min(OFFSET_LANES as u32 - 1) as usize
}

/// The lanes of a parsed lane.
#[derive(Debug, Default)]
pub(super) struct Lanes<W> {
    /// Literals by class of the word before them.
    pub literals: Vec<Vec<W>>,
    /// Codes of the runs of literals.
    pub runs: Vec<u8>,
    /// Codes of the match lengths less [`MIN_MATCH`].
    pub lengths: Vec<u8>,
    /// Codes of the offsets by class of the match length.
    pub offsets: [Vec<u8>; OFFSET_LANES],
}

impl<W: Word> Lanes<W> {
    /// Takes `words` apart by `sequences`; extra bits go to `bits`. What follows the last sequence is literals.
    pub fn split(words: &[W], sequences: &[Sequence], split: &Split, bits: &mut BitWriter) -> Self {
        let mut lanes = Self { literals: vec![vec![]; split.classes()], ..Self::default() };
        let mut at = 0;
        for sequence in sequences {
            lanes.take_literals(words, at..at + sequence.run as usize, split);
            let run = code(sequence.run);
            let length = code(sequence.length - MIN_MATCH);
            let offset = offset_code(sequence.offset);
            lanes.runs.push(run.0);
            lanes.lengths.push(length.0);
            lanes.offsets[offset_lane(sequence.length)].push(offset.0);
            bits.put(u64::from(sequence.run), run.1);
            bits.put(u64::from(sequence.length - MIN_MATCH), length.1);
            bits.put(u64::from(sequence.offset.wrapping_sub(3)), offset.1);
            at += (sequence.run + sequence.length) as usize;
        }
        lanes.take_literals(words, at..words.len(), split);
        lanes
    }

    fn take_literals(&mut self, words: &[W], range: std::ops::Range<usize>, split: &Split) {
        for at in range {
            self.literals[split.class(words, at)].push(words[at]);
        }
    }
}

/// Puts a lane of `len` words together; `len` has been paid for.
#[inline(always)]
pub(super) fn join<W: Word>(
    len: usize,
    split: &Split,
    literals: &[&[W]],
    [runs, lengths]: [&[u8]; 2],
    mut offsets: [&[u8]; OFFSET_LANES],
    bits: &mut BitReader<'_>,
) -> Result<Vec<W>> {
    let corrupt = |what, at| Err(Error::corrupt(super::NAME, what, at));
    if runs.len() != lengths.len() {
        return corrupt("runs and lengths differ in number", 0);
    }
    let most = |codes: &[u8]| codes.iter().fold(0, |most, &code| usize::from(code).max(most));
    if most(runs).max(most(lengths)) >= CODES || offsets.iter().any(|codes| most(codes) >= OFFSET_CODES) {
        return corrupt("a code is too large", 0);
    }
    let mut out = vec![W::zero(); len];
    let mut done = 0;
    let mut sources = Sources { split, lanes: literals.iter().map(|lane| lane.iter()).collect() };
    let mut repeats = Repeats::default();
    for (index, (&run, &length)) in runs.iter().zip(lengths).enumerate() {
        let (run, length) = (NUMBERS[usize::from(run) % BASES], NUMBERS[usize::from(length) % BASES]);
        let shown = bits.peek();
        let mut used = run.bits + length.bits;
        let (run, length) = (run.with(shown) as usize, length.with(shown >> run.bits) + MIN_MATCH);
        let Some((&offset, rest)) = offsets[offset_lane(length)].split_first() else {
            return corrupt("an offset is missing", index);
        };
        offsets[offset_lane(length)] = rest;
        let offset = OFFSETS[usize::from(offset) % BASES];
        let mut shown = shown >> used;
        if used + offset.bits > SHOWN {
            bits.skip(used);
            (shown, used) = (bits.peek(), 0);
        }
        bits.skip(used + offset.bits);
        let distance = repeats.distance(offset.with(shown)) as usize;
        let length = length as usize;
        if run + length > len - done {
            return corrupt("a match ends behind the lane", index);
        }
        sources.copy(&mut out, done, run)?;
        done += run;
        let Some(start) = done.checked_sub(distance) else {
            return corrupt("a match begins before the lane", index);
        };
        repeat(&mut out, start, done, length);
        done += length;
    }
    sources.copy(&mut out, done, len - done)?;
    if sources.lanes.iter().any(|lane| lane.len() > 0) || offsets.iter().any(|lane| !lane.is_empty()) {
        return corrupt("a child lane has words left over", len);
    }
    bits.end()?;
    Ok(out)
}

/// Words that are copied at a time.
const STEP: usize = 16;

/// Fills `length` words from `at` on, each with a copy of the one `at - start` before it.
#[inline(always)]
fn repeat<W: Word>(out: &mut [W], start: usize, at: usize, length: usize) {
    let distance = at - start;
    // Most matches are short: whole steps beyond their end, to be overwritten later, are cheaper than an exact copy.
    if distance >= STEP && length <= 4 * STEP && out.len() - at >= length + STEP {
        let mut copied = 0;
        while copied < length {
            let step: [W; STEP] = *out[start + copied..].first_chunk().expect("it ends before `at` does");
            out[at + copied..][..STEP].copy_from_slice(&step);
            copied += STEP;
        }
        return;
    }
    // A match may run into itself; what is there to copy doubles each time.
    let mut copied = 0;
    while copied < length {
        let some = (length - copied).min(distance + copied);
        out.copy_within(start..start + some, at + copied);
        copied += some;
    }
}

/// Literals not copied yet.
struct Sources<'a, W> {
    split: &'a Split,
    lanes: Vec<std::slice::Iter<'a, W>>,
}

impl<W: Word> Sources<'_, W> {
    /// Fills `run` words from `at` on.
    #[inline(always)]
    fn copy(&mut self, out: &mut [W], at: usize, run: usize) -> Result<()> {
        let missing = || Error::corrupt(super::NAME, "a literal is missing", 0);
        if self.split.classes() == 1 {
            let lane = &mut self.lanes[0];
            // Most runs are short too.
            if run <= STEP
                && let (Some(from), Some(to)) = (lane.as_slice().first_chunk::<STEP>(), out[at..].first_chunk_mut())
            {
                *to = *from;
                *lane = lane.as_slice()[run..].iter();
                return Ok(());
            }
            let (head, rest) = lane.as_slice().split_at_checked(run).ok_or_else(missing)?;
            out[at..at + run].copy_from_slice(head);
            *lane = rest.iter();
            return Ok(());
        }
        let mut before = if at == 0 { W::zero() } else { out[at - 1] };
        for word in &mut out[at..at + run] {
            let class = self.split.class_after(before.wide() as u8);
            before = *self.lanes[class].next().ok_or_else(missing)?;
            *word = before;
        }
        Ok(())
    }
}
