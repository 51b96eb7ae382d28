//! Finding earlier occurrences: a binary tree for the strong parse, hash chains for the fast one.

use crate::Word;

/// An earlier stretch equal to the one at the current position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub length: u32,
    pub distance: u32,
}

/// Shortest stretch that the finders look for: three bytes, or two words of more than a byte.
pub(super) fn shortest<W: Word>() -> usize {
    if size_of::<W>() == 1 { 3 } else { 2 }
}

/// Length of the common prefix of two stretches of `words`, at most `most`; both must hold `most` words.
#[inline]
pub(super) fn common<W: Word>(words: &[W], a: usize, b: usize, most: usize) -> usize {
    let (a, b) = (&words[a..a + most], &words[b..b + most]);
    let (a_chunks, a_tail) = a.as_chunks::<8>();
    let (b_chunks, b_tail) = b.as_chunks::<8>();
    for (index, (x, y)) in a_chunks.iter().zip(b_chunks).enumerate() {
        if size_of::<W>() == 1 {
            // Eight bytes are compared at once; the lowest that differs is found by its bits.
            let differ = load(x) ^ load(y);
            if differ != 0 {
                return index * 8 + differ.trailing_zeros() as usize / 8;
            }
        } else if x != y {
            return index * 8 + equal(x, y);
        }
    }
    most - a_tail.len() + equal(a_tail, b_tail)
}

#[inline]
fn equal<W: Word>(a: &[W], b: &[W]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// Eight bytes as one number, the first lowest.
#[inline]
fn load<W: Word>(bytes: &[W; 8]) -> u64 {
    u64::from_le_bytes(bytes.map(|byte| byte.wide() as u8))
}

/// Spreads the first words of `words` over `bits` bits.
#[inline]
fn bucket<W: Word>(words: &[W], bits: u32) -> usize {
    let mut key = words[0].wide().wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(words[1].wide());
    if size_of::<W>() == 1 {
        key = words[0].wide() | words[1].wide() << 8 | words[2].wide() << 16;
    }
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize
}

/// Bits of a bucket number for a lane of `len` words.
fn bucket_bits(len: usize) -> u32 {
    (usize::BITS - len.leading_zeros()).clamp(8, 18)
}

/// One binary search tree of positions for each bucket, ordered by what follows the position; newer ones are above.
///
/// A search walks from the root to the place where the position itself belongs and makes it the new root, so that
/// looking up and inserting are one walk, and runs and periods cost one step a position.
///
/// Source: the match finder `bt4` of Igor Pavlov's LZMA SDK, 1999.
#[derive(Debug)]
pub(super) struct Tree<'a, W> {
    words: &'a [W],
    /// Root of each bucket, as position + 1; 0 is none.
    roots: Vec<u32>,
    /// Children of each position: those that sort before it and those that sort after, as position + 1.
    below: Vec<[u32; 2]>,
    bits: u32,
    depth: u32,
    nice: usize,
}

impl<'a, W: Word> Tree<'a, W> {
    /// An empty tree; a walk takes at most `depth` steps and compares at most `nice` words.
    pub fn new(words: &'a [W], depth: u32, nice: usize) -> Self {
        let bits = bucket_bits(words.len());
        Self { words, roots: vec![0; 1 << bits], below: vec![[0; 2]; words.len()], bits, depth, nice }
    }

    /// The words searched.
    pub fn words(&self) -> &'a [W] {
        self.words
    }

    /// Inserts position `at` and appends to `found` ever longer matches, the nearest that the walk meets of each.
    ///
    /// Positions must come in ascending order.
    pub fn find(&mut self, at: usize, found: &mut Vec<Match>) {
        self.walk(at, |length, distance| {
            found.push(Match { length: length as u32, distance: distance as u32 });
        });
    }

    /// Inserts position `at`.
    pub fn skip(&mut self, at: usize) {
        self.walk(at, |_, _| ());
    }

    #[inline]
    fn walk(&mut self, at: usize, mut longer: impl FnMut(usize, usize)) {
        let most = self.nice.min(self.words.len() - at);
        let mut best = shortest::<W>() - 1;
        if most <= best {
            return;
        }
        let root = &mut self.roots[bucket(&self.words[at..], self.bits)];
        let mut next = std::mem::replace(root, at as u32 + 1);
        // Open places for subtrees before and after `at`, and how much all of what hangs there shares with `at`.
        let mut open = [(at, 0), (at, 1)];
        let mut shared = [0, 0];
        for _ in 0..self.depth {
            if next == 0 {
                break;
            }
            let old = next as usize - 1;
            let known = shared[0].min(shared[1]);
            let length = known + common(self.words, at + known, old + known, most - known);
            if length > best {
                best = length;
                longer(length, at - old);
            }
            if length == most {
                for ((place, child), handed_on) in open.into_iter().zip(self.below[old]) {
                    self.below[place][child] = handed_on;
                }
                return;
            }
            let side = usize::from(self.words[old + length] > self.words[at + length]);
            let (place, child) = open[side];
            self.below[place][child] = next;
            open[side] = (old, 1 - side);
            shared[side] = length;
            next = self.below[old][1 - side];
        }
        for (place, child) in open {
            self.below[place][child] = 0;
        }
    }
}

/// Positions with equal bucket, newest first.
#[derive(Debug)]
pub(super) struct Chains<'a, W> {
    words: &'a [W],
    /// Newest position of each bucket, as position + 1; 0 is none.
    newest: Vec<u32>,
    /// The position before each, as position + 1.
    older: Vec<u32>,
    bits: u32,
    depth: u32,
}

impl<'a, W: Word> Chains<'a, W> {
    /// Empty chains of which at most `depth` positions are tried.
    pub fn new(words: &'a [W], depth: u32) -> Self {
        let bits = bucket_bits(words.len()).min(16);
        Self { words, newest: vec![0; 1 << bits], older: vec![0; words.len()], bits, depth }
    }

    /// Inserts position `at`; positions must come in ascending order.
    pub fn insert(&mut self, at: usize) {
        if self.words.len() - at >= shortest::<W>() {
            let newest = &mut self.newest[bucket(&self.words[at..], self.bits)];
            self.older[at] = std::mem::replace(newest, at as u32 + 1);
        }
    }

    /// The longest match at `at`, the nearest of that length, among the positions inserted.
    pub fn longest(&self, at: usize) -> Option<Match> {
        let most = self.words.len() - at;
        if most < shortest::<W>() {
            return None;
        }
        let mut next = self.newest[bucket(&self.words[at..], self.bits)];
        let mut best = Match { length: shortest::<W>() as u32 - 1, distance: 0 };
        for _ in 0..self.depth {
            if next == 0 || best.length as usize == most {
                break;
            }
            let old = next as usize - 1;
            let reach = best.length as usize;
            if self.words[old + reach] == self.words[at + reach] {
                let length = common(self.words, at, old, most);
                if length > reach {
                    best = Match { length: length as u32, distance: (at - old) as u32 };
                }
            }
            next = self.older[old];
        }
        (best.distance > 0).then_some(best)
    }
}
