//! The laws that come with the crate.

mod broken;
mod cumulative;
mod data_constrained;
mod interaction;
mod power_law;

pub use broken::Broken;
pub use cumulative::Cumulative;
pub use data_constrained::DataConstrained;
pub use interaction::Interaction;
pub use power_law::{Chinchilla, PowerLaw, TiedExponents};

use super::Shape;

/// Exponents seen in practice lie well inside; at the ends a term is constant or gone.
fn exponent(name: &'static str, steps: usize) -> Shape {
    Shape { name, low: 0.005, high: 3.0, steps, is_log: false }
}
