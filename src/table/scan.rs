//! Finding rows and cells: dialect detection and a compact index of every cell.

use std::collections::{BTreeMap, BTreeSet};

use memchr::{memchr, memchr2, memrchr};

use super::Layout;
use super::number::Shape;
use super::schema::MAX_COLUMNS;
use crate::{Error, Result};

/// Longest row; what follows an opening quote is searched no further.
const MAX_ROW: usize = 1 << 20;

/// Bytes at the beginning that decide the dialect.
const SAMPLE: usize = 1 << 16;

/// Unclosed quotes after which quotes mean nothing: each may cost a search of [`MAX_ROW`] bytes.
const MAX_UNCLOSED: u32 = 16;

/// Rows that are compared with the first one to tell whether it is a header.
const HEADER_ROWS: usize = 1000;

/// Where the cells of a file are.
#[derive(Debug)]
pub(super) struct Index<'a> {
    bytes: &'a [u8],
    pub layout: Layout,
    /// Physical columns.
    pub columns: usize,
    /// Where each regular row begins.
    starts: Vec<u64>,
    /// Where each cell ends, from the beginning of its row; row after row.
    ends: Vec<u32>,
    /// Lines that are no regular rows.
    pub irregular: Vec<Stretch>,
}

/// A line of the file that stands before a regular row.
#[derive(Debug)]
pub(super) struct Stretch {
    pub before_row: u32,
    pub start: usize,
    pub end: usize,
}

/// The cells of one column, one after the other.
#[derive(Debug, Default)]
pub(super) struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// How a scanned line ended.
struct Line {
    next: usize,
    ends_as_usual: bool,
    is_open: bool,
}

/// Splits lines into cells.
#[derive(Debug, Clone, Copy)]
struct Splitter<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    is_quoted: bool,
    is_crlf: bool,
}

impl<'a> Index<'a> {
    pub fn scan(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() as u64 > 1 << 40 {
            return Err(Error::NotATable("the input is larger than 2^40 bytes"));
        }
        let base = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let (mut splitter, columns) = detect(bytes, base)?;
        let layout = Layout {
            start: bytes[..base].to_vec(),
            header_at: base,
            delimiter: splitter.delimiter,
            is_quoted: splitter.is_quoted,
            is_crlf: splitter.is_crlf,
            is_open: false,
        };
        let mut index = Self { bytes, layout, columns, starts: vec![], ends: vec![], irregular: vec![] };
        let (mut at, mut unclosed, mut blank) = (base, 0, 0);
        while at < bytes.len() {
            let before = index.ends.len();
            let mut line = splitter.line(at, &mut index.ends)?;
            if line.is_none() {
                index.ends.truncate(before);
                line = Splitter { is_quoted: false, ..splitter }.line(at, &mut index.ends)?;
                unclosed += 1;
                splitter.is_quoted = unclosed < MAX_UNCLOSED;
            }
            let line = line.expect("without quotes there is no unclosed quote");
            if line.ends_as_usual && index.ends.len() - before == columns {
                index.starts.push(at as u64);
                index.layout.is_open = line.is_open;
            } else {
                index.ends.truncate(before);
                blank += usize::from(bytes[at..line.next].trim_ascii().is_empty());
                let before_row = u32::try_from(index.starts.len()).map_err(|_| Error::NotATable("too many rows"))?;
                index.irregular.push(Stretch { before_row, start: at, end: line.next });
                if index.irregular.len() > 1000 && index.irregular.len() * 10 > index.starts.len() {
                    return Err(Error::NotATable("more than one line in twenty is irregular"));
                }
            }
            at = line.next;
        }
        let rows = index.starts.len();
        if rows < 2 {
            return Err(Error::NotATable("there are fewer than two rows"));
        }
        if u32::try_from(rows).is_err() {
            return Err(Error::NotATable("too many rows"));
        }
        if (index.irregular.len() - blank) * 20 > rows || blank > 4 + rows / 20 {
            return Err(Error::NotATable("more than one line in twenty is irregular"));
        }
        if index.first_row_is_header() {
            index.take_header();
        }
        Ok(index)
    }

    /// Number of regular rows of data.
    pub fn rows(&self) -> usize {
        self.starts.len()
    }

    /// The raw cell of a row and a physical column.
    #[inline]
    pub fn cell(&self, row: usize, column: usize) -> &'a [u8] {
        let start = self.starts[row] as usize;
        let at = row * self.columns + column;
        let from = if column == 0 { 0 } else { self.ends[at - 1] as usize + 1 };
        &self.bytes[start + from..start + self.ends[at] as usize]
    }

    /// Copies the cells of some physical columns together, so that looking through one column stays in the cache.
    pub fn gather(&self, columns: std::ops::Range<usize>) -> Vec<Cells> {
        let mut all: Vec<Cells> = columns.clone().map(|_| Cells::default()).collect();
        for cells in &mut all {
            cells.ends.reserve_exact(self.rows());
        }
        for row in 0..self.rows() {
            for (cells, column) in all.iter_mut().zip(columns.clone()) {
                cells.bytes.extend_from_slice(self.cell(row, column));
                cells.ends.push(cells.bytes.len());
            }
        }
        all
    }

    /// Numbers below and none on top tell a header, and so do texts that never come again.
    fn first_row_is_header(&self) -> bool {
        let rows = 1..self.rows().min(HEADER_ROWS);
        let is_number_column = |&column: &usize| {
            let numbers = rows.clone().filter(|&row| is_numeric(self.cell(row, column))).count();
            numbers * 2 > rows.len()
        };
        let numeric: Vec<usize> = (0..self.columns).filter(is_number_column).collect();
        if !numeric.is_empty() {
            return numeric.into_iter().all(|column| {
                let name = bare(self.cell(0, column));
                !name.is_empty() && !is_numeric(name)
            });
        }
        let names: BTreeSet<_> = (0..self.columns).map(|column| bare(self.cell(0, column))).collect();
        names.len() == self.columns
            && !names.contains(b"".as_slice())
            && (0..self.columns).all(|column| {
                let name = self.cell(0, column);
                rows.clone().all(|row| self.cell(row, column) != name)
            })
    }

    /// Moves the first row and all before it to the start of the layout.
    fn take_header(&mut self) {
        let splitter = Splitter::of(&self.layout, self.bytes);
        let header_at = self.starts.remove(0) as usize;
        let header_len = self.ends[self.columns - 1] as usize + splitter.line_end_len();
        self.ends.drain(..self.columns);
        self.irregular.retain_mut(|line| {
            let stays = line.before_row > 0;
            line.before_row = line.before_row.saturating_sub(1);
            stays
        });
        self.layout.header_at = header_at;
        self.layout.start = self.bytes[..header_at + header_len].to_vec();
    }
}

impl Cells {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let cell = &self.bytes[start..end];
            start = end;
            cell
        })
    }
}

impl<'a> Splitter<'a> {
    fn of(layout: &Layout, bytes: &'a [u8]) -> Self {
        let Layout { delimiter, is_quoted, is_crlf, .. } = *layout;
        Self { bytes, delimiter, is_quoted, is_crlf }
    }

    fn line_end_len(self) -> usize {
        if self.is_crlf { 2 } else { 1 }
    }

    /// Appends where the cells of the line at `start` end; `None` when a quote is not closed.
    fn line(self, start: usize, ends: &mut Vec<u32>) -> Result<Option<Line>> {
        let bytes = self.bytes;
        let limit = bytes.len().min(start.saturating_add(MAX_ROW));
        let mut cell = start;
        loop {
            let mut at = cell;
            if self.is_quoted
                && let Some(open) = self.opening_quote(cell, limit)
            {
                match self.closing_quote(open + 1, limit) {
                    Some(close) => at = close + 1,
                    None => return Ok(None),
                }
            }
            match memchr2(self.delimiter, b'\n', &bytes[at..limit]) {
                Some(len) if bytes[at + len] == b'\n' => {
                    let feed = at + len;
                    let has_return = feed > cell && bytes[feed - 1] == b'\r';
                    ends.push((feed - usize::from(self.is_crlf && has_return) - start) as u32);
                    return Ok(Some(Line {
                        next: feed + 1,
                        ends_as_usual: has_return == self.is_crlf,
                        is_open: false,
                    }));
                }
                Some(len) => {
                    ends.push((at + len - start) as u32);
                    cell = at + len + 1;
                }
                None if limit < bytes.len() => return Err(Error::NotATable("a row is longer than 1 MiB")),
                None => {
                    ends.push((limit - start) as u32);
                    return Ok(Some(Line { next: limit, ends_as_usual: true, is_open: true }));
                }
            }
        }
    }

    /// The quote that begins a cell, spaces before it allowed.
    #[inline]
    fn opening_quote(self, cell: usize, limit: usize) -> Option<usize> {
        match self.bytes.get(cell) {
            Some(b'"') => Some(cell),
            Some(b' ') => {
                let spaces = self.bytes[cell..limit].iter().take_while(|&&byte| byte == b' ').count();
                (self.bytes.get(cell + spaces) == Some(&b'"')).then_some(cell + spaces)
            }
            _ => None,
        }
    }

    /// The first quote that is not doubled and stands before a delimiter or a line end.
    fn closing_quote(self, mut at: usize, limit: usize) -> Option<usize> {
        loop {
            at += memchr(b'"', self.bytes.get(at..limit)?)?;
            match self.bytes.get(at + 1) {
                Some(b'"') => at += 2,
                None | Some(b'\n') => return Some(at),
                Some(&byte) if byte == self.delimiter => return Some(at),
                Some(b'\r') if self.bytes.get(at + 2).is_none_or(|&byte| byte == b'\n') => return Some(at),
                _ => at += 1,
            }
        }
    }
}

/// The delimiter under which most lines of a sample have the same number of cells, and that number.
fn detect(bytes: &[u8], base: usize) -> Result<(Splitter<'_>, usize)> {
    let mut sample = &bytes[..bytes.len().min(base + SAMPLE)];
    if sample.len() < bytes.len() {
        if memchr(b'\n', &sample[base..]).is_none() {
            sample = &bytes[..bytes.len().min(base + 2 * MAX_ROW)];
        }
        let last = memrchr(b'\n', sample).ok_or(Error::NotATable("a row is longer than 1 MiB"))?;
        sample = &sample[..=last];
    }
    let feeds = memchr::memchr_iter(b'\n', sample);
    let (lines, returns) = feeds.fold((0, 0), |(lines, returns), feed| {
        (lines + 1, returns + usize::from(feed > 0 && sample[feed - 1] == b'\r'))
    });
    let is_quoted = memchr(b'"', bytes).is_some();
    let plain = Splitter { bytes, delimiter: b'\n', is_quoted, is_crlf: returns * 2 > lines };
    let mut best = (plain, 1);
    let mut most = (0, 0);
    for delimiter in [b',', b';', b'\t', b'|'] {
        let splitter = Splitter { bytes: sample, delimiter, ..plain };
        let (mut at, mut lines, mut cells) = (base, 0usize, BTreeMap::<usize, usize>::new());
        let mut ends = vec![];
        while at < sample.len() {
            ends.clear();
            let Some(line) = splitter.line(at, &mut ends)? else { break };
            if line.next - at > splitter.line_end_len() {
                lines += 1;
                *cells.entry(ends.len()).or_default() += 1;
            }
            at = line.next;
        }
        let Some((&count, &regular)) = cells.iter().max_by_key(|(count, regular)| (**regular, **count)) else {
            continue;
        };
        if count > 1 && regular * 10 >= lines * 9 && (regular, count) > most {
            most = (regular, count);
            best = (Splitter { delimiter, ..plain }, count);
        }
    }
    if best.1 > MAX_COLUMNS { Err(Error::NotATable("there are more than 65536 columns")) } else { Ok(best) }
}

/// The names in the header of a layout.
pub(super) fn header_names(layout: &Layout) -> Vec<String> {
    let header = layout.start.get(layout.header_at..).unwrap_or_default();
    let mut ends = vec![];
    let whole = Splitter::of(layout, header);
    // A header that is no line under its own rules names nothing.
    match whole.line(0, &mut ends) {
        Ok(Some(_)) if !header.is_empty() => {}
        _ => return vec![],
    }
    let mut from = 0;
    ends.into_iter()
        .map(|end| {
            let cell = header.get(from..end as usize).unwrap_or_default();
            from = end as usize + 1;
            String::from_utf8_lossy(bare(cell)).into_owned()
        })
        .collect()
}

/// A cell without outer spaces and one pair of quotes.
fn bare(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell)
}

fn is_numeric(cell: &[u8]) -> bool {
    let cell = bare(cell);
    Shape::of(cell).is_some() || !super::DateFormat::candidates(cell).is_empty()
}
