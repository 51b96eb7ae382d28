//! A Markdown table of coders: sizes in bytes, the smallest in bold, then decoding in MB/s.

use crate::measure::Measured;

/// Prints row by row and remembers the rows that a peer wins.
pub struct Table<const N: usize> {
    coders: [&'static str; N],
    /// How many of the coders, counted from the first, are losslaw's.
    own: usize,
    lost: Vec<String>,
}

impl<const N: usize> Table<N> {
    /// Prints heading and head of the table.
    pub fn begin(heading: &str, rows: &str, coders: [&'static str; N], own: usize) -> Self {
        let titles: Vec<String> = ["raw".to_owned()]
            .into_iter()
            .chain(coders.iter().map(|coder| (*coder).to_owned()))
            .chain(coders.iter().map(|coder| format!("{coder} MB/s")))
            .collect();
        println!("## {heading}\n\n| {rows} | {} |\n|---|{}", titles.join(" | "), "---:|".repeat(titles.len()));
        Self { coders, own, lost: vec![] }
    }

    /// Prints a row.
    pub fn row(&mut self, name: &str, raw: usize, all: &[Measured; N]) {
        let least = (0..N).min_by_key(|&at| all[at].bytes).expect("a table has coders");
        let sizes = all.iter().enumerate().map(|(at, measured)| {
            let bytes = thousands(measured.bytes);
            if at == least { format!("**{bytes}**") } else { bytes }
        });
        let speeds = all.iter().map(|measured| format!("{:.0}", measured.speed));
        let cells: Vec<String> = sizes.chain(speeds).collect();
        println!("| {name} | {} | {} |", thousands(raw), cells.join(" | "));
        if least >= self.own {
            let ours = all[..self.own].iter().map(|measured| measured.bytes).min().expect("one of them is losslaw's");
            let excess = 100.0 * (ours as f64 / all[least].bytes as f64 - 1.0);
            self.lost.push(format!("{name} ({}; losslaw takes {excess:.1} % more)", self.coders[least]));
        }
    }

    /// Prints which rows a peer wins.
    pub fn end(self) {
        let lost = if self.lost.is_empty() { "none".to_owned() } else { self.lost.join("; ") };
        println!("\nSmaller by a peer: {lost}.");
    }
}

/// A number with commas between thousands.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
