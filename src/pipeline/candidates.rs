//! Which transforms of a column are worth a trial: judged by a quick estimate on a few thousand rows.

use std::sync::OnceLock;

use super::transform::{Reference, Table, Transform};
use crate::Lane;
use crate::log2::log2;
use crate::tree::Frame;
use crate::tree::criterion::{BIT, code_length};
use crate::wire::zigzag;

/// Rows of each of the two stretches that estimates look at. References need neighbours, so rows are not thinned.
const STRETCH: usize = 4096;

/// Most transforms that go on to a trial with trees, the plain one included.
const TRIED: usize = 3;

/// One row in so many must be the first of its key in a block, for a table to say what stands there.
const FIRST_ROWS: usize = 64;

/// Consecutive rows of a column.
struct Stretch {
    values: Vec<u64>,
    /// The place of each value among the distinct ones.
    ids: Vec<u16>,
    distinct: usize,
}

impl Stretch {
    fn new(values: Vec<u64>) -> Self {
        let mut sorted = values.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let id = |value: &u64| sorted.partition_point(|known| known < value) as u16;
        Self { ids: values.iter().map(id).collect(), distinct: sorted.len(), values }
    }

    /// The value in the last row of the same key, 0 if there is none.
    fn last_in<'a>(&'a self, key: &'a Self) -> impl Iterator<Item = u64> {
        let mut last = vec![0; key.distinct];
        key.ids.iter().zip(&self.values).map(move |(&id, &value)| std::mem::replace(&mut last[usize::from(id)], value))
    }

    fn previous(&self) -> impl Iterator<Item = u64> {
        std::iter::once(0).chain(self.values.iter().copied()).take(self.values.len())
    }
}

/// The stretches of all columns, each made when it is first asked for.
pub(super) struct Stretches<'a> {
    frame: &'a Frame<'a>,
    of_column: Vec<OnceLock<Vec<Stretch>>>,
}

impl<'a> Stretches<'a> {
    pub fn new(frame: &'a Frame<'a>) -> Self {
        Self { frame, of_column: frame.columns().iter().map(|_| OnceLock::new()).collect() }
    }

    fn of(&self, column: usize) -> &[Stretch] {
        self.of_column[column].get_or_init(|| {
            let (rows, ordinals) = (self.frame.rows(), &self.frame.columns()[column].ordinals);
            let starts = if rows <= 2 * STRETCH { vec![0] } else { vec![rows / 8, rows / 8 * 5] };
            let end = |start: usize| rows.min(start + if rows <= 2 * STRETCH { 2 * STRETCH } else { STRETCH });
            starts.into_iter().map(|start| Stretch::new(ordinals.slice(start..end(start)).to_u64s())).collect()
        })
    }
}

/// The promising transforms of a column, the plain one first. `earlier` lists columns that may be referred to.
pub(super) fn transforms(stretches: &Stretches<'_>, target: usize, earlier: &[u32]) -> Vec<Transform> {
    let columns = stretches.frame.columns();
    let own = stretches.of(target);
    let ordered = columns[target].ordered;
    let plain = Estimate::of(own.iter().flat_map(|stretch| stretch.values.iter().copied()));
    let mut found: Vec<(u64, Transform)> = vec![];
    let values: Vec<u64> = own.iter().flat_map(|stretch| &stretch.values).copied().collect();
    let mut judge = |reference: Reference, matches: bool, references: &[u64]| {
        let pairs = || values.iter().zip(references);
        // A mark that is hardly ever set is the plain column again.
        if matches && pairs().filter(|(value, reference)| value == reference).count() * 16 > values.len() {
            let marked = pairs().map(|(value, reference)| if value == reference { 0 } else { value.saturating_add(1) });
            found.push((Estimate::of(marked), Transform::Match(reference.clone())));
        }
        if ordered {
            let differences = pairs().map(|(value, reference)| zigzag(value.wrapping_sub(*reference) as i64));
            found.push((Estimate::of(differences), Transform::Difference(reference)));
        }
    };
    let mut references: Vec<u64> = own.iter().flat_map(Stretch::previous).collect();
    judge(Reference::Previous, true, &references);
    for &key in earlier {
        let keys = stretches.of(key as usize);
        if keys.iter().all(|key| key.distinct < 2) {
            continue;
        }
        // Keys that hardly come back have no last row.
        if keys.iter().any(|key| key.distinct * 8 < key.ids.len() * 7) {
            references.clear();
            own.iter().zip(keys).for_each(|(own, key)| references.extend(own.last_in(key)));
            judge(Reference::LastIn(key), true, &references);
        }
        if ordered && columns[key as usize].ordered {
            references.clear();
            keys.iter().for_each(|key| references.extend_from_slice(&key.values));
            judge(Reference::Column(key), false, &references);
        }
    }
    // The sort is stable, so the earlier candidate wins a tie.
    found.sort_by_key(|candidate| candidate.0);
    // A tree may turn the balance, so what comes close is tried, too.
    let promising = |candidate: &&(u64, Transform)| candidate.0 < plain + plain / 16;
    let mut out = vec![Transform::Plain];
    for (_, transform) in found.iter().filter(promising).take(TRIED - 1) {
        out.push(transform.clone());
    }
    // A key whose last value is often right may determine the column: then a table needs no history.
    let key = |(bits, transform): &(u64, Transform)| match transform {
        Transform::Match(Reference::LastIn(key)) if *bits < plain - plain / 32 => Some(*key),
        _ => None,
    };
    if let Some(key) = found.iter().take(TRIED - 1).find_map(key) {
        let map = table_of(&columns[key as usize].ordinals, &columns[target].ordinals, key);
        out.push(Transform::Match(Reference::Map(map)));
    }
    out
}

/// A transform by the last row of the same key, begun by a table of what all blocks have in common; nothing if there is
/// little to gain. `ordinals` are those of the column and `keys` those of its key, block by block.
pub(super) fn recalled<'a>(
    transform: &Transform,
    blocks: impl ExactSizeIterator<Item = &'a Lane>,
    [ordinals, keys]: [&Lane; 2],
) -> Option<Transform> {
    let (Transform::Match(Reference::LastIn(key)) | Transform::Difference(Reference::LastIn(key))) = *transform else {
        return None;
    };
    if blocks.len() < 2 {
        return None;
    }
    let firsts: usize = blocks.map(|keys| distinct(keys.to_u64s())).sum();
    if firsts * FIRST_ROWS < keys.len() {
        return None;
    }
    let table = table_of(keys, ordinals, key);
    let recalled = Reference::Recalled(table);
    let is_match = matches!(transform, Transform::Match(_));
    Some(if is_match { Transform::Match(recalled) } else { Transform::Difference(recalled) })
}

fn distinct(mut words: Vec<u64>) -> usize {
    words.sort_unstable();
    words.dedup();
    words.len()
}

/// About how many bits (in 2⁻¹⁶) it takes to write a transform down.
pub(super) fn description(transform: &Transform) -> u64 {
    let Some(Table { keys, values, .. }) = transform.table() else { return 0 };
    let gaps = std::iter::once(0).chain(keys.iter().copied()).zip(keys).map(|(last, key)| key - last);
    Estimate::of(gaps) + Estimate::of(values.iter().copied())
}

/// The commonest value for each key that occurs more than once.
fn table_of(keys: &Lane, values: &Lane, key: u32) -> Table {
    let mut pairs: Vec<(u64, u64)> = keys.to_u64s().into_iter().zip(values.to_u64s()).collect();
    pairs.sort_unstable();
    let (mut known, mut answers) = (vec![], vec![]);
    for own in pairs.chunk_by(|a, b| a.0 == b.0).filter(|own| own.len() > 1) {
        // The smallest of equally common values: `max_by_key` keeps the last, so the order is turned.
        let runs = own.chunk_by(|a, b| a == b);
        let commonest = runs.rev().max_by_key(|run| run.len()).expect("a key has a value");
        known.push(own[0].0);
        answers.push(commonest[0].1);
    }
    Table { key, keys: known, values: answers }
}

/// About how many bits (in 2⁻¹⁶) words would cost under one distribution: small words by themselves, larger ones by
/// their leading bits with the rest raw.
pub(super) struct Estimate {
    counts: Vec<u32>,
    raw: u64,
}

impl Default for Estimate {
    fn default() -> Self {
        Self { counts: vec![0; Self::SMALL as usize + (64 << Self::STEP_BITS)], raw: 0 }
    }
}

impl Estimate {
    const SMALL: u64 = 256;
    const STEP_BITS: u32 = 3;

    /// Bits of some words.
    pub fn of(words: impl Iterator<Item = u64>) -> u64 {
        let mut estimate = Self::default();
        words.for_each(|word| estimate.add(word));
        estimate.bits()
    }

    #[inline]
    fn add(&mut self, word: u64) {
        if word < Self::SMALL {
            self.counts[word as usize] += 1;
        } else {
            let top = word.ilog2();
            let step = (word >> (top - Self::STEP_BITS)) & ((1 << Self::STEP_BITS) - 1);
            self.counts[Self::SMALL as usize + (((top as usize) << Self::STEP_BITS) | step as usize)] += 1;
            self.raw += u64::from(top - Self::STEP_BITS);
        }
    }

    fn bits(&self) -> u64 {
        let used = self.counts.iter().filter(|&&c| c > 0).count() as u64;
        code_length(&self.counts) + (self.raw + 6 * used) * BIT + log2(used)
    }
}
