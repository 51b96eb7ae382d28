//! Adaptive, context-conditional coders: what both sides have seen so far says how likely the next symbol is.
//!
//! Codecs see a whole lane at once; here every symbol comes with a context that the decoder knows too. Symbols become
//! bits, each bit gets a probability, and a binary arithmetic coder spends −log₂ p bits on it.
//!
//! ```text
//! contexts → Counter, History (bits seen in each) → stretch → Mixer (weights that learn) → Apm (last correction) → p
//! symbol → path of bits → (bit, p) → BinaryEncoder → bytes;   bytes → BinaryDecoder → (p) bit → symbol
//! ```
//!
//! A model has one function for both directions: it hands a [`BinaryCoder`] a bit and its probability and goes on with
//! the bit that comes back. An encoder gives back the bit it was handed, a decoder the one it read, and [`Price`] adds
//! up what writing would cost. So both sides run the same code and cannot part.
//!
//! Everything is integer arithmetic: the bytes are the same on every machine. A probability is that of a set bit in
//! units of 2⁻¹⁶, from 1 to 65,535; a *stretched* one is its logit ln(p / (1 − p)) in units of 1/256.
//!
//! Source of the method: M. Mahoney, "Adaptive weighing of context models for lossless data compression", Florida
//! Tech. report CS-2005-16, 2005.

mod apm;
mod backoff;
mod coder;
mod counter;
mod logistic;
mod mixed;
mod mixer;
mod path;
mod symbol;

pub use apm::Apm;
pub use backoff::{BackoffModel, BackoffState};
pub use coder::{BinaryCoder, BinaryDecoder, BinaryEncoder, Price};
pub use counter::{Counter, History};
pub use logistic::{MOST, squash, stretch};
pub use mixed::{MixedConfig, MixedModel};
pub use mixer::{Mixer, padded};
pub use path::{Branch, Path, PathNode};
pub use symbol::{ContextCoder, SymbolModel};
