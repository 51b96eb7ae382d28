//! `Store`: the words as they are, little-endian.

use serde::{Deserialize, Serialize};

use super::{Codec, CodecId, Encoded};
use crate::lane::read_kind;
use crate::wire::Reader;
use crate::{Budget, Lane, Result, with_kind};

/// Keeps a lane as it is: one byte for the width, then the words, little-endian.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Store};
/// assert_eq!(Store.encode(&Lane::from(vec![258u16]))?.params, [1, 2, 1]);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Store;

impl Codec for Store {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::STORE
    }

    fn name(&self) -> &'static str {
        "Store"
    }

    fn arity(&self) -> usize {
        0
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let mut params = Vec::with_capacity(1 + input.byte_len());
        params.push(input.kind() as u8);
        input.put_le_bytes(&mut params);
        Ok(Encoded { params, children: vec![] })
    }

    fn decode(&self, params: &[u8], _: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, "Store");
        let kind = read_kind(&mut reader)?;
        let words = reader.rest();
        with_kind!(kind, W => budget.reserve::<W>((words.len() / kind.width()) as u64))?;
        Lane::from_le_bytes(kind, words).ok_or_else(|| reader.corrupt("a word is cut"))
    }

    // Groups change nothing where nothing is modelled.
    fn ignores_groups(&self) -> bool {
        true
    }
}
