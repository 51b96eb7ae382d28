//! What `Huffman` and `Rans` have in common: symbols, the tables of all groups, and where they stand.
//!
//! A model is the alphabet followed by the description of the tables. A lane that was coded with a learnt model holds
//! its escaped words (wide lanes only, behind their length) and the stream; one that was coded alone holds its model
//! behind its length before that.

use std::borrow::Cow;
use std::sync::Arc;

use super::alphabet::{Alphabet, MAX_SYMBOLS, Symbol, Symbols, with_symbols};
use super::shared::Shared;
use super::{Block, Encoded, Groups};
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Error, Lane, LaneKind, Result, with_kind};

/// The part of an entropy coder that knows how tables and streams look.
pub(super) trait Kernel {
    /// The codec's name.
    const NAME: &'static str;
    /// The tables of all groups.
    type Tables: Send + Sync + 'static;

    /// Refuses settings out of range.
    fn ready(&self) -> Result<()> {
        Ok(())
    }

    /// Number of groups that have tables.
    fn groups(tables: &Self::Tables) -> usize;

    /// Describes tables that suit `counts(group)`, the counts of all symbols in a group, given their sums.
    ///
    /// With `sizes_known`, the reader will know how many words were counted in each group.
    fn describe(pooled: &[u64], groups: usize, sizes_known: bool, counts: impl FnMut(usize, &mut [u64])) -> Vec<u8>;

    /// Reads the tables of groups with the given sizes, which the writer knew as well if `sizes_known`.
    fn read_tables(
        bytes: &[u8],
        symbols: usize,
        sizes: &[usize],
        sizes_known: bool,
        budget: &mut Budget,
    ) -> Result<Self::Tables>;

    /// Codes symbols that stand group after group.
    fn write_stream<S: Symbol>(&self, symbols: &[S], sizes: &[usize], tables: &Self::Tables) -> Result<Vec<u8>>;

    /// Restores the symbols into `out`, which has room for all groups.
    fn read_stream<S: Symbol>(bytes: &[u8], sizes: &[usize], tables: &Self::Tables, out: &mut [S]) -> Result<()>;
}

/// The methods of [`Codec`](super::Codec) that every kernel has alike; only id and settings are a codec's own.
macro_rules! kernel_methods {
    () => {
        fn name(&self) -> &'static str {
            Self::NAME
        }

        fn arity(&self) -> usize {
            0
        }

        fn encode(&self, input: &Lane) -> Result<Encoded> {
            entropy::encode(self, input)
        }

        fn decode(&self, params: &[u8], _: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
            entropy::decode::<Self>(params, budget)
        }

        fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
            entropy::learn::<Self>(blocks)
        }

        crate::codec::shared::grouped_as_blocks!();

        fn encode_block(&self, input: &Lane, groups: &Groups, shared: &Shared) -> Result<Encoded> {
            entropy::encode_block(self, input, groups, shared)
        }

        fn decode_block(
            &self,
            params: &[u8],
            _: Vec<Lane>,
            groups: &Groups,
            shared: &Shared,
            budget: &mut Budget,
        ) -> Result<Lane> {
            entropy::decode_block::<Self>(params, groups, shared, budget)
        }
    };
}
pub(super) use kernel_methods;

/// A lane whose words stand group after group.
struct Gathered<'a> {
    lane: Cow<'a, Lane>,
    sizes: Vec<usize>,
}

impl<'a> Gathered<'a> {
    fn new(lane: &'a Lane, groups: &Groups, codec: &'static str) -> Result<Self> {
        if lane.len() != groups.rows() {
            return Err(Error::Unsuitable { codec, why: "the groups do not fit the lane" });
        }
        let lane = if groups.len() == 1 { Cow::Borrowed(lane) } else { Cow::Owned(groups.gather(lane)) };
        Ok(Self { lane, sizes: sizes(groups) })
    }
}

pub(super) fn sizes(groups: &Groups) -> Vec<usize> {
    (0..groups.len()).map(|group| groups.range(group).len()).collect()
}

/// A model of all blocks.
pub(super) fn learn<K: Kernel>(blocks: &[Block]) -> Result<Vec<u8>> {
    let blocks: Vec<Gathered<'_>> =
        blocks.iter().map(|block| Gathered::new(&block.lane, &block.groups, K::NAME)).collect::<Result<_>>()?;
    let blocks: Vec<&Gathered<'_>> = blocks.iter().collect();
    Ok(model_of::<K>(&blocks, false)?.0)
}

/// The model of some blocks, its alphabet, and the symbols of each block.
fn model_of<'a, K: Kernel>(
    blocks: &[&'a Gathered<'_>],
    sizes_known: bool,
) -> Result<(Vec<u8>, Alphabet, Vec<Symbols<'a>>)> {
    let groups = blocks.first().map_or(0, |block| block.sizes.len());
    if blocks.iter().any(|block| block.sizes.len() != groups) {
        return Err(Error::Unsuitable { codec: K::NAME, why: "blocks of one lane differ in their number of groups" });
    }
    let lanes: Vec<&Lane> = blocks.iter().map(|block| &*block.lane).collect();
    let alphabet = Alphabet::learn(&lanes, K::NAME)?;
    let symbols: Vec<Symbols<'_>> = lanes.iter().map(|lane| alphabet.symbols(lane, K::NAME)).collect::<Result<_>>()?;
    let mut pooled = vec![0; alphabet.len()];
    for symbols in &symbols {
        with_symbols!(symbols, symbols => count(symbols, &mut pooled));
    }
    let mut starts = vec![0; blocks.len()];
    let tables = K::describe(&pooled, groups, sizes_known, |group, counts| {
        if let ([_], [_]) = (&blocks, &blocks[0].sizes[..]) {
            return counts.copy_from_slice(&pooled);
        }
        for ((block, symbols), start) in blocks.iter().zip(&symbols).zip(&mut starts) {
            let end = *start + block.sizes[group];
            with_symbols!(symbols, symbols => count(&symbols[*start..end], counts));
            *start = end;
        }
    });
    let mut model = vec![];
    alphabet.write(&mut model);
    model.extend(tables);
    Ok((model, alphabet, symbols))
}

/// Adds the occurrences of symbols to `counts`.
fn count<S: Symbol>(symbols: &[S], counts: &mut [u64]) {
    // Several sets of counts: a run of one symbol would make each step wait for the last.
    let (eights, odd) = symbols.as_chunks::<8>();
    if eights.len() > 64 {
        let mut sets = [[0u32; MAX_SYMBOLS]; 4];
        for eight in eights {
            for (at, symbol) in eight.iter().enumerate() {
                sets[at % 4][symbol.index() % MAX_SYMBOLS] += 1;
            }
        }
        for set in sets {
            counts.iter_mut().zip(set).for_each(|(count, more)| *count += u64::from(more));
        }
    } else {
        eights.as_flattened().iter().for_each(|symbol| counts[symbol.index()] += 1);
    }
    odd.iter().for_each(|symbol| counts[symbol.index()] += 1);
}

fn read_model<K: Kernel>(
    model: &[u8],
    sizes: &[usize],
    sizes_known: bool,
    budget: &mut Budget,
) -> Result<(Alphabet, K::Tables)> {
    let mut reader = Reader::new(model, K::NAME);
    let alphabet = Alphabet::read(&mut reader, K::NAME, budget)?;
    let tables = K::read_tables(reader.rest(), alphabet.len(), sizes, sizes_known, budget)?;
    Ok((alphabet, tables))
}

/// Codes a lane without groups: its length, its model behind its length, its words.
pub(super) fn encode<K: Kernel>(kernel: &K, lane: &Lane) -> Result<Encoded> {
    kernel.ready()?;
    let mut params = vec![];
    put_varint(&mut params, lane.len() as u64);
    let gathered = Gathered { sizes: vec![lane.len()], lane: Cow::Borrowed(lane) };
    encode_alone(kernel, &gathered, &mut params)?;
    Ok(Encoded { params, children: vec![] })
}

/// Inverse of [`encode`].
pub(super) fn decode<K: Kernel>(params: &[u8], budget: &mut Budget) -> Result<Lane> {
    let mut reader = Reader::new(params, K::NAME);
    let len = reader.varint()?;
    // The words are paid for once their width is known.
    let len = budget.reserve::<()>(len)?;
    decode_alone::<K>(&mut reader, &[len], budget)
}

/// Codes a lane with groups; `shared` is empty or a model of [`learn`], which is read once for all blocks.
pub(super) fn encode_block<K: Kernel>(kernel: &K, lane: &Lane, groups: &Groups, shared: &Shared) -> Result<Encoded> {
    kernel.ready()?;
    let gathered = Gathered::new(lane, groups, K::NAME)?;
    let mut params = vec![];
    if shared.bytes().is_empty() {
        encode_alone(kernel, &gathered, &mut params)?;
        return Ok(Encoded { params, children: vec![] });
    }
    let model = read_once::<K>(shared, &gathered.sizes, &mut Budget::new(&crate::Limits::default()))?;
    let (alphabet, tables) = &*model;
    let symbols = alphabet.symbols(&gathered.lane, K::NAME)?;
    encode_words(kernel, &gathered, alphabet, &symbols, tables, &mut params)?;
    Ok(Encoded { params, children: vec![] })
}

/// Inverse of [`encode_block`].
pub(super) fn decode_block<K: Kernel>(
    params: &[u8],
    groups: &Groups,
    shared: &Shared,
    budget: &mut Budget,
) -> Result<Lane> {
    let mut reader = Reader::new(params, K::NAME);
    let sizes = sizes(groups);
    let gathered = if shared.bytes().is_empty() {
        decode_alone::<K>(&mut reader, &sizes, budget)?
    } else {
        let model = read_once::<K>(shared, &sizes, budget)?;
        let (alphabet, tables) = &*model;
        decode_words::<K>(&mut reader, &sizes, alphabet, tables, budget)?
    };
    groups.scatter(gathered)
}

/// A model of [`learn`], which is read once for all blocks.
pub(super) fn read_once<K: Kernel>(
    shared: &Shared,
    sizes: &[usize],
    budget: &mut Budget,
) -> Result<Arc<(Alphabet, K::Tables)>> {
    let model = shared.read_once(budget, |bytes, budget| read_model::<K>(bytes, sizes, false, budget))?;
    if K::groups(&model.1) == sizes.len() {
        Ok(model)
    } else {
        Err(Error::corrupt(K::NAME, "a model has tables for another number of groups", 0))
    }
}

fn encode_alone<K: Kernel>(kernel: &K, gathered: &Gathered<'_>, out: &mut Vec<u8>) -> Result<()> {
    let (model, alphabet, symbols) = model_of::<K>(&[gathered], true)?;
    // Reading the model back gives the very tables that the decoder will have.
    let (_, tables) = read_model::<K>(&model, &gathered.sizes, true, &mut Budget::new(&crate::Limits::default()))?;
    put_bytes(out, &model);
    encode_words(kernel, gathered, &alphabet, &symbols[0], &tables, out)
}

fn decode_alone<K: Kernel>(reader: &mut Reader<'_>, sizes: &[usize], budget: &mut Budget) -> Result<Lane> {
    let (alphabet, tables) = read_model::<K>(reader.bytes()?, sizes, true, budget)?;
    decode_words::<K>(reader, sizes, &alphabet, &tables, budget)
}

fn encode_words<K: Kernel>(
    kernel: &K,
    gathered: &Gathered<'_>,
    alphabet: &Alphabet,
    symbols: &Symbols<'_>,
    tables: &K::Tables,
    out: &mut Vec<u8>,
) -> Result<()> {
    alphabet.write_escaped(&gathered.lane, symbols, out);
    out.extend(with_symbols!(symbols, symbols => kernel.write_stream(symbols, &gathered.sizes, tables))?);
    Ok(())
}

fn decode_words<K: Kernel>(
    reader: &mut Reader<'_>,
    sizes: &[usize],
    alphabet: &Alphabet,
    tables: &K::Tables,
    budget: &mut Budget,
) -> Result<Lane> {
    let escaped = alphabet.read_escaped(reader)?;
    let len = sizes.iter().sum::<usize>();
    with_kind!(alphabet.kind(), W => budget.reserve::<W>(len as u64))?;
    if alphabet.kind() == LaneKind::U8 {
        let mut bytes = vec![0; len];
        K::read_stream(reader.rest(), sizes, tables, &mut bytes)?;
        return Ok(Lane::U8(bytes));
    }
    let mut symbols = vec![0u16; budget.reserve::<u16>(len as u64)?];
    K::read_stream(reader.rest(), sizes, tables, &mut symbols)?;
    alphabet.restore(&symbols, escaped, K::NAME)
}
