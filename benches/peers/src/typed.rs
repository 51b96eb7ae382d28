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
    Texts(Vec<Vec<u8>>),
}

/// Columns of a table, without their names if the first row has no number.
pub fn columns(source: &[u8]) -> Result<Vec<Column>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(source);
    let mut cells: Vec<Vec<Vec<u8>>> = vec![];
    for (row, record) in reader.byte_records().enumerate() {
        let record = record?;
        cells.resize(cells.len().max(record.len()), vec![vec![]; row]);
        for (at, column) in cells.iter_mut().enumerate() {
            column.push(record.get(at).unwrap_or_default().to_vec());
        }
    }
    if cells.iter().all(|column| column.first().is_none_or(|name| double(name).is_none())) {
        cells.iter_mut().for_each(|column| drop(column.drain(..column.len().min(1))));
    }
    Ok(cells.into_iter().map(column).collect())
}

fn column(cells: Vec<Vec<u8>>) -> Column {
    let there = |cell: &&Vec<u8>| !MISSING.contains(&&cell[..]);
    let numbers: Vec<&Vec<u8>> = cells.iter().filter(there).collect();
    let integers = numbers.iter().map(|cell| std::str::from_utf8(cell).ok()?.parse().ok()).collect();
    let values = match integers {
        Some(integers) => Some(Values::Integers(integers)),
        None => numbers.iter().map(|cell| double(cell)).collect::<Option<_>>().map(Values::Doubles),
    };
    match values {
        Some(values) => {
            let gaps = numbers.len() < cells.len();
            let present = gaps.then(|| cells.iter().map(|cell| u8::from(there(&cell))).collect());
            Column { values, present }
        }
        None => Column { values: Values::Texts(cells), present: None },
    }
}

/// A cell as a number, unless it is a word such as `nan`.
fn double(cell: &[u8]) -> Option<f64> {
    let spelt = cell.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    if spelt { std::str::from_utf8(cell).ok()?.parse().ok() } else { None }
}
