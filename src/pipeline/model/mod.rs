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
mod choose;
mod dense;
mod dense_shared;
mod head;
mod header;
mod hopes;
mod lanes;
mod mask;
mod method;
mod mixed_mask;
mod opened;
mod read;
mod reader;
mod shared;
mod source;
mod sparse;
mod unit;
mod words;
mod write;

use method::Planes;
pub(super) use read::{base, decompress, rows, tensor, tensors};
pub use reader::ModelReader;
pub(super) use source::InFile;
use unit::Unit;
pub(super) use write::{compress, compress_from};

use crate::model::TensorInfo;
use crate::report::{BaseUse, TensorReport};

/// Divides what the chunks of a unit are made of among its tensors by their length.
fn share_planes(listed: &mut [TensorReport], unit: &Unit, tensors: &[TensorInfo], planes: &Planes) {
    for (number, _, place) in unit.places(tensors) {
        let part = place.len() as f64 / unit.byte_len() as f64;
        planes.each(|name, bytes| listed[number].add_plane(name, bytes as f64 * part));
    }
}

/// Divides the bytes of a unit among its tensors by their length.
fn share(listed: &mut [TensorReport], unit: &Unit, tensors: &[TensorInfo], method: &str, base: BaseUse, bytes: usize) {
    let upto = |length: usize| (bytes as u128 * length as u128 / unit.byte_len() as u128) as u64;
    for (number, _, place) in unit.places(tensors) {
        let own = upto(place.end) - upto(place.start);
        let (earlier, base) = match &listed[number] {
            // Of parts that use the base in several ways, some differ from it.
            known if unit.part > 0 => (known.bytes, if known.base == base { base } else { BaseUse::Difference }),
            _ => (0, base),
        };
        listed[number].set_coding(method, base, earlier + own);
    }
}
