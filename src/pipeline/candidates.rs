//! Which transforms of a column are worth a full trial: judged by a quick estimate on a few thousand rows.

use std::collections::BTreeMap;

use super::transform::{Reference, Transform};
use crate::log2::log2;
use crate::tree::Frame;
use crate::tree::criterion::{BIT, code_length};
use crate::{Lane, Result};

/// Rows of each of the two stretches that estimates look at. References need neighbours, so rows are not thinned.
const STRETCH: usize = 8192;

/// Most transforms that are tried in full, the plain one included.
const TRIED: usize = 3;

/// The promising transforms of a column, the plain one first. `earlier` lists columns that may be referred to.
pub(super) fn transforms(frame: &Frame<'_>, target: usize, earlier: &[u32]) -> Result<Vec<Transform>> {
    let rows = frame.rows();
    let columns = frame.columns();
    let starts = if rows <= STRETCH { vec![0] } else { vec![0, (rows - STRETCH) / 2] };
    let slices = |column: usize| -> Vec<Lane> {
        let ordinals = &columns[column].ordinals;
        starts.iter().map(|&start| ordinals.slice(start..rows.min(start + STRETCH))).collect()
    };
    let own = slices(target);
    let plain = estimate(&own);
    let mut found: Vec<(u64, Transform)> = vec![];
    let mut judge = |transform: Transform, key: Option<&[Lane]>| -> Result<()> {
        let residual = |(i, lane): (usize, &Lane)| transform.apply(lane, |_| &key.unwrap_or(&own)[i]);
        let residuals = own.iter().enumerate().map(residual).collect::<Result<Vec<_>>>()?;
        found.push((estimate(&residuals), transform));
        Ok(())
    };
    let ordered = columns[target].ordered;
    let both = |reference: Reference| {
        let difference = ordered.then(|| Transform::Difference(reference.clone()));
        std::iter::once(Transform::Match(reference)).chain(difference)
    };
    for transform in both(Reference::Previous) {
        judge(transform, None)?;
    }
    for &key in earlier {
        let lanes = slices(key as usize);
        if lanes.iter().all(|lane| lane.max() == Some(0)) {
            continue;
        }
        for transform in both(Reference::LastIn(key)) {
            judge(transform, Some(&lanes))?;
        }
        if ordered && columns[key as usize].ordered {
            judge(Transform::Difference(Reference::Column(key)), Some(&lanes))?;
        }
    }
    // The sort is stable, so the earlier candidate wins a tie.
    found.sort_by_key(|candidate| candidate.0);
    let promising = |candidate: &&(u64, Transform)| candidate.0 < plain - plain / 32;
    let mut out = vec![Transform::Plain];
    for (_, transform) in found.iter().filter(promising).take(TRIED - 1) {
        out.push(transform.clone());
    }
    // A key whose last value is often right may determine the column: then a table needs no history.
    if let Some(Transform::Match(Reference::LastIn(key))) = out.get(1) {
        let map = map_of(&columns[*key as usize].ordinals, &columns[target].ordinals, *key);
        out.push(Transform::Match(map));
    }
    Ok(out)
}

/// The commonest value for each key that occurs more than once.
fn map_of(keys: &Lane, values: &Lane, key: u32) -> Reference {
    let mut counts: BTreeMap<u64, BTreeMap<u64, u32>> = BTreeMap::new();
    for (key, value) in keys.to_u64s().into_iter().zip(values.to_u64s()) {
        *counts.entry(key).or_default().entry(value).or_default() += 1;
    }
    let (mut known, mut answers) = (vec![], vec![]);
    for (key, values) in counts {
        let (&value, &count) = values.iter().rev().max_by_key(|value| value.1).expect("a key has a value");
        if count > 1 {
            known.push(key);
            answers.push(value);
        }
    }
    Reference::Map { key, keys: known, values: answers }
}

/// About how many bits (in 2⁻¹⁶) the words would cost under one distribution: small words by themselves, larger ones
/// by their leading bits with the rest raw.
fn estimate(lanes: &[Lane]) -> u64 {
    const SMALL: u64 = 256;
    const STEP_BITS: u32 = 3;
    let mut counts = vec![0u32; SMALL as usize + (64 << STEP_BITS)];
    let mut raw = 0u64;
    for lane in lanes {
        for word in lane.to_u64s() {
            if word < SMALL {
                counts[word as usize] += 1;
            } else {
                let top = word.ilog2();
                let step = (word >> (top - STEP_BITS)) & ((1 << STEP_BITS) - 1);
                counts[SMALL as usize + (((top as usize) << STEP_BITS) | step as usize)] += 1;
                raw += u64::from(top - STEP_BITS);
            }
        }
    }
    let used = counts.iter().filter(|&&c| c > 0).count() as u64;
    code_length(&counts) + (raw + 6 * used) * BIT + log2(used)
}
