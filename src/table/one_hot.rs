//! Neighbouring columns of zeros and ones of which one is 1 in every row.

use super::{ColumnData, ColumnSchema, Kind, Number};
use crate::Lane;

/// Fewest columns that are worth joining.
const MIN_WIDTH: usize = 3;

/// Widest run that is looked at, so that the search stays linear in the size of the table.
const MAX_WIDTH: usize = 4096;

/// Replaces maximal runs of one-hot columns by one column each.
pub(super) fn collapse(columns: &mut Vec<(ColumnSchema, ColumnData)>) {
    let mut at = 0;
    while at + MIN_WIDTH <= columns.len() {
        let width = one_hot_width(&columns[at..]);
        if width >= MIN_WIDTH {
            let joined = join(&columns[at..at + width]);
            columns.splice(at..at + width, [joined]);
        }
        at += 1;
    }
}

/// Zeros and ones, not all one: ordinals 1 and 2.
fn is_binary(schema: &ColumnSchema, data: &ColumnData) -> bool {
    schema.kind == Kind::Number(Number::Integer { min: 0 })
        && schema.specials.is_empty()
        && data.escapes.is_empty()
        && data.ordinals.max().is_some_and(|max| max <= 2)
}

fn one_hot_width(columns: &[(ColumnSchema, ColumnData)]) -> usize {
    let first = &columns[0].0;
    let rows = columns[0].1.ordinals.len();
    let mut is_taken = vec![];
    let (mut taken, mut width) = (0, 0);
    for (at, (schema, data)) in columns.iter().enumerate().take(MAX_WIDTH) {
        let Lane::U8(ordinals) = &data.ordinals else { break };
        if !is_binary(schema, data) || schema.prefix != first.prefix || schema.suffix != first.suffix {
            break;
        }
        is_taken.resize(rows, false);
        let mut clashes = false;
        for (is_taken, &ordinal) in is_taken.iter_mut().zip(ordinals) {
            clashes |= *is_taken && ordinal == 2;
            *is_taken |= ordinal == 2;
            taken += usize::from(ordinal == 2);
        }
        if clashes {
            break;
        }
        if taken == rows {
            width = at + 1;
        }
    }
    width
}

fn join(columns: &[(ColumnSchema, ColumnData)]) -> (ColumnSchema, ColumnData) {
    let mut words = vec![0u64; columns[0].1.ordinals.len()];
    for (at, (_, data)) in columns.iter().enumerate() {
        for (word, ordinal) in words.iter_mut().zip(data.ordinals.to_u64s()) {
            *word += if ordinal == 2 { at as u64 } else { 0 };
        }
    }
    let kind = Kind::OneHot { width: columns.len() as u32 };
    let schema = ColumnSchema { kind, span: columns.len(), ..columns[0].0.clone() };
    (schema, ColumnData { ordinals: Lane::narrowest(words), escapes: vec![], text: vec![] })
}
