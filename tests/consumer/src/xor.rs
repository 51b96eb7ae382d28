//! A codec of our own: each word XORed with an earlier one.

use losslaw::codec::{Codec, CodecId, Encoded};
use losslaw::wire::{Reader, put_varint};
use losslaw::{Budget, Error, Lane, Result, Word, with_words};
use serde::{Deserialize, Serialize};

/// Replaces each word by its XOR with the word `lag` before it; measurements that repeat leave zeros.
///
/// Parameters: the lag (varint). The child has the lane's width and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Xor {
    /// Distance to the earlier word, 1 or more.
    pub lag: u32,
}

impl Default for Xor {
    fn default() -> Self {
        Self { lag: 1 }
    }
}

impl Xor {
    fn check(self) -> Result<Self> {
        if self.lag > 0 { Ok(self) } else { Err(Error::config("lag", self.lag, "1..=4294967295")) }
    }
}

impl Codec for Xor {
    losslaw::saved_by_serde!(Codec, Self::check);

    fn id(&self) -> CodecId {
        // Any id from 0x8000 on, the same for ever: files hold it.
        CodecId(0x8A0B)
    }

    fn name(&self) -> &'static str {
        "Xor"
    }

    fn arity(&self) -> usize {
        1
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let lag = self.check()?.lag;
        let mut params = vec![];
        put_varint(&mut params, u64::from(lag));
        let child = with_words!(input, words => {
            let earlier = |i: usize| i.checked_sub(lag as usize).map_or(0, |j| words[j]);
            Word::wrap(words.iter().enumerate().map(|(i, &word)| word ^ earlier(i)).collect())
        });
        Ok(Encoded { params, children: vec![child] })
    }

    fn decode(&self, params: &[u8], mut children: Vec<Lane>, _: &mut Budget) -> Result<Lane> {
        // All that is known of the writer's settings stands in `params`, which may be damaged or hostile.
        let mut reader = Reader::new(params, "Xor");
        let lag = reader.varint_to(u64::from(u32::MAX), "the lag is too large")? as usize;
        reader.end()?;
        if lag == 0 {
            return Err(reader.corrupt("the lag is zero"));
        }
        // There are as many children as `arity` says. The work is done in place, so no budget is spent.
        let mut lane = children.remove(0);
        with_words!(&mut lane, words => for i in lag..words.len() {
            words[i] ^= words[i - lag];
        });
        Ok(lane)
    }
}
