//! Where the weights of a model come from: memory, or a file that is read in places.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::container::read_at;
use crate::model::{Header, MAX_HEADER_BYTES, TensorInfo};
use crate::{Error, Result};

/// Bytes of tensors, by their places behind the header.
pub trait Weights: Sync {
    /// The bytes of a range.
    fn get(&self, range: Range<usize>) -> Result<Cow<'_, [u8]>>;
}

impl Weights for &[u8] {
    fn get(&self, range: Range<usize>) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(&self[range]))
    }
}

/// A model to be coded.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub text: &'a [u8],
    pub tensors: &'a [TensorInfo],
    pub weights: &'a dyn Weights,
}

/// A safetensors file of which only the header is in memory.
pub struct InFile<R> {
    pub text: Vec<u8>,
    pub header: Header,
    reader: Mutex<R>,
}

/// Bytes before the header.
const LENGTH_BYTES: u64 = 8;

impl<R: Read + Seek> InFile<R> {
    /// Reads the header as strictly as [`crate::model::Model::from_safetensors`].
    pub fn open(mut reader: R) -> Result<Self> {
        let end = reader.seek(SeekFrom::End(0))?;
        if end < LENGTH_BYTES {
            return Err(Error::NotAModel("there is no length of a header".to_owned()));
        }
        let length = read_at(&mut reader, 0, LENGTH_BYTES)?;
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes were read"));
        if length > end - LENGTH_BYTES || length > MAX_HEADER_BYTES as u64 {
            return Err(Error::NotAModel(format!("a header of {length} bytes is longer than the file or too long")));
        }
        let text = read_at(&mut reader, LENGTH_BYTES, length)?;
        let header = Header::parse(&text)?;
        let (listed, found) = (header.data_bytes() as u64, end - LENGTH_BYTES - length);
        if listed != found {
            return Err(Error::NotAModel(format!("tensors take {listed} bytes, but {found} follow the header")));
        }
        Ok(Self { text, header, reader: Mutex::new(reader) })
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        LENGTH_BYTES + (self.text.len() + self.header.data_bytes()) as u64
    }
}

impl<R: Read + Seek + Send> Weights for InFile<R> {
    fn get(&self, range: Range<usize>) -> Result<Cow<'_, [u8]>> {
        let start = LENGTH_BYTES + (self.text.len() + range.start) as u64;
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Cow::Owned(read_at(&mut *reader, start, range.len() as u64)?))
    }
}
