//! `Max`: a column by many contexts at once.

use super::Known;
use super::contexts::{ALL, MOST_RANKED, RowContexts, UNORDERED, Views};
use super::figures::Origin;
use super::values::{Numbers, References, Values};
use crate::codec::adaptive::{RangeDecoder, RangeEncoder};
use crate::codec::dispatched;
use crate::context::{BinaryCoder, BinaryDecoder, BinaryEncoder, Branch, MixedConfig, MixedModel};
use crate::{Budget, Lane, Result};

/// A trial makes do with a table of so many times fewer lines, as a power of two: one that stays near the processor.
const TRIAL_LINES: u32 = 2;

/// A column of more rows is long: its first rows are tried as they will be coded.
pub(super) const LONG_ROWS: usize = 1 << 17;

/// Weight sets for the bits of offsets, by their place.
const OFFSET_SETS: usize = 64;

/// How many bits slots remember: what a record may choose from.
const LIMITS: [u32; 4] = [255, 127, 60, 30];

/// A column by mixed contexts.
#[derive(Debug, Clone)]
pub(super) struct Mixed {
    pub values: Values,
    /// Which contexts of the list are in use.
    pub mask: u32,
    /// The earlier columns looked at, the most telling first.
    pub ranked: Vec<u32>,
    /// Which of [`LIMITS`].
    pub limit: usize,
    /// The column itself.
    pub index: u32,
}

/// Where a column is coded.
pub(super) struct Scene<'a> {
    pub known: &'a Known<'a>,
    pub views: &'a Views,
    /// So many of the first rows.
    pub rows: usize,
}

impl Mixed {
    pub fn write(&self, numbers: &mut Numbers, out: &mut RangeEncoder) {
        self.values.write(numbers, out);
        numbers.mask.encode(
            u64::from(match self.mask {
                ALL => 0,
                UNORDERED => 1,
                mask => mask + 1,
            }),
            out,
        );
        numbers.count.encode((self.ranked.len() * LIMITS.len() + self.limit) as u64, out);
        self.ranked.iter().for_each(|&c| numbers.column.encode(u64::from(c), out));
    }

    /// Bytes of what [`Mixed::write`] writes.
    pub fn record_bytes(&self) -> usize {
        let (mut out, mut numbers) = (RangeEncoder::default(), Numbers::default());
        self.write(&mut numbers, &mut out);
        out.finish().len()
    }

    pub fn read(index: u32, origin: Origin, numbers: &mut Numbers, source: &mut RangeDecoder<'_>) -> Result<Self> {
        let values = Values::read(index, origin, numbers, source)?;
        let mask = match numbers.mask.decode(source) {
            0 => ALL,
            1 => UNORDERED,
            mask => (mask - 1) as u32 & ALL,
        };
        let count = numbers.count.decode(source) as usize;
        let (count, limit) = (count / LIMITS.len(), count % LIMITS.len());
        if count > MOST_RANKED || mask == 0 {
            return Err(source.corrupt("a column has no contexts or looks at too many columns"));
        }
        let mut ranked = vec![];
        for _ in 0..count {
            let c = numbers.column.decode(source);
            if c >= u64::from(index) {
                return Err(source.corrupt("a context refers to a later column"));
            }
            ranked.push(c as u32);
        }
        Ok(Self { values, mask, ranked, limit, index })
    }

    /// Sizes of the mixer for so many of the block's rows.
    fn config(&self, rows: usize, known: &Known<'_>) -> MixedConfig {
        let contexts = self.mask.count_ones() as usize;
        let touched = rows * contexts;
        let lines_log2 = (usize::BITS - touched.leading_zeros()).clamp(8, 18);
        let is_trial = rows < known.rows && known.rows <= LONG_ROWS;
        MixedConfig {
            contexts,
            sets: self.values.path.nodes().len() + OFFSET_SETS,
            lines_log2: if is_trial { lines_log2.max(8 + TRIAL_LINES) - TRIAL_LINES } else { lines_log2 },
            limit: LIMITS[self.limit],
            rate: 140,
        }
    }

    /// What the contexts in use see.
    pub fn views(&self, known: &Known<'_>) -> Views {
        Views::new(self.mask, self.index, &self.ranked, known.leaf_of_row(), |c| known.columns[c as usize])
    }

    pub fn encode(&self, ordinals: &Lane, known: &Known<'_>) -> Vec<u8> {
        let mut coder = BinaryEncoder::default();
        let scene = Scene { known, views: &self.views(known), rows: known.rows };
        self.run(&ordinals.to_u64s(), &scene, &mut coder, None, |_| Ok(())).expect("writing does not fail");
        coder.finish()
    }

    pub fn decode(&self, stream: &[u8], known: &Known<'_>, budget: &mut Budget) -> Result<Lane> {
        let rows = known.rows as u64;
        budget.spend(
            MixedModel::memory(&self.config(known.rows, known))
                + RowContexts::memory(rows, self.ranked.len() as u64)
                + References::memory(rows),
        )?;
        let mut coder = BinaryDecoder::new(stream, "columns");
        let scene = Scene { known, views: &self.views(known), rows: known.rows };
        let ordinals = self.run(&[], &scene, &mut coder, None, BinaryDecoder::check)?;
        coder.end()?;
        Ok(Lane::narrowest(ordinals))
    }

    /// Codes the rows of a scene, `ordinals` when writing; adds what each context told of symbols to `shares`, see
    /// [`MixedModel::weigh`].
    pub fn run<C: BinaryCoder>(
        &self,
        ordinals: &[u64],
        &Scene { known, views, rows }: &Scene<'_>,
        coder: &mut C,
        mut shares: Option<&mut [u64]>,
        mut check: impl FnMut(&C) -> Result<()>,
    ) -> Result<Vec<u64>> {
        let mut contexts = RowContexts::new(views, self.mask, rows);
        let first = self.values.figures.origin.first;
        let mut references = References::new(self.values.base.clone(), first, |c| known.columns[c as usize]);
        let mut model = MixedModel::new(self.config(rows, known));
        let nodes = self.values.path.nodes();
        let bins = &self.values.bins;
        let mut out = Vec::with_capacity(rows);
        let mut hashes = vec![0; model.config().contexts];
        dispatched(
            #[inline(always)]
            || {
                for row in 0..rows {
                    let reference = references.get(row);
                    contexts.fill(row, reference, &self.values, &mut hashes);
                    model.begin(&hashes);
                    let word = ordinals.get(row).map(|&value| self.values.word(value, reference));
                    let (symbol, offset) =
                        word.map_or((0, 0), |word| bins.bin_of(word).expect("bins were fitted to the words"));
                    let (code, mut left) = self.values.path.code(symbol);
                    let mut at = if nodes.is_empty() { Branch::Symbol(0) } else { Branch::Node(0) };
                    let symbol = loop {
                        let node = match at {
                            Branch::Node(node) => usize::from(node),
                            Branch::Symbol(symbol) => break usize::from(symbol),
                        };
                        if nodes[node].slot == 1 {
                            model.group(node as u32);
                        }
                        left = left.saturating_sub(1);
                        let bit = model.code(code >> left & 1 == 1, usize::from(nodes[node].slot), node, coder);
                        at = nodes[node].branches[usize::from(bit)];
                        if let Some(shares) = &mut shares {
                            model.weigh(shares);
                        }
                    };
                    let width = bins.widths[symbol];
                    let mut read = 0u64;
                    let mut slot = 1usize;
                    for shift in (0..width).rev() {
                        if (width - 1 - shift).is_multiple_of(4) {
                            slot = 1;
                            let place = super::values::fold(read << 7 | u64::from(shift)) >> 1;
                            model.group(0x8000_0000 | (symbol as u32) << 16 ^ place);
                        }
                        let bit = model.code(offset >> shift & 1 == 1, slot, nodes.len() + shift as usize, coder);
                        (slot, read) = (2 * slot + usize::from(bit), read << 1 | u64::from(bit));
                    }
                    let value = self.values.value(bins.lowers[symbol].wrapping_add(read), reference);
                    references.push(row, value);
                    contexts.push(value, symbol);
                    out.push(value);
                    check(coder)?;
                }
                Ok(out)
            },
        )
    }
}
