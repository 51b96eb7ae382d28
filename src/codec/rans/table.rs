//! A group's table: from weights to frequencies that sum to a power of two.

use crate::codec::dispatch::dispatched;
use crate::log2::log2;

/// Largest precision of a table.
pub(super) const MAX_LOG: u32 = 14;

/// Symbols and frequencies that sum to 2^`log`; there are at least two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frequencies {
    /// Precision, 1 to [`MAX_LOG`].
    pub log: u32,
    /// Symbol and frequency, in the order of their slots.
    pub entries: Vec<(u16, u16)>,
}

impl Frequencies {
    /// Frequencies near `weights`, whose order is kept; there are two weights at least, none of them 0.
    ///
    /// The precision follows from the weights: more than their sum W and at most twice that, but not beyond 2^12, or 2^14 when one symbol
    /// has 15/16 of W, where rare symbols would suffer. With T = 2^log slots, a weight w deserves x = w·T / W of them;
    /// each symbol gets one slot, and those left over are divided in proportion to max(0, x − 1), by rounding down
    /// the running sum.
    pub fn from_weights(weights: impl Iterator<Item = (u16, u64)> + Clone) -> Self {
        let (mut sum, mut largest, mut count) = (0u64, 0, 0u64);
        for (_, weight) in weights.clone() {
            sum += weight;
            largest = largest.max(weight);
            count += 1;
        }
        let most = if largest / 15 > (sum - largest) { MAX_LOG } else { 12 };
        let log = (sum.max(count).ilog2() + 1).min(most).max(count.ilog2() + 1);
        let slots = 1u64 << log;
        let share = |weight: u64| u128::from((weight << log).saturating_sub(sum));
        let shares: u128 = weights.clone().map(|(_, weight)| share(weight)).sum();
        let free = u128::from(slots - count);
        let (mut running, mut given) = (0, 0);
        let entries = weights
            .map(|(symbol, weight)| {
                running += share(weight);
                // The shares are all 0 only when every symbol deserves one slot, and none is left over.
                let until = (running * free).checked_div(shares).unwrap_or(0) as u64;
                let frequency = 1 + until - given;
                given = until;
                (symbol, frequency as u16)
            })
            .collect();
        Self { log, entries }
    }
}

/// What it costs to code `counts` with `weights`, in 2⁻¹⁶ bit; `None` if a counted symbol has no weight.
pub(super) fn code_price(counts: &[u64], weights: &[u64]) -> Option<u64> {
    let whole = log2(weights.iter().sum());
    counts
        .iter()
        .zip(weights)
        .filter(|(count, _)| **count > 0)
        .try_fold(0, |sum, (&count, &weight)| (weight > 0).then(|| sum + count * (whole - log2(weight))))
}

/// A table laid out for decoding.
pub(super) trait Steps {
    /// The symbol of a state, and the state without it, before renormalisation.
    fn step(&self, state: u32) -> (u16, u32);
}

/// Precision up to which a slot fits into 32 bits, with a symbol of one byte.
pub(super) const NARROW_LOG: u32 = 12;

/// Slots that are laid out at a time: more would be in vain, fewer often end a loop where it was not foreseen.
const STEP: usize = 16;

/// The slots of a table of low precision whose symbols are bytes.
pub(super) struct Narrow {
    /// Frequency in the low 12 bits, the slot's place inside its symbol in the next 12, then the symbol.
    ///
    /// There is room behind the last slot, since slots are laid out [`STEP`] at a time.
    pub packed: [u32; (1 << NARROW_LOG) + STEP],
    /// Precision.
    pub log: u32,
}

impl Narrow {
    #[expect(
        clippy::large_stack_arrays,
        reason = "in a box, its address would be loaded again after each byte written"
    )]
    pub fn new() -> Self {
        Self { packed: [0; (1 << NARROW_LOG) + STEP], log: 1 }
    }

    /// Lays out a table in place of the last one.
    pub fn fill(&mut self, table: &Frequencies) {
        dispatched(
            #[inline(always)]
            || self.lay_out(table),
        );
    }

    #[inline(always)]
    fn lay_out(&mut self, table: &Frequencies) {
        self.log = table.log;
        let mut at = 0;
        for &(symbol, frequency) in &table.entries {
            let end = at + usize::from(frequency);
            let first = u32::from(symbol) << 24 | u32::from(frequency);
            let mut some: [u32; STEP] = std::array::from_fn(|place| first + ((place as u32) << 12));
            while at < end {
                // What goes beyond the symbol's slots is written again by the next one.
                self.packed[at..at + STEP].copy_from_slice(&some);
                some = some.map(|slot| slot.wrapping_add((STEP as u32) << 12));
                at += STEP;
            }
            at = end;
        }
    }
}

impl Steps for Narrow {
    #[inline(always)]
    fn step(&self, state: u32) -> (u16, u32) {
        let packed = self.packed[(state & ((1 << self.log) - 1)) as usize & ((1 << NARROW_LOG) - 1)];
        ((packed >> 24) as u16, (packed & 0xfff) * (state >> self.log) + (packed >> 12 & 0xfff))
    }
}

/// The slots of any table.
pub(super) struct Slots {
    /// Frequency in the low 16 bits, the slot's place inside its symbol above.
    packed: Box<[u32; 1 << MAX_LOG]>,
    symbols: Box<[u16; 1 << MAX_LOG]>,
    log: u32,
}

impl Slots {
    pub fn new() -> Self {
        // Through vectors, for the arrays are too large for the stack.
        let slots = 1 << MAX_LOG;
        Self {
            packed: vec![0; slots].into_boxed_slice().try_into().expect("as long as the array"),
            symbols: vec![0; slots].into_boxed_slice().try_into().expect("as long as the array"),
            log: 1,
        }
    }

    /// Lays out a table in place of the last one.
    pub fn fill(&mut self, table: &Frequencies) {
        self.log = table.log;
        let mut at = 0;
        for &(symbol, frequency) in &table.entries {
            let next = at + usize::from(frequency);
            self.symbols[at..next].fill(symbol);
            for (place, packed) in self.packed[at..next].iter_mut().enumerate() {
                *packed = (place as u32) << 16 | u32::from(frequency);
            }
            at = next;
        }
    }
}

impl Steps for Slots {
    #[inline(always)]
    fn step(&self, state: u32) -> (u16, u32) {
        let slot = (state & ((1 << self.log) - 1)) as usize & ((1 << MAX_LOG) - 1);
        let packed = self.packed[slot];
        (self.symbols[slot], (packed & 0xffff) * (state >> self.log) + (packed >> 16))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frequencies_sum_to_their_power_and_none_is_zero(
            weights in prop::collection::vec((1u64..1 << 42, 0u32..42), 2..1024),
        ) {
            let weights: Vec<u64> = weights.iter().map(|(w, shift)| (w >> shift).max(1)).collect();
            let table = Frequencies::from_weights(weights.iter().enumerate().map(|(s, &w)| (s as u16, w)));
            prop_assert!(table.log <= MAX_LOG);
            prop_assert_eq!(table.entries.iter().map(|e| u32::from(e.1)).sum::<u32>(), 1 << table.log);
            prop_assert!(table.entries.iter().all(|e| e.1 > 0));
        }
    }

    #[test]
    fn equal_weights_get_equal_slots_and_a_rare_symbol_keeps_one() {
        let table = Frequencies::from_weights([(0, 5), (1, 5)].into_iter());
        assert_eq!((table.log, table.entries), (4, vec![(0, 8), (1, 8)]));
        let table = Frequencies::from_weights([(7, 1), (3, 1 << 40)].into_iter());
        assert_eq!((table.log, table.entries), (14, vec![(7, 1), (3, 16383)]));
    }
}
