//! Which coding takes the fewest bytes for a unit.

use super::against::difference;
use super::dense::Dense;
use super::hopes::{self, Hopes};
use super::lanes::Lanes;
use super::method::{BASE_BYTES, Coded, Coding};
use super::sparse::{Sparse, part};
use super::unit::Unit;
use super::words::Form;
use crate::codec::{Bins, BitPack, Constant, Delta, Dictionary, Lz77, Lz77Effort, Plan, Rans, Store, Then, auto};
use crate::density::Search;
use crate::log2::BIT;
use crate::{Effort, Error, Lane, Result, Word, with_words};

/// Fewest and most words on which plans are tried, and the share of a unit between.
const SAMPLE: std::ops::RangeInclusive<usize> = 1 << 13..=1 << 15;
const SAMPLED: usize = 16;

/// Stretches of a sample.
const STRETCHES: usize = 4;

/// Plans that are tried on a whole unit.
const TRIALS: usize = 2;

impl Coding {
    /// The best coding of a unit, never larger than its words stored, given the words of a base if there is one. Plans are
    /// tried on a sample.
    pub fn best(
        words: &Lane,
        base: Option<&Lane>,
        unit: &Unit,
        shape: &[usize],
        effort: Effort,
    ) -> Result<(Self, Coded)> {
        // Nothing else is tried on long holes.
        let is_long = unit.words >= *SAMPLE.end();
        if is_long && with_words!(words, words => words.windows(2).all(|pair| pair[0] == pair[1])) {
            let constant = Self::Lanes(Lanes::whole(Constant));
            return Ok((constant.clone(), constant.encode(words, None, unit)?));
        }
        let promise = base.map_or(Promise::Alone, |base| Promise::of(words, base, unit, shape));
        let mut best = Self::stored(words, unit)?;
        if promise != Promise::Against {
            Self::alone(&mut best, words, unit, shape, effort)?;
        }
        if let Some(base) = base.filter(|_| promise != Promise::Alone) {
            let against = Self::against(words, base, unit, shape, effort)?;
            if against.0.bytes() + BASE_BYTES < best.0.bytes() {
                best = against;
            }
        }
        Ok((best.1, best.0))
    }

    fn stored(words: &Lane, unit: &Unit) -> Result<(Coded, Self)> {
        let stored = Self::Lanes(Lanes::whole(Store));
        Ok((stored.encode(words, None, unit)?, stored))
    }

    /// Tries what needs no base.
    fn alone(best: &mut (Coded, Self), words: &Lane, unit: &Unit, shape: &[usize], effort: Effort) -> Result<()> {
        // What plans have to beat at the fastest effort; others try the same plans, so that they never end above it.
        let mut limit = best.0.bytes();
        let densities = Dense::candidates(words, unit, shape, effort);
        for (at, (dense, turned)) in densities.into_iter().enumerate() {
            let spared = dense.spared() as usize;
            let dense = Self::Dense(Box::new(dense));
            let mut coded = dense.encode(turned.as_ref().unwrap_or(words), None, unit)?;
            coded.words = turned;
            if at == 0 {
                limit = limit.min(coded.bytes() + spared);
            }
            coded.replace(dense, best);
        }
        if let Some(dense) = Dense::of_new(words, unit, shape) {
            let dense = Self::Dense(Box::new(dense));
            let coded = dense.encode(words, None, unit)?;
            limit = limit.min(coded.bytes());
            coded.replace(dense, best);
        }
        if effort == Effort::Max {
            Self::mix(best, words, None, unit)?;
        }
        let mask = best.0.planes.mask_bytes();
        if let Some((coding, coded)) = Self::planned(words, unit, (limit, mask))? {
            coded.replace(coding, best);
        }
        Ok(())
    }

    /// The best of what needs a base, and of the words stored.
    fn against(words: &Lane, base: &Lane, unit: &Unit, shape: &[usize], effort: Effort) -> Result<(Coded, Self)> {
        let search = if effort == Effort::Fast { Search::Factors } else { Search::Columns };
        let mut best = Self::stored(words, unit)?;
        for without_equal in [false, true] {
            if without_equal && !has_many_equal(words, base) {
                continue;
            }
            if let Some((dense, turned)) = Dense::against(words, base, without_equal, unit, shape, search) {
                let base = dense.base(base);
                let dense = Self::Dense(Box::new(dense));
                let mut coded = dense.encode(turned.as_ref().unwrap_or(words), Some(&base), unit)?;
                coded.words = turned;
                coded.replace(dense, &mut best);
            }
        }
        let differences = difference(words, base, unit.form.is_rotated);
        if let Some((coding, coded)) = Self::planned(&differences, unit, (best.0.bytes(), best.0.planes.mask_bytes()))?
        {
            coded.replace(Self::Differences(Box::new(coding)), &mut best);
        }
        if effort == Effort::Max {
            Self::mix(&mut best, words, Some(base), unit)?;
        }
        Ok(best)
    }

    /// Mixes the bits of the density that does best with static tables.
    fn mix(best: &mut (Coded, Self), words: &Lane, base: Option<&Lane>, unit: &Unit) -> Result<()> {
        let Self::Dense(dense) = &best.1 else { return Ok(()) };
        let base = base.filter(|_| dense.is_centred()).map(|base| dense.base(base));
        let mixed = Self::Dense(Box::new(dense.mixed()));
        let mut coded = mixed.encode(best.0.words.as_ref().unwrap_or(words), base.as_ref(), unit)?;
        if coded.bytes() < best.0.bytes() {
            coded.words = best.0.words.take();
            *best = (coded, mixed);
        }
        Ok(())
    }

    /// The best plans for a unit, if a sample promises less than so many bytes, of which some are a mask.
    fn planned(words: &Lane, unit: &Unit, (most, mask): (usize, usize)) -> Result<Option<(Self, Coded)>> {
        let sample = sample(words, unit);
        let part = Unit { words: sample.len(), ..unit.clone() };
        let mut tried: Vec<(Self, Coded)> = vec![];
        let each = |bytes: usize| bytes as u64 * 8 * BIT / unit.words as u64;
        for coding in candidates(&sample, unit, each(most), each(mask))? {
            match coding.encode(&sample, None, &part) {
                Ok(coded) => tried.push((coding, coded)),
                Err(Error::Unsuitable { .. }) => (),
                Err(error) => return Err(error),
            }
        }
        // Stable: the earlier candidate wins a tie.
        tried.sort_by_key(|(_, coded)| coded.bytes());
        let mut trials = 0;
        for (coding, coded) in tried {
            if sample.len() == unit.words {
                return Ok(Some((coding, coded)));
            }
            // What all chunks share weighs more in a sample.
            let promise = (coded.bytes() as u64 * 255 / 256) * unit.words as u64;
            if promise >= most as u64 * sample.len() as u64 || trials == TRIALS {
                break;
            }
            match coding.encode(words, None, unit) {
                Ok(coded) if coded.bytes() < most => return Ok(Some((coding, coded))),
                Ok(_) => trials += 1,
                // It suits the sample only.
                Err(Error::Unsuitable { .. }) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Which way a unit may be coded best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    Alone,
    Against,
    Either,
}

impl Promise {
    /// What quick densities with and without a base say. An unrelated base costs half a bit for each weight; prediction
    /// of columns by others has saved up to two and a half.
    fn of(words: &Lane, base: &Lane, unit: &Unit, shape: &[usize]) -> Self {
        let alone = Dense::candidates(words, unit, shape, Effort::Fast).into_iter().next();
        let against = Dense::against(words, base, false, unit, shape, Search::Scales);
        let (Some((alone, _)), Some((against, _))) = (alone, against) else { return Self::Either };
        let saved = alone.bits() - against.bits();
        match saved * 4 / words.len() as i64 {
            _ if alone.leaves_out() || has_many_equal(words, base) => Self::Either,
            i64::MIN..=-2 => Self::Alone,
            12.. => Self::Against,
            _ => Self::Either,
        }
    }
}

/// Whether so many words are those of the base that a mask of them may pay.
fn has_many_equal(words: &Lane, base: &Lane) -> bool {
    fn equal<W: Word>(words: &[W], base: &Lane) -> usize {
        W::of(base).map_or(0, |base| words.iter().zip(base).filter(|(word, base)| word == base).count())
    }
    with_words!(words, words => equal(words, base)) > words.len() / 512
}

/// Stretches of whole rows, where there are rows, evenly spread over a unit.
fn sample(words: &Lane, unit: &Unit) -> Lane {
    let len = (words.len() / SAMPLED).clamp(*SAMPLE.start(), *SAMPLE.end());
    if words.len() <= len {
        return words.clone();
    }
    let stretch = len / STRETCHES;
    // Where rows are longer, groups of a pattern are not cut at least.
    let unbroken = if unit.row > 0 && unit.row < stretch { unit.row } else { 16 };
    let whole = |at: usize| at - at % unbroken;
    let stretch = whole(stretch);
    let starts = (0..STRETCHES).map(|k| whole((words.len() - stretch) / (STRETCHES - 1) * k));
    words.gather(&starts.flat_map(|start| start as u32..(start + stretch) as u32).collect::<Vec<_>>())
}

/// What is tried; the earlier wins a tie. A word takes `most` already, in 2^-16 bit, and `mask` of these for a mask.
fn candidates(sample: &Lane, unit: &Unit, most: u64, mask: u64) -> Result<Vec<Coding>> {
    let hopes = Hopes::of(sample, unit.form.is_rotated, most);
    let mut lanes = if hopes.order { dense(sample, unit.form)? } else { vec![] };
    if unit.form.is_rotated {
        // Nothing else that `auto` tries suits floats.
        if hopes.dictionary {
            lanes.push(Lanes::whole(Plan::new(Dictionary, [binned(), Delta::default().then(BitPack)])));
        }
        if hopes.repeats {
            lanes.push(Lanes::whole(Lz77 { effort: Lz77Effort::Fast }.each(Rans::default())));
        }
    } else if hopes.dictionary || hopes.repeats || hopes.neighbours {
        lanes.push(Lanes::whole(auto(sample)?));
    }
    let mut candidates: Vec<Coding> = lanes.into_iter().map(Coding::Lanes).collect();
    let (zeros, words) = part(sample);
    if (1..sample.len() - sample.len() / 64).contains(&words.len()) {
        let kept = with_words!(&words, words => hopes::order(words));
        if kept + mask * (sample.len() as u64) < most * (sample.len() as u64) {
            for lanes in dense(&words, unit.form)? {
                candidates.push(Coding::Sparse(Sparse::new(&zeros, unit.row, lanes)));
            }
        }
    }
    Ok(candidates)
}

/// Lanes for words of which few are equal.
fn dense(sample: &Lane, form: Form) -> Result<Vec<Lanes>> {
    let (binned, planes) = (Lanes::whole(binned()), Lanes::planes(sample)?);
    Ok(if form.kind.width() == 1 { vec![planes, binned] } else { vec![binned, planes] })
}

fn binned() -> Plan {
    Bins::default().then(Rans::default())
}
