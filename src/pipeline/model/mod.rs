//! A model as sections: its header, and units of tensors in chunks that decode alone.
//!
//! ```text
//! header    bytes of the text (varint) · their CRC-32 (4) · nodes of the text, each behind its length
//! tensors   method (1) · words of a chunk (varint) · shared bytes behind their length · the chunk if there is only one
//!           or 0 · number of an earlier tensor (varint) · CRC-32 of the bytes (4)
//! weights   one of several chunks
//! chunk     CRC-32 of the bytes (4) · the words under the method
//! ```

mod dense;
mod head;
mod header;
mod lanes;
mod mask;
mod method;
mod read;
mod reader;
mod source;
mod sparse;
mod unit;
mod words;
mod write;

pub(super) use read::{decompress, rows, tensor, tensors};
pub use reader::ModelReader;
pub(super) use source::InFile;
use unit::Unit;
pub(super) use write::{compress, compress_from};

use crate::model::TensorInfo;
use crate::report::TensorReport;

/// Divides the bytes of a unit among its tensors by their length.
fn share(listed: &mut [TensorReport], unit: &Unit, tensors: &[TensorInfo], method: &str, bytes: usize) {
    let upto = |length: usize| (bytes as u128 * length as u128 / unit.byte_len() as u128) as u64;
    for (number, _, place) in unit.places(tensors) {
        let earlier = if unit.part > 0 { listed[number].bytes } else { 0 };
        listed[number].set_coding(method, earlier + upto(place.end) - upto(place.start));
    }
}
