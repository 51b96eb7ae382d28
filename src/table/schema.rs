//! What holds for all rows of a table, and its bytes in a file.

use super::datetime::{DateFormat, DateOrder, TimeOfDay, Unit};
use super::derived::{MAX_LITERAL, MAX_PARTS, is_source};
use super::kind::{MAX_AFFIX, MAX_SPECIALS};
use super::scan::header_names;
use super::{ColumnSchema, Entries, Kind, Number, Part, Spelling};
use crate::wire::{Reader, put_bytes, put_varint, unzigzag, zigzag};
use crate::{Budget, Lane, Result};

/// Most columns of the file that one table may have, fixed by the format.
pub(super) const MAX_COLUMNS: usize = 1 << 16;

/// Everything about a table that does not change from row to row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// How cells are put together as a file.
    pub layout: Layout,
    /// The columns in the order of the file.
    pub columns: Vec<ColumnSchema>,
}

/// How cells are put together as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// All bytes before the first row of data: byte order mark, odd lines, header.
    pub start: Vec<u8>,
    /// Where the header begins in `start`; its end when there is no header.
    pub header_at: usize,
    /// Byte between cells; a line feed when there is but one column.
    pub delimiter: u8,
    /// Whether `"` hides delimiters and line ends.
    pub is_quoted: bool,
    /// Whether lines end with `\r\n`.
    pub is_crlf: bool,
    /// Whether the last row of data is the end of the file and lacks its line end.
    pub is_open: bool,
}

impl Layout {
    /// The bytes that end a line.
    pub fn line_end(&self) -> &'static [u8] {
        if self.is_crlf { b"\r\n" } else { b"\n" }
    }
}

impl Schema {
    /// Appends the schema. Dictionaries and lists of values are large: they are pushed to `lanes` for the caller to
    /// compress, those of each dictionary and one for the gaps of a ranked column. A dictionary has three lanes (see
    /// [`Entries::to_lanes`]), or two where the bytes of its entries are better ended than counted; if it is `listed`, it is
    /// one lane of whole entries with their ends, for a coder that finds by itself what entries share.
    ///
    /// Layout: flags (1 quoted, 2 CRLF, 4 open end), delimiter, `header_at`, `start` behind its length, number of
    /// columns; for each column a tag, prefix, suffix, and what the tag asks for. Numbers have the specials (their
    /// number, then each behind its length) and the minimum as a zigzag varint.
    pub fn write(&self, listed: bool, out: &mut Vec<u8>, lanes: &mut Vec<Lane>) {
        let Layout { start, header_at, delimiter, is_quoted, is_crlf, is_open } = &self.layout;
        out.push(u8::from(*is_quoted) | u8::from(*is_crlf) << 1 | u8::from(*is_open) << 2);
        out.push(*delimiter);
        put_varint(out, *header_at as u64);
        put_bytes(out, start);
        put_varint(out, self.columns.len() as u64);
        for column in &self.columns {
            write_column(column, listed, out, lanes);
        }
    }

    /// Reads what [`Schema::write`] wrote; `lanes` gives the pushed lanes in their order.
    ///
    /// # Errors
    /// A bad file, a short file, or too large a schema for `budget`.
    pub fn read(reader: &mut Reader<'_>, lanes: &mut impl Iterator<Item = Lane>, budget: &mut Budget) -> Result<Self> {
        let flags = reader.u8()?;
        if flags > 7 {
            return Err(reader.corrupt("unknown flags of a layout"));
        }
        let delimiter = reader.u8()?;
        let header_at = reader.varint()?;
        let start = reader.bytes()?.to_vec();
        budget.spend(start.len() as u64)?;
        if header_at > start.len() as u64 {
            return Err(reader.corrupt("the header begins behind its end"));
        }
        let layout = Layout {
            start,
            header_at: header_at as usize,
            delimiter,
            is_quoted: flags & 1 != 0,
            is_crlf: flags & 2 != 0,
            is_open: flags & 4 != 0,
        };
        let count = reader.varint_to(MAX_COLUMNS as u64, "too many columns")?;
        let mut columns = vec![];
        for _ in 0..count {
            budget.spend(size_of::<ColumnSchema>() as u64)?;
            columns.push(read_column(reader, lanes, budget)?);
        }
        if columns.iter().map(|column| column.span).sum::<usize>() > MAX_COLUMNS {
            return Err(reader.corrupt("too many columns"));
        }
        let carries_noise = |before: &ColumnSchema| matches!(before.kind, Kind::Number(Number::Decimal { .. }));
        let strays = |pair: &[ColumnSchema]| pair[1].kind == Kind::Noise && !carries_noise(&pair[0]);
        if columns.first().is_some_and(|first| first.kind == Kind::Noise) || columns.windows(2).any(strays) {
            return Err(reader.corrupt("noise without a decimal before it"));
        }
        let is_sound = |part: &Part| match part {
            Part::Literal(_) => true,
            Part::Cell { column, .. } => columns.get(*column as usize).is_some_and(is_source),
        };
        let strays =
            |column: &ColumnSchema| matches!(&column.kind, Kind::Derived { parts } if !parts.iter().all(is_sound));
        if columns.iter().any(strays) {
            return Err(reader.corrupt("a text is made of no cell"));
        }
        let mut schema = Self { layout, columns };
        schema.name_columns();
        Ok(schema)
    }

    /// Appends the bytes before the first row of data.
    pub fn write_start(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.layout.start);
    }

    /// Gives the columns the names of the header; those without one are numbered.
    pub(super) fn name_columns(&mut self) {
        let mut names = header_names(&self.layout).into_iter();
        let mut at = 0;
        for column in &mut self.columns {
            let own = names.by_ref().take(column.span).next().filter(|name| !name.is_empty());
            column.name = own.unwrap_or_else(|| format!("column {}", at + 1));
            names.by_ref().take(column.span.saturating_sub(1)).for_each(drop);
            at += column.span;
        }
    }
}

mod tag {
    pub const INTEGER: u8 = 0;
    pub const FIXED: u8 = 1;
    pub const TRIMMED: u8 = 2;
    pub const TRIMMED_TO_ONE: u8 = 3;
    pub const CODE: u8 = 4;
    pub const DATE: u8 = 5;
    pub const CATEGORICAL: u8 = 6;
    pub const ONE_HOT: u8 = 7;
    pub const TEXT: u8 = 8;
    pub const NOISE: u8 = 9;
    /// A dictionary of two lanes, and of one.
    pub const ENDED: u8 = 10;
    pub const LISTED: u8 = 11;
    pub const DERIVED: u8 = 12;
    /// Added to the tag of a number that is ranked.
    pub const RANKED: u8 = 0x80;
}

/// Pushes the lanes of a dictionary and says which they are.
fn write_entries(entries: &Entries, listed: bool, lanes: &mut Vec<Lane>) -> u8 {
    if listed && let Some(lane) = entries.to_list() {
        lanes.push(lane);
        return tag::LISTED;
    }
    if let Some(ended) = entries.to_ended_lanes() {
        lanes.extend(ended);
        return tag::ENDED;
    }
    lanes.extend(entries.to_lanes());
    tag::CATEGORICAL
}

fn write_column(column: &ColumnSchema, listed: bool, out: &mut Vec<u8>, lanes: &mut Vec<Lane>) {
    let (tag, number) = match &column.kind {
        Kind::Number(number) => (number_tag(*number), Some(*number)),
        Kind::Ranked { number, .. } => (number_tag(*number) | tag::RANKED, Some(*number)),
        Kind::Categorical { entries } => (write_entries(entries, listed, lanes), None),
        Kind::OneHot { .. } => (tag::ONE_HOT, None),
        Kind::Derived { .. } => (tag::DERIVED, None),
        Kind::Text => (tag::TEXT, None),
        Kind::Noise => (tag::NOISE, None),
    };
    out.push(tag);
    put_bytes(out, &column.prefix);
    put_bytes(out, &column.suffix);
    if let Some(number) = number {
        put_varint(out, column.specials.len() as u64);
        column.specials.iter().for_each(|special| put_bytes(out, special));
        write_number(number, out);
    }
    match &column.kind {
        Kind::Ranked { values, .. } => {
            let before = [0].iter().chain(values);
            lanes.push(Lane::narrowest(values.iter().zip(before).map(|(value, before)| value - before).collect()));
        }
        Kind::OneHot { width } => put_varint(out, u64::from(*width)),
        Kind::Derived { parts } => write_parts(parts, out),
        Kind::Number(_) | Kind::Categorical { .. } | Kind::Text | Kind::Noise => {}
    }
}

fn read_column(
    reader: &mut Reader<'_>,
    lanes: &mut impl Iterator<Item = Lane>,
    budget: &mut Budget,
) -> Result<ColumnSchema> {
    let tag = reader.u8()?;
    let prefix = read_affix(reader, budget)?;
    let suffix = read_affix(reader, budget)?;
    let mut column = ColumnSchema { name: String::new(), kind: Kind::Text, span: 1, prefix, suffix, specials: vec![] };
    match tag {
        tag::CATEGORICAL => {
            let front_coded = [next_lane(reader, lanes)?, next_lane(reader, lanes)?, next_lane(reader, lanes)?];
            column.kind = Kind::Categorical { entries: Entries::from_lanes(&front_coded, budget)? };
        }
        tag::ENDED => {
            let ended = [next_lane(reader, lanes)?, next_lane(reader, lanes)?];
            column.kind = Kind::Categorical { entries: Entries::from_ended_lanes(&ended, budget)? };
        }
        tag::LISTED => {
            column.kind = Kind::Categorical { entries: Entries::from_list(&next_lane(reader, lanes)?, budget)? };
        }
        tag::ONE_HOT => {
            let width = reader.varint_to(MAX_COLUMNS as u64, "a group is too wide")?;
            (column.kind, column.span) = (Kind::OneHot { width: width as u32 }, width as usize);
        }
        tag::DERIVED => column.kind = Kind::Derived { parts: read_parts(reader, budget)? },
        tag::TEXT => {}
        tag::NOISE => (column.kind, column.span) = (Kind::Noise, 0),
        _ => {
            for _ in 0..reader.varint_to(MAX_SPECIALS as u64, "too many special texts")? {
                let special = reader.bytes()?;
                budget.spend((size_of::<Vec<u8>>() + special.len()) as u64)?;
                column.specials.push(special.to_vec());
            }
            let number = read_number(reader, tag & !tag::RANKED)?;
            column.kind = if tag & tag::RANKED == 0 {
                Kind::Number(number)
            } else {
                let gaps = next_lane(reader, lanes)?;
                let mut values = Vec::with_capacity(budget.reserve::<u64>(gaps.len() as u64)?);
                let mut last = 0u64;
                for gap in gaps.to_u64s() {
                    last = last.checked_add(gap).ok_or_else(|| reader.corrupt("ranked values overflow"))?;
                    values.push(last);
                }
                Kind::Ranked { number, values }
            };
        }
    }
    Ok(column)
}

/// The number of parts, then each: 0 and a literal behind its length, or 1 and a column, or 2 and a column in small letters.
fn write_parts(parts: &[Part], out: &mut Vec<u8>) {
    put_varint(out, parts.len() as u64);
    for part in parts {
        match part {
            Part::Literal(bytes) => {
                out.push(0);
                put_bytes(out, bytes);
            }
            Part::Cell { column, lower } => {
                out.push(1 + u8::from(*lower));
                put_varint(out, u64::from(*column));
            }
        }
    }
}

fn read_parts(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Vec<Part>> {
    let mut parts = vec![];
    for _ in 0..reader.varint_to(MAX_PARTS as u64, "a text has too many parts")? {
        budget.spend((size_of::<Part>() + MAX_LITERAL) as u64)?;
        parts.push(match reader.u8()? {
            0 => match reader.bytes()? {
                bytes if bytes.len() <= MAX_LITERAL => Part::Literal(bytes.to_vec()),
                _ => return Err(reader.corrupt("a part of a text is too long")),
            },
            kind @ (1 | 2) => {
                let column = reader.varint_to(MAX_COLUMNS as u64, "a text is made of no cell")?;
                Part::Cell { column: column as u32, lower: kind == 2 }
            }
            _ => return Err(reader.corrupt("unknown part of a text")),
        });
    }
    Ok(parts)
}

fn read_affix(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Vec<u8>> {
    let affix = reader.bytes()?;
    if affix.len() > MAX_AFFIX {
        return Err(reader.corrupt("a prefix or suffix is too long"));
    }
    budget.spend(affix.len() as u64)?;
    Ok(affix.to_vec())
}

fn next_lane(reader: &Reader<'_>, lanes: &mut impl Iterator<Item = Lane>) -> Result<Lane> {
    lanes.next().ok_or_else(|| reader.corrupt("a lane of the schema is missing"))
}

fn number_tag(number: Number) -> u8 {
    match number {
        Number::Integer { .. } => tag::INTEGER,
        Number::Decimal { spelling: Spelling::Fixed, .. } => tag::FIXED,
        Number::Decimal { spelling: Spelling::Trimmed { min_frac: 0 }, .. } => tag::TRIMMED,
        Number::Decimal { .. } => tag::TRIMMED_TO_ONE,
        Number::Code { .. } => tag::CODE,
        Number::DateTime { .. } => tag::DATE,
    }
}

/// The minimum, then: digits of a decimal or a code; of a date order, separator, time, joint and unit, a byte each.
fn write_number(number: Number, out: &mut Vec<u8>) {
    put_varint(out, zigzag(number.min()));
    match number {
        Number::Integer { .. } => {}
        Number::Decimal { scale: digits, .. } | Number::Code { width: digits, .. } => out.push(digits),
        Number::DateTime { format: DateFormat { order, separator, time, joint, unit }, .. } => {
            out.extend([order as u8, separator, time as u8, joint, unit as u8]);
        }
    }
}

fn read_number(reader: &mut Reader<'_>, tag: u8) -> Result<Number> {
    let min = unzigzag(reader.varint()?);
    let decimal =
        |reader: &mut Reader<'_>, spelling| Ok(Number::Decimal { min, scale: read_digits(reader)?, spelling });
    match tag {
        tag::INTEGER => Ok(Number::Integer { min }),
        tag::FIXED => decimal(reader, Spelling::Fixed),
        tag::TRIMMED => decimal(reader, Spelling::Trimmed { min_frac: 0 }),
        tag::TRIMMED_TO_ONE => decimal(reader, Spelling::Trimmed { min_frac: 1 }),
        tag::CODE => Ok(Number::Code { width: read_digits(reader)?, min }),
        tag::DATE => {
            let order = choice(reader, &[DateOrder::YearMonthDay, DateOrder::MonthDayYear, DateOrder::DayMonthYear])?;
            let separator = reader.u8()?;
            let time = choice(reader, &[TimeOfDay::None, TimeOfDay::Minutes, TimeOfDay::Seconds])?;
            let joint = reader.u8()?;
            let unit = choice(reader, &[Unit::Day, Unit::Hour, Unit::Minute, Unit::Second])?;
            Ok(Number::DateTime { min, format: DateFormat { order, separator, time, joint, unit } })
        }
        _ => Err(reader.corrupt("unknown kind of column")),
    }
}

fn read_digits(reader: &mut Reader<'_>) -> Result<u8> {
    let digits = reader.u8()?;
    if (1..=18).contains(&digits) { Ok(digits) } else { Err(reader.corrupt("a number of digits is not 1 to 18")) }
}

fn choice<T: Copy>(reader: &mut Reader<'_>, choices: &[T]) -> Result<T> {
    let code = reader.u8()?;
    choices.get(usize::from(code)).copied().ok_or_else(|| reader.corrupt("unknown spelling of a date"))
}
