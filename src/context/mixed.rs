//! Many contexts at once: what each of them remembers of a bit is weighed and added.

use super::counter::Counter;
use super::{Apm, BinaryCoder, History, Mixer, padded, stretch};

/// Slots of a line. The first holds the check, the others one bit each: the nodes of four levels of a binary tree.
const LINE: usize = 16;

/// A slot that has seen nothing: probability one half, no count, empty history.
const FRESH: u32 = 1 << 31;

/// Classes of what a bit of a small context is worth at the end.
const NOVELTY: usize = 32;

/// 2^16 / (n + 1.5).
const RATES: [i64; 256] = {
    let mut rates = [0; 256];
    let mut n = 0;
    while n < rates.len() {
        rates[n] = (2 << 16) / (2 * n as i64 + 3);
        n += 1;
    }
    rates
};

/// Sizes of a [`MixedModel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MixedConfig {
    /// Contexts of each bit, 1 to 64.
    pub contexts: usize,
    /// Sets of weights to choose from for each bit.
    pub sets: usize,
    /// log2 of the number of lines that all contexts share, 1 to 22.
    pub lines_log2: u32,
    /// How many bits a slot remembers, 1 to 255.
    pub limit: u32,
    /// Learning rate of the mixer; see [`Mixer::new`].
    pub rate: u16,
}

/// Mixes what several contexts say about each bit.
///
/// Each context is a hash. With a *group* (four levels of a walk through a symbol) it finds a line of slots, each of
/// which holds a probability, a count and a [`History`]. Both the probability and what its history has been worth are
/// stretched and mixed, by two sets of weights: one chosen by the caller, one by how many contexts are known. The mean
/// is refined in two small contexts.
///
/// Lines live in one table: a line that is taken by another context is overwritten if it has seen less than its
/// neighbour. A check of 32 bits makes confusion rare, and harmless: both sides confuse alike.
///
/// ```
/// use losslaw::context::{BinaryDecoder, BinaryEncoder, BinaryCoder, MixedConfig, MixedModel};
/// let config = MixedConfig { contexts: 2, sets: 1, lines_log2: 8, limit: 255, rate: 40 };
/// fn code(model: &mut MixedModel, i: u32, coder: &mut impl BinaryCoder) -> bool {
///     model.begin(&[i % 3, 1000 + i % 5]);
///     model.group(0);
///     model.code(i % 3 == 1, 1, 0, coder)
/// }
/// let (mut encoder, mut model) = (BinaryEncoder::default(), MixedModel::new(config));
/// (0..900).for_each(|i| drop(std::hint::black_box(code(&mut model, i, &mut encoder))));
/// let bytes = encoder.finish();
/// assert!(bytes.len() < 20, "{}", bytes.len());
/// let (mut decoder, mut model) = (BinaryDecoder::new(&bytes, "example"), MixedModel::new(config));
/// assert!((0..900).all(|i| code(&mut model, i, &mut decoder) == (i % 3 == 1)));
/// ```
#[derive(Debug, Clone)]
pub struct MixedModel {
    config: MixedConfig,
    /// Lines of slots from [`MixedModel::start`] on, each word of a slot with [`FRESH`] taken out: memory that comes as
    /// zeros need not be touched before it is used.
    slots: Vec<u32>,
    /// Where the first line begins, so that each is one line of the processor's cache.
    start: usize,
    hashes: Vec<u32>,
    /// The number of each context's line.
    lines: Vec<u32>,
    /// What each history has been worth, for each context.
    maps: Vec<[Counter; History::COUNT]>,
    inputs: Vec<i32>,
    mixers: [Mixer; 2],
    last: Mixer,
    apms: [Apm; 2],
    /// Rounds small steps up or down so that slots of 16 bits learn slowly without stopping short.
    dither: u32,
}

impl MixedModel {
    /// An empty model.
    pub fn new(config: MixedConfig) -> Self {
        let inputs = 2 * config.contexts + 1;
        let histories = std::array::from_fn(|h| Counter::new(History::from_index(h as u8).expected(), 2));
        // What repeats exactly is common: weights begin above the share of one input in many, and learn fast for long.
        let first = vec![(1 << 16) / (inputs as i32).min(25); inputs];
        let mixer = |sets| Mixer::new(inputs, sets, config.rate).starting(&first).patient(8);
        let slots = vec![0u32; (LINE << config.lines_log2) + LINE];
        Self {
            config,
            start: slots.as_ptr().align_offset(LINE * 4).min(LINE),
            slots,
            hashes: vec![0; config.contexts],
            lines: vec![0; config.contexts],
            maps: vec![histories; config.contexts],
            inputs: vec![0; padded(inputs)],
            mixers: [mixer(config.sets), mixer(NOVELTY)],
            last: Mixer::new(2, 1, 20),
            apms: [Apm::new(config.sets, 6), Apm::new(NOVELTY * config.contexts.min(2), 6)],
            dither: 1,
        }
    }

    /// Bytes of memory that a model takes.
    pub fn memory(config: &MixedConfig) -> u64 {
        let inputs = 2 * config.contexts + 1;
        (64 << config.lines_log2)
            + config.contexts as u64 * 1024
            + Mixer::memory(inputs, config.sets + NOVELTY)
            + Apm::memory(config.sets + 2 * NOVELTY)
    }

    /// The sizes.
    pub fn config(&self) -> &MixedConfig {
        &self.config
    }

    /// Begins a symbol in these contexts, one hash each.
    #[inline(always)]
    pub fn begin(&mut self, hashes: &[u32]) {
        self.hashes.copy_from_slice(hashes);
    }

    /// Finds the lines for the next bits: those of group `group` of the symbol that was begun.
    #[inline(always)]
    pub fn group(&mut self, group: u32) {
        let shift = 32 - self.config.lines_log2;
        let slots = self.slots[self.start..].as_chunks_mut::<LINE>().0;
        let place = |at: usize, hash: u32| {
            let hash = (hash ^ group.wrapping_mul(0x9e37_79b9)).wrapping_add((at as u32).wrapping_mul(0x632b_e5ab));
            (hash ^ hash >> 15).wrapping_mul(0x85eb_ca6b)
        };
        // Lines are far apart. All of them are asked for before the first is waited for.
        let asked = self.hashes.iter().enumerate().map(|(at, &hash)| slots[(place(at, hash) >> shift) as usize][0]);
        std::hint::black_box(asked.fold(0, u32::wrapping_add));
        for (at, (line, &hash)) in self.lines.iter_mut().zip(&self.hashes).enumerate() {
            let hash = place(at, hash);
            let check = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35) | 1;
            let first = (hash >> shift) as usize;
            let second = first ^ 1;
            *line = if slots[first][0] == check {
                first
            } else if slots[second][0] == check {
                second
            } else {
                // The root of the group tells how often the line was used.
                let uses = |line: &[u32; LINE]| if line[0] == 0 { 0 } else { 1 + (line[1] >> 8 & 255) };
                let line = if uses(&slots[second]) < uses(&slots[first]) { second } else { first };
                slots[line] = [0; LINE];
                slots[line][0] = check;
                line
            } as u32;
        }
    }

    /// Codes the bit of slot `slot` (1 to 15) in the lines found last, under weight set `set`.
    #[inline(always)]
    pub fn code(&mut self, bit: bool, slot: usize, set: usize, coder: &mut impl BinaryCoder) -> bool {
        let slot = slot % LINE;
        let slots = self.slots[self.start..].as_chunks::<LINE>().0;
        let pairs = self.inputs.as_chunks_mut::<2>().0;
        let mut known = 0;
        for ((&line, map), pair) in self.lines.iter().zip(&self.maps).zip(pairs) {
            let word = slots[line as usize][slot] ^ FRESH;
            let is_known = word & 0xff00 != 0;
            known += usize::from(is_known);
            let told = stretch(map[(word & 255) as usize].one());
            *pair = [if is_known { told } else { 0 }, stretch(word >> 16)];
        }
        self.inputs[2 * self.config.contexts] = 256;
        let novelty = known * (NOVELTY - 1) / self.config.contexts;
        let [chosen, by_novelty] = &mut self.mixers;
        let mut ends = [0; padded(2)];
        (ends[0], ends[1]) = (chosen.sum(&self.inputs, set), by_novelty.sum(&self.inputs, novelty));
        let mixed = self.last.mix(&ends, 0);
        let refined = self.apms[0].refine(mixed, set) + self.apms[1].refine(mixed, novelty);
        let one = ((2 * mixed + refined + 2) >> 2).clamp(1, 65535);
        let bit = coder.code(bit, one);
        self.last.learn(&ends, bit);
        // Plain loops: closures handed on are not compiled for what the processor has.
        for mixer in &mut self.mixers {
            mixer.learn(&self.inputs, bit);
        }
        for apm in &mut self.apms {
            apm.learn(bit);
        }
        self.learn(bit, slot);
        bit
    }

    /// Adds to `shares`, two for each context, how far what it said of the last bit moved the mixed prediction.
    #[inline(always)]
    pub(crate) fn weigh(&self, shares: &mut [u64]) {
        for mixer in &self.mixers {
            mixer.weigh(&self.inputs, shares);
        }
    }

    /// Adds a bit to the slots and to what their histories are worth.
    #[inline(always)]
    fn learn(&mut self, bit: bool, slot: usize) {
        self.dither = self.dither.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        let (round, target) = (i64::from(self.dither >> 16), if bit { 65535 } else { 0 });
        let slots = self.slots[self.start..].as_chunks_mut::<LINE>().0;
        for (&line, map) in self.lines.iter().zip(&mut self.maps) {
            let held = &mut slots[line as usize][slot];
            let word = *held ^ FRESH;
            let (one, seen, history) = ((word >> 16) as i32, word >> 8 & 255, (word & 255) as u8);
            map[usize::from(history)].learn(bit, 1023);
            let step = ((i64::from(target - one) * RATES[seen as usize] + round) >> 16) as i32;
            let mut history = History::from_index(history);
            history.learn(bit);
            let seen = seen + u32::from(seen < self.config.limit);
            *held = (((one + step) as u32) << 16 | seen << 8 | history.index() as u32) ^ FRESH;
        }
    }
}
