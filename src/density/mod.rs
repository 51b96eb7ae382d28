//! Weights under densities: each around a prediction of its own, with a scale by its row and column.
//!
//! ```text
//! weight      sign · M · 2^S, taken apart exactly                                      number
//! scale       2^((row + column) / 16), logarithms that are written once                scale
//! prediction  mean of the row + mean of the column + a few earlier columns, integers   density
//! cell        ⌊weight / 2^q⌋ − ⌊prediction / 2^q⌋ with 8 to 16 cells in a scale        stream
//! shape       what each cell deserves, tables computed in integers                     shape
//! ```
//!
//! What depends on floating point only chooses: scales, shapes and predictors are in the file as integers.

mod centre;
mod field;
mod fit;
mod fit_columns;
mod fit_scales;
mod low_rank;
pub mod mixed;
mod moments;
mod number;
mod ordered;
mod predict;
mod repeats;
mod rows;
mod scale;
mod shape;
mod stream;
mod symbols;
mod units;

pub(crate) use centre::{Centre, read_left, write_left};
pub(crate) use field::Density;
pub(crate) use fit::{Fit, Layout, Search};
pub(crate) use number::Numbers;
pub(crate) use repeats::Repeats;
pub(crate) use rows::{read as read_rows, write as write_rows};
pub(crate) use stream::{decode, encode};
