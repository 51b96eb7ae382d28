//! [`Table`] and its rows.

use std::borrow::Cow;
use std::ops::Range;

use super::scan::Index;
use super::{ColumnSchema, Kind, Schema, TableBuilder, typing};
use crate::tree::{Frame, FrameColumn};
use crate::{Lane, Result, with_words};

/// Rows that learning looks at.
const SAMPLE_ROWS: usize = 1 << 16;

/// Rows between two marks of a column's position in its escapes or text.
const MARK_ROWS: usize = 1 << 12;

/// A CSV file as typed columns; [`Table::to_csv`] restores every byte.
///
/// ```
/// use losslaw::table::Table;
/// let csv = b"city,temp\nOslo,-3.5\nRome,NA\nOslo,12.0\nOslo,1.5\n";
/// let table = Table::from_csv(csv)?;
/// assert_eq!((table.rows(), table.columns().len()), (4, 2));
/// assert_eq!(table.column_index("temp"), Some(1));
/// assert_eq!(table.to_csv(), csv);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub(crate) schema: Schema,
    pub(crate) rows: RowData,
    /// For each column: escapes (or bytes of text) before every [`MARK_ROWS`]th row; empty when it has none.
    marks: Vec<Vec<usize>>,
}

/// What changes from row to row, for all rows or for a block of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowData {
    /// Number of regular rows.
    pub rows: usize,
    /// One entry for each column of the schema.
    pub columns: Vec<ColumnData>,
    /// Lines that are no regular rows, in the order of the file.
    pub irregular: Vec<Irregular>,
}

/// One column of some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnData {
    /// One ordinal for each row.
    pub ordinals: Lane,
    /// The raw cell of each escape, in row order.
    pub escapes: Vec<Vec<u8>>,
    /// [`Kind::Text`]: the cells one after the other; their lengths are the ordinals.
    pub text: Vec<u8>,
}

/// A line that does not fit the table: ragged, blank, or with another line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Irregular {
    /// The regular row (of the same [`RowData`]) before which it stands; the number of rows for lines at the end.
    pub before_row: u32,
    /// The line with its line end.
    pub bytes: Vec<u8>,
}

impl Table {
    /// Takes a CSV file apart.
    ///
    /// # Errors
    /// [`crate::Error::NotATable`] when the bytes are no table: too few rows, too many irregular ones, or prose.
    pub fn from_csv(bytes: &[u8]) -> Result<Self> {
        let index = Index::scan(bytes)?;
        let (schema, rows) = typing::type_table(bytes, &index)?;
        Ok(Self::new(schema, rows))
    }

    /// Starts a table made by hand.
    pub fn builder() -> TableBuilder {
        TableBuilder::default()
    }

    pub(super) fn new(schema: Schema, rows: RowData) -> Self {
        let marks = schema.columns.iter().zip(&rows.columns).map(|(schema, data)| marks(schema, data)).collect();
        Self { schema, rows, marks }
    }

    /// The file this table was read from, byte for byte.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut out = vec![];
        self.schema.write_start(&mut out);
        self.schema.write_rows(&self.rows, true, &mut out).expect("a table holds what its schema allows");
        out
    }

    /// What does not change from row to row.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Number of regular rows, the header not counted.
    pub fn rows(&self) -> usize {
        self.rows.rows
    }

    /// What holds for all rows of each column.
    pub fn columns(&self) -> &[ColumnSchema] {
        &self.schema.columns
    }

    /// The first column of this name.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.schema.columns.iter().position(|column| column.name == name)
    }

    /// The ordinals of a column.
    pub fn ordinals(&self, column: usize) -> &Lane {
        &self.rows.columns[column].ordinals
    }

    /// The columns as partitioners see them; at most 65,536 rows, evenly spread, are learnt from.
    ///
    /// ```
    /// use losslaw::table::Table;
    /// let table = Table::from_csv(b"city,temp\nOslo,-3\nRome,NA\nOslo,12\nOslo,1\n")?;
    /// let frame = table.frame();
    /// assert!(!frame.columns()[0].ordered, "cities have no order");
    /// assert!(frame.columns()[1].ordered, "temperatures have one");
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn frame(&self) -> Frame<'_> {
        let column = |(index, schema): (usize, &ColumnSchema)| FrameColumn {
            name: schema.name.clone(),
            ordinals: Cow::Borrowed(self.ordinals(index)),
            first_value: schema.first_value(),
            ordered: schema.is_ordered() || matches!(schema.kind, Kind::Text | Kind::Noise),
        };
        let columns = self.columns().iter().enumerate().map(column).collect();
        Frame::new(columns, self.rows(), SAMPLE_ROWS)
    }

    /// The rows of a range with the escapes, text and irregular lines that belong to them.
    ///
    /// Lines behind the last row go with the range that ends there.
    pub fn block(&self, range: Range<usize>) -> RowData {
        let columns = (0..self.rows.columns.len()).map(|column| self.block_of(column, range.clone())).collect();
        let irregular = &self.rows.irregular;
        let first = irregular.partition_point(|line| (line.before_row as usize) < range.start);
        let last = if range.end == self.rows.rows {
            irregular.len()
        } else {
            irregular.partition_point(|line| (line.before_row as usize) < range.end)
        };
        let irregular = irregular[first..last]
            .iter()
            .map(|line| Irregular { before_row: line.before_row - range.start as u32, bytes: line.bytes.clone() });
        RowData { rows: range.len(), columns, irregular: irregular.collect() }
    }

    fn block_of(&self, column: usize, range: Range<usize>) -> ColumnData {
        let data = &self.rows.columns[column];
        let ordinals = data.ordinals.slice(range.clone());
        if self.marks[column].is_empty() {
            return ColumnData { ordinals, escapes: vec![], text: vec![] };
        }
        let is_text = matches!(self.schema.columns[column].kind, Kind::Text);
        let position = |row: usize| {
            let mark = row / MARK_ROWS;
            self.marks[column][mark] + extent(&data.ordinals.slice(mark * MARK_ROWS..row), is_text)
        };
        let span = position(range.start)..position(range.end);
        if is_text {
            ColumnData { ordinals, escapes: vec![], text: data.text[span].to_vec() }
        } else {
            ColumnData { ordinals, escapes: data.escapes[span].to_vec(), text: vec![] }
        }
    }
}

/// Bytes of text, or number of escapes, of some rows.
fn extent(ordinals: &Lane, is_text: bool) -> usize {
    with_words!(ordinals, words => if is_text {
        words.iter().map(|&w| crate::Word::wide(w) as usize).sum()
    } else {
        words.iter().map(|&w| usize::from(w == 0)).sum()
    })
}

fn marks(schema: &ColumnSchema, data: &ColumnData) -> Vec<usize> {
    let is_text = matches!(schema.kind, Kind::Text);
    if !is_text && data.escapes.is_empty() {
        return vec![];
    }
    let rows = data.ordinals.len();
    let mut marks = vec![0];
    for start in (0..rows).step_by(MARK_ROWS) {
        let end = rows.min(start + MARK_ROWS);
        marks.push(marks[marks.len() - 1] + extent(&data.ordinals.slice(start..end), is_text));
    }
    marks
}
