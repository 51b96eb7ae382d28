//! Tables made by hand.

use super::{ColumnData, ColumnSchema, Entries, Kind, Layout, Number, RowData, Schema, Table};
use crate::{Error, Lane, Result};

/// Collects columns for a small table, as one writes it down for learning or for a test.
///
/// ```
/// use losslaw::table::Table;
/// let table = Table::builder()
///     .categorical("outlook", &["sunny", "rain", "sunny"])
///     .numeric("humidity", &[85, -96, 90])
///     .build()?;
/// assert_eq!(table.to_csv(), b"outlook,humidity\nsunny,85\nrain,-96\nsunny,90\n");
/// assert_eq!(table.ordinals(0).to_u64s(), [1, 0, 1]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TableBuilder {
    columns: Vec<(ColumnSchema, ColumnData)>,
    header: Vec<u8>,
}

impl TableBuilder {
    /// Adds a column of integers.
    #[must_use]
    pub fn numeric(self, name: &str, values: &[i64]) -> Self {
        let min = values.iter().copied().min().unwrap_or(0);
        // An offset may use all 64 bits; the largest one is then out of reach, which `build` reports.
        let ordinals = values.iter().map(|value| value.abs_diff(min).saturating_add(1)).collect();
        self.push(name, Kind::Number(Number::Integer { min }), ordinals)
    }

    /// Adds a column of texts.
    #[must_use]
    pub fn categorical(self, name: &str, values: &[&str]) -> Self {
        let cells: Vec<Vec<u8>> = values.iter().map(|value| quoted(value)).collect();
        let mut distinct: Vec<&[u8]> = cells.iter().map(Vec::as_slice).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let ordinals = cells.iter().map(|cell| distinct.partition_point(|&entry| entry < cell.as_slice()) as u64);
        let ordinals = ordinals.collect();
        self.push(name, Kind::Categorical { entries: Entries::from_texts(distinct) }, ordinals)
    }

    fn push(mut self, name: &str, kind: Kind, ordinals: Vec<u64>) -> Self {
        self.header.push(b',');
        self.header.extend(quoted(name));
        let schema =
            ColumnSchema { name: name.into(), kind, span: 1, prefix: vec![], suffix: vec![], specials: vec![] };
        let data = ColumnData { ordinals: Lane::narrowest(ordinals), escapes: vec![], text: vec![] };
        self.columns.push((schema, data));
        self
    }

    /// The table, or what is wrong with its columns.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when there is no column, the columns differ in length, or a value is out of range.
    pub fn build(mut self) -> Result<Table> {
        let (columns, data): (Vec<ColumnSchema>, Vec<ColumnData>) = self.columns.into_iter().unzip();
        let rows = data.first().map_or(0, |column| column.ordinals.len());
        if rows == 0 || rows > u32::MAX as usize {
            return Err(Error::config("rows", rows, "1..=4294967295"));
        }
        for column in &data {
            if column.ordinals.len() != rows {
                return Err(Error::config("rows", column.ordinals.len(), "the same in all columns"));
            }
            if column.ordinals.max() == Some(u64::MAX) {
                return Err(Error::config("range", "2^64 - 1", "less than 2^64 - 2 between least and largest value"));
            }
        }
        let delimiter = if columns.len() == 1 { b'\n' } else { b',' };
        let mut start = self.header.split_off(1);
        start.push(b'\n');
        let layout = Layout { start, header_at: 0, delimiter, is_quoted: true, is_crlf: false, is_open: false };
        Ok(Table::new(Schema { layout, columns }, RowData { rows, columns: data, irregular: vec![] }))
    }
}

fn quoted(text: &str) -> Vec<u8> {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\"")).into_bytes()
    } else {
        text.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_made_by_hand_reads_back_as_itself() {
        let table = Table::builder()
            .categorical("play, or not", &["yes", "no \"way\"", "yes", "no \"way\""])
            .numeric("t", &[3, -1, 2, 2])
            .build()
            .unwrap();
        let again = Table::from_csv(&table.to_csv()).unwrap();
        assert_eq!(again.to_csv(), table.to_csv());
        assert_eq!(again.columns()[0].name, "play, or not");
        assert_eq!(again.ordinals(1), table.ordinals(1));
    }

    #[test]
    fn columns_that_differ_in_length_are_refused() {
        assert!(Table::builder().build().is_err());
        assert!(Table::builder().numeric("a", &[1]).numeric("b", &[1, 2]).build().is_err());
        assert!(Table::builder().numeric("a", &[i64::MIN, i64::MAX]).build().is_err());
    }
}
