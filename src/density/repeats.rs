//! Weights whose size has stood before: in the same column, mirrored in it, or where a run of such goes on.
//!
//! Bases of transforms are tables of few sizes: rows come again, backwards, with other signs. Columns c and
//! width − c share a list of the sizes seen in them, the last used first. A weight is the next of the run that began
//! with the last repeat, or one of the list, or new. A run goes forward if it began in the same column, backward if in
//! the mirrored one.

use super::number::Numbers;
use crate::context::{BinaryCoder, BinaryDecoder, BinaryEncoder, ContextCoder, Counter, SymbolModel};
use crate::mask::Mask;
use crate::{Budget, Result, Word};

/// Sizes a list remembers.
const LISTED: usize = 255;

/// Counters stop here.
const LIMIT: u32 = 250;

/// For each weight the place where its size stood first, itself if it is new, and whether its sign differs from there.
pub struct Repeats {
    origins: Vec<u32>,
    flipped: Mask,
}

impl Repeats {
    /// Finds and codes the repeats of words in rows of `width`.
    pub fn encode<W: Word>(numbers: Numbers, words: &[W], width: usize) -> (Self, Vec<u8>) {
        let parts = |word: &W| numbers.parts(word.wide());
        let sizes: Vec<u64> = words.iter().map(|word| word.wide() & !1).collect();
        let negative: Mask = words.iter().map(|word| parts(word).is_negative).collect();
        let mut encoder = BinaryEncoder::default();
        let walk = Walk::new(width, Some((&sizes, &negative)));
        let found = walk.run(words.len(), &mut encoder, |_| Ok(())).expect("writing does not fail");
        (found, encoder.finish())
    }

    /// Reads the repeats of `len` words.
    pub fn decode(bytes: &[u8], len: usize, width: usize, budget: &mut Budget) -> Result<Self> {
        // Origins, signs, lists and counters.
        budget.spend(len as u64 * 5 + (width as u64 + 2) * 12 + (LISTED as u64 + 1) * 8 + (1 << 12))?;
        budget.spend((len as u64).min(width as u64 * LISTED as u64) * 8)?;
        let mut decoder = BinaryDecoder::new(bytes, "repeats");
        let found = Walk::new(width, None).run(len, &mut decoder, BinaryDecoder::check)?;
        decoder.end()?;
        Ok(found)
    }

    /// The weights that are new.
    pub fn new_ones(&self) -> Mask {
        self.origins.iter().enumerate().map(|(at, &origin)| at == origin as usize).collect()
    }

    /// Fills in all that are not new.
    pub fn restore<W: Word>(&self, words: &mut [W]) {
        for (at, (&origin, flipped)) in self.origins.iter().zip(self.flipped.iter().by_vals()).enumerate() {
            words[at] = words[origin as usize] ^ W::low(u64::from(flipped));
        }
    }
}

/// Both directions of the walk. The encoder knows the sizes and signs of all weights.
struct Walk<'a> {
    known: Option<(&'a [u64], &'a Mask)>,
    width: usize,
    /// For each pair of columns the latest place of each size.
    lists: Vec<Vec<u32>>,
    found: Repeats,
    goes_on: Vec<Counter>,
    places: SymbolModel,
    signs: Vec<Counter>,
}

impl<'a> Walk<'a> {
    fn new(width: usize, known: Option<(&'a [u64], &'a Mask)>) -> Self {
        Self {
            known,
            width,
            lists: vec![vec![]; width / 2 + 1],
            found: Repeats { origins: vec![], flipped: Mask::new() },
            goes_on: vec![Counter::default(); 256],
            places: SymbolModel::new(LISTED + 1, 2, LIMIT),
            signs: vec![Counter::default(); 16],
        }
    }

    /// Codes `len` weights; `check` says whether to go on.
    fn run<C: BinaryCoder>(mut self, len: usize, coder: &mut C, check: impl Fn(&C) -> Result<()>) -> Result<Repeats> {
        // Where the run goes on and in which direction; then the latest answers: whether it did, whether signs changed.
        let mut run: Option<(usize, bool)> = None;
        let (mut hits, mut flips) = (0usize, 0usize);
        for at in 0..len {
            let column = at % self.width;
            let list = column.min(self.width - column);
            let mut source = run.map(|run| run.0).filter(|&next| {
                let is_equal = self.known.is_some_and(|(sizes, _)| sizes[next] == sizes[at]);
                let counter = &mut self.goes_on[hits % 256];
                let is_equal = coder.code(is_equal, counter.one());
                counter.learn(is_equal, LIMIT);
                hits = hits << 1 | usize::from(is_equal);
                is_equal
            });
            if source.is_none() {
                let entries = &self.lists[list];
                let is_equal =
                    |&at_list: &u32| self.known.is_some_and(|(sizes, _)| sizes[at_list as usize] == sizes[at]);
                let place = entries.iter().rev().position(is_equal).map_or(0, |place| place + 1);
                let place = self.places.code(place, &[u32::from(run.is_some())], coder);
                // Damaged bytes may tell of a place that the list has not got.
                source = place.checked_sub(1).and_then(|place| entries.iter().rev().nth(place)).map(|&at| at as usize);
                if let Some(source) = source {
                    run = Some((source, source % self.width == column));
                }
            }
            let entries = &mut self.lists[list];
            if let Some(source) = source {
                let origin = self.found.origins[source];
                let counter = &mut self.signs[flips % 16];
                let before = self.found.flipped[source];
                let is_flipped = self.known.is_some_and(|(_, negative)| negative[at] != negative[origin as usize]);
                let changes = coder.code(is_flipped != before, counter.one());
                counter.learn(changes, LIMIT);
                flips = flips << 1 | usize::from(changes);
                self.found.origins.push(origin);
                self.found.flipped.push(changes != before);
                let place = entries.iter().rposition(|&own| self.found.origins[own as usize] == origin);
                place.map(|place| entries.remove(place));
            } else {
                self.found.origins.push(at as u32);
                self.found.flipped.push(false);
            }
            if entries.len() == LISTED {
                entries.remove(0);
            }
            entries.push(at as u32);
            run = run.and_then(|(next, forward)| {
                let next = if forward { Some(next + 1) } else { next.checked_sub(1) };
                next.filter(|&next| next <= at).map(|next| (next, forward))
            });
            check(coder)?;
        }
        Ok(self.found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;
    use crate::model::Dtype;

    proptest! {
        #[test]
        fn words_return_from_their_first_places(words in prop::collection::vec(0u32..40, 1..400), width in 1usize..30) {
            let numbers = Numbers::of(Dtype::F32).unwrap();
            let (found, bytes) = Repeats::encode(numbers, &words, width);
            let mut budget = Budget::new(&Limits::default());
            let read = Repeats::decode(&bytes, words.len(), width, &mut budget).unwrap();
            let new = read.new_ones();
            prop_assert_eq!(&new, &found.new_ones());
            let mut restored: Vec<u32> = words.iter().zip(new.iter().by_vals()).map(|(&w, new)| if new { w } else { 0 }).collect();
            read.restore(&mut restored);
            prop_assert_eq!(restored, words);
        }

        #[test]
        fn noise_is_repeats_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60), width in 1usize..30) {
            let mut budget = Budget::new(&Limits::default());
            if let Ok(read) = Repeats::decode(&bytes, 200, width, &mut budget) {
                let mut words = vec![1u32; 200];
                read.restore(&mut words);
            }
        }
    }

    #[test]
    fn a_mirrored_table_costs_little_more_than_its_half() {
        // Row k is cos(2πkn / 64) by its periods: each column folds on its mirror.
        let wave =
            |k: usize, n: usize| ((k * n % 64).min(64 - k * n % 64) as u32 + 100) << 1 | u32::from(k * n % 64 > 32);
        let words: Vec<u32> = (0..64 * 64).map(|at| wave(at / 64, at % 64)).collect();
        let (found, bytes) = Repeats::encode(Numbers::of(Dtype::F32).unwrap(), &words, 64);
        let new = found.new_ones().count_ones();
        assert!(new < 900 && bytes.len() < 1800, "{new} new, {} bytes", bytes.len());
    }
}
