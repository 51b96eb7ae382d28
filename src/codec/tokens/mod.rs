//! `Tokens`: text as words of a vocabulary, each in the class of the word before it.

mod classes;
mod cut;
mod vocabulary;

use serde::{Deserialize, Serialize};

use self::cut::{is_word, tokens};
use self::vocabulary::{Coded, STEP, Vocabulary, first_of};
use super::adaptive::{RangeDecoder, RangeEncoder, UIntModel};
use super::entropy::Kernel;
use super::rans::{self, Rans, Run, Stream};
use super::{Block, Codec, CodecId, Encoded, Groups, Learned, Registry, Shared, encode_auto};
use crate::bits::{BitReader, BitWriter};
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{Budget, Error, Lane, Limits, Result};

/// Codes the bytes of a lane as tokens: words, which are runs of letters and digits, and the bytes between them. A single
/// space between two words is implied. Tokens that occur more than once have numbers; the others are spelled.
///
/// Each token is coded by the table of the class that the token before it belongs to. So that all tables are in use one
/// after the other, tokens are sorted by class; decoding takes each from the class of the last one. What is learned from
/// several blocks (vocabulary, classes, tables) stands once, so that a short block of text costs little more than a part
/// of a long one.
///
/// Parameters: the length of the lane (varint); the model behind its length, unless it is shared; the number of tokens of
/// each class, in the adaptive coder, behind their length; one stream of [`Rans`] behind its length; the places in ranges
/// of the vocabulary, a bit stream. The child holds what is spelled.
///
/// ```
/// use losslaw::Lane;
/// use losslaw::codec::{Codec, Tokens};
/// use losslaw::{Budget, Limits};
/// let text = Lane::from(b"red fox, red hen; red fox, old hen; ".repeat(20));
/// let coded = Tokens.encode(&text)?;
/// assert!(coded.params.len() < text.len() / 4);
/// assert_eq!(Tokens.decode(&coded.params, coded.children, &mut Budget::new(&Limits::default()))?, text);
/// # Ok::<(), losslaw::Error>(())
/// ```
///
/// Source: A. Moffat, "Word-based text compression", Software: Practice and Experience 19(2), 1989.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens;

const NAME: &str = "Tokens";

impl Tokens {
    /// The child of a lane, given what was learned: a plan for it can be chosen.
    pub(crate) fn spelled(self, lane: &Lane, learned: &Learned) -> Result<Lane> {
        Ok(self.encode_block(lane, &Groups::whole(0), learned.shared(0))?.children.swap_remove(0))
    }
}

impl Codec for Tokens {
    crate::saved_by_serde!(Codec);

    fn id(&self) -> CodecId {
        CodecId::TOKENS
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn arity(&self) -> usize {
        1
    }

    fn ignores_groups(&self) -> bool {
        true
    }

    fn encode(&self, input: &Lane) -> Result<Encoded> {
        let text = bytes_of(input)?;
        let model = learn(&[text])?;
        let mut params = vec![];
        put_varint(&mut params, text.len() as u64);
        put_bytes(&mut params, &model);
        Model::read(&model, &mut Budget::new(&Limits::default()))?.encode(text, params)
    }

    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        let mut reader = Reader::new(params, NAME);
        let len = reader.varint()?;
        let model = Model::read(reader.bytes()?, budget)?;
        model.decode(len, &mut reader, &super::only(children, NAME)?, budget)
    }

    fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
        learn(&blocks.iter().map(|block| bytes_of(&block.lane)).collect::<Result<Vec<_>>>()?)
    }

    super::shared::grouped_as_blocks!();

    fn encode_block(&self, input: &Lane, _: &Groups, shared: &Shared) -> Result<Encoded> {
        if shared.bytes().is_empty() {
            return self.encode(input);
        }
        let text = bytes_of(input)?;
        let mut params = vec![];
        put_varint(&mut params, text.len() as u64);
        shared.read_once(&mut Budget::new(&Limits::default()), Model::read)?.encode(text, params)
    }

    fn decode_block(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        _: &Groups,
        shared: &Shared,
        budget: &mut Budget,
    ) -> Result<Lane> {
        if shared.bytes().is_empty() {
            return self.decode(params, children, budget);
        }
        let mut reader = Reader::new(params, NAME);
        let len = reader.varint()?;
        let model = shared.read_once(budget, Model::read)?;
        model.decode(len, &mut reader, &super::only(children, NAME)?, budget)
    }
}

fn bytes_of(lane: &Lane) -> Result<&[u8]> {
    if let Lane::U8(bytes) = lane { Ok(bytes) } else { Err(unsuitable("words of several bytes are no text")) }
}

fn unsuitable(why: &'static str) -> Error {
    Error::Unsuitable { codec: NAME, why }
}

/// What a symbol does, laid out for decoding.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The number of its token, or the first one of its range.
    token: u32,
    /// Width of the place in a range.
    bits: u32,
    class: u8,
    is_word: bool,
    is_spelled: bool,
}

/// What is known of all blocks.
#[derive(Debug)]
struct Model {
    vocabulary: Vocabulary,
    steps: Vec<Step>,
    tables: rans::Tables,
}

/// A text as symbols.
#[derive(Debug, Default)]
struct Split {
    symbols: Vec<u16>,
    places: BitWriter,
    spelled: Vec<u8>,
}

/// Takes a text apart. A word that is not in the vocabulary is spelled with a line feed behind it.
fn split(text: &[u8], vocabulary: &Vocabulary) -> Split {
    let (coded, mut out) = (vocabulary.coded(), Split::default());
    let spelled_word = vocabulary.symbols() as u16 - 2;
    for token in tokens(text) {
        if let Some(&Coded { symbol, place, bits }) = coded.get(token) {
            out.symbols.push(symbol);
            out.places.put(place, bits);
            continue;
        }
        out.spelled.extend_from_slice(token);
        if is_word(token[0]) {
            out.symbols.push(spelled_word);
            out.spelled.push(b'\n');
        } else {
            out.symbols.push(spelled_word + 1);
        }
    }
    out
}

/// The model of some texts: the vocabulary; the class of each symbol, a node behind its length; the tables of all classes.
fn learn(texts: &[&[u8]]) -> Result<Vec<u8>> {
    let vocabulary = Vocabulary::learn(texts);
    let texts: Vec<Vec<u16>> = texts.iter().map(|text| split(text, &vocabulary).symbols).collect();
    let class_of = classes::learn(&texts, vocabulary.symbols());
    let classes = class_of.iter().max().map_or(0, |&most| usize::from(most) + 1);
    let mut counts = vec![vec![0u64; class_of.len()]; classes];
    for text in &texts {
        let mut class = 0;
        for &symbol in text {
            counts[class][usize::from(symbol)] += 1;
            class = usize::from(class_of[usize::from(symbol)]);
        }
    }
    let pooled: Vec<u64> = (0..class_of.len()).map(|symbol| counts.iter().map(|own| own[symbol]).sum()).collect();
    let mut out = vec![];
    vocabulary.write(&mut out)?;
    put_bytes(&mut out, &encode_auto(&Lane::U8(class_of))?.1);
    out.extend(Rans::describe(&pooled, classes, false, |class, own| own.copy_from_slice(&counts[class])));
    Ok(out)
}

impl Model {
    fn read(bytes: &[u8], budget: &mut Budget) -> Result<Self> {
        let mut reader = Reader::new(bytes, NAME);
        let vocabulary = Vocabulary::read(&mut reader, budget)?;
        let symbols = vocabulary.symbols();
        let class_of = Registry::default().decode(reader.bytes()?, budget)?;
        let class_of = class_of.words::<u8>(NAME)?;
        if class_of.len() != symbols {
            return Err(reader.corrupt("there is not one class for each symbol"));
        }
        let classes = class_of.iter().max().map_or(0, |&most| usize::from(most) + 1);
        let tables = Rans::read_tables(reader.rest(), symbols, &vec![0; classes], false, budget)?;
        let step = |(symbol, &class): (usize, &u8)| {
            let (token, bits) = first_of(symbol);
            let spelled = symbol + 2 >= symbols;
            let is_word = if spelled { symbol + 2 == symbols } else { is_word(vocabulary.get(token).0[0]) };
            Step { token: token as u32, bits, class, is_word, is_spelled: spelled }
        };
        let steps = class_of.iter().enumerate().map(step).collect();
        Ok(Self { vocabulary, steps, tables })
    }

    /// Appends the tokens of a text to `params`.
    fn encode(&self, text: &[u8], mut params: Vec<u8>) -> Result<Encoded> {
        let Split { symbols, places, spelled } = split(text, &self.vocabulary);
        let mut sorted = vec![vec![]; self.tables.len()];
        let mut class = 0;
        for &symbol in &symbols {
            sorted[class].push(symbol);
            class = usize::from(self.steps[usize::from(symbol)].class);
        }
        let sizes: Vec<usize> = sorted.iter().map(Vec::len).collect();
        let (mut encoder, mut model) = (RangeEncoder::default(), UIntModel::default());
        sizes.iter().for_each(|&size| model.encode(size as u64, &mut encoder));
        put_bytes(&mut params, &encoder.finish());
        let run = Run { symbols: &sorted.concat(), sizes: &sizes, tables: &self.tables };
        put_bytes(&mut params, &rans::write(&[run], None)?);
        params.extend(places.finish());
        Ok(Encoded { params, children: vec![Lane::U8(spelled)] })
    }

    fn decode(&self, len: u64, reader: &mut Reader<'_>, spelled: &Lane, budget: &mut Budget) -> Result<Lane> {
        let len = budget.reserve::<u8>(len)?;
        let (mut decoder, mut model) = (RangeDecoder::new(reader.bytes()?, NAME), UIntModel::default());
        let mut sizes = vec![0; self.tables.len()];
        let mut count = 0usize;
        for size in &mut sizes {
            *size = usize::try_from(model.decode(&mut decoder)).unwrap_or(usize::MAX);
            count = count.saturating_add(*size);
        }
        decoder.end()?;
        // A token is one byte at least.
        if count > len {
            return Err(reader.corrupt("there are more tokens than bytes"));
        }
        let mut symbols = vec![0u16; budget.reserve::<u16>(count as u64)?];
        let mut stream = Stream::new(reader.bytes()?)?;
        stream.read(&sizes, &self.tables, &mut symbols)?;
        stream.end()?;
        let mut places = BitReader::new(reader.rest(), NAME);
        let text = self.join(len, &symbols, &sizes, &mut places, spelled.words::<u8>(NAME)?)?;
        places.end()?;
        Ok(Lane::U8(text))
    }

    /// Puts a text of `len` bytes together from symbols that stand class after class.
    fn join(
        &self,
        len: usize,
        symbols: &[u16],
        sizes: &[usize],
        places: &mut BitReader<'_>,
        mut spelled: &[u8],
    ) -> Result<Vec<u8>> {
        let corrupt = |what, at| Err(Error::corrupt(NAME, what, at));
        let mut rest = symbols;
        let mut sources: Vec<&[u16]> = vec![];
        for &size in sizes {
            let (own, after) = rest.split_at(size);
            sources.push(own);
            rest = after;
        }
        // Room for a space and for a whole step behind the last byte.
        let mut out = vec![0u8; len + 1 + STEP];
        let (mut at, mut class, mut was_word) = (0, 0usize, false);
        for _ in 0..symbols.len() {
            let Some((&symbol, after)) = sources[class].split_first() else {
                return corrupt("a class has too few tokens", at);
            };
            sources[class] = after;
            let step = self.steps[usize::from(symbol)];
            out[at] = b' ';
            at += usize::from(was_word & step.is_word);
            class = usize::from(step.class);
            was_word = step.is_word;
            let token = if step.is_spelled {
                let end = if step.is_word { memchr::memchr(b'\n', spelled) } else { Some(1) };
                let Some((token, after)) = end.and_then(|end| spelled.split_at_checked(end)) else {
                    return corrupt("a spelled token is missing", at);
                };
                spelled = &after[usize::from(step.is_word)..];
                (token, token.len())
            } else {
                let number = step.token as usize + places.take(step.bits)? as usize;
                if number >= self.vocabulary.len() {
                    return corrupt("a token is not in the vocabulary", at);
                }
                self.vocabulary.get(number)
            };
            let (bytes, token_len) = token;
            if token_len + at > len {
                return corrupt("the text is longer than it should be", at);
            }
            // Most tokens are short, and a copy of a fixed length is quicker than an exact one.
            match bytes.first_chunk::<STEP>() {
                Some(step) if token_len <= STEP => out[at..at + STEP].copy_from_slice(step),
                _ => out[at..at + token_len].copy_from_slice(&bytes[..token_len]),
            }
            at += token_len;
        }
        if at != len || !spelled.is_empty() {
            return corrupt("the text is shorter than it should be", at);
        }
        out.truncate(len);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::Plan;

    fn budget() -> Budget {
        Budget::new(&Limits { memory_bytes: 1 << 26, ..Limits::default() })
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let word =
            prop::sample::select(vec!["a", "red", "fox", "Zürich", "0042", "word-word", " ", "  ", ", ", "\n", "x"]);
        prop_oneof![
            prop::collection::vec(word, 0..120).prop_map(|words| words.join(" ").into_bytes()),
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(prop::sample::select(b"ab \n.".to_vec()), 0..300),
        ]
    }

    proptest! {
        #[test]
        fn any_text_returns(text in texts()) {
            let lane = Lane::U8(text);
            let coded = Tokens.encode(&lane).unwrap();
            prop_assert_eq!(Tokens.decode(&coded.params, coded.children, &mut budget()).unwrap(), lane);
        }

        #[test]
        fn blocks_return_by_what_they_share(texts in prop::collection::vec(texts(), 1..4)) {
            let blocks: Vec<Block> = texts
                .into_iter()
                .map(|text| Block { groups: Groups::whole(text.len()), lane: Lane::U8(text) })
                .collect();
            let plan = Plan::from(Tokens);
            let learned: Learned = plan.learn(blocks.clone()).unwrap();
            for Block { lane, groups } in blocks {
                let node = plan.encode_grouped(&lane, &groups, &learned).unwrap();
                prop_assert_eq!(Registry::default().decode_grouped(&node, &groups, &learned, &mut budget()).unwrap(), lane);
            }
        }

        #[test]
        fn a_changed_byte_ends_without_a_panic(text in texts(), at in any::<prop::sample::Index>(), change in 1u8..) {
            let mut coded = Tokens.encode(&Lane::U8(text)).unwrap();
            *at.get_mut(&mut coded.params) ^= change;
            let _ = Tokens.decode(&coded.params, coded.children, &mut budget());
        }
    }

    /// Many words, so that some share a range.
    fn many(count: usize) -> Vec<u8> {
        (0..2 * count).flat_map(|i| format!("w{} ", i * i % count).into_bytes()).collect()
    }

    #[test]
    fn words_beyond_the_symbols_stand_in_ranges() {
        for count in [900, 1001, 1512, 1600, 40_000] {
            let lane = Lane::U8(many(count));
            let coded = Tokens.encode(&lane).unwrap();
            assert_eq!(Tokens.decode(&coded.params, coded.children, &mut budget()).unwrap(), lane, "{count}");
        }
    }

    #[test]
    fn each_cut_of_the_parameters_is_an_error() {
        let coded = Tokens.encode(&Lane::U8(many(300))).unwrap();
        for cut in 0..coded.params.len() {
            assert!(Tokens.decode(&coded.params[..cut], coded.children.clone(), &mut budget()).is_err(), "{cut}");
        }
    }
}
