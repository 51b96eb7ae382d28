//! Codecs: reversible steps from a lane to bytes and further lanes, composed into plans.
//!
//! A [`Codec`] knows nothing of tables or models. It turns a [`Lane`] into parameter bytes and child lanes;
//! what happens to the children is the business of the [`Plan`]. A [`Registry`] finds the codec of a wire id again.
//!
//! # Grouped coding
//! A partition sorts the words of a lane into [`Groups`] (the leaves of a tree). By default each group is coded as a
//! lane of its own. Codecs that keep one word per word ([`Codec::carries_groups`]) hand the groups on to their first
//! child; entropy coders override the grouped pair to share one stream and to describe their tables tightly.
//! [`Codec::learn`] yields what several blocks of one lane share, so that a block is coded without its own tables.

pub mod adaptive;
mod alphabet;
mod ascending;
mod auto;
mod bins;
mod bit_pack;
mod bit_planes;
mod constant;
mod context_mix;
mod delta;
mod denoise;
mod dictionary;
mod dispatch;
mod entropy;
mod groups;
mod huffman;
mod id;
mod joint;
mod kinds;
mod lms;
mod lz77;
mod lz78;
mod map;
mod numbering;
mod plan;
mod planes;
mod rans;
mod registry;
mod rle;
mod shared;
mod standardise;
mod store;
mod tokens;

pub use auto::{auto, encode_auto, encode_mixed};
pub use bins::Bins;
pub(crate) use bins::Table as BinTable;
pub use bit_pack::BitPack;
pub use bit_planes::BitPlanes;
pub use constant::Constant;
pub use context_mix::ContextMix;
pub use delta::Delta;
pub use denoise::Denoise;
pub use dictionary::Dictionary;
pub(crate) use dispatch::dispatched;
pub use groups::Groups;
pub use huffman::Huffman;
pub use id::CodecId;
pub(crate) use joint::{Joint, JointReader};
pub use lms::Lms;
pub use lz77::{Lz77, Lz77Effort};
pub use lz78::Lz78;
pub use map::Map;
pub(crate) use plan::Begun;
pub use plan::{Learned, Plan, Then};
pub use planes::Planes;
pub use rans::Rans;
pub use registry::Registry;
pub use rle::Rle;
pub use shared::Shared;
pub use standardise::Standardise;
pub use store::Store;
pub use tokens::Tokens;

use std::sync::Arc;

use crate::settings::Settings;
use crate::wire::{Reader, put_bytes};
use crate::{Budget, Error, Lane, Result};

/// What a codec makes of a lane: bytes of its own and lanes for other codecs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// The bytes the codec needs besides its children.
    pub params: Vec<u8>,
    /// Lanes to be coded further.
    pub children: Vec<Lane>,
}

/// One block of a lane with its groups, for [`Codec::learn`].
#[derive(Debug, Clone)]
pub struct Block {
    /// The block's words.
    pub lane: Lane,
    /// How a partition divides them.
    pub groups: Groups,
}

/// One reversible step: a lane in, parameter bytes and zero or more child lanes out.
///
/// `decode` gets everything from its arguments: a codec with any configuration decodes what every other configuration
/// of the same codec wrote. `params` given to `decode` come from a file and deserve no trust.
///
/// ```
/// use losslaw::codec::{Codec, CodecId, Encoded};
/// use losslaw::{Budget, Lane, Limits, Result};
///
/// /// Turns the order of a lane around.
/// #[derive(Debug)]
/// struct Mirror;
/// impl Codec for Mirror {
///     fn id(&self) -> CodecId { CodecId(0x8001) }
///     fn name(&self) -> &'static str { "Mirror" }
///     fn arity(&self) -> usize { 1 }
///     fn encode(&self, input: &Lane) -> Result<Encoded> {
///         let backwards: Vec<u32> = (0..input.len() as u32).rev().collect();
///         Ok(Encoded { params: vec![], children: vec![input.gather(&backwards)] })
///     }
///     fn decode(&self, _: &[u8], mut children: Vec<Lane>, _: &mut Budget) -> Result<Lane> {
///         Ok(self.encode(&children.remove(0))?.children.remove(0))
///     }
/// }
/// let lane = Lane::from(vec![1u8, 2, 3]);
/// let coded = Mirror.encode(&lane)?;
/// let mut budget = Budget::new(&Limits::default());
/// assert_eq!(Mirror.decode(&coded.params, coded.children, &mut budget)?, lane);
/// # Ok::<(), losslaw::Error>(())
/// ```
pub trait Codec: std::fmt::Debug + Send + Sync {
    /// The codec's id on the wire; never reused.
    fn id(&self) -> CodecId;

    /// The codec's name in reports.
    fn name(&self) -> &'static str;

    /// Number of child lanes that `encode` returns, and that `decode` is given.
    fn arity(&self) -> usize;

    /// Codes one lane, its width and length included.
    fn encode(&self, input: &Lane) -> Result<Encoded>;

    /// Restores the lane. `children` holds exactly [`Codec::arity`] lanes.
    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane>;

    /// The settings, from which [`Codec::configured`] makes the same codec again; [`crate::saved_by_serde`] writes both.
    ///
    /// # Errors
    /// [`Error::Settings`]: by default a codec cannot be written down.
    fn settings(&self) -> Result<Settings> {
        Err(Error::settings(self.name(), "they cannot be written down"))
    }

    /// A codec of this type with other settings.
    ///
    /// # Errors
    /// [`Error::Settings`] or [`Error::InvalidConfig`] when the settings do not fit.
    fn configured(&self, _settings: &Settings) -> Result<Arc<dyn Codec>> {
        Err(Error::settings(self.name(), "they cannot be read"))
    }

    /// Whether the first child has one word for each word of the input, in the same order, so that groups carry over.
    ///
    /// Such a codec gives the same child whatever the groups are: they are for those below it.
    fn carries_groups(&self) -> bool {
        false
    }

    /// Whether a lane is coded as a whole even when it is divided into groups, because groups would gain nothing.
    fn ignores_groups(&self) -> bool {
        false
    }

    /// What the blocks of one lane share, to be kept once beside them; empty for most codecs.
    ///
    /// The blocks given are all blocks that will be coded with the result.
    fn learn(&self, _blocks: &[Block]) -> Result<Vec<u8>> {
        Ok(vec![])
    }

    /// Codes one lane divided into groups, given what [`Codec::learn`] returned.
    ///
    /// By default a codec that carries or ignores groups codes the lane as a whole, and any other codes each group as a lane of
    /// its own: children then come group by group.
    fn encode_grouped(&self, input: &Lane, groups: &Groups, _shared: &[u8]) -> Result<Encoded> {
        if self.carries_groups() || self.ignores_groups() {
            return self.encode(input);
        }
        let mut out = Encoded::default();
        for group in 0..groups.len() {
            let coded = self.encode(&input.gather(groups.members(group)))?;
            put_bytes(&mut out.params, &coded.params);
            out.children.extend(coded.children);
        }
        Ok(out)
    }

    /// Inverse of [`Codec::encode_grouped`].
    fn decode_grouped(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        groups: &Groups,
        _shared: &[u8],
        budget: &mut Budget,
    ) -> Result<Lane> {
        if self.carries_groups() || self.ignores_groups() {
            return self.decode(params, children, budget);
        }
        let mut reader = Reader::new(params, self.name());
        if children.len() != self.arity() * groups.len() {
            return Err(reader.corrupt("a codec has the wrong number of children"));
        }
        let mut children = children.into_iter();
        let mut gathered: Option<Lane> = None;
        for group in 0..groups.len() {
            let own: Vec<Lane> = children.by_ref().take(self.arity()).collect();
            let lane = self.decode(reader.bytes()?, own, budget)?;
            if lane.len() != groups.range(group).len() {
                return Err(reader.corrupt("a group has the wrong length"));
            }
            match &mut gathered {
                None => gathered = Some(lane),
                Some(all) => append(all, lane, self.name())?,
            }
        }
        reader.end()?;
        groups.scatter(gathered.ok_or_else(|| reader.corrupt("there is no group"))?)
    }

    /// [`Codec::encode_grouped`] for one of several blocks. What is read from `shared` can be kept there.
    fn encode_block(&self, input: &Lane, groups: &Groups, shared: &Shared) -> Result<Encoded> {
        self.encode_grouped(input, groups, shared.bytes())
    }

    /// [`Codec::decode_grouped`] for one of several blocks. What is read from `shared` can be kept there.
    fn decode_block(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        groups: &Groups,
        shared: &Shared,
        budget: &mut Budget,
    ) -> Result<Lane> {
        self.decode_grouped(params, children, groups, shared.bytes(), budget)
    }
}

fn append(all: &mut Lane, more: Lane, part: &'static str) -> Result<()> {
    match (all, more) {
        (Lane::U8(a), Lane::U8(b)) => a.extend(b),
        (Lane::U16(a), Lane::U16(b)) => a.extend(b),
        (Lane::U32(a), Lane::U32(b)) => a.extend(b),
        (Lane::U64(a), Lane::U64(b)) => a.extend(b),
        _ => return Err(Error::corrupt(part, "groups differ in width", 0)),
    }
    Ok(())
}

/// The single child of a codec of arity one.
fn only(children: Vec<Lane>, part: &'static str) -> Result<Lane> {
    let [child] = <[Lane; 1]>::try_from(children).map_err(|_| Error::corrupt(part, "one child lane is expected", 0))?;
    Ok(child)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    /// Takes its child on trust, as the contract of `decode` allows.
    #[derive(Debug)]
    struct Trusting;

    impl Codec for Trusting {
        fn id(&self) -> CodecId {
            CodecId::FIRST_USER
        }
        fn name(&self) -> &'static str {
            "Trusting"
        }
        fn arity(&self) -> usize {
            1
        }
        fn encode(&self, input: &Lane) -> Result<Encoded> {
            Ok(Encoded { params: vec![], children: vec![input.clone()] })
        }
        fn decode(&self, _: &[u8], mut children: Vec<Lane>, _: &mut Budget) -> Result<Lane> {
            Ok(children.remove(0))
        }
    }

    #[test]
    fn every_group_gets_its_children_or_the_node_is_corrupt() {
        let groups = Groups::from_leaf_of_row(&[0, 1], 2).unwrap();
        let mut registry = Registry::default();
        registry.add(Trusting).unwrap();
        let decode = |children: &[u8]| {
            let node = [&[0x80, 0x80, 0x02, 2, 0, 0], children].concat();
            registry.decode_grouped(&node, &groups, &Learned::default(), &mut Budget::new(&Limits::default()))
        };
        let child = [0, 2, 0, 7, 0];
        assert_eq!(decode(&[&[2], &child[..], &child].concat()).unwrap(), Lane::from(vec![7u8, 7]));
        assert!(decode(&[&[1], &child[..]].concat()).unwrap_err().to_string().contains("number of children"));
    }
}
