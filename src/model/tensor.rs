//! Tensors: a name, a dtype, a shape, and bytes that fit them.

use super::Dtype;
use crate::{Error, Result};

/// A tensor that borrows its bytes, which need no alignment.
///
/// Elements are little-endian and in row-major order: the last dimension runs fastest.
///
/// ```
/// use losslaw::model::{Dtype, TensorView};
/// let tensor = TensorView::new("bias", Dtype::F32, &[2], &[0; 8])?;
/// assert_eq!((tensor.elements(), tensor.data().len()), (2, 8));
/// assert!(TensorView::new("bias", Dtype::F32, &[3], &[0; 8]).is_err(), "three floats take twelve bytes");
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorView<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: &'a [usize],
    data: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// A tensor whose bytes fit its shape.
    ///
    /// # Errors
    /// [`Error::NotAModel`] when they do not, or when the shape overflows.
    pub fn new(name: &'a str, dtype: Dtype, shape: &'a [usize], data: &'a [u8]) -> Result<Self> {
        if dtype.bytes(shape) != Some(data.len()) {
            let len = data.len();
            return Err(Error::NotAModel(format!("tensor {name:?} of {dtype} {shape:?} cannot have {len} bytes")));
        }
        Ok(Self { name, dtype, shape, data })
    }

    /// The name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The type of the elements.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The length of each dimension; empty for a single number.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The elements as bytes.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// How many elements there are.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// A copy that owns its bytes.
    pub fn to_tensor(&self) -> Tensor {
        Tensor { name: self.name.to_owned(), dtype: self.dtype, shape: self.shape.to_vec(), data: self.data.to_vec() }
    }
}

/// A tensor that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Tensor {
    /// A tensor whose bytes fit its shape.
    ///
    /// # Errors
    /// Those of [`TensorView::new`].
    pub fn new(name: &str, dtype: Dtype, shape: &[usize], data: Vec<u8>) -> Result<Self> {
        TensorView::new(name, dtype, shape, &data)?;
        Ok(Self { name: name.to_owned(), dtype, shape: shape.to_vec(), data })
    }

    /// The tensor, borrowed.
    pub fn view(&self) -> TensorView<'_> {
        TensorView { name: &self.name, dtype: self.dtype, shape: &self.shape, data: &self.data }
    }

    /// The elements as bytes.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }
}
