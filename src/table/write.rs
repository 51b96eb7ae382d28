//! Rows back to CSV bytes.

use super::cell::Cell;
use super::derived;
use super::number::Number;
use super::{ColumnData, ColumnSchema, Entries, Kind, RowData, Schema};
use crate::wire::unzigzag;
use crate::{Error, Lane, Result, Word as _, with_words};

/// Most bytes of texts written beforehand for a block, all columns together; only speed depends on it.
const RENDERED_BYTES: usize = 16 << 20;

/// Ordinals below which the texts of numbers are written once and copied afterwards.
const RENDERED: u64 = 4096;

impl Schema {
    /// Appends the rows as the bytes they came from; `is_last` says that no other rows follow them in the file.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the data does not fit the schema or itself.
    pub fn write_rows(&self, data: &RowData, is_last: bool, out: &mut Vec<u8>) -> Result<()> {
        self.write_rows_within(data, is_last, out, usize::MAX)
    }

    /// Like [`Schema::write_rows`], but stops when `out` grows longer than `most` bytes.
    ///
    /// One ordinal may stand for a megabyte of text, so rows that deserve no trust need the bound.
    ///
    /// # Errors
    /// [`Error::Corrupt`] as above, [`Error::LimitExceeded`] at the bound.
    pub fn write_rows_within(&self, data: &RowData, is_last: bool, out: &mut Vec<u8>, most: usize) -> Result<()> {
        if data.columns.len() != self.columns.len() {
            return Err(corrupt("columns do not fit the schema", 0));
        }
        if data.columns.iter().any(|column| column.ordinals.len() != data.rows) {
            return Err(corrupt("columns differ in length", 0));
        }
        let mut cells: Vec<Cells<'_>> = vec![];
        // The place of each column among those that have cells.
        let mut places = vec![];
        for (at, (column, data)) in self.columns.iter().zip(&data.columns).enumerate() {
            places.push(cells.len());
            match (&column.kind, cells.last_mut()) {
                (Kind::Noise, Some(before)) => before.noise = Some(&data.ordinals),
                _ => cells.push(Cells::new(column, data, self.noise_follows(at))),
            }
        }
        // Texts that are made of other cells come when these are there.
        let is_derived = |cells: &Cells<'_>| matches!(cells.column.kind, Kind::Derived { .. });
        let derived: Vec<usize> = (0..cells.len()).filter(|&at| is_derived(&cells[at])).collect();
        let delimiter = [self.layout.delimiter];
        let line_end = self.layout.line_end();
        let last = cells.len().wrapping_sub(1);
        let mut room = RENDERED_BYTES;
        for (at, cells) in cells.iter_mut().enumerate() {
            cells.render(if at == last { line_end } else { &delimiter }, self.layout.delimiter, &mut room);
        }
        let mut irregular = data.irregular.iter().peekable();
        let mut batch = vec![Cell::EMPTY; cells.len() * BATCH.min(data.rows)];
        let (mut row, width) = (0, cells.len());
        while row < data.rows {
            while let Some(line) = irregular.next_if(|line| line.before_row as usize <= row) {
                out.extend_from_slice(&line.bytes);
            }
            let next = irregular.peek().map_or(data.rows, |line| line.before_row as usize);
            let end = data.rows.min(row + BATCH).min(next);
            let mut bytes = 0usize;
            let room = most.saturating_sub(out.len());
            for (at, cells) in cells.iter_mut().enumerate().filter(|(at, _)| !derived.contains(at)) {
                let places = batch[at..].iter_mut().step_by(width);
                bytes = bytes.saturating_add(cells.place(row..end, places, room)?);
            }
            for &at in &derived {
                bytes = bytes.saturating_add(place_derived(&mut cells, &places, at, row..end, &mut batch, room)?);
            }
            let asked = out.len().saturating_add(bytes);
            if asked > most {
                return Err(too_long(asked, most));
            }
            copy_rows(&cells, &batch[..(end - row) * width], bytes, out);
            row = end;
        }
        if cells.iter().any(|cells| !cells.is_used_up()) {
            return Err(corrupt("escapes or text are left over", data.rows));
        }
        if is_last && self.layout.is_open && data.rows > 0 && !cells.is_empty() {
            out.truncate(out.len() - line_end.len());
        }
        for line in irregular {
            out.extend_from_slice(&line.bytes);
        }
        Ok(())
    }

    fn noise_follows(&self, column: usize) -> bool {
        self.columns.get(column + 1).is_some_and(|next| next.kind == Kind::Noise)
    }
}

/// Places the cells of column `at`, which are made of other cells, and returns how many bytes they take, `room` at most.
fn place_derived(
    columns: &mut [Cells<'_>],
    places: &[usize],
    at: usize,
    rows: std::ops::Range<usize>,
    batch: &mut [Cell],
    room: usize,
) -> Result<usize> {
    let (column, width, mut sum) = (columns[at].column, columns.len(), 0usize);
    let Kind::Derived { parts } = &column.kind else { unreachable!("only such columns are placed here") };
    let (mut text, rendered_bytes) = (vec![], columns[at].rendered_bytes);
    columns[at].long.truncate(rendered_bytes);
    for (row, batch) in rows.zip(batch.chunks_exact_mut(width)) {
        let ordinal = columns[at].ordinals.get(row).unwrap_or(0);
        batch[at] = if ordinal == 1 {
            text.clear();
            let cell = |column: u32, out: &mut Vec<u8>| {
                let place = places[column as usize];
                columns[place].put_raw(batch[place], out);
            };
            derived::put(parts, cell, &mut text);
            text.extend_from_slice(&columns[at].tail);
            columns[at].cell(&text)
        } else {
            columns[at].write(row, ordinal)?
        };
        sum = sum.saturating_add(batch[at].len());
        if sum > room {
            return Err(too_long(sum, room));
        }
    }
    columns[at].long.extend_from_slice(&[0; WIDE]);
    Ok(sum)
}

/// Rows whose cells are placed column by column before they are copied row by row: few enough to stay in the cache.
const BATCH: usize = 256;

/// Appends the cells of rows, which take `bytes` in all.
fn copy_rows(columns: &[Cells<'_>], batch: &[Cell], bytes: usize, out: &mut Vec<u8>) {
    let mut at = out.len();
    out.resize(at + bytes + WIDE, 0);
    for row in batch.chunks_exact(columns.len().max(1)) {
        for (cell, column) in row.iter().zip(columns) {
            // One store of a fixed length instead of a call; bytes behind a text are overwritten by what follows.
            match cell.elsewhere() {
                None => out[at..at + 16].copy_from_slice(&cell.bytes()),
                Some((start, ..=WIDE)) => out[at..at + WIDE].copy_from_slice(&column.long[start..start + WIDE]),
                Some((start, len)) => out[at..at + len].copy_from_slice(&column.long[start..start + len]),
            }
            at += cell.len();
        }
    }
    out.truncate(at);
}

/// Places the cells of one column.
struct Cells<'a> {
    column: &'a ColumnSchema,
    ordinals: &'a Lane,
    escapes: std::slice::Iter<'a, Vec<u8>>,
    text: &'a [u8],
    noise: Option<&'a Lane>,
    may_render: bool,
    /// The cell of each ordinal that has been written beforehand, with everything around it.
    rendered: Vec<Cell>,
    /// Long texts of those cells, then of a batch, then [`WIDE`] zeros.
    long: Vec<u8>,
    rendered_bytes: usize,
    /// A cell before it has a place.
    fresh: Vec<u8>,
    /// What follows each cell.
    tail: Vec<u8>,
    /// What stands before and after the text of a number, where it is short.
    around: Option<[Cell; 2]>,
    delimiter: u8,
}

/// Bytes that are copied whatever the length of a text that is not much longer than a [`Cell`].
const WIDE: usize = 32;

impl<'a> Cells<'a> {
    fn new(column: &'a ColumnSchema, data: &'a ColumnData, has_noise: bool) -> Self {
        Self {
            column,
            ordinals: &data.ordinals,
            escapes: data.escapes.iter(),
            text: &data.text,
            noise: None,
            may_render: !has_noise,
            rendered: vec![],
            long: vec![],
            rendered_bytes: 0,
            fresh: vec![],
            tail: vec![],
            around: None,
            delimiter: 0,
        }
    }

    /// Writes the texts of a column of few ordinals beforehand.
    fn render(&mut self, tail: &[u8], delimiter: u8, room: &mut usize) {
        self.tail = tail.to_vec();
        self.delimiter = delimiter;
        let after = [&self.column.suffix, tail].concat();
        self.around = Cell::short(&self.column.prefix).zip(Cell::short(&after)).map(|(before, after)| [before, after]);
        let most = self.ordinals.max().unwrap_or(0);
        let is_worth = most < RENDERED && most < self.ordinals.len() as u64 / 2;
        let is_small = !matches!(self.column.kind, Kind::Text | Kind::OneHot { width: 257.. });
        if !(self.may_render && is_worth && is_small) {
            return;
        }
        let (mut text, mut rendered) = (vec![], vec![]);
        for ordinal in 0..=most {
            // An ordinal without a text may well not occur; if it does, the plain way reports it.
            let is_escape = ordinal == 0 && self.column.has_escapes();
            text.clear();
            let is_known = is_escape || self.text_of(ordinal, &mut text).is_some();
            let cell = if is_escape { Cell::ABSENT } else { self.cell(&text) };
            if !is_known || self.long.len() + size_of::<Cell>() * rendered.len() > *room {
                self.long.clear();
                return;
            }
            rendered.push(cell);
        }
        *room = room.saturating_sub(self.long.len() + size_of::<Cell>() * rendered.len());
        self.rendered_bytes = self.long.len();
        self.rendered = rendered;
    }

    /// A cell of a text, which is kept if it is long.
    fn cell(&mut self, text: &[u8]) -> Cell {
        Cell::short(text).unwrap_or_else(|| {
            self.long.extend_from_slice(text);
            Cell::long(self.long.len() - text.len(), text.len())
        })
    }

    /// Places the cells of some rows and returns how many bytes they take, `room` at most.
    fn place<'b>(
        &mut self,
        rows: std::ops::Range<usize>,
        places: impl Iterator<Item = &'b mut Cell>,
        room: usize,
    ) -> Result<usize> {
        self.long.truncate(self.rendered_bytes);
        let rendered = std::mem::take(&mut self.rendered);
        let (mut sum, first, ordinals) = (0usize, rows.start, self.ordinals);
        with_words!(ordinals, words => for ((at, word), place) in words[rows].iter().enumerate().zip(places) {
            let ordinal = word.wide();
            let known = usize::try_from(ordinal).ok().and_then(|ordinal| rendered.get(ordinal));
            *place = match known {
                Some(&cell) if cell != Cell::ABSENT => cell,
                _ => self.write(first + at, ordinal)?,
            };
            sum = sum.saturating_add(place.len());
            if sum > room {
                return Err(too_long(sum, room));
            }
        });
        self.rendered = rendered;
        self.long.extend_from_slice(&[0; WIDE]);
        Ok(sum)
    }

    /// A cell that is not rendered.
    fn write(&mut self, row: usize, ordinal: u64) -> Result<Cell> {
        if let (Some(around), None, 1..) = (&self.around, self.noise, ordinal)
            && let Kind::Number(_) | Kind::Ranked { .. } = self.column.kind
            && let Some(Ok((number, offset))) = self.value(ordinal)
            && let Some(cell) = Cell::of_number(number, offset, around)
        {
            return Ok(cell);
        }
        let mut text = std::mem::take(&mut self.fresh);
        text.clear();
        self.put(row, ordinal, &mut text)?;
        let cell = self.cell(&text);
        self.fresh = text;
        Ok(cell)
    }

    /// Appends a placed cell without what follows it.
    fn put_raw(&self, cell: Cell, out: &mut Vec<u8>) {
        match cell.elsewhere() {
            None => out.extend_from_slice(&cell.bytes()[..cell.len()]),
            Some((start, len)) => out.extend_from_slice(&self.long[start..start + len]),
        }
        out.truncate(out.len() - self.tail.len());
    }

    /// Appends a cell that is not rendered.
    fn put(&mut self, row: usize, ordinal: u64, out: &mut Vec<u8>) -> Result<()> {
        if ordinal == 0 && self.column.has_escapes() {
            let escape = self.escapes.next().ok_or_else(|| corrupt("an escape is missing", row))?;
            out.extend_from_slice(escape);
            out.extend_from_slice(&self.tail);
            return Ok(());
        }
        if matches!(self.column.kind, Kind::Text) {
            let len = usize::try_from(ordinal).ok().filter(|&len| len <= self.text.len());
            let (cell, rest) = self.text.split_at(len.ok_or_else(|| corrupt("text is missing", row))?);
            self.text = rest;
            self.put_parts(cell, out);
            return Ok(());
        }
        let noise = self.noise.and_then(|noise| noise.get(row)).unwrap_or(0);
        let written = if noise == 0 { self.text_of(ordinal, out) } else { self.noisy_text(ordinal, noise, out) };
        written.ok_or_else(|| corrupt("an ordinal is out of range", row))
    }

    fn put_parts(&self, text: &[u8], out: &mut Vec<u8>) {
        for part in [&self.column.prefix, text, &self.column.suffix, &self.tail] {
            out.extend_from_slice(part);
        }
    }

    /// Appends the text of an ordinal that is no escape, with everything around it.
    fn text_of(&self, ordinal: u64, out: &mut Vec<u8>) -> Option<()> {
        let ColumnSchema { kind, prefix, suffix, .. } = self.column;
        match kind {
            Kind::Number(_) | Kind::Ranked { .. } => match self.value(ordinal)? {
                Err(special) => {
                    out.extend_from_slice(special);
                    out.extend_from_slice(&self.tail);
                }
                Ok((number, offset)) => {
                    out.extend_from_slice(prefix);
                    number.format(offset, out)?;
                    out.extend_from_slice(suffix);
                    out.extend_from_slice(&self.tail);
                }
            },
            Kind::Categorical { entries } => self.put_parts(entry(entries, ordinal)?, out),
            Kind::OneHot { width } => {
                let width = u64::from(*width);
                if ordinal >= width {
                    return None;
                }
                for at in 0..width {
                    out.extend_from_slice(prefix);
                    out.push(b'0' + u8::from(at == ordinal));
                    out.extend_from_slice(suffix);
                    if at + 1 < width {
                        out.push(self.delimiter);
                    }
                }
                out.extend_from_slice(&self.tail);
            }
            Kind::Derived { .. } | Kind::Text | Kind::Noise => return None,
        }
        Some(())
    }

    /// The special text or the value of an ordinal that is no escape.
    fn value(&self, ordinal: u64) -> Option<Result<(Number, u64), &'a [u8]>> {
        let at = ordinal - 1;
        if let Some(special) = usize::try_from(at).ok().and_then(|at| self.column.specials.get(at)) {
            return Some(Err(special));
        }
        let offset = at - self.column.specials.len() as u64;
        match &self.column.kind {
            Kind::Number(number) => Some(Ok((*number, offset))),
            Kind::Ranked { number, values } => Some(Ok((*number, *values.get(usize::try_from(offset).ok()?)?))),
            _ => None,
        }
    }

    fn noisy_text(&self, ordinal: u64, noise: u64, out: &mut Vec<u8>) -> Option<()> {
        let (number, offset) = self.value(ordinal)?.ok()?;
        out.extend_from_slice(&self.column.prefix);
        super::noise::put_noisy(number, offset, unzigzag(noise), out)?;
        out.extend_from_slice(&self.column.suffix);
        out.extend_from_slice(&self.tail);
        Some(())
    }

    fn is_used_up(&self) -> bool {
        self.escapes.as_slice().is_empty() && (self.text.is_empty() || !matches!(self.column.kind, Kind::Text))
    }
}

fn entry(entries: &Entries, ordinal: u64) -> Option<&[u8]> {
    entries.get(usize::try_from(ordinal).ok()?)
}

fn too_long(asked: usize, allowed: usize) -> Error {
    Error::LimitExceeded { what: "output bytes", asked: asked as u64, allowed: allowed as u64 }
}

fn corrupt(what: &'static str, row: usize) -> Error {
    Error::corrupt("rows", what, row)
}
