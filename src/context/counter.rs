//! What is remembered of the bits seen in one context.

/// A probability that follows the bits seen, at a rate that falls as they become many.
///
/// 22 bits of probability and 10 bits of count in one word. After n bits the next one weighs 1 / (n + 1.5), until n
/// reaches the limit that the caller gives: small limits forget fast, large ones suit bits that never change.
///
/// ```
/// use losslaw::context::Counter;
/// let mut counter = Counter::default();
/// assert_eq!((counter.one(), counter.seen()), (32768, 0));
/// (0..50).for_each(|_| counter.learn(true, 255));
/// assert!(counter.one() > 64000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter(u32);

const COUNT_BITS: u32 = 10;
const COUNT_MASK: u32 = (1 << COUNT_BITS) - 1;

/// 2^16 / (n + 1.5).
const RATES: [u32; 1 << COUNT_BITS] = {
    let mut rates = [0; 1 << COUNT_BITS];
    let mut n = 0;
    while n < rates.len() {
        rates[n] = (2 << 16) / (2 * n as u32 + 3);
        n += 1;
    }
    rates
};

impl Default for Counter {
    fn default() -> Self {
        Self(1 << 31)
    }
}

impl Counter {
    /// Largest limit of [`Counter::learn`].
    pub const MOST_SEEN: u32 = COUNT_MASK;

    /// A counter that begins at probability `one` (2⁻¹⁶) as if `seen` bits had told so.
    pub fn new(one: u32, seen: u32) -> Self {
        Self((one.min(65535) << 16) & !COUNT_MASK | seen.min(COUNT_MASK))
    }

    /// The probability of a set bit in units of 2⁻¹⁶, from 1 to 65,535.
    #[inline(always)]
    pub fn one(self) -> u32 {
        (self.0 >> 16).max(1)
    }

    /// How many bits were seen, up to the limit.
    #[inline(always)]
    pub fn seen(self) -> u32 {
        self.0 & COUNT_MASK
    }

    /// Moves towards `bit`; the count stops at `limit`, at most [`Counter::MOST_SEEN`].
    #[inline(always)]
    pub fn learn(&mut self, bit: bool, limit: u32) {
        let (p, n) = (self.0 >> COUNT_BITS, self.0 & COUNT_MASK);
        let target = if bit { (1i32 << 22) - 1 } else { 0 };
        let step = (i64::from(target - p as i32) * i64::from(RATES[n as usize])) >> 16;
        let p = (p as i32 + step as i32) as u32;
        self.0 = p << COUNT_BITS | (n + u32::from(n < limit)).min(COUNT_MASK);
    }
}

/// How many clear and set bits were seen lately: up to 15 of each, in one byte.
///
/// Where a bit contradicts many of the other kind, most of these are forgotten, so that the byte tells a context that
/// never changed from one that wavers. A map from histories to [`Counter`]s learns what each is worth.
///
/// ```
/// use losslaw::context::History;
/// let mut history = History::default();
/// (0..20).for_each(|_| history.learn(true));
/// assert_eq!(history.seen(), (0, 15));
/// history.learn(false);
/// assert_eq!(history.seen(), (1, 6));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History(u8);

impl History {
    /// Number of histories.
    pub const COUNT: usize = 256;

    /// The history of this number, below [`History::COUNT`].
    #[inline(always)]
    pub fn from_index(index: u8) -> Self {
        Self(index)
    }

    /// The number of this history.
    #[inline(always)]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Clear and set bits.
    pub fn seen(self) -> (u32, u32) {
        (u32::from(self.0 >> 4), u32::from(self.0 & 15))
    }

    /// Adds a bit.
    #[inline(always)]
    pub fn learn(&mut self, bit: bool) {
        self.0 = NEXT[usize::from(bit)][usize::from(self.0)];
    }

    /// The probability of a set bit that counts alone suggest, to begin a map with.
    pub fn expected(self) -> u32 {
        let (clear, set) = self.seen();
        ((2 * set + 1) << 16) / (2 * (clear + set) + 2)
    }
}

/// The history after a clear bit, and after a set one.
const NEXT: [[u8; 256]; 2] = {
    let mut next = [[0; 256]; 2];
    let mut state = 0;
    while state < 256 {
        let (clear, set) = ((state >> 4) as u8, (state & 15) as u8);
        next[0][state] = (if clear < 15 { clear + 1 } else { 15 }) << 4 | shrunk(set);
        next[1][state] = shrunk(clear) << 4 | (if set < 15 { set + 1 } else { 15 });
        state += 1;
    }
    next
};

/// What a contradiction leaves of a count.
const fn shrunk(count: u8) -> u8 {
    if count > 3 { 2 + count / 3 - if count < 6 { 0 } else { 1 } } else { count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_find_the_share_of_set_bits() {
        for (set, of) in [(1, 2), (1, 10), (9, 10), (1, 100)] {
            let mut counter = Counter::default();
            (0..5000).for_each(|i| counter.learn(i % of < set, 1023));
            let share = f64::from(counter.one()) / 65536.0;
            assert!((share - f64::from(set) / f64::from(of)).abs() < 0.01, "{set}/{of}: {share}");
        }
    }

    #[test]
    fn counters_never_leave_their_range() {
        for bit in [false, true] {
            let mut counter = Counter::default();
            (0..100_000).for_each(|_| counter.learn(bit, Counter::MOST_SEEN));
            assert!((1..=65535).contains(&counter.one()));
            assert_eq!(counter.seen(), 1023);
        }
    }

    #[test]
    fn contradictions_shrink_counts_without_adding_to_them() {
        for count in 0..16 {
            assert!(shrunk(count) <= count && (count == 0 || shrunk(count) > 0), "{count}: {}", shrunk(count));
        }
    }
}
