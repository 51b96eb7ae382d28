//! What the cells of a column mean: the first kind that restores every cell and leaves few escapes.

use std::collections::HashMap;

use super::data::ColumnData;
use super::entries::MAX_DICTIONARY;
use super::kind::{MAX_AFFIX, MAX_SPECIALS};
use super::number::{MAX_DIGITS, Shape};
use super::ranks::ranked;
use super::scan::{Cells, Index};
use super::survey::Survey;
use super::{
    ColumnSchema, DateFormat, Entries, Irregular, Kind, Number, RowData, Schema, TimeOfDay, Unit, derived, noise,
    one_hot,
};
use crate::wire::zigzag;
use crate::{Error, Lane, LaneKind, Result, Word, with_kind, with_words};

/// Cells, evenly spread, that decide what is worth trying.
const SAMPLE: usize = 1024;

/// Columns that are copied out of the rows at once: more need more memory, fewer read the rows more often.
const GATHERED: usize = 8;

/// A column with everything that is known about it.
pub(super) type Typed = (ColumnSchema, ColumnData);

pub(super) fn type_table(bytes: &[u8], index: &Index<'_>) -> Result<(Schema, RowData)> {
    let mut columns: Vec<Typed> = vec![];
    for first in (0..index.columns).step_by(GATHERED) {
        for cells in index.gather(first..index.columns.min(first + GATHERED)) {
            columns.extend(Column { cells: &cells }.typed());
        }
    }
    if index.columns == 1 && columns[0].0.kind == Kind::Text {
        return Err(Error::NotATable("the only column is prose"));
    }
    one_hot::collapse(&mut columns);
    derived::find(index, &mut columns);
    let (columns, data) = columns.into_iter().unzip();
    let mut schema = Schema { layout: index.layout.clone(), columns };
    schema.name_columns();
    let irregular = index.irregular.iter();
    let irregular = irregular
        .map(|line| Irregular { before_row: line.before_row, bytes: bytes[line.start..line.end].to_vec() })
        .collect();
    Ok((schema, RowData { rows: index.rows(), columns: data, irregular }))
}

/// A physical column of the file.
#[derive(Clone, Copy)]
struct Column<'a> {
    cells: &'a Cells,
}

/// What all numbers of a column have around them.
#[derive(Debug, Clone, Copy, Default)]
struct Affix<'a> {
    prefix: &'a [u8],
    suffix: &'a [u8],
}

impl<'a> Affix<'a> {
    /// What surrounds the digits of a cell; a minus sign belongs to the digits unless a letter or digit precedes it.
    fn around_digits(cell: &'a [u8]) -> Option<Self> {
        let mut start = cell.iter().position(u8::is_ascii_digit)?;
        let end = cell.iter().rposition(u8::is_ascii_digit)? + 1;
        let is_signed = start > 0 && cell[start - 1] == b'-';
        if is_signed && (start < 2 || !cell[start - 2].is_ascii_alphanumeric()) {
            start -= 1;
        }
        let affix = Self { prefix: &cell[..start], suffix: &cell[end..] };
        (start <= MAX_AFFIX && affix.suffix.len() <= MAX_AFFIX).then_some(affix)
    }

    fn strip(self, cell: &'a [u8]) -> Option<&'a [u8]> {
        // Most columns have neither, and comparing nothing still costs two calls.
        if self.prefix.is_empty() && self.suffix.is_empty() {
            return Some(cell);
        }
        cell.strip_prefix(self.prefix)?.strip_suffix(self.suffix)
    }

    fn is_same(self, other: Self) -> bool {
        self.prefix == other.prefix && self.suffix == other.suffix
    }
}

impl<'a> Column<'a> {
    fn cells(self) -> impl Iterator<Item = &'a [u8]> {
        self.cells.iter()
    }

    fn sample(self) -> impl Iterator<Item = &'a [u8]> {
        let step = self.cells.len().div_ceil(SAMPLE);
        (0..self.cells.len()).step_by(step).map(move |row| self.cells.get(row))
    }

    /// One column, or two when the second one holds the noise of the first.
    fn typed(self) -> Vec<Typed> {
        let affix = self.usual_affix();
        if let Some(number) = self.dates(affix)
            && let Some(typed) = self.numbers(affix, number)
        {
            return vec![typed];
        }
        if let Some(survey) = self.survey(affix) {
            let typed = if survey.is_whole() {
                self.numbers(self.with_point_zero(affix), survey.whole())
            } else {
                survey.number().and_then(|number| self.numbers(affix, number))
            };
            if !matches!(typed, Some((ColumnSchema { kind: Kind::Ranked { .. }, .. }, _)))
                && let Some(typed) = self.noisy_numbers(affix, &survey)
            {
                return typed;
            }
            if let Some(typed) = typed {
                return vec![typed];
            }
        }
        vec![self.categories().unwrap_or_else(|| self.text())]
    }

    /// Cells of the sample that say what the column holds: where one cell makes up most of it, the others do.
    fn undecided(self) -> usize {
        let (mut winner, mut lead): (&[u8], usize) = (&[], 0);
        for cell in self.sample() {
            if lead == 0 {
                winner = cell;
            }
            lead = if winner == cell { lead + 1 } else { lead - 1 };
        }
        let (all, others) = (self.sample().count(), self.sample().filter(|&cell| cell != winner).count());
        if others > 0 && others * 2 < all { others } else { all }
    }

    /// What surrounds the digits of most cells, by the majority vote of Boyer and Moore ("MJRTY", 1981).
    fn usual_affix(self) -> Affix<'a> {
        let (mut winner, mut lead) = (Affix::default(), 0usize);
        for affix in self.sample().filter_map(Affix::around_digits) {
            if lead == 0 {
                winner = affix;
            }
            lead = if winner.is_same(affix) { lead + 1 } else { lead - 1 };
        }
        winner
    }

    /// The same suffix with `.0` before it, if the column has such a cell.
    fn with_point_zero(self, affix: Affix<'a>) -> Affix<'a> {
        let longer = |cell: &'a [u8]| {
            let kept = affix.strip(cell)?.strip_suffix(b".0")?.len();
            Some(&cell[affix.prefix.len() + kept..])
        };
        Affix { suffix: self.cells().find_map(longer).unwrap_or(affix.suffix), ..affix }
    }

    /// The format in which most dates of the column can be read, with the coarsest unit, and the latest date.
    fn dates(self, affix: Affix<'a>) -> Option<(Number, i64)> {
        let stripped = || self.sample().filter_map(|cell| affix.strip(cell));
        let formats = stripped().map(DateFormat::candidates).find(|formats| !formats.is_empty())?;
        let mut best: Option<(usize, Number, i64)> = None;
        for mut format in formats {
            if stripped().filter(|cell| format.parse(cell).is_some()).count() * 20 < self.undecided() {
                continue;
            }
            let (mut count, mut least, mut most, mut units) = (0, i64::MAX, i64::MIN, 0);
            for value in self.cells().filter_map(|cell| format.parse(affix.strip(cell)?)) {
                count += 1;
                least = least.min(value);
                most = most.max(value);
                units |= value.rem_euclid(60) | i64::from(value.rem_euclid(3600) != 0) << 8;
            }
            if format.time != TimeOfDay::None {
                format.unit = match units {
                    0 => Unit::Hour,
                    0x100 => Unit::Minute,
                    _ => Unit::Second,
                };
                least = least.div_euclid(format.unit.seconds());
                most = most.div_euclid(format.unit.seconds());
            }
            if best.is_none_or(|best| count > best.0) {
                best = Some((count, Number::DateTime { min: least, format }, most));
            }
        }
        best.map(|(_, number, most)| (number, most))
    }

    fn survey(self, affix: Affix<'a>) -> Option<Survey> {
        let is_number = |cell: &&[u8]| affix.strip(cell).is_some_and(|cell| Shape::of(cell).is_some());
        if self.sample().filter(is_number).count() * 20 < self.undecided() {
            return None;
        }
        let mut survey = Survey::default();
        for shape in self.cells().filter_map(|cell| Shape::of(affix.strip(cell)?)) {
            survey.add(shape);
        }
        Some(survey)
    }

    /// Types the column as numbers that are `most` at most, if few cells are left over.
    fn numbers(self, affix: Affix<'a>, (number, most): (Number, i64)) -> Option<Typed> {
        let kind = LaneKind::fitting(most.abs_diff(number.min()) + 1 + MAX_SPECIALS as u64);
        let (ordinals, odd) = with_kind!(kind, W => {
            let (words, odd) = self.offsets::<W>(|cell| number.parse(affix.strip(cell)?));
            (W::wrap(words), odd)
        });
        let typed = self.with_specials(affix, Kind::Number(number), ordinals, &odd)?;
        Some(ranked(typed, number))
    }

    /// One plus the offset for each row, zero for the rows returned beside them.
    fn offsets<W: Word>(self, mut parse: impl FnMut(&'a [u8]) -> Option<u64>) -> (Vec<W>, Vec<u32>) {
        let mut odd = vec![];
        let words = self.cells().enumerate().map(|(row, cell)| {
            parse(cell).map_or_else(
                || {
                    odd.push(row as u32);
                    W::zero()
                },
                |offset| W::low(offset + 1),
            )
        });
        (words.collect(), odd)
    }

    /// Gives the most frequent of the odd cells ordinals of their own; `None` when too many are left.
    fn with_specials(self, affix: Affix<'a>, kind: Kind, mut ordinals: Lane, odd: &[u32]) -> Option<Typed> {
        let rows = self.cells.len();
        let mut counts: HashMap<&[u8], usize> = HashMap::new();
        for &row in odd {
            *counts.entry(self.cells.get(row as usize)).or_default() += 1;
            if counts.len() > MAX_SPECIALS + rows / 50 + 1 {
                return None;
            }
        }
        let mut specials: Vec<(&[u8], usize)> = counts.into_iter().filter(|&(_, count)| count > 1).collect();
        specials.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        specials.truncate(MAX_SPECIALS);
        let covered: usize = specials.iter().map(|special| special.1).sum();
        if (odd.len() - covered) * 50 > rows + 50 {
            return None;
        }
        // Where the numbers are hardly more than the other texts, all are names.
        if !specials.is_empty() && ordinals.max().is_none_or(|most| most <= specials.len() as u64) {
            return None;
        }
        let mut escapes = vec![];
        with_words!(&mut ordinals, words => {
            let shift = specials.len() as u64;
            words.iter_mut().filter(|word| **word != 0).for_each(|word| *word = Word::low(word.wide() + shift));
            for &row in odd {
                let cell = self.cells.get(row as usize);
                match specials.iter().position(|special| special.0 == cell) {
                    Some(at) => words[row as usize] = Word::low(at as u64 + 1),
                    None => escapes.push(cell.to_vec()),
                }
            }
        });
        let specials = specials.into_iter().map(|special| special.0.to_vec()).collect();
        let schema = ColumnSchema {
            name: String::new(),
            kind,
            span: 1,
            prefix: affix.prefix.to_vec(),
            suffix: affix.suffix.to_vec(),
            specials,
        };
        Some((schema, ColumnData { ordinals: narrowed(ordinals), escapes, text: vec![] }))
    }

    /// Types the column as decimals a few ulps away from what is written.
    fn noisy_numbers(self, affix: Affix<'a>, survey: &Survey) -> Option<Vec<Typed>> {
        let min_frac = u8::from(survey.with_frac[0] * 50 < survey.with_frac.iter().sum());
        let low = noise::guess(&survey.with_frac, min_frac)?;
        let mut scratch = vec![];
        let mut parse = |cell: &'a [u8]| noise::parse_noisy(low, affix.strip(cell)?, &mut scratch);
        if self.sample().filter(|cell| parse(cell).is_some()).count() * 50 < self.sample().count() * 49 {
            return None;
        }
        let Number::Decimal { min: base, scale, spelling } = low else { return None };
        let mut ulps = vec![];
        let (mut offsets, odd) = self.offsets::<u64>(|cell| {
            let parsed = parse(cell);
            ulps.push(parsed.map_or(0, |(_, ulps)| zigzag(ulps)));
            parsed.map(|(offset, _)| offset)
        });
        let lowest = offsets.iter().copied().filter(|&offset| offset > 0).min()? - 1;
        offsets.iter_mut().filter(|offset| **offset > 0).for_each(|offset| *offset -= lowest);
        let number = Number::Decimal { min: base.checked_add_unsigned(lowest)?, scale, spelling };
        let main = self.with_specials(affix, Kind::Number(number), Lane::U64(offsets), &odd)?;
        let companion = ColumnSchema {
            name: String::new(),
            kind: Kind::Noise,
            span: 0,
            prefix: vec![],
            suffix: vec![],
            specials: vec![],
        };
        let ulps = ColumnData { ordinals: Lane::narrowest(ulps), escapes: vec![], text: vec![] };
        Some(vec![main, (companion, ulps)])
    }

    /// Types the column as texts of few distinct values.
    fn categories(self) -> Option<Typed> {
        let rows = self.cells.len();
        let mut numbers: HashMap<&[u8], u32> = HashMap::new();
        let (mut texts, mut bytes) = (vec![], 0);
        let mut words: Vec<u32> = Vec::with_capacity(rows);
        let mut last: (&[u8], u32) = (&[], u32::MAX);
        for cell in self.cells() {
            if last.1 == u32::MAX || last.0 != cell {
                let number = *numbers.entry(cell).or_insert(texts.len() as u32);
                if number as usize == texts.len() {
                    texts.push(cell);
                    bytes += cell.len();
                    if texts.len() * 2 > rows + 1 || bytes > MAX_DICTIONARY {
                        return None;
                    }
                }
                last = (cell, number);
            }
            words.push(last.1);
        }
        drop(numbers);
        let mut order: Vec<u32> = (0..texts.len() as u32).collect();
        order.sort_by_cached_key(|&number| (numeric_key(texts[number as usize]), texts[number as usize]));
        let mut place = vec![0u32; texts.len()];
        for (at, &number) in order.iter().enumerate() {
            place[number as usize] = at as u32;
        }
        for word in &mut words {
            *word = place[*word as usize];
        }
        let entries = Entries::from_texts(order.iter().map(|&number| texts[number as usize]));
        let data = ColumnData { ordinals: narrowed(Lane::U32(words)), escapes: vec![], text: vec![] };
        Some((plain(Kind::Categorical { entries }), data))
    }

    /// Types the column as text, common quotes taken off.
    fn text(self) -> Typed {
        let affix = if self.cells().all(|cell| cell.len() > 1 && cell[0] == b'"' && cell[cell.len() - 1] == b'"') {
            Affix { prefix: b"\"", suffix: b"\"" }
        } else {
            Affix::default()
        };
        let cells = || self.cells().filter_map(|cell| affix.strip(cell));
        let ordinals = Lane::U32(cells().map(|cell| cell.len() as u32).collect());
        let mut text = Vec::with_capacity(cells().map(<[u8]>::len).sum());
        cells().for_each(|cell| text.extend_from_slice(cell));
        let schema = ColumnSchema { prefix: affix.prefix.to_vec(), suffix: affix.suffix.to_vec(), ..plain(Kind::Text) };
        (schema, ColumnData { ordinals: narrowed(ordinals), escapes: vec![], text })
    }
}

fn plain(kind: Kind) -> ColumnSchema {
    ColumnSchema { name: String::new(), kind, span: 1, prefix: vec![], suffix: vec![], specials: vec![] }
}

/// Orders numbers by value and before all other texts.
fn numeric_key(text: &[u8]) -> (bool, i128) {
    match Shape::of(text.trim_ascii()) {
        Some(shape) => {
            let value = i128::from(shape.mantissa) * 10i128.pow(MAX_DIGITS - shape.frac);
            (false, if shape.negative { -value } else { value })
        }
        None => (true, 0),
    }
}

fn narrowed(lane: Lane) -> Lane {
    if LaneKind::fitting(lane.max().unwrap_or(0)) == lane.kind() { lane } else { Lane::narrowest(lane.to_u64s()) }
}
