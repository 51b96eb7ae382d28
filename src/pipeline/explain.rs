//! What each column costs, and what it would cost without the others.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Pipeline;
use crate::codec::{Bins, Rans, Then};
use crate::partition::Whole;
use crate::report::Report;
use crate::table::Table;
use crate::{ColumnReport, Result};

/// The columns of a table beside simpler ways to code them; [`Pipeline::explain`] makes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// The account of the whole compression.
    pub report: Report,
    /// One entry for each of [`Report::columns`].
    pub columns: Vec<ColumnExplanation>,
}

/// One column beside simpler ways to code it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnExplanation {
    /// How the column is coded, and in how many bytes.
    pub coded: ColumnReport,
    /// Bits of a value under one distribution for all rows, without history and without other columns.
    pub order0_bits: f64,
    /// Bytes it would take if no other column could be asked.
    pub alone_bytes: u64,
}

impl Pipeline {
    /// Compresses a table three times: with this pipeline, without other columns, and without history as well.
    ///
    /// # Errors
    /// [`crate::Error::NotATable`], and those of [`Pipeline::compress_table`].
    ///
    /// ```
    /// use losslaw::Pipeline;
    /// let csv: String = (0..900).map(|i| format!("{},{}\n", i * i % 11, (i * i % 11) / 2)).collect();
    /// let explanation = Pipeline::builder().build()?.explain(csv.as_bytes())?;
    /// let half = &explanation.columns[1];
    /// assert_eq!(half.coded.parents, ["column 1"]);
    /// assert!(half.coded.bytes < half.alone_bytes, "the first column tells it");
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn explain(&self, source: &[u8]) -> Result<Explanation> {
        let table = Table::from_csv(source)?;
        let report = self.compress_table(&table)?.report;
        let simpler = Self { verify: false, pruner: None, one_tree: false, ..self.clone() };
        let alone = Self { is_lonely: true, ..simpler.clone() }.compress_table(&table)?.report;
        let order0 =
            Self { partitioner: Some(Arc::new(Whole)), plan: Some(Bins::default().then(Rans::default())), ..simpler };
        let order0 = order0.compress_table(&table)?.report;
        let simpler = alone.columns.into_iter().zip(order0.columns);
        let columns = report.columns.iter().cloned().zip(simpler).map(|(coded, (alone, order0))| ColumnExplanation {
            coded,
            order0_bits: order0.bits_per_value,
            alone_bytes: alone.bytes,
        });
        Ok(Explanation { columns: columns.collect(), report })
    }
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |c: &ColumnExplanation| c.coded.name.chars().count();
        let width = self.columns.iter().map(name).max().unwrap_or(0).clamp(6, 32);
        writeln!(
            f,
            "{} → {} bytes, C = {:.4}\n\n{:width$}  {:14} {:>6} {:>7} {:>6} {:>9} {:>9}  model",
            self.report.original_bytes,
            self.report.compressed_bytes,
            self.report.ratio(),
            "column",
            "type",
            "leaves",
            "order-0",
            "bits",
            "bytes",
            "alone",
        )?;
        for ColumnExplanation { coded, order0_bits, alone_bytes } in &self.columns {
            let name: String = coded.name.chars().take(width).collect();
            write!(
                f,
                "{name:width$}  {:14} {:>6} {order0_bits:>7.2} {:>6.2} {:>9} {alone_bytes:>9}  {}, {}",
                coded.kind, coded.leaves, coded.bits_per_value, coded.bytes, coded.transform, coded.plan
            )?;
            if !coded.parents.is_empty() {
                write!(f, ", given {}", coded.parents.join(", "))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
