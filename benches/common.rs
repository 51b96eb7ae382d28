//! Seeded inputs of the benches: made here, so that every run anywhere measures the same bytes.

#![allow(dead_code, reason = "each bench takes the inputs it needs")]

use std::fmt::Write;

use tpchgen::csv::LineItemCsv;
use tpchgen::generators::LineItemGenerator;

/// SplitMix64, "Fast splittable pseudorandom number generators", Steele, Lea, Flood, OOPSLA 2014.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(end)) >> 64) as u64
    }

    /// A number below `end`, small ones far more often: two draws, the second below the first.
    fn small(&mut self, end: u64) -> u64 {
        let first = self.below(end) + 1;
        self.below(first)
    }

    /// A bell: the sum of twelve uniform numbers, mean 0 and variance 1. No transcendental function, so the same
    /// everywhere.
    fn bell(&mut self) -> f32 {
        (0..12).map(|_| (self.word() >> 40) as f32 / (1 << 24) as f32).sum::<f32>() - 6.0
    }
}

/// Exponents of normal weights of deviation 0.02, as bf16 holds them: skewed bytes of about 2.6 bits.
pub fn exponents(len: usize) -> Vec<u8> {
    let mut noise = Noise::new(1);
    (0..len).map(|_| ((noise.bell() * 0.02).to_bits() >> 23) as u8).collect()
}

/// Bytes of a bell curve of deviation 20 around 128: about 6.4 bits each, too many for two in a lookup of Huffman codes.
pub fn bells(len: usize) -> Vec<u8> {
    let mut noise = Noise::new(3);
    (0..len).map(|_| ((128.0 + noise.bell() * 20.0) as i16).to_le_bytes()[0]).collect()
}

/// Text-like bytes: words drawn from a made-up vocabulary, frequent ones far more often, in sentences.
pub fn text(len: usize) -> Vec<u8> {
    let mut noise = Noise::new(2);
    let vocabulary: Vec<String> = (0..4000)
        .map(|_| {
            let syllables = 1 + noise.small(4);
            (0..syllables).fold(String::new(), |mut word, _| {
                word.push(char::from(b"tnsrhldcmpgbfw"[noise.small(14) as usize]));
                word.push(char::from(b"eaoiuy"[noise.small(6) as usize]));
                word
            })
        })
        .collect();
    let mut out = Vec::with_capacity(len + 32);
    while out.len() < len {
        let common = noise.small(4000) + 1;
        out.extend_from_slice(vocabulary[noise.below(common) as usize].as_bytes());
        out.extend_from_slice([", ", ". ", " ", " ", " ", " ", " ", "\n"][noise.below(8) as usize].as_bytes());
    }
    out.truncate(len);
    out
}

/// The bytes of [`text`] in random order: text without its matches.
pub fn shuffled_text(len: usize) -> Vec<u8> {
    let mut out = text(len);
    shuffle(&mut out);
    out
}

/// Puts bytes in random order, the same each time.
pub fn shuffle(bytes: &mut [u8]) {
    let mut noise = Noise::new(3);
    for last in (1..bytes.len()).rev() {
        bytes.swap(last, noise.below(last as u64 + 1) as usize);
    }
}

/// Time stamps: ascending by a step of 1000 and a little jitter.
pub fn ramp(len: usize) -> Vec<u32> {
    let mut noise = Noise::new(4);
    (0..len as u32).map(|at| at.wrapping_mul(1000).wrapping_add(noise.below(16) as u32)).collect()
}

/// Runs of 1 to 64 equal bytes of 8 kinds.
pub fn runs(len: usize) -> Vec<u8> {
    let mut noise = Noise::new(5);
    let mut out = Vec::with_capacity(len + 64);
    while out.len() < len {
        let (byte, run) = (noise.below(8) as u8, 1 + noise.small(64) as usize);
        out.resize(out.len() + run, byte);
    }
    out.truncate(len);
    out
}

/// Prices in steps of 5 from 1,000,000 on, heavy towards the low end.
pub fn prices(len: usize) -> Vec<u32> {
    let mut noise = Noise::new(6);
    (0..len)
        .map(|_| {
            let scale = 1 << noise.below(18);
            1_000_000 + 5 * noise.below(scale) as u32
        })
        .collect()
}

/// Small counts; one in a hundred is any 32-bit number.
pub fn outliers(len: usize) -> Vec<u32> {
    let mut noise = Noise::new(7);
    (0..len).map(|_| if noise.below(100) == 0 { noise.word() as u32 } else { noise.small(50) as u32 }).collect()
}

/// Codes of 32 bits, 200 different ones.
pub fn codes(len: usize) -> Vec<u32> {
    let mut noise = Noise::new(8);
    let codes: Vec<u32> = (0..200).map(|_| noise.word() as u32).collect();
    (0..len).map(|_| codes[noise.small(200) as usize]).collect()
}

/// Bytes and the leaf of each: `leaves` of them, each skewed around a centre of its own.
pub fn leaves(len: usize, leaves: usize) -> (Vec<u8>, Vec<u32>) {
    let mut noise = Noise::new(9);
    (0..len)
        .map(|_| {
            let leaf = noise.small(leaves as u64);
            ((leaf * 37 % 64 + noise.small(24)) as u8, leaf as u32)
        })
        .unzip()
}

/// The first rows of the table lineitem of TPC-H at scale factor 0.05, as a CSV with a header.
pub fn lineitem(rows: usize) -> String {
    let mut csv = format!("{}\n", LineItemCsv::header());
    for item in LineItemGenerator::new(0.05, 1, 1).iter().take(rows) {
        writeln!(csv, "{}", LineItemCsv::new(item)).expect("a string takes all that is written");
    }
    csv
}
