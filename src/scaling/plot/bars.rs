//! What the bytes of a compression are for.

use std::fmt::Write as _;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::Plot;
use super::figure::{FINE, paint, style};
use crate::Report;

/// Bars of a picture; the CSV has all.
const MOST: usize = 40;

const WIDTH: i32 = 960;
/// Height of a bar and the room around it.
const BAR: i32 = 24;
const TOP: i32 = 52;
/// Where bars begin.
const LEFT: i32 = 270 * FINE;
/// How long the longest is.
const LENGTH: f64 = (420 * FINE) as f64;

/// Bytes of each column of a table, of each tensor of a model, or else of each part, and of all that belongs to none of
/// them, as trees, dictionaries and the container do; the largest stands on top.
///
/// More than 40 are drawn as 39 and the others together. The CSV has a line for each, with its bits for each value and
/// with its bytes over the original bytes of the whole: these add up to the ratio C.
///
/// ```
/// use losslaw::{Pipeline, scaling::plot, table::Table};
/// let table = Table::from_csv(b"day,price\n1,20\n2,21\n3,20\n")?;
/// let packed = Pipeline::builder().build()?.compress_table(&table)?;
/// let plot = plot::bytes_by_part(&packed.report);
/// assert!(plot.svg.contains("price"));
/// assert!(plot.csv.lines().any(|line| line.starts_with("column,price,")));
/// # Ok::<(), losslaw::Error>(())
/// ```
pub fn bytes_by_part(report: &Report) -> Plot {
    let parts = parts(report);
    let whole = report.original_bytes.max(1) as f64;
    let mut csv = "what,name,bytes,bits_per_value,ratio\n".to_owned();
    for part in &parts {
        let bits = part.bits.map_or_else(String::new, |bits| bits.to_string());
        let _ =
            writeln!(csv, "{},{},{},{bits},{}", part.what, quoted(&part.name), part.bytes, part.bytes as f64 / whole);
    }
    let mut shown = parts;
    if shown.len() > MOST {
        let rest = shown.split_off(MOST - 1);
        let bytes = rest.iter().map(|part| part.bytes).sum();
        shown.push(Part { what: "rest", name: format!("{} others", rest.len()), bytes, bits: None });
    }
    let height = TOP + BAR * shown.len() as i32 + 16;
    let svg = paint((WIDTH, height), |canvas| {
        let title = format!(
            "{} of {} bytes, C = {:.4}: where they are",
            report.compressed_bytes,
            report.original_bytes,
            report.ratio()
        );
        canvas.draw(&Text::new(title, (18 * FINE, 24 * FINE), style(19, HPos::Left)))?;
        let most = shown.iter().map(|part| part.bytes).max().unwrap_or(0).max(1) as f64;
        for (place, part) in shown.iter().enumerate() {
            let y = FINE * (TOP + BAR * place as i32 + BAR / 2);
            let end = LEFT + (LENGTH * part.bytes as f64 / most).round() as i32;
            // What has no values of its own is lighter.
            let color = if part.bits.is_some() { RGBColor(70, 40, 120) } else { RGBColor(175, 165, 195) };
            canvas.draw(&Text::new(label(&part.name), (LEFT - 10 * FINE, y), style(14, HPos::Right)))?;
            canvas
                .draw(&Rectangle::new([(LEFT, y - 8 * FINE), (end.max(LEFT + FINE), y + 8 * FINE)], color.filled()))?;
            let share = 100.0 * part.bytes as f64 / report.compressed_bytes.max(1) as f64;
            let bits = part.bits.map_or_else(String::new, |bits| format!(", {bits:.3} bits a value"));
            let text = format!("{} ({share:.1} %){bits}", part.bytes);
            canvas.draw(&Text::new(text, (end + 8 * FINE, y), style(14, HPos::Left)))?;
        }
        Ok(())
    });
    Plot { svg, csv }
}

struct Part {
    what: &'static str,
    name: String,
    bytes: u64,
    bits: Option<f64>,
}

/// All parts, the largest first; equals stay in order.
fn parts(report: &Report) -> Vec<Part> {
    let part = |what, name: &String, bytes, bits| Part { what, name: name.clone(), bytes, bits };
    let columns = report.columns.iter().map(|c| part("column", &c.name, c.bytes, Some(c.bits_per_value)));
    let tensors = report.tensors.iter().map(|t| part("tensor", &t.name, t.bytes, Some(t.bits_per_weight)));
    let mut parts: Vec<Part> = columns.chain(tensors).collect();
    if parts.is_empty() {
        parts.extend(report.parts.iter().map(|p| part("part", &p.name, p.bytes, None)));
    }
    let named: u64 = parts.iter().map(|part| part.bytes).sum();
    let bytes = report.compressed_bytes.saturating_sub(named);
    if bytes > 0 {
        parts.push(Part { what: "rest", name: "all else".to_owned(), bytes, bits: None });
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    parts
}

/// The end of a long name, where names differ, without what XML does not allow.
fn label(name: &str) -> String {
    let printable: Vec<char> = name.chars().map(|c| if c.is_control() { '\u{b7}' } else { c }).collect();
    match printable.len().checked_sub(34) {
        Some(skipped @ 1..) => format!("\u{2026}{}", printable[skipped + 1..].iter().collect::<String>()),
        _ => printable.into_iter().collect(),
    }
}

/// A name as a cell of CSV.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}
