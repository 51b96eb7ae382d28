//! The columns of a CSV as columnar formats take them: 64-bit integers, doubles or bytes, with gaps.
//!
//! This is less than the file: how numbers were spelt, quotes, spaces around cells and line ends are gone, which is in
//! favour of the formats that get columns.

use crate::Result;

/// What stands for a missing number.
const MISSING: [&[u8]; 2] = [b"", b"NA"];

/// A column: values that are there, and where.
#[derive(Debug, PartialEq)]
pub struct Column {
    pub values: Values,
    /// One for each row that has a value; `None` where all have.
    pub present: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq)]
pub enum Values {
    Integers(Vec<i64>),
    Doubles(Vec<f64>),
    Texts(Texts),
}

/// Cells one after the other.
#[derive(Debug, Default, PartialEq)]
pub struct Texts {
    pub bytes: Vec<u8>,
    pub lengths: Vec<u32>,
}

impl Texts {
    pub fn push(&mut self, cell: &[u8]) {
        self.bytes.extend_from_slice(cell);
        self.lengths.push(cell.len() as u32);
    }

    pub fn cells(&self) -> impl Iterator<Item = &[u8]> {
        self.lengths.iter().scan(&self.bytes[..], |left, &length| left.split_off(..length as usize))
    }
}

/// Columns of a table, without the first row if it has no number: those are names.
pub fn columns(source: &[u8]) -> Result<Vec<Column>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(source);
    let mut table: Vec<Texts> = vec![];
    let (mut rows, mut named) = (0, true);
    for record in reader.byte_records() {
        let record = record?;
        if rows == 0 && named && record.iter().all(|cell| double(cell).is_none()) {
            named = false;
            continue;
        }
        let short = || Texts { bytes: vec![], lengths: vec![0; rows] };
        table.resize_with(table.len().max(record.len()), short);
        table.iter_mut().enumerate().for_each(|(at, column)| column.push(record.get(at).unwrap_or_default()));
        rows += 1;
    }
    Ok(table.into_iter().map(column).collect())
}

fn column(texts: Texts) -> Column {
    let there = |cell: &&[u8]| !MISSING.contains(cell);
    let numbers = || texts.cells().filter(there);
    let integers = numbers().map(|cell| std::str::from_utf8(cell).ok()?.parse().ok()).collect();
    let values = match integers {
        Some(integers) => Some(Values::Integers(integers)),
        None => numbers().map(double).collect::<Option<_>>().map(Values::Doubles),
    };
    match values {
        Some(values) => {
            let gaps = numbers().count() < texts.lengths.len();
            let present = gaps.then(|| texts.cells().map(|cell| u8::from(there(&cell))).collect());
            Column { values, present }
        }
        None => Column { values: Values::Texts(texts), present: None },
    }
}

/// A cell as a number, unless it is a word such as `nan`.
fn double(cell: &[u8]) -> Option<f64> {
    let spelt = cell.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    if spelt { std::str::from_utf8(cell).ok()?.parse().ok() } else { None }
}
