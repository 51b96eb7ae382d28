//! Choosing among matches: a lazy parse, and one that looks for the cheapest way through the lane.

use super::finder::{Chains, Match, Tree, common, shortest};
use super::prices::{Counts, PRICED_LENGTHS, Prices};
use super::sequences::{MIN_MATCH, Repeats, Sequence};
use super::split::{Follows, Split};
use crate::Word;

/// Positions tried by the lazy parse.
const FAST_DEPTH: u32 = 16;
/// Steps of a walk through a tree.
const STRONG_DEPTH: u32 = 32;
/// A match of this length is taken without looking further.
const NICE: usize = 200;
const _: () = assert!(NICE < PRICED_LENGTHS as usize, "the parse weighs all shorter lengths");
/// Positions between two decisions of the strong parse.
const STRETCH: usize = 4096;
/// Positions whose matches are kept at a time, about 50 MB for text.
const BLOCK: usize = 1 << 20;

/// Takes the better of two neighbouring matches as it goes.
pub(super) fn fast<W: Word>(words: &[W]) -> Vec<Sequence> {
    let mut chains = Chains::new(words, FAST_DEPTH);
    let mut inserted = 0;
    let mut best_at = |at: usize, repeats: Repeats| -> Option<(u32, u32)> {
        for position in inserted..at {
            chains.insert(position);
        }
        inserted = at;
        let repeated = repeats.0.iter().enumerate().filter(|&(_, &r)| r as usize <= at);
        let repeated = repeated.map(|(k, &r)| (common(words, at, at - r as usize, words.len() - at) as u32, k as u32));
        let repeated = repeated.filter(|&(length, _)| length >= MIN_MATCH);
        let found = chains.longest(at).map(|m| (m.length, repeats.offset(m.distance)));
        repeated.chain(found).max_by_key(|&(length, offset)| worth(length, offset))
    };
    let mut sequences = vec![];
    let mut repeats = Repeats::default();
    let (mut at, mut start) = (0, 0);
    while at < words.len() {
        let Some(mut chosen) = best_at(at, repeats).filter(|&(length, offset)| worth(length, offset) > 0) else {
            at += 1;
            continue;
        };
        if at + 1 < words.len()
            && (chosen.0 as usize) < NICE
            && let Some(later) = best_at(at + 1, repeats)
            && worth(later.0, later.1) > worth(chosen.0, chosen.1) + 4
        {
            chosen = later;
            at += 1;
        }
        let (length, offset) = chosen;
        sequences.push(Sequence { run: (at - start) as u32, length, offset });
        repeats.distance(offset);
        at += length as usize;
        start = at;
    }
    sequences
}

/// About four times the words saved, less the bits of the offset.
fn worth(length: u32, offset: u32) -> i64 {
    let offset_bits = if offset < 3 { 1 } else { i64::from((offset - 2).ilog2()) + 2 };
    4 * i64::from(length) - offset_bits - 4
}

/// Parses each block with the prices of what was parsed so far, then again with those prices and its own; the lazy
/// parse lends the first prices, and stays if it is no worse in the end. `classes` divides the literals of a parse.
pub(super) fn strong<W: Word>(words: &[W], classes: impl Fn(&[W], &[Sequence]) -> Split) -> (Vec<Sequence>, Split) {
    let lazy = fast(words);
    let lazy_split = classes(words, &lazy);
    let lazy_counts = Counts::new(words, &lazy, &lazy_split);
    let mut prices = Prices::new(&lazy_counts, &lazy_split);
    let mut tree = Tree::new(words, STRONG_DEPTH, NICE);
    let mut parsed = Parsed { sequences: vec![], at: 0, run: 0, repeats: Repeats::default() };
    for end in (BLOCK..words.len()).step_by(BLOCK).chain([words.len()]) {
        let words = &words[..end];
        let found = Found::new(&mut tree, parsed.at, end);
        for last in [false, true] {
            let mut trial = parsed.clone();
            Optimal::new(words, &prices, &found).parse(&mut trial);
            let split = classes(words, &trial.sequences);
            prices = Prices::new(&Counts::new(words, &trial.sequences, &split), &split);
            if last {
                parsed = trial;
            }
        }
    }
    let split = classes(words, &parsed.sequences);
    let counts = Counts::new(words, &parsed.sequences, &split);
    if counts.bits() < lazy_counts.bits() { (parsed.sequences, split) } else { (lazy, lazy_split) }
}

/// The matches of every position of a block, except of those inside a match of [`NICE`] words or more.
struct Found {
    start: usize,
    /// Where the matches of each position begin, and after the last position their number.
    first: Vec<u32>,
    matches: Vec<Match>,
}

impl Found {
    fn new<W: Word>(tree: &mut Tree<'_, W>, start: usize, end: usize) -> Self {
        let mut found = Self { start, first: Vec::with_capacity(end - start + 1), matches: vec![] };
        let mut at = start;
        while at < end {
            found.first.push(found.matches.len() as u32);
            tree.find(at, &mut found.matches);
            at += 1;
            let known = *found.first.last().expect("pushed above") as usize;
            if let Some(long) = found.matches[known..].last().filter(|m| m.length as usize == NICE) {
                // The parse will take this match, so that what it covers is only needed by later positions, and of
                // a very long one not even all.
                let from = at - 1;
                let length = common(tree.words(), from, from - long.distance as usize, end - from);
                let covered = at..from + length;
                let left_out = covered.start + NICE..covered.end.saturating_sub(NICE);
                for position in covered.clone() {
                    if !left_out.contains(&position) {
                        tree.skip(position);
                    }
                    found.first.push(found.matches.len() as u32);
                }
                at = covered.end;
            }
        }
        found.first.push(found.matches.len() as u32);
        found
    }

    fn at(&self, at: usize) -> &[Match] {
        let index = at - self.start;
        &self.matches[self.first[index] as usize..self.first[index + 1] as usize]
    }
}

/// How far a parse has come.
#[derive(Debug, Clone)]
struct Parsed {
    sequences: Vec<Sequence>,
    at: usize,
    /// Literals since the last match.
    run: u32,
    repeats: Repeats,
}

/// The classes that suit the literals of a parse.
pub(super) fn classes<W: Word>(words: &[W], sequences: &[Sequence]) -> Split {
    // The followers of wide words are too many to count.
    if size_of::<W>() > 1 {
        return Split::one();
    }
    let mut pairs = vec![];
    let mut at = 0usize;
    let runs = sequences.iter().map(|s| (s.run as usize, s.length as usize)).chain([(usize::MAX, 0)]);
    for (run, length) in runs {
        let end = words.len().min(at.saturating_add(run));
        for position in at..end {
            let before = if position == 0 { 0 } else { words[position - 1].wide() as u16 };
            pairs.push(before << 8 | words[position].wide() as u16);
        }
        at = end + length;
    }
    Split::learn(&Follows::of(pairs))
}

/// The cheapest known way to a position.
#[derive(Debug, Clone, Copy)]
struct Way {
    price: u32,
    /// Literals since the last match.
    run: u32,
    /// The last step: a match of this length, or a literal if 0.
    length: u32,
    offset: u32,
    repeats: Repeats,
}

const NO_WAY: Way = Way { price: u32::MAX, run: 0, length: 0, offset: 0, repeats: Repeats([0; 3]) };

/// Finds the cheapest ways from position to position (dynamic programming), a stretch at a time.
struct Optimal<'a, W> {
    words: &'a [W],
    prices: &'a Prices,
    found: &'a Found,
    ways: Vec<Way>,
}

impl<'a, W: Word> Optimal<'a, W> {
    fn new(words: &'a [W], prices: &'a Prices, found: &'a Found) -> Self {
        Self { words, prices, found, ways: vec![NO_WAY; STRETCH + NICE] }
    }

    /// Parses to the end of the words.
    fn parse(mut self, parsed: &mut Parsed) {
        while parsed.at < self.words.len() {
            let (reached, long) = self.stretch(parsed);
            self.trace(reached, parsed);
            if let Some(distance) = long {
                let left = self.words.len() - parsed.at;
                let length = common(self.words, parsed.at, parsed.at - distance as usize, left) as u32;
                let offset = parsed.repeats.offset(distance);
                parsed.sequences.push(Sequence { run: parsed.run, length, offset });
                parsed.repeats.distance(offset);
                parsed.run = 0;
                parsed.at += length as usize;
            }
        }
    }

    /// Fills in the ways up to a position where a long match begins, or to the end of the stretch; returns how far
    /// that is and the distance of the long match.
    fn stretch(&mut self, parsed: &Parsed) -> (usize, Option<u32>) {
        let stretch = STRETCH.min(self.words.len() - parsed.at);
        self.ways.fill(NO_WAY);
        self.ways[0] =
            Way { price: self.prices.run(parsed.run), run: parsed.run, length: 0, offset: 0, repeats: parsed.repeats };
        for i in 0..stretch {
            let at = parsed.at + i;
            self.arrive(i);
            let way = self.ways[i];
            self.literal(i, at, way);
            let most = NICE.min(self.words.len() - at);
            for (k, &distance) in way.repeats.0.iter().enumerate() {
                if distance as usize <= at {
                    let length = common(self.words, at, at - distance as usize, most);
                    if length == NICE {
                        return (i, Some(distance));
                    }
                    self.matches(i, way, MIN_MATCH, length as u32, k as u32);
                }
            }
            let found = self.found.at(at);
            if let Some(long) = found.last().filter(|m| m.length as usize == NICE && most == NICE) {
                return (i, Some(long.distance));
            }
            let mut from = shortest::<W>() as u32;
            for &Match { length, distance } in found {
                if !way.repeats.0.contains(&distance) {
                    self.matches(i, way, from, length.min(most as u32), distance + 2);
                }
                from = length + 1;
            }
        }
        self.arrive(stretch);
        (stretch, None)
    }

    /// Settles which distances can be repeated at position `i`, whose way is final.
    #[inline]
    fn arrive(&mut self, i: usize) {
        let Way { length, offset, .. } = self.ways[i];
        if length > 0 {
            let mut repeats = self.ways[i - length as usize].repeats;
            repeats.distance(offset);
            self.ways[i].repeats = repeats;
        }
    }

    #[inline]
    fn literal(&mut self, i: usize, at: usize, way: Way) {
        let run = way.run + 1;
        let price = way.price + self.prices.literal(self.words, at) + self.prices.run(run) - self.prices.run(way.run);
        if price < self.ways[i + 1].price {
            self.ways[i + 1] = Way { price, run, length: 0, offset: 0, repeats: way.repeats };
        }
    }

    #[inline]
    fn matches(&mut self, i: usize, way: Way, from: u32, to: u32, offset: u32) {
        if from > to {
            return;
        }
        let paid = way.price + self.prices.run(0);
        let offset_price = self.prices.offset(offset);
        let ends = &mut self.ways[i + from as usize..=i + to as usize];
        for (length, end) in (from..=to).zip(ends) {
            let price = paid + self.prices.sequence(length, &offset_price);
            if price < end.price {
                // Distances to repeat are settled on arrival.
                (end.price, end.run, end.length, end.offset) = (price, 0, length, offset);
            }
        }
    }

    /// Appends the sequences of the cheapest way to `end`.
    fn trace(&mut self, end: usize, parsed: &mut Parsed) {
        let known = parsed.sequences.len();
        let mut i = end;
        while i > 0 {
            let Way { length, offset, .. } = self.ways[i];
            i -= length.max(1) as usize;
            if length > 0 {
                parsed.sequences.push(Sequence { run: self.ways[i].run, length, offset });
            }
        }
        parsed.sequences[known..].reverse();
        let Way { run, repeats, .. } = self.ways[end];
        (parsed.at, parsed.run, parsed.repeats) = (parsed.at + end, run, repeats);
    }
}
