//! Measuring code length over a grid of data and model sizes.

mod column;
mod context;
mod counts;

use serde::{Deserialize, Serialize};

pub use column::{ColumnSource, RowOrder};
pub use context::ContextSource;

use super::Runs;
use crate::{Error, Result};

/// What is counted as the code length of D symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeLength {
    /// Each symbol is coded by a model learnt from those before it; the model is never written.
    ///
    /// Source: A. P. Dawid, "Statistical Theory: The Prequential Approach", J. Royal Statistical Society A 147, 1984.
    Prequential,
    /// The model is learnt from all D symbols and written, then the symbols under it. What a file holds.
    ///
    /// Source: J. Rissanen, "Modeling by Shortest Data Description", Automatica 14, 1978.
    TwoPart,
    /// The model is learnt from D symbols, and others at the end of the source are coded under it. What is usually
    /// called test loss; nothing is charged for the model.
    HeldOut,
}

impl CodeLength {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prequential => "prequential",
            Self::TwoPart => "two_part",
            Self::HeldOut => "held_out",
        }
    }
}

/// Data whose code length can be measured under models of bounded size.
///
/// ```
/// use losslaw::scaling::{CodeLength, Source, measure};
/// /// Symbols of which a model of m parts learns all but 1 / m, after d of them all but 1 / d more.
/// struct Ideal;
/// impl Source for Ideal {
///     fn len(&self) -> usize { 1 << 20 }
///     fn code_lengths(&self, _: CodeLength, data: &[usize], model: usize) -> losslaw::Result<Vec<f64>> {
///         Ok(data.iter().map(|&d| 1.0 + 1.0 / model as f64 + 1.0 / d as f64).collect())
///     }
/// }
/// let runs = measure(&Ideal, CodeLength::HeldOut, &[100, 1000], &[2, 4], 1, |_| ())?;
/// assert_eq!(runs.runs().iter().map(|run| run.loss).fold(f64::INFINITY, f64::min), 1.251);
/// # Ok::<(), losslaw::Error>(())
/// ```
pub trait Source: Sync {
    /// Symbols that may be learnt from, those held out not counted.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits for each symbol at each amount of data, ascending, under a model of at most `model` parts.
    ///
    /// # Errors
    /// Those of the source; amounts are checked before.
    fn code_lengths(&self, kind: CodeLength, data: &[usize], model: usize) -> Result<Vec<f64>>;
}

/// A step of [`measure`] that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Model sizes done.
    pub done: usize,
    /// Model sizes in all.
    pub total: usize,
}

/// Measures bits for each symbol at every D of one grid and N of another; the numbers are the same with any number of
/// threads. `threads` is 0 for one each core and matters with the feature `parallel` only.
///
/// ```
/// use losslaw::scaling::{CodeLength, ContextSource, measure};
/// let text = "she sells sea shells by the sea shore. ".repeat(200);
/// let source = ContextSource::new(text.as_bytes(), 2);
/// let runs = measure(&source, CodeLength::Prequential, &[500, 1000, 4000], &[64], 1, |_| ())?;
/// assert_eq!(runs.label(), Some("prequential"));
/// assert!(runs.runs()[2].loss < runs.runs()[0].loss, "more of the same is cheaper");
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidConfig`] when a grid is empty or does not ascend, or asks for more data than there is.
pub fn measure(
    source: &dyn Source,
    kind: CodeLength,
    data_grid: &[usize],
    model_grid: &[usize],
    threads: usize,
    progress: impl Fn(Measured) + Send + Sync,
) -> Result<Runs> {
    for (field, grid) in [("data grid", data_grid), ("model grid", model_grid)] {
        if grid.first().is_none_or(|&first| first == 0) || grid.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::config(field, format!("{grid:?}"), "ascending positive numbers"));
        }
    }
    let most = *data_grid.last().expect("the grid is not empty");
    if most > source.len() {
        return Err(Error::config("data grid", most, "what the source holds"));
    }
    let done = std::sync::atomic::AtomicUsize::new(0);
    let total = model_grid.len();
    let rows = crate::threads::each(threads, total, |place| {
        let bits = source.code_lengths(kind, data_grid, model_grid[place])?;
        progress(Measured { done: done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, total });
        Ok(bits)
    })?;
    let triples = model_grid.iter().zip(rows).flat_map(|(&model, bits)| {
        data_grid.iter().zip(bits).map(move |(&data, bits)| (model as f64, data as f64, bits))
    });
    Ok(Runs::from_triples(triples)?.labelled(kind.name()))
}

/// Amounts of data that grow by a fixed factor up to `most`, `per_octave` of them for each doubling.
///
/// ```
/// assert_eq!(losslaw::scaling::grid(100, 800, 1), [100, 200, 400, 800]);
/// ```
pub fn grid(least: usize, most: usize, per_octave: u32) -> Vec<usize> {
    let octaves = (most as f64 / least.max(1) as f64).log2();
    let steps = (octaves * f64::from(per_octave.max(1)) + 1e-9).floor().max(0.0) as u32;
    // Counted from the top, so that the largest amount is there.
    let at = |step: u32| (most as f64 / (f64::from(step) / f64::from(per_octave.max(1))).exp2()).round() as usize;
    let mut grid: Vec<usize> = (0..=steps).rev().map(at).collect();
    grid.dedup();
    grid
}
