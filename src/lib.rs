//! Lossless compression for machine-learning artefacts, and the scaling laws that code length obeys.

pub mod bits;
pub mod codec;
mod error;
pub mod lane;
pub mod limits;
pub mod wire;

pub use error::{Error, Result};
pub use lane::{Lane, LaneKind, Word};
pub use limits::{Budget, Limits};
