//! What `Huffman` and `Rans` have in common: symbols, the tables of all groups, and where they stand.
//!
//! A model is the alphabet followed by the description of the tables. A lane that was coded with a learnt model holds
//! its escaped words (wide lanes only, behind their length) and the stream; one that was coded alone holds its model
//! behind its length before that.

use std::sync::Arc;

use super::alphabet::Alphabet;
use super::{Block, Encoded, Groups, Prepared};
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Error, Lane, Result, with_kind};

/// The part of an entropy coder that knows how tables and streams look.
pub(super) trait Kernel {
    /// The codec's name.
    const NAME: &'static str;
    /// The tables of all groups.
    type Tables;

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
    fn write_stream(&self, symbols: &[u16], sizes: &[usize], alphabet: usize, tables: &Self::Tables)
    -> Result<Vec<u8>>;

    /// Restores the symbols into `out`, which has room for all groups.
    fn read_stream(bytes: &[u8], sizes: &[usize], tables: &Self::Tables, out: &mut [u16]) -> Result<()>;
}

/// A lane whose words stand group after group.
struct Gathered {
    lane: Lane,
    sizes: Vec<usize>,
}

impl Gathered {
    fn new(lane: &Lane, groups: &Groups, codec: &'static str) -> Result<Self> {
        if lane.len() != groups.rows() {
            return Err(Error::Unsuitable { codec, why: "the groups do not fit the lane" });
        }
        Ok(Self { lane: groups.gather(lane), sizes: sizes(groups) })
    }
}

fn sizes(groups: &Groups) -> Vec<usize> {
    (0..groups.len()).map(|group| groups.range(group).len()).collect()
}

/// A model of all blocks.
pub(super) fn learn<K: Kernel>(blocks: &[Block]) -> Result<Vec<u8>> {
    let blocks: Vec<Gathered> =
        blocks.iter().map(|block| Gathered::new(&block.lane, &block.groups, K::NAME)).collect::<Result<_>>()?;
    let blocks: Vec<&Gathered> = blocks.iter().collect();
    Ok(model_of::<K>(&blocks, false)?.0)
}

/// The model of some blocks, its alphabet, and the symbols of each block.
fn model_of<K: Kernel>(blocks: &[&Gathered], sizes_known: bool) -> Result<(Vec<u8>, Alphabet, Vec<Vec<u16>>)> {
    let groups = blocks.first().map_or(0, |block| block.sizes.len());
    if blocks.iter().any(|block| block.sizes.len() != groups) {
        return Err(Error::Unsuitable { codec: K::NAME, why: "blocks of one lane differ in their number of groups" });
    }
    let lanes: Vec<&Lane> = blocks.iter().map(|block| &block.lane).collect();
    let alphabet = Alphabet::learn(&lanes, K::NAME)?;
    let symbols: Vec<Vec<u16>> = lanes.iter().map(|lane| alphabet.symbols(lane, K::NAME)).collect::<Result<_>>()?;
    let mut pooled = vec![0; alphabet.len()];
    for symbols in &symbols {
        count(symbols, &mut pooled);
    }
    let mut starts = vec![0; blocks.len()];
    let tables = K::describe(&pooled, groups, sizes_known, |group, counts| {
        for ((block, symbols), start) in blocks.iter().zip(&symbols).zip(&mut starts) {
            let end = *start + block.sizes[group];
            count(&symbols[*start..end], counts);
            *start = end;
        }
    });
    let mut model = vec![];
    alphabet.write(&mut model);
    model.extend(tables);
    Ok((model, alphabet, symbols))
}

/// Adds the occurrences of symbols to `counts`.
fn count(symbols: &[u16], counts: &mut [u64]) {
    // Two sets of counts: a run of one symbol would make each step wait for the last.
    let mut others = vec![0; counts.len()];
    let (pairs, odd) = symbols.as_chunks::<2>();
    for &[a, b] in pairs {
        counts[usize::from(a)] += 1;
        others[usize::from(b)] += 1;
    }
    for &symbol in odd {
        counts[usize::from(symbol)] += 1;
    }
    for (count, other) in counts.iter_mut().zip(others) {
        *count += other;
    }
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
    let mut params = vec![];
    put_varint(&mut params, lane.len() as u64);
    let gathered = Gathered { sizes: vec![lane.len()], lane: lane.clone() };
    encode_alone(kernel, &gathered, &mut params)?;
    Ok(Encoded { params, children: vec![] })
}

/// Inverse of [`encode`].
pub(super) fn decode<K: Kernel>(params: &[u8], budget: &mut Budget) -> Result<Lane> {
    let mut reader = Reader::new(params, K::NAME);
    let len = reader.varint()?;
    let len = budget.reserve::<u16>(len)?;
    decode_alone::<K>(&mut reader, &[len], budget)
}

/// Codes a lane with groups; `shared` is empty or a model of [`learn`].
pub(super) fn encode_grouped<K: Kernel>(kernel: &K, lane: &Lane, groups: &Groups, shared: &[u8]) -> Result<Encoded> {
    let gathered = Gathered::new(lane, groups, K::NAME)?;
    let mut params = vec![];
    if shared.is_empty() {
        encode_alone(kernel, &gathered, &mut params)?;
    } else {
        let budget = &mut Budget::new(&crate::Limits::default());
        let (alphabet, tables) = read_model::<K>(shared, &gathered.sizes, false, budget)?;
        let symbols = alphabet.symbols(&gathered.lane, K::NAME)?;
        encode_words(kernel, &gathered, &alphabet, &symbols, &tables, &mut params)?;
    }
    Ok(Encoded { params, children: vec![] })
}

/// Inverse of [`encode_grouped`].
pub(super) fn decode_grouped<K: Kernel>(
    params: &[u8],
    groups: &Groups,
    shared: &[u8],
    budget: &mut Budget,
) -> Result<Lane> {
    let mut reader = Reader::new(params, K::NAME);
    budget.reserve::<u16>(groups.rows() as u64)?;
    let sizes = sizes(groups);
    let gathered = if shared.is_empty() {
        decode_alone::<K>(&mut reader, &sizes, budget)?
    } else {
        let (alphabet, tables) = read_model::<K>(shared, &sizes, false, budget)?;
        decode_words::<K>(&mut reader, &sizes, &alphabet, &tables, budget)?
    };
    groups.scatter(gathered)
}

fn encode_alone<K: Kernel>(kernel: &K, gathered: &Gathered, out: &mut Vec<u8>) -> Result<()> {
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
    gathered: &Gathered,
    alphabet: &Alphabet,
    symbols: &[u16],
    tables: &K::Tables,
    out: &mut Vec<u8>,
) -> Result<()> {
    alphabet.write_escaped(&gathered.lane, symbols, out);
    out.extend(kernel.write_stream(symbols, &gathered.sizes, alphabet.len(), tables)?);
    Ok(())
}

/// The symbols have been paid for, the words have not.
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
    let mut symbols = vec![0; len];
    K::read_stream(reader.rest(), sizes, tables, &mut symbols)?;
    alphabet.restore(&symbols, escaped, K::NAME)
}

/// A model that was read once for all blocks.
struct Ready<K: Kernel> {
    alphabet: Alphabet,
    tables: K::Tables,
}

impl<K: Kernel> std::fmt::Debug for Ready<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "model of {} symbols for {}", self.alphabet.len(), K::NAME)
    }
}

impl<K: Kernel<Tables: Send + Sync>> Prepared for Ready<K> {
    fn decode_grouped(&self, params: &[u8], _: Vec<Lane>, groups: &Groups, budget: &mut Budget) -> Result<Lane> {
        budget.reserve::<u16>(groups.rows() as u64)?;
        let reader = &mut Reader::new(params, K::NAME);
        groups.scatter(decode_words::<K>(reader, &sizes(groups), &self.alphabet, &self.tables, budget)?)
    }
}

/// A model of [`learn`], ready for all blocks.
pub(super) fn prepare<K: Kernel<Tables: Send + Sync> + 'static>(
    shared: &[u8],
    groups: usize,
    budget: &mut Budget,
) -> Result<Option<Arc<dyn Prepared>>> {
    if shared.is_empty() {
        return Ok(None);
    }
    // How large the groups are is not known to a model that blocks share.
    let sizes = vec![0; budget.reserve::<usize>(groups as u64)?];
    let (alphabet, tables) = read_model::<K>(shared, &sizes, false, budget)?;
    Ok(Some(Arc::new(Ready::<K> { alphabet, tables })))
}
