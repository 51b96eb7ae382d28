//! A model as sections: its header, and units of tensors in chunks that decode alone.
//!
//! ```text
//! base      bytes of the base (varint) · its hash (16); only where something is coded against it
//! header    bytes of the text (varint) · their CRC-32 (4) · nodes of the text, each behind its length
//! tensors   method (1) · words of a chunk (varint) · shared bytes behind their length · the chunk if there is only one
//!           or 0 · number of an earlier tensor (varint) · CRC-32 of the bytes (4)
//!           or 4 · 0, or 1 + the number of a tensor of the base (varint) · CRC-32 of the bytes (4)
//! weights   one of several chunks
//! chunk     CRC-32 of the bytes (4) · the words under the method
//! ```

mod against;
mod dense;
mod lanes;
mod mask;
mod method;
mod read;
mod sparse;
mod unit;
mod words;
mod write;

pub(super) use read::{base, decompress, tensor, tensors};
use unit::Unit;
pub(super) use write::compress;

use crate::model::TensorInfo;
use crate::report::{BaseUse, TensorReport};

/// Divides the bytes of a unit among its tensors by their length.
fn share(listed: &mut [TensorReport], unit: &Unit, tensors: &[TensorInfo], method: &str, base: BaseUse, bytes: usize) {
    let length = |number: usize| tensors[number].range.len() as u128;
    let all: u128 = unit.tensors.iter().map(|&number| length(number)).sum();
    let mut before = 0;
    for &number in &unit.tensors {
        let upto = |length: u128| (bytes as u128 * length / all) as u64;
        let own = upto(before + length(number)) - upto(before);
        before += length(number);
        listed[number].set_coding(method, base, own);
    }
}
