//! Each codec beside the peers that do the same work, on seeded bytes: sizes, both speeds, and which rows a peer wins.

use std::collections::HashMap;

use bit_vec::BitVec;
use constriction::stream::Decode;
use constriction::stream::model::{SmallContiguousCategoricalEntropyModel, SmallContiguousLookupDecoderModel};
use constriction::stream::stack::SmallAnsCoder;
use huffman_compress::CodeBuilder;
use losslaw::codec::{Huffman, Lz77, Lz77Effort, Lz78, Plan, Rans, Registry, encode_auto};
use losslaw::{Budget, Lane, Limits};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec;
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

use crate::entropy::{huffman_only, literals};
use crate::measure::{Measured, measure};
use crate::table::thousands;
use crate::{Result, common};

const BYTES: usize = 4 << 20;
/// Bytes in a lane of the entropy coders.
const LANE: usize = 1 << 20;

/// Prints the table, then how often a peer wins.
pub fn print() -> Result<()> {
    println!("## Codecs beside peers\n");
    println!(
        "| source | coder | bytes | encode MB/s | decode MB/s | of our bytes | of our encoding | of our decoding | |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|---|");
    let mut rows = Rows { lost: 0, all: 0 };
    for (name, source) in [("exponents", common::exponents(BYTES)), ("shuffled text", common::shuffled_text(BYTES))] {
        entropy(&mut rows, name, &source)?;
    }
    for (name, source) in [("text", common::text(BYTES)), ("runs", common::runs(BYTES))] {
        matches(&mut rows, name, &source)?;
    }
    for (name, numbers) in [
        ("time stamps", common::ramp(BYTES / 4)),
        ("prices", common::prices(BYTES / 4)),
        ("counts with outliers", common::outliers(BYTES / 4)),
        ("200 codes", common::codes(BYTES / 4)),
    ] {
        self::numbers(&mut rows, name, &numbers)?;
    }
    println!("\nIn {} of {} rows a peer is ahead in something.", rows.lost, rows.all);
    Ok(())
}

struct Rows {
    lost: usize,
    all: usize,
}

impl Rows {
    /// Prints a codec of ours and its peers.
    fn group(&mut self, source: &str, ours: (&str, Measured), peers: Vec<(&str, Measured)>) {
        let (name, own) = ours;
        let bytes = thousands(own.bytes);
        println!("| {source} | **{name}** | {bytes} | {:.0} | {:.0} | | | | |", own.encode, own.speed);
        for (name, peer) in peers {
            let ratios = [peer.bytes as f64 / own.bytes as f64, peer.encode / own.encode, peer.speed / own.speed];
            let ahead: Vec<&str> =
                [("bytes", ratios[0] < 0.9995), ("encoding", ratios[1] > 1.0), ("decoding", ratios[2] > 1.0)]
                    .iter()
                    .filter_map(|&(what, ahead)| ahead.then_some(what))
                    .collect();
            self.all += 1;
            self.lost += usize::from(!ahead.is_empty());
            let mark = if ahead.is_empty() { String::new() } else { format!("loses: {}", ahead.join(", ")) };
            println!(
                "| {source} | {name} | {} | {:.0} | {:.0} | {:.3} | {:.2} | {:.2} | {mark} |",
                thousands(peer.bytes),
                peer.encode,
                peer.speed,
                ratios[0],
                ratios[1],
                ratios[2],
            );
        }
    }
}

/// A plan on bytes in lanes of one length.
fn plan(plan: &Plan, source: &[u8], lane: usize) -> Result<Measured> {
    let lanes: Vec<Lane> = source.chunks(lane).map(|part| Lane::from(part.to_vec())).collect();
    let registry = Registry::default();
    measure(
        source,
        |_| {
            let mut out = vec![];
            for lane in &lanes {
                losslaw::wire::put_bytes(&mut out, &plan.encode(lane)?);
            }
            Ok(out)
        },
        |coded| {
            let mut reader = losslaw::wire::Reader::new(coded, "lanes");
            let mut out = Vec::with_capacity(source.len());
            while out.len() < source.len() {
                match registry.decode(reader.bytes()?, &mut Budget::new(&Limits::default()))? {
                    Lane::U8(words) => out.extend(words),
                    _ => return Err("a lane came back with another width".into()),
                }
            }
            Ok(out)
        },
    )
}

fn zstd(source: &[u8], level: i32) -> Result<Measured> {
    measure(source, |s| Ok(zstd::bulk::compress(s, level)?), |c| Ok(zstd::bulk::decompress(c, source.len())?))
}

fn entropy(rows: &mut Rows, name: &str, source: &[u8]) -> Result<()> {
    let inflate = |c: &Vec<u8>| decompress_to_vec(c).map_err(|error| error.to_string().into());
    let huffman = plan(&Plan::new(Huffman::default(), []), source, LANE)?;
    let peers = vec![
        ("Huff0 (zstd, literals only)", measure(source, literals, |c| Ok(zstd::bulk::decompress(c, source.len())?))?),
        ("miniz_oxide, Huffman only", measure(source, huffman_only, inflate)?),
        ("huffman-compress", huffman_compress(source)?),
        ("zstd -1", zstd(source, 1)?),
        ("zstd -3", zstd(source, 3)?),
        ("zstd -19", zstd(source, 19)?),
    ];
    rows.group(name, ("Huffman", huffman), peers);
    let rans = plan(&Plan::new(Rans { lanes: Some(32) }, []), source, LANE)?;
    rows.group(name, ("Rans, 32 states", rans), vec![("constriction, ANS with lookup", constriction(source)?)]);
    Ok(())
}

fn matches(rows: &mut Rows, name: &str, source: &[u8]) -> Result<()> {
    let deflate = |level| {
        let inflate = |c: &Vec<u8>| decompress_to_vec(c).map_err(|error| error.to_string().into());
        measure(source, |s| Ok(compress_to_vec(s, level)), inflate)
    };
    let fast = Lz77 { effort: Lz77Effort::Fast }.each(Huffman::default());
    let quick = vec![
        ("zstd -1", zstd(source, 1)?),
        ("zstd -3", zstd(source, 3)?),
        ("miniz_oxide -1", deflate(1)?),
        (
            "lz4_flex",
            measure(
                source,
                |s| Ok(lz4_flex::block::compress(s)),
                |c| Ok(lz4_flex::block::decompress(c, source.len())?),
            )?,
        ),
    ];
    rows.group(name, ("Lz77 fast, Huffman", plan(&fast, source, source.len())?), quick);
    let strong = vec![("zstd -19", zstd(source, 19)?), ("miniz_oxide -9", deflate(9)?)];
    rows.group(name, ("Lz77 strong parse", plan(&Lz77::strong(), source, source.len())?), strong);
    let lzw = measure(
        source,
        |s| Ok(weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(s)?),
        |c| Ok(weezl::decode::Decoder::new(weezl::BitOrder::Lsb, 8).decode(c)?),
    )?;
    let own = plan(&Plan::new(Lz78::new(12)?, []), source, source.len())?;
    rows.group(name, ("Lz78, 12 bits", own), vec![("weezl", lzw)]);
    Ok(())
}

fn numbers(rows: &mut Rows, name: &str, numbers: &[u32]) -> Result<()> {
    let (registry, lane, config) = (Registry::default(), Lane::from(numbers.to_vec()), ChunkConfig::default());
    let ours = measure(
        numbers,
        |_| Ok(encode_auto(&lane)?.1),
        |c| match registry.decode(c, &mut Budget::new(&Limits::default()))? {
            Lane::U32(words) => Ok(words),
            _ => Err("a lane came back with another width".into()),
        },
    )?;
    let pco = measure(numbers, |n| Ok(simple_compress(n, &config)?), |c| Ok(simple_decompress::<u32>(c)?))?;
    let bytes = lane.to_le_bytes();
    let peers = vec![("pco -8", pco), ("zstd -3", zstd(&bytes, 3)?), ("zstd -19", zstd(&bytes, 19)?)];
    rows.group(name, ("plan by trial", ours), peers);
    Ok(())
}

/// The counts go along as 256 numbers of 32 bits.
fn counts(source: &[u8]) -> [u32; 256] {
    let mut counts = [0; 256];
    source.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    counts
}

fn huffman_compress(source: &[u8]) -> Result<Measured> {
    let counts = counts(source);
    let weights = || -> HashMap<u8, u32> { (0..=255).zip(counts).filter(|(_, count)| *count > 0).collect() };
    let (_, tree) = weights().into_iter().collect::<CodeBuilder<u8, u32>>().finish();
    let (book, _) = weights().into_iter().collect::<CodeBuilder<u8, u32>>().finish();
    measure(
        source,
        |s| {
            let mut bits = BitVec::new();
            for byte in s {
                book.encode(&mut bits, byte)?;
            }
            Ok(bits.to_bytes())
        },
        |c| Ok(tree.decoder(&BitVec::from_bytes(c), source.len()).collect::<Vec<u8>>()),
    )
}

fn constriction(source: &[u8]) -> Result<Measured> {
    let counts = counts(source).map(|count| count as f32);
    let model = SmallContiguousCategoricalEntropyModel::from_floating_point_probabilities_fast(&counts, None);
    let lookup = SmallContiguousLookupDecoderModel::from_floating_point_probabilities_fast(&counts, None);
    let (Ok(model), Ok(lookup)) = (model, lookup) else { return Err("constriction takes no such counts".into()) };
    let symbols: Vec<usize> = source.iter().map(|&byte| usize::from(byte)).collect();
    measure(
        source,
        |_| {
            let mut coder = SmallAnsCoder::new();
            coder.encode_iid_symbols_reverse(&symbols, &model).map_err(|error| format!("{error:?}"))?;
            let words = coder.into_compressed().expect("a vector takes all that is written");
            Ok(words.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
        },
        |c| {
            let words: Vec<u16> = c.as_chunks().0.iter().map(|&word| u16::from_le_bytes(word)).collect();
            let mut coder = SmallAnsCoder::from_compressed(words).map_err(|_| "the last word is zero")?;
            let symbols = coder.decode_iid_symbols(source.len(), &lookup);
            symbols.map(|symbol| Ok(symbol.map_err(|error| format!("{error:?}"))? as u8)).collect::<Result<Vec<u8>>>()
        },
    )
}
