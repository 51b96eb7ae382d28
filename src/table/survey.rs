//! How the numbers of a column are spelt, and which spelling suits most of them.

use super::number::{MAX_DIGITS, Shape};
use super::{Number, Spelling};

/// What a look at all numbers of a column found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Plain numbers by digits behind the point.
    pub with_frac: [u64; 19],
    /// Those among them that end in a zero.
    trailing_zero: [u64; 19],
    /// Least and largest mantissa by digits behind the point.
    range: [Option<(i64, i64)>; 19],
    /// Unsigned digit strings by their length, leading zeros allowed.
    with_width: [u64; 19],
    /// Digit strings with a needless zero in front.
    padded: u64,
}

impl Survey {
    /// Counts one more number.
    pub fn add(&mut self, shape: Shape) {
        let frac = shape.frac as usize;
        if !shape.negative && frac == 0 {
            self.with_width[shape.digits as usize] += 1;
        }
        if shape.padded {
            self.padded += u64::from(frac == 0);
            return;
        }
        self.with_frac[frac] += 1;
        self.trailing_zero[frac] += u64::from(shape.trailing_zero);
        if let Some(value) = shape.value(shape.frac) {
            let (least, most) = self.range[frac].get_or_insert((value, value));
            *least = value.min(*least);
            *most = value.max(*most);
        }
    }

    /// Whether all numbers end in `.0`.
    pub fn is_whole(&self) -> bool {
        let total: u64 = self.with_frac.iter().sum();
        total > 0 && self.padded == 0 && self.trailing_zero[1] == total
    }

    /// The integers before the `.0`, and the largest.
    pub fn whole(&self) -> (Number, i64) {
        let (least, most) = self.range[1].unwrap_or_default();
        (Number::Integer { min: least / 10 }, most / 10)
    }

    /// The spelling that most cells follow, and a bound on the largest value.
    pub fn number(&self) -> Option<(Number, i64)> {
        let total: u64 = self.with_frac.iter().sum();
        let width = (1..=MAX_DIGITS as usize).rev().max_by_key(|&width| self.with_width[width])?;
        if self.padded > 0 && self.with_width[width] >= total {
            return Some((Number::Code { width: width as u8, min: 0 }, 10i64.pow(width as u32) - 1));
        }
        let last = self.with_frac.iter().rposition(|&cells| cells > 0)?;
        // A few cells with many digits must not stretch the range of all others.
        let mut covered = 0;
        let scale = self.with_frac[..=last].iter().position(|&cells| {
            covered += cells;
            (total - covered) * 200 <= total
        })?;
        let trimmed = |least: usize| {
            let longer = (least + 1..=scale).map(|frac| self.with_frac[frac] - self.trailing_zero[frac]);
            self.with_frac[least] + longer.sum::<u64>()
        };
        let (min, most) = self.bounds(scale)?;
        if scale == 0 {
            return Some((Number::Integer { min }, most));
        }
        let spellings = [
            (self.with_frac[scale], Spelling::Fixed),
            (trimmed(1), Spelling::Trimmed { min_frac: 1 }),
            (trimmed(0), Spelling::Trimmed { min_frac: 0 }),
        ];
        let (_, spelling) = spellings.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        Some((Number::Decimal { min, scale: scale as u8, spelling }, most))
    }

    /// The least and largest value of at most `scale` digits behind the point, at that scale.
    fn bounds(&self, scale: usize) -> Option<(i64, i64)> {
        // Longer numbers do not parse, so they may be cut off.
        let cut = |value: i64, frac: usize| {
            let bound = 10i128.pow(MAX_DIGITS);
            (i128::from(value) * 10i128.pow((scale - frac) as u32)).clamp(-bound, bound) as i64
        };
        let ranges = (0..=scale).filter_map(|frac| self.range[frac].map(|(a, b)| (cut(a, frac), cut(b, frac))));
        ranges.reduce(|(least, most), (a, b)| (least.min(a), most.max(b)))
    }
}
