//! Tables made by code, the same on every machine, and the promises that every compression keeps.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fmt::Write as _;

use losslaw::container::{Container, Section, Writer};
use losslaw::{Decoder, Limits, Packed, Pipeline, decompress};

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// Harms a body: flips a bit, replaces a byte or cuts it, by the round; its head as often as all the rest.
    pub fn harm(&mut self, body: &mut Vec<u8>, round: u64) {
        let end = if round.is_multiple_of(2) { body.len() } else { body.len().min(80) };
        let at = self.below(end as u64) as usize;
        match round % 3 {
            0 => body[at] ^= 1 << self.below(8),
            1 => body[at] = self.next() as u8,
            _ => body.truncate(at),
        }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// What the cells of a column look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Integers,
    Negative,
    Sorted,
    Walk,
    Huge,
    Fixed,
    Trimmed,
    Noisy,
    Dates,
    Times,
    Codes,
    Categories,
    Text,
    OneHot,
    Function,
    Missing,
    Affixed,
    Constant,
    Unique,
    Temporal,
}

impl Shape {
    pub const ALL: [Self; 20] = [
        Self::Integers,
        Self::Negative,
        Self::Sorted,
        Self::Walk,
        Self::Huge,
        Self::Fixed,
        Self::Trimmed,
        Self::Noisy,
        Self::Dates,
        Self::Times,
        Self::Codes,
        Self::Categories,
        Self::Text,
        Self::OneHot,
        Self::Function,
        Self::Missing,
        Self::Affixed,
        Self::Constant,
        Self::Unique,
        Self::Temporal,
    ];

    /// One cell (several for a one-hot group). `state` is the column's own memory, `left` the number behind the cell
    /// to the left.
    fn cell(self, row: u64, state: &mut u64, left: u64, random: &mut Random) -> (String, u64) {
        let r = random.next();
        let text = match self {
            Self::Integers => (r % 1000).to_string(),
            Self::Negative => ((r % 200) as i64 - 100).to_string(),
            Self::Sorted => {
                *state += r % 9;
                state.to_string()
            }
            Self::Walk => {
                *state = state.wrapping_add(r % 21).saturating_sub(10).max(100);
                state.to_string()
            }
            Self::Huge => format!("{}{}", r, if r.is_multiple_of(3) { "000" } else { "" }),
            Self::Fixed => format!("{}.{:02}", r % 90, r / 100 % 100),
            Self::Trimmed => format!("{}", (r % 4000) as f64 / 8.0),
            Self::Noisy => format!("{}", (r % 1000) as f64 * 0.1 + 0.2),
            Self::Dates => format!("20{:02}-{:02}-{:02}", r % 30, 1 + r / 30 % 12, 1 + r / 360 % 28),
            Self::Times => {
                format!("2021-03-{:02}T{:02}:{:02}:{:02}", 1 + row % 28, r % 24, r / 24 % 60, r / 1440 % 60)
            }
            Self::Codes => format!("{:05}", r % 99_999),
            Self::Categories => {
                ["red", "green", "light blue", "yellow", ""][(r % 5).min(r / 5 % 5) as usize].to_owned()
            }
            Self::Text => {
                (0..r % 6).map(|_| ["the ", "cat ", "über ", "sat, ", "\"no\" "][random.below(5) as usize]).collect()
            }
            Self::OneHot => (0..4).map(|at| if at == r % 4 { "1" } else { "0" }).collect::<Vec<_>>().join("\u{0}"),
            Self::Function if r.is_multiple_of(50) => "exception".to_owned(),
            Self::Function => format!("f{}", left % 7 * 13),
            Self::Missing if r.is_multiple_of(4) => ["NA", "", "?"][(r / 4 % 3) as usize].to_owned(),
            Self::Missing => (r / 16 % 50).to_string(),
            Self::Affixed => format!("${}.{}%", r % 100, r / 100 % 10),
            Self::Constant => "same".to_owned(),
            Self::Unique => format!("{row:x}-{r:016x}"),
            Self::Temporal => {
                *state = if r.is_multiple_of(8) { r / 8 % 40 } else { *state };
                format!("{}", *state * 25)
            }
        };
        (text, r)
    }
}

/// How cells are put together.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "every combination of them occurs")]
pub struct Dialect {
    pub delimiter: u8,
    pub is_crlf: bool,
    pub has_header: bool,
    pub is_quoted: bool,
    pub is_open: bool,
    pub is_ragged: bool,
    pub is_binary: bool,
}

pub const PLAIN: Dialect = Dialect {
    delimiter: b',',
    is_crlf: false,
    has_header: true,
    is_quoted: false,
    is_open: false,
    is_ragged: false,
    is_binary: false,
};

/// A table of these columns. The golden files are made by this, so what it returns for given arguments never changes.
pub fn csv(shapes: &[Shape], rows: usize, dialect: Dialect, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut states = vec![0; shapes.len()];
    let line_end: &[u8] = if dialect.is_crlf { b"\r\n" } else { b"\n" };
    let mut out = vec![];
    if dialect.has_header {
        let mut header = String::new();
        for (at, shape) in shapes.iter().enumerate() {
            let width = if *shape == Shape::OneHot { 4 } else { 1 };
            (0..width).for_each(|part| write!(header, "name {at}.{part}\u{0}").expect("a string takes any text"));
        }
        header.pop();
        out.extend(header.bytes().map(|byte| if byte == 0 { dialect.delimiter } else { byte }));
        out.extend_from_slice(line_end);
    }
    for row in 0..rows {
        if dialect.is_ragged && random.one_in(20) {
            out.extend_from_slice(
                [&b"odd"[..], b"", b"1,2,3,4,5,6,7,8,9,10,11,12", b"#;|\t"][random.below(4) as usize],
            );
            out.extend_from_slice(line_end);
        }
        let mut left = 0;
        for (at, shape) in shapes.iter().enumerate() {
            if at > 0 {
                out.push(dialect.delimiter);
            }
            let (text, number) = shape.cell(row as u64, &mut states[at], left, &mut random);
            left = number;
            // Without quotes most texts stay free of delimiters, or hardly a table would be one.
            let text = if dialect.is_quoted || random.one_in(200) {
                text
            } else {
                text.replace(['"', dialect.delimiter as char], "~")
            };
            let special = text.bytes().any(|byte| byte == dialect.delimiter || byte == b'"');
            if dialect.is_quoted && (special || random.one_in(100)) && !text.contains('\u{0}') {
                out.push(b'"');
                out.extend(text.replace('"', "\"\"").into_bytes());
                out.push(b'"');
            } else {
                out.extend(text.bytes().map(|byte| if byte == 0 { dialect.delimiter } else { byte }));
            }
            if dialect.is_binary && random.one_in(30) {
                out.extend([0xff, random.next() as u8 | 0x80, 0]);
            }
        }
        if row + 1 < rows || !dialect.is_open {
            out.extend_from_slice(line_end);
        }
    }
    out
}

/// Compresses twice and checks what is promised of every compression: the bytes return, the same bytes come out again,
/// the output is at most 64 bytes longer than the source, and the parts of the report sum to it.
pub fn assert_promises(pipeline: &Pipeline, source: &[u8]) -> Packed {
    let packed = pipeline.compress(source).unwrap_or_else(|error| panic!("{pipeline:?}: {error}"));
    assert!(decompress(&packed.bytes).expect("what was written is read") == source, "other bytes came back");
    assert!(pipeline.compress(source).expect("it went well before").bytes == packed.bytes, "other bytes came out");
    assert!(packed.bytes.len() <= source.len() + 64, "{} bytes became {}", source.len(), packed.bytes.len());
    let report = &packed.report;
    assert_eq!(report.parts.iter().map(|part| part.bytes).sum::<u64>(), packed.bytes.len() as u64);
    assert_eq!((report.original_bytes, report.compressed_bytes), (source.len() as u64, packed.bytes.len() as u64));
    packed
}

/// The file with one section's body replaced, and every checksum, the index and the digest made anew: what a decoder
/// sees when someone means harm.
pub fn forge(file: &[u8], target: usize, body: &[u8]) -> Vec<u8> {
    rewrite(file, |sections| sections[target].body = body)
}

/// The file with its list of sections changed at will.
pub fn rewrite<'a>(file: &'a [u8], change: impl FnOnce(&mut Vec<Section<'a>>)) -> Vec<u8> {
    let container = Container::open(file, &Limits::default()).expect("the file is whole");
    let mut sections = container.sections().to_vec();
    change(&mut sections);
    let mut writer = Writer::new(container.kind());
    for section in sections {
        writer.section(section.tag, section.first, section.second, section.body);
    }
    writer.finish()
}

/// The bodies of all sections.
pub fn bodies(file: &[u8]) -> Vec<Vec<u8>> {
    let container = Container::open(file, &Limits::default()).expect("the file is whole");
    container.sections().iter().map(|section| section.body.to_vec()).collect()
}

/// A decoder for hostile files: small limits, so that a bomb is an error and not a long wait.
pub fn wary() -> Decoder {
    Decoder::default().with_limits(Limits {
        output_bytes: 1 << 20,
        memory_bytes: 1 << 23,
        tree_nodes: 1 << 16,
        sections: 1 << 12,
    })
}
