//! Tables to containers and back.
//!
//! ```text
//! compress:   Table → blocks of rows → (per column: transform → partition → plan) → sections
//! decompress: sections → models → (per block, per column: plan → groups → transform back) → rows → CSV
//! ```

mod decode_columns;
mod encode_columns;
mod read;
mod write;

pub(super) use self::read::{block, decompress};
pub(super) use self::write::compress;

use super::adaptive;
use crate::table::{ColumnSchema, Kind};

/// Flags of one column in a block.
mod flag {
    pub const ESCAPES: u8 = 1;
    pub const TEXT: u8 = 2;
    pub const ASSIGNED: u8 = 4;
    pub const ADAPTIVE: u8 = 8;
    pub const ENDED: u8 = 16;
}

/// Added to the tag of a transform whose residuals stand in joint streams.
const JOINT: u8 = 0x10;

/// Added to the tag of a transform whose residuals are primed: their counts begin with what the first blocks taught.
const PRIMED: u8 = 0x20;

/// Where the ordinals of a column begin; ranks of distinct values and texts count nothing, and begin at 0.
fn origin(column: &ColumnSchema) -> adaptive::Origin {
    let low = if let Kind::Number(number) = &column.kind { number.min() } else { 0 };
    adaptive::Origin { first: column.first_value(), low }
}
