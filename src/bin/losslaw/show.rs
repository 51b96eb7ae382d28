//! What commands print: results on standard output, progress on a terminal's standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use losslaw::container::Summary;
use losslaw::{Progress, Stage, TensorReport, TensorTable};
use serde::Serialize;

/// Most letters of a column's or tensor's name beside a progress bar.
const MOST_NAME: usize = 24;

/// Prints a line. A reader that stops listening is no failure.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a value as JSON.
pub fn json(value: &impl Serialize) {
    line(serde_json::to_string_pretty(value).expect("reports have string keys and finite numbers"));
}

/// A progress bar, hidden unless standard error is a terminal.
pub fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{msg:34} {wide_bar} {pos}/{len} {elapsed}").expect("the template is valid");
    let bar = ProgressBar::new(1).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Moves a bar to where the work is.
pub fn advance(bar: &ProgressBar, progress: Progress<'_>) {
    let stage = match progress.stage {
        Stage::Typing => "typing",
        Stage::Learning => "learning",
        Stage::Writing => "writing",
        Stage::Verifying => "verifying",
    };
    // A name from a file may hold what a terminal takes for a command.
    let name = progress.name.chars().filter(|c| !c.is_control()).take(MOST_NAME);
    bar.set_message(format!("{stage} {}", name.collect::<String>()));
    bar.set_length(progress.total as u64);
    bar.set_position(progress.done as u64);
}

/// A summary as a table for people.
pub fn summary(summary: &Summary, base: Option<&str>, tensors: &[TensorReport], file_bytes: u64) -> String {
    let mut out = String::new();
    let (major, minor) = summary.version;
    let _ = writeln!(out, "{}, format {major}.{minor}, {file_bytes} bytes", summary.kind.name());
    if let Some(base) = base {
        let _ = writeln!(out, "coded against base {base}");
    }
    let _ = writeln!(out, "\n{:14} {:>7} {:>12} {:>7}", "section", "count", "bytes", "%");
    let mut row = |name: &str, count: String, bytes: u64| {
        let share = 100.0 * bytes as f64 / file_bytes.max(1) as f64;
        let _ = writeln!(out, "{name:14} {count:>7} {bytes:>12} {share:>6.1}%");
    };
    for section in &summary.sections {
        row(&section.name, section.count.to_string(), section.bytes);
    }
    row("frame", String::new(), summary.frame_bytes);
    if !summary.blocks.is_empty() {
        let _ = writeln!(out, "\n{:>14} {:>10} {:>12} {:>12}", "block", "rows", "source bytes", "bytes");
    }
    for block in &summary.blocks {
        let known = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        let (rows, source) = (known(block.rows), known(block.source_bytes));
        let _ = writeln!(out, "{:>14} {rows:>10} {source:>12} {:>12}", block.number, block.bytes);
    }
    if !tensors.is_empty() {
        let _ = write!(out, "\n{}", TensorTable(tensors));
    }
    out.truncate(out.trim_end().len());
    out
}
