//! Texts that other cells of their row make up: addresses around a number, names of two parts, copies.

use std::collections::BTreeSet;

use super::scan::Index;
use super::{ColumnData, ColumnSchema, Kind};
use crate::Lane;

/// Most parts of a text, and the longest literal among them, fixed by the format.
pub(super) const MAX_PARTS: usize = 16;
pub(super) const MAX_LITERAL: usize = 255;

/// Rows, evenly spread, on which a text is tried; those in steps of [`DONORS`] propose how it is made.
const SAMPLE: usize = 64;
const DONORS: usize = 16;

/// Longest cell that is taken apart, and fewest bytes of a cell that is looked for in it.
const MAX_CELL: usize = 4096;
const MIN_SOURCE: usize = 2;

/// Most columns that are taken apart, and most that are looked for, so that wide tables take no long time.
const MAX_TARGETS: usize = 64;
const MAX_SOURCES: usize = 256;

/// One row in so many may be an escape.
const ESCAPES: usize = 20;

/// A piece of a derived text.
///
/// ```
/// use losslaw::table::{Kind, Part, Table};
/// let name = |i: u32| format!("{:x}q", 7_000_000 + i * i * 48_271);
/// let rows: String = (0..50).map(|i| format!("{},x.org/{}.html\n", name(i), name(i))).collect();
/// let table = Table::from_csv(format!("id,page\n{rows}").as_bytes())?;
/// let page = &table.columns()[1].kind;
/// let id = Part::Cell { column: 0, lower: false };
/// let parts = vec![Part::Literal(b"x.org/".to_vec()), id, Part::Literal(b".html".to_vec())];
/// assert_eq!(*page, Kind::Derived { parts });
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The same bytes in each row.
    Literal(Vec<u8>),
    /// The cell of another column without quotes around it.
    Cell {
        /// The column, by its number in the schema.
        column: u32,
        /// Whether capital letters of ASCII become small.
        lower: bool,
    },
}

/// A cell without quotes around it.
pub(super) fn bare(cell: &[u8]) -> &[u8] {
    cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell)
}

/// Appends the text of some parts; `cell` appends the cell of another column.
pub(super) fn put(parts: &[Part], cell: impl Fn(u32, &mut Vec<u8>), out: &mut Vec<u8>) {
    for part in parts {
        match part {
            Part::Literal(bytes) => out.extend_from_slice(bytes),
            Part::Cell { column, lower } => {
                let start = out.len();
                cell(*column, out);
                if bare(&out[start..]).len() < out.len() - start {
                    out.remove(start);
                    out.pop();
                }
                if *lower {
                    out[start..].make_ascii_lowercase();
                }
            }
        }
    }
}

/// Whether derived texts may take cells of a column: one that stands for one cell by itself.
pub(super) fn is_source(column: &ColumnSchema) -> bool {
    matches!(column.kind, Kind::Number(_) | Kind::Ranked { .. } | Kind::Categorical { .. } | Kind::Text)
}

/// Replaces columns of many distinct texts by what makes them up, where that is found.
pub(super) fn find(index: &Index<'_>, columns: &mut [(ColumnSchema, ColumnData)]) {
    let spans = columns.iter().map(|(schema, _)| schema.span);
    let places: Vec<usize> = spans.scan(0, |next, span| Some(std::mem::replace(next, *next + span))).collect();
    let rows = index.rows();
    if rows == 0 {
        return;
    }
    let is_target = |schema: &ColumnSchema| match &schema.kind {
        Kind::Text => true,
        Kind::Categorical { entries } => entries.len() * 8 > rows,
        _ => false,
    };
    let mut used: BTreeSet<u32> = BTreeSet::new();
    let targets: Vec<usize> = (0..columns.len()).filter(|&at| is_target(&columns[at].0)).take(MAX_TARGETS).collect();
    for target in targets {
        if used.contains(&(target as u32)) {
            continue;
        }
        let others = (0..columns.len()).filter(|&at| at != target && is_source(&columns[at].0));
        let sources: Vec<u32> = others.map(|at| at as u32).take(MAX_SOURCES).collect();
        let seeker = Seeker { index, places: &places, sources: &sources, target };
        let Some(parts) = seeker.template() else { continue };
        let Some(data) = seeker.data(&parts) else { continue };
        used.extend(
            parts.iter().filter_map(|part| if let Part::Cell { column, .. } = part { Some(*column) } else { None }),
        );
        let schema =
            ColumnSchema { kind: Kind::Derived { parts }, prefix: vec![], suffix: vec![], ..columns[target].0.clone() };
        columns[target] = (schema, data);
    }
}

/// Looks for cells of a row in another one.
struct Seeker<'a> {
    index: &'a Index<'a>,
    /// The place in the file of each column of the schema.
    places: &'a [usize],
    sources: &'a [u32],
    target: usize,
}

impl<'a> Seeker<'a> {
    fn cell(&self, row: usize, column: usize) -> &'a [u8] {
        self.index.cell(row, self.places[column])
    }

    fn holds(&self, row: usize, parts: &[Part], text: &mut Vec<u8>) -> bool {
        text.clear();
        put(parts, |column, out| out.extend_from_slice(self.cell(row, column as usize)), text);
        text == self.cell(row, self.target)
    }

    /// The parts that make up nearly all cells of the sample.
    fn template(&self) -> Option<Vec<Part>> {
        let step = self.index.rows().div_ceil(SAMPLE);
        let sample: Vec<usize> = (0..self.index.rows()).step_by(step).collect();
        let mut text = vec![];
        sample.iter().step_by(DONORS).map(|&row| self.parts(row)).find(|parts| {
            let held = sample.iter().filter(|&&row| self.holds(row, parts, &mut text)).count();
            let has_cells = parts.iter().any(|part| matches!(part, Part::Cell { .. }));
            has_cells && parts.len() <= MAX_PARTS && (sample.len() - held) * ESCAPES <= sample.len()
        })
    }

    /// The cell of a row with the longest other cells that stand in it taken out, from the longest on.
    fn parts(&self, row: usize) -> Vec<Part> {
        let cell = self.cell(row, self.target);
        if cell.len() > MAX_CELL {
            return vec![];
        }
        let mut found: Vec<(Vec<u8>, Part)> = vec![];
        for &column in self.sources {
            let plain = bare(self.cell(row, column as usize));
            if plain.len() < MIN_SOURCE || plain.len() > cell.len() {
                continue;
            }
            found.push((plain.to_vec(), Part::Cell { column, lower: false }));
            let lower = plain.to_ascii_lowercase();
            if lower != plain {
                found.push((lower, Part::Cell { column, lower: true }));
            }
        }
        // Stable, so that of equal cells the first column is taken.
        found.sort_by_key(|(bytes, _)| std::cmp::Reverse(bytes.len()));
        let mut parts = vec![Part::Literal(cell.to_vec())];
        for (bytes, part) in found {
            let place = |parts: &[Part]| {
                parts.iter().enumerate().find_map(|(at, part)| match part {
                    Part::Literal(literal) => memchr::memmem::find(literal, &bytes).map(|start| (at, start)),
                    Part::Cell { .. } => None,
                })
            };
            while let (Some((at, start)), ..=MAX_PARTS) = (place(&parts), parts.len()) {
                let Part::Literal(literal) = &parts[at] else { break };
                let around = [literal[..start].to_vec(), literal[start + bytes.len()..].to_vec()];
                let [before, after] = around.map(|bytes| (!bytes.is_empty()).then_some(Part::Literal(bytes)));
                parts.splice(at..=at, before.into_iter().chain([part.clone()]).chain(after));
            }
        }
        let is_short = |part: &Part| !matches!(part, Part::Literal(bytes) if bytes.len() > MAX_LITERAL);
        if parts.iter().all(is_short) { parts } else { vec![] }
    }

    /// All rows by these parts: 1 where they hold, else 0 and an escape; nothing if too many do not.
    fn data(&self, parts: &[Part]) -> Option<ColumnData> {
        let rows = self.index.rows();
        let (mut ordinals, mut escapes, mut text) = (vec![0u8; rows], vec![], vec![]);
        for (row, ordinal) in ordinals.iter_mut().enumerate() {
            if self.holds(row, parts, &mut text) {
                *ordinal = 1;
            } else {
                escapes.push(self.cell(row, self.target).to_vec());
                if escapes.len() * ESCAPES > rows + ESCAPES {
                    return None;
                }
            }
        }
        Some(ColumnData { ordinals: Lane::U8(ordinals), escapes, text: vec![] })
    }
}
