//! Scaling laws: how code length falls with data and model size, and what it will be further on.
//!
//! ```text
//! Runs (N, D, loss) → Law × Loss → fit (screen, polish, check) → Bootstrap → predict, allocate
//!   ↑ a CSV file, or measure()        └→ backtest, compare → forecast with an interval that past errors vouch for
//! ```
//!
//! Loss is a code length for each symbol, in whatever unit the runs have; N is the size of a model, D the amount of
//! data. A [`Law`] is a sum of positive terms, each a coefficient times a shape of N and D, so that all laws share one
//! solver: for given exponents the coefficients follow from linear least squares, and from there a damped Newton
//! method walks to the optimum of the [`Loss`] that was asked for. A [`Fit`] says how well that went.
//!
//! ```
//! use losslaw::scaling::{Chinchilla, Loss, Runs, fit};
//! // Runs that obey L = 1.8 + 400/N^0.35 + 2000/D^0.37 exactly.
//! let law = |n: f64, d: f64| 1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.37);
//! let sizes = [1e8, 3e8, 1e9, 3e9];
//! let runs = Runs::from_triples(sizes.iter().flat_map(|&n| sizes.map(|d| (n, 20.0 * d, law(n, 20.0 * d)))))?;
//! let fit = fit(&Chinchilla, &runs, Loss::HuberLog(1e-3))?;
//! assert!((fit.parameter("alpha").unwrap() - 0.35).abs() < 1e-6);
//! assert!((fit.predict(1e10, 1e12) - law(1e10, 1e12)).abs() < 1e-6);
//! # Ok::<(), losslaw::Error>(())
//! ```

mod allocate;
mod backtest;
mod bootstrap;
mod fit;
mod forecast;
mod lad;
mod law;
pub mod laws;
mod linear;
mod loss;
mod measure;
mod objective;
#[cfg(feature = "plot")]
pub mod plot;
mod polish;
mod random;
mod runs;
mod screen;
mod vertex;

pub use allocate::{Allocation, AllocationInterval};
pub use backtest::{BackTest, HeldOut, Ranked, Split, backtest, compare};
pub use bootstrap::{Bootstrap, BootstrapConfig, Interval};
pub use fit::{Fit, FitConfig, Optimality, Warning, fit};
pub use forecast::{Forecast, ForecastConfig, Outlook, forecast};
pub use law::{Law, MAX_PARAMETERS, Point, Range, Shape};
pub use laws::{Broken, Chinchilla, Cumulative, DataConstrained, Interaction, PowerLaw, TiedExponents};
pub use loss::Loss;
pub use measure::{CodeLength, ColumnSource, ContextSource, Measured, RowOrder, Source, grid, measure};
pub use runs::{Columns, Run, Runs};
