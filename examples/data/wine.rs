//! A real table that comes with a dependency.

use std::fmt::Write;

/// Chemical tests of 1,599 wines with the quality that tasters gave them, as CSV.
pub fn wine() -> String {
    let wines = linfa_datasets::winequality();
    let mut csv = format!("{},quality\n", wines.feature_names().join(","));
    for (tests, quality) in wines.records.rows().into_iter().zip(&wines.targets) {
        tests.iter().for_each(|test| write!(csv, "{test},").expect("a string takes any text"));
        writeln!(csv, "{quality}").expect("a string takes any text");
    }
    csv
}
