//! Numbers of few values far apart: a list of the values, and ranks in it.

use super::typing::Typed;
use super::{Kind, Number};
use crate::{Lane, Word, with_words};

/// Most distinct values of a ranked column; the list must fit one lane.
const MAX_RANKS: usize = 1 << 22;

/// Replaces values by ranks when few distinct ones lie far apart.
pub(super) fn ranked((mut schema, mut data): Typed, number: Number) -> Typed {
    let first = schema.first_value();
    let rows = data.ordinals.len();
    let most = data.ordinals.max().unwrap_or(0);
    if most < first + 64 {
        return (schema, data);
    }
    let range = most - first + 1;
    let values = distinct(&data.ordinals, first);
    let fits = values.len() * 4 <= rows && values.len() <= MAX_RANKS && range / 8 >= values.len() as u64;
    if fits {
        let rank =
            |word: u64| if word < first { word } else { first + values.partition_point(|&v| v < word - first) as u64 };
        data.ordinals =
            with_words!(&data.ordinals, words => Lane::narrowest(words.iter().map(|w| rank(w.wide())).collect()));
        schema.kind = Kind::Ranked { number, values };
    }
    (schema, data)
}

/// The distinct ordinals from `first` on, less `first`, ascending.
fn distinct(ordinals: &Lane, first: u64) -> Vec<u64> {
    let most = ordinals.max().unwrap_or(0);
    if most < 1 << 24 {
        let mut is_there = vec![false; most as usize + 1];
        with_words!(ordinals, words => words.iter().for_each(|w| is_there[w.wide() as usize] = true));
        return (first..=most).filter(|&word| is_there[word as usize]).map(|word| word - first).collect();
    }
    let mut values = ordinals.to_u64s();
    values.retain(|&word| word >= first);
    values.sort_unstable();
    values.dedup();
    for word in &mut values {
        *word -= first;
    }
    values
}
