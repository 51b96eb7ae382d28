//! Floats of every width as doubles, which hold all of them exactly.

use half::{bf16, f16};

use super::{Dtype, TensorView};
use crate::{Error, Result};

/// Runs one expression on the elements of a float tensor, each read from its little-endian bytes as a double.
macro_rules! with_floats {
    ($tensor:expr, $floats:ident => $body:expr) => {
        match $tensor.dtype() {
            Dtype::F16 => with_floats!(@ $tensor, $floats, f16, 2, f16::to_f64, $body),
            Dtype::BF16 => with_floats!(@ $tensor, $floats, bf16, 2, bf16::to_f64, $body),
            Dtype::F32 => with_floats!(@ $tensor, $floats, f32, 4, f64::from, $body),
            Dtype::F64 => with_floats!(@ $tensor, $floats, f64, 8, std::convert::identity, $body),
            _ => return Err(no_float($tensor.dtype())),
        }
    };
    (@ $tensor:expr, $floats:ident, $float:ty, $width:literal, $widen:expr, $body:expr) => {{
        let $floats = $tensor.data().as_chunks::<$width>().0.iter().map(|&b| $widen(<$float>::from_le_bytes(b)));
        $body
    }};
}

fn no_float(dtype: Dtype) -> Error {
    Error::config("dtype", dtype, "F16, BF16, F32 or F64, whose elements are read as numbers")
}

impl TensorView<'_> {
    /// The elements of a float tensor, exactly.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] unless the dtype [is a float](Dtype::is_float).
    ///
    /// ```
    /// use losslaw::model::{Dtype, TensorView};
    /// let halves = TensorView::new("w", Dtype::F16, &[2], &[0x00, 0x3c, 0x00, 0xb8])?;
    /// assert_eq!(halves.to_f64s()?, [1.0, -0.5]);
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn to_f64s(&self) -> Result<Vec<f64>> {
        with_floats!(self, floats => Ok(floats.collect()))
    }
}

/// Appends a number in the layout of a float dtype, rounded to nearest, ties to even.
///
/// # Errors
/// [`Error::InvalidConfig`] unless the dtype [is a float](Dtype::is_float).
pub fn put_float(out: &mut Vec<u8>, dtype: Dtype, value: f64) -> Result<()> {
    match dtype {
        Dtype::F16 => out.extend(f16::from_f64(value).to_le_bytes()),
        Dtype::BF16 => out.extend(bf16::from_f64(value).to_le_bytes()),
        Dtype::F32 => out.extend((value as f32).to_le_bytes()),
        Dtype::F64 => out.extend(value.to_le_bytes()),
        _ => return Err(no_float(dtype)),
    }
    Ok(())
}
