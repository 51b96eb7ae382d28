//! What the entropy coders and Lz77 must reach beside their peers, as ratios measured back to back in this process.
//!
//! Speeds are the best of many runs that take turns. Text is `alice29.txt` and `lcet10.txt` of the folder `misc` of
//! `LOSSLAW_DATA` with their bytes shuffled; without the folder it is generated, and the rows of files are left out.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use constriction::stream::Decode;
use constriction::stream::model::{SmallContiguousCategoricalEntropyModel, SmallContiguousLookupDecoderModel};
use constriction::stream::stack::SmallAnsCoder;
use losslaw::codec::{Block, Codec, Groups, Huffman, Lz77, Lz77Effort, Lz78, Rans, Registry, Shared};
use losslaw::{Budget, Lane, Limits};

use crate::entropy::{literals, literals_section};
use crate::{Result, common};

/// Runs of each side at least, and how long both take turns.
const TURNS: usize = 7;
const PATIENCE: Duration = Duration::from_millis(1500);

/// Lengths of small lanes, and how many of each are coded.
const SMALL: [usize; 3] = [256, 512, 1024];
const SMALL_BLOCKS: usize = 400;

/// Prints the rows of a part, or without one of all; false if one that must hold fails.
pub fn print(part: Option<&str>) -> Result<bool> {
    let wanted = |name| part.is_none_or(|part| part == name);
    println!("| | measured | must | |\n|---|---:|---:|---|");
    let mut rows = Rows { hold: true };
    let exponents = common::exponents(8 << 20);
    let (text, files) = text()?;
    if wanted("huffman") {
        huffman(&mut rows, &exponents, &text)?;
    }
    if wanted("rans") {
        rans(&mut rows, &exponents, &text)?;
    }
    if wanted("grouped") {
        grouped(&mut rows)?;
    }
    for (name, file) in files.iter().filter(|_| wanted("files")) {
        lz77(&mut rows, name, file)?;
        lz78(&mut rows, name, file)?;
    }
    Ok(rows.hold)
}

struct Rows {
    hold: bool,
}

impl Rows {
    fn least(&mut self, name: &str, measured: f64, must: f64) {
        self.row(name, measured, &format!("≥ {must}"), measured >= must);
    }

    fn most(&mut self, name: &str, measured: f64, must: f64) {
        self.row(name, measured, &format!("≤ {must}"), measured <= must);
    }

    /// A row that should hold.
    fn aim(name: &str, measured: f64, aim: f64) {
        println!("| {name} | {measured:.4} | aim ≤ {aim} | {} |", if measured <= aim { "holds" } else { "misses" });
    }

    /// A row that need not hold.
    fn free(name: &str, measured: f64) {
        println!("| {name} | {measured:.4} | | |");
    }

    fn row(&mut self, name: &str, measured: f64, must: &str, holds: bool) {
        println!("| {name} | {measured:.4} | {must} | {} |", if holds { "holds" } else { "**fails**" });
        self.hold &= holds;
    }
}

/// How many times as fast `ours` is as `theirs`.
fn faster<A, B>(mut ours: impl FnMut() -> A, mut theirs: impl FnMut() -> B) -> f64 {
    let (begin, mut best, mut turns) = (Instant::now(), [Duration::MAX; 2], 0);
    while turns < TURNS || begin.elapsed() < PATIENCE {
        let start = Instant::now();
        black_box(ours());
        best[0] = best[0].min(start.elapsed());
        let start = Instant::now();
        black_box(theirs());
        best[1] = best[1].min(start.elapsed());
        turns += 1;
    }
    best[1].as_secs_f64() / best[0].as_secs_f64()
}

fn budget() -> Budget {
    Budget::new(&Limits::default())
}

/// A name and its bytes.
type File = (&'static str, Vec<u8>);

/// Bytes for entropy coders, and the files of which the first two make them.
fn text() -> Result<(Vec<u8>, Vec<File>)> {
    let Some(folder) = std::env::var_os("LOSSLAW_DATA") else {
        println!("LOSSLAW_DATA is not set: text is generated, files are left out\n");
        return Ok((common::shuffled_text(1 << 20), vec![]));
    };
    let names = ["alice29.txt", "lcet10.txt", "apache_access.log"];
    let read = |name| std::fs::read(Path::new(&folder).join("misc").join(name)).map(|file| (name, file));
    let files = names.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut text = [&files[0].1[..], &files[1].1[..]].concat();
    common::shuffle(&mut text);
    Ok((text, files))
}

/// A source cut into lanes, and each of them coded.
struct Coded<'a> {
    codec: &'a dyn Codec,
    lanes: Vec<Lane>,
    params: Vec<Vec<u8>>,
}

impl<'a> Coded<'a> {
    fn new(codec: &'a dyn Codec, source: &[u8], block: usize) -> Result<Self> {
        let lanes: Vec<Lane> = source.chunks(block).map(|block| Lane::from(block.to_vec())).collect();
        let params: Vec<Vec<u8>> =
            lanes.iter().map(|lane| Ok(codec.encode(lane)?.params)).collect::<Result<_, losslaw::Error>>()?;
        let coded = Self { codec, lanes, params };
        if coded.decode() == coded.lanes { Ok(coded) } else { Err("a decode differs from its source".into()) }
    }

    fn bytes(&self) -> usize {
        self.params.iter().map(Vec::len).sum()
    }

    fn encode(&self) -> Vec<Vec<u8>> {
        self.lanes.iter().map(|lane| self.codec.encode(lane).expect("encoded before").params).collect()
    }

    fn decode(&self) -> Vec<Lane> {
        let decode = |params: &Vec<u8>| self.codec.decode(params, vec![], &mut budget()).expect("written by the codec");
        self.params.iter().map(decode).collect()
    }
}

fn huffman(rows: &mut Rows, exponents: &[u8], text: &[u8]) -> Result<()> {
    let codec = Huffman::default();
    let (coded, theirs) = (Coded::new(&codec, exponents, 1 << 20)?, literals(exponents)?);
    let unpack = |theirs: &[u8], len| zstd::bulk::decompress(theirs, len).expect("written by zstd");
    let decode = faster(|| coded.decode(), || unpack(&theirs, exponents.len()));
    rows.least("Huffman decode / Huff0, exponents in lanes of 1 MiB", decode, 1.0);
    let (words, their_text) = (Coded::new(&codec, text, 1 << 20)?, literals(text)?);
    let decode = faster(|| words.decode(), || unpack(&their_text, text.len()));
    rows.least("Huffman decode / Huff0, shuffled text", decode, 0.8);
    let encode = faster(|| coded.encode(), || literals(exponents));
    rows.least("Huffman encode / Huff0, exponents in lanes of 1 MiB", encode, 0.7);
    for (name, source, theirs) in [("exponents", exponents, theirs.len()), ("shuffled text", text, their_text.len())] {
        let ours = Coded::new(&codec, source, 128 << 10)?.bytes();
        rows.most(&format!("Huffman bytes / Huff0, {name} in lanes of 128 KiB"), ours as f64 / theirs as f64, 1.002);
    }
    for (name, source) in [("exponents", exponents), ("shuffled text", text)] {
        for block in SMALL {
            let some = &source[..SMALL_BLOCKS * block];
            let sections = some.chunks(block).map(|block| Ok(literals_section(&literals(block)?)));
            let theirs =
                sections.collect::<Result<Option<Vec<_>>>>()?.ok_or("zstd stored a block")?.iter().sum::<usize>();
            let ours = Coded::new(&codec, some, block)?.bytes() as f64;
            Rows::aim(&format!("Huffman bytes / Huff0, {name} in lanes of {block}"), ours / theirs as f64, 0.99);
        }
    }
    Ok(())
}

fn rans(rows: &mut Rows, exponents: &[u8], text: &[u8]) -> Result<()> {
    let wide = Rans { lanes: Some(32) };
    let coded = Coded::new(&wide, exponents, 1 << 20)?;
    let mut counts = [0f32; 256];
    exponents.iter().for_each(|&byte| counts[usize::from(byte)] += 1.0);
    let model = SmallContiguousCategoricalEntropyModel::from_floating_point_probabilities_fast(&counts, None);
    let lookup = SmallContiguousLookupDecoderModel::from_floating_point_probabilities_fast(&counts, None);
    let (Ok(model), Ok(lookup)) = (model, lookup) else { return Err("constriction takes no such counts".into()) };
    let symbols: Vec<usize> = exponents.iter().map(|&byte| usize::from(byte)).collect();
    let mut coder = SmallAnsCoder::new();
    coder.encode_iid_symbols_reverse(&symbols, &model).map_err(|error| format!("{error:?}"))?;
    let compressed = coder.into_compressed().expect("a vector takes all that is written");
    let theirs = || {
        let mut coder = SmallAnsCoder::from_compressed(compressed.clone()).expect("written by constriction");
        let symbols = coder.decode_iid_symbols(exponents.len(), &lookup);
        symbols.map(|symbol| symbol.expect("written by constriction") as u8).collect::<Vec<_>>()
    };
    assert_eq!(theirs(), exponents);
    rows.least("rANS decode, 32 states / constriction with lookup", faster(|| coded.decode(), theirs), 5.0);
    let four = Rans { lanes: Some(4) };
    let (scalar, huffman) = (Coded::new(&four, text, 1 << 20)?, Huffman::default());
    let huffman = Coded::new(&huffman, text, 1 << 20)?;
    Rows::free("rANS decode, 4 states / Huffman, shuffled text", faster(|| scalar.decode(), || huffman.decode()));
    let bells = common::bells(4 << 20);
    let one = Huffman::default();
    let (scalar, one) = (Coded::new(&four, &bells, 1 << 20)?, Coded::new(&one, &bells, 1 << 20)?);
    let ratio = faster(|| scalar.decode(), || one.decode());
    rows.least("rANS decode, 4 states / Huffman one-symbol decode, bytes of 6.4 bits", ratio, 0.3);
    let usual = Rans::default();
    for (name, source) in [("exponents", exponents), ("shuffled text", text)] {
        let bytes = Coded::new(&usual, source, 256 << 10)?.bytes() as f64;
        rows.most(&format!("rANS bytes / entropy, {name} in lanes of 256 KiB"), bytes / entropy(source), 1.004);
    }
    Ok(())
}

/// Bytes of an ideal static coder of order zero.
fn entropy(source: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    source.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let bits = |count: &u32| f64::from(*count) * (source.len() as f64 / f64::from(*count)).log2();
    counts.iter().filter(|count| **count > 0).map(bits).sum::<f64>() / 8.0
}

fn grouped(rows: &mut Rows) -> Result<()> {
    for states in [4, 32] {
        let codec = Rans { lanes: Some(states) };
        let coded = |leaves: usize| -> Result<_> {
            let (words, leaf_of_row) = common::leaves(1 << 18, leaves);
            let block = Block { lane: Lane::from(words), groups: Groups::from_leaf_of_row(&leaf_of_row, leaves)? };
            let shared = Shared::from(codec.learn(std::slice::from_ref(&block))?);
            let params = codec.encode_block(&block.lane, &block.groups, &shared)?.params;
            Ok((block, shared, params))
        };
        let (many, one) = (coded(500)?, coded(1)?);
        let decode = |(block, shared, params): &(Block, Shared, Vec<u8>)| {
            codec.decode_block(params, vec![], &block.groups, shared, &mut budget()).expect("written by the codec")
        };
        assert!(decode(&many) == many.0.lane && decode(&one) == one.0.lane);
        let ratio = faster(|| decode(&many), || decode(&one));
        rows.least(&format!("grouped rANS decode, {states} states, 500 groups / one group"), ratio, 0.6);
    }
    Ok(())
}

/// The plan of the strong parse, which has to hold both rows, and that for the fewest bytes.
fn lz77(rows: &mut Rows, name: &str, file: &[u8]) -> Result<()> {
    let (lane, registry) = (Lane::from(file.to_vec()), Registry::default());
    let theirs = zstd::bulk::compress(file, 19)?;
    let unpack = || zstd::bulk::decompress(&theirs, file.len()).expect("written by zstd");
    let smallest = Lz77 { effort: Lz77Effort::Smallest }.each(Rans::default());
    for (what, plan) in [("Lz77 strong parse", Lz77::strong()), ("Lz77 smallest", smallest)] {
        let ours = plan.encode(&lane)?;
        let decode = || registry.decode(&ours, &mut budget()).expect("written by the plan");
        assert!(decode() == lane);
        rows.most(&format!("{what} bytes / zstd -19, {name}"), ours.len() as f64 / theirs.len() as f64, 1.03);
        let (row, speed) = (format!("{what} decode / zstd -19, {name}"), faster(decode, unpack));
        if what == "Lz77 smallest" { Rows::free(&row, speed) } else { rows.least(&row, speed, 0.4) }
    }
    Ok(())
}

/// Both with codes of at most 12 bits and the same order of bits.
fn lz78(rows: &mut Rows, name: &str, file: &[u8]) -> Result<()> {
    let (lane, codec) = (Lane::from(file.to_vec()), Lz78::new(12)?);
    let ours = codec.encode(&lane)?.params;
    let pack = || weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(file).expect("bytes have eight bits");
    let theirs = pack();
    let unpack = || weezl::decode::Decoder::new(weezl::BitOrder::Lsb, 8).decode(&theirs).expect("written by weezl");
    let decode = || codec.decode(&ours, vec![], &mut budget()).expect("written by the codec");
    assert!(decode() == lane && unpack() == file);
    rows.least(&format!("Lz78 encode / weezl, {name}"), faster(|| codec.encode(&lane), pack), 0.8);
    rows.least(&format!("Lz78 decode / weezl, {name}"), faster(decode, unpack), 0.8);
    Ok(())
}
