//! Numbers as texts: parsing that accepts exactly what formatting writes.

use super::datetime::DateFormat;

/// Most digits of a number; ten to this power fits 64 bits with a sign to spare.
pub(super) const MAX_DIGITS: u32 = 18;

/// How the numbers of a column are spelled, and the least of them.
///
/// [`Number::parse`] accepts a text only if [`Number::format`] gives the same text back.
///
/// ```
/// use losslaw::table::{Number, Spelling};
/// let price = Number::Decimal { min: -100, scale: 2, spelling: Spelling::Fixed };
/// assert_eq!(price.parse(b"-0.75"), Some(25));
/// assert_eq!((price.parse(b"-.75"), price.parse(b"7")), (None, None));
/// let mut text = vec![];
/// assert_eq!(price.format(300, &mut text), Some(()));
/// assert_eq!(text, b"2.00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Digits without leading zeros, perhaps behind a minus sign.
    Integer {
        /// Least value.
        min: i64,
    },
    /// Integers divided by a power of ten.
    Decimal {
        /// Least value, times 10^`scale`.
        min: i64,
        /// Digits behind the point, 1 to 18.
        scale: u8,
        /// Which trailing zeros are written.
        spelling: Spelling,
    },
    /// Digits padded with zeros to a fixed width.
    Code {
        /// Number of digits, 1 to 18.
        width: u8,
        /// Least value.
        min: i64,
    },
    /// Dates, perhaps with the time of day.
    DateTime {
        /// Least value, in units of the format since 1970.
        min: i64,
        /// Order, separators and unit.
        format: DateFormat,
    },
}

/// Which trailing zeros a decimal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// All: every number has as many digits behind the point as the scale says.
    Fixed,
    /// None, except to keep this many (0 or 1) digits behind the point. Without digits there is no point.
    Trimmed {
        /// Digits behind the point that are kept although they are zero.
        min_frac: u8,
    },
}

impl Number {
    /// The least value.
    pub fn min(self) -> i64 {
        match self {
            Self::Integer { min } | Self::Decimal { min, .. } | Self::Code { min, .. } | Self::DateTime { min, .. } => {
                min
            }
        }
    }

    /// The value of a text less the minimum; `None` unless the text is exactly what `format` would write.
    pub fn parse(self, text: &[u8]) -> Option<u64> {
        let value = match self {
            Self::Integer { .. } => Shape::of(text).filter(|s| s.frac == 0 && !s.padded)?.value(0)?,
            Self::Decimal { scale, spelling, .. } => {
                Shape::of(text).filter(|s| s.fits(scale, spelling))?.value(u32::from(scale))?
            }
            Self::Code { width, .. } => {
                Shape::of(text).filter(|s| !s.negative && s.frac == 0 && s.digits == u32::from(width))?.value(0)?
            }
            Self::DateTime { format, .. } => format.parse(text)?,
        };
        (value >= self.min()).then(|| value.abs_diff(self.min()))
    }

    /// Appends the text of the minimum plus `offset`; `None` when that is out of range.
    pub fn format(self, offset: u64, out: &mut Vec<u8>) -> Option<()> {
        let value = self.min().checked_add_unsigned(offset)?;
        if value < 0 && !matches!(self, Self::DateTime { .. }) {
            out.push(b'-');
        }
        match self {
            Self::Integer { .. } => put_digits(value.unsigned_abs(), 1, out),
            Self::Code { width, .. } => put_digits(value.unsigned_abs(), usize::from(width), out),
            Self::Decimal { scale, spelling, .. } => {
                let unit = 10u64.checked_pow(u32::from(scale))?;
                put_digits(value.unsigned_abs() / unit, 1, out);
                out.push(b'.');
                let point = out.len();
                put_digits(value.unsigned_abs() % unit, usize::from(scale), out);
                if let Spelling::Trimmed { min_frac } = spelling {
                    let kept = out[point..].iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
                    match kept.max(usize::from(min_frac)) {
                        0 => out.truncate(point - 1),
                        kept => out.truncate(point + kept),
                    }
                }
            }
            Self::DateTime { format, .. } => format.format(value, out)?,
        }
        Some(())
    }
}

/// The two digits of each number below a hundred.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Appends at least `width` digits.
pub(super) fn put_digits(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    let pair = PAIRS[value as usize];
    at -= 1;
    digits[at] = pair[1];
    if value >= 10 {
        at -= 1;
        digits[at] = pair[0];
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width.min(20))..]);
}

/// A plain number taken apart: `-?digits[.digits]` of at most [`MAX_DIGITS`] digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub negative: bool,
    /// All digits without the point.
    pub mantissa: u64,
    /// Number of all digits.
    pub digits: u32,
    /// Number of digits behind the point.
    pub frac: u32,
    /// Whether a needless zero leads.
    pub padded: bool,
    /// Whether there is a point and the last digit is zero.
    pub trailing_zero: bool,
}

impl Shape {
    /// `None` for anything else, and for the negative zero, which no integer spells.
    pub fn of(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        if text.len() > MAX_DIGITS as usize + 1 {
            return None;
        }
        let (mut mantissa, mut point) = (0u64, None);
        for (at, &byte) in text.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                mantissa = mantissa * 10 + u64::from(digit);
            } else if byte == b'.' && point.is_none() && at > 0 {
                point = Some(at);
            } else {
                return None;
            }
        }
        let digits = text.len() as u32 - u32::from(point.is_some());
        let whole = point.unwrap_or(text.len());
        let frac = point.map_or(0, |at| text.len() - at - 1) as u32;
        if digits == 0 || digits > MAX_DIGITS || (point.is_some() && frac == 0) || (negative && mantissa == 0) {
            return None;
        }
        Some(Self {
            negative,
            mantissa,
            digits,
            frac,
            padded: whole > 1 && text[0] == b'0',
            trailing_zero: frac > 0 && text.last() == Some(&b'0'),
        })
    }

    /// The signed mantissa at a scale that is no smaller than the digits behind the point.
    pub fn value(&self, scale: u32) -> Option<i64> {
        let more = scale.checked_sub(self.frac)?;
        // Leading zeros count as digits here, which only makes the bound stricter.
        let mantissa = if self.digits + more > MAX_DIGITS { return None } else { self.mantissa * 10u64.pow(more) };
        Some(if self.negative { -(mantissa as i64) } else { mantissa as i64 })
    }

    fn fits(&self, scale: u8, spelling: Spelling) -> bool {
        !self.padded
            && match spelling {
                Spelling::Fixed => self.frac == u32::from(scale),
                Spelling::Trimmed { min_frac } => {
                    let least = u32::from(min_frac);
                    (least..=u32::from(scale)).contains(&self.frac) && (self.frac == least || !self.trailing_zero)
                }
            }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = Number> {
        let spelling = prop_oneof![
            Just(Spelling::Fixed),
            Just(Spelling::Trimmed { min_frac: 0 }),
            Just(Spelling::Trimmed { min_frac: 1 })
        ];
        prop_oneof![
            any::<i64>().prop_map(|min| Number::Integer { min }),
            (any::<i64>(), 1u8..=18, spelling).prop_map(|(min, scale, spelling)| Number::Decimal {
                min,
                scale,
                spelling
            }),
            (1u8..=18, 0i64..100).prop_map(|(width, min)| Number::Code { width, min }),
        ]
    }

    proptest! {
        #[test]
        fn a_text_that_parses_is_written_again(text in "-?[0-9]{0,4}[.]?[0-9]{0,5}", number in numbers()) {
            let low = match number {
                Number::Integer { .. } => Number::Integer { min: -1 << 60 },
                Number::Decimal { scale, spelling, .. } => Number::Decimal { min: -1 << 60, scale, spelling },
                other => other,
            };
            for number in [number, low] {
                if let Some(offset) = number.parse(text.as_bytes()) {
                    let mut out = vec![];
                    number.format(offset, &mut out).unwrap();
                    prop_assert_eq!(out, text.as_bytes());
                }
            }
        }

        #[test]
        fn any_offset_is_written_or_refused(number in numbers(), offset: u64) {
            let _ = number.format(offset, &mut vec![]);
        }
    }

    #[test]
    fn usual_spellings_parse_and_others_do_not() {
        let int = Number::Integer { min: -1000 };
        assert_eq!(int.parse(b"-1000"), Some(0));
        for odd in ["", "-", "+1", "01", "-0", "1.", "1.0", "1e3", " 1", "-1001", "1234567890123456789"] {
            assert_eq!(int.parse(odd.as_bytes()), None, "{odd}");
        }
        let trimmed = Number::Decimal { min: 0, scale: 3, spelling: Spelling::Trimmed { min_frac: 1 } };
        assert_eq!(trimmed.parse(b"41.0"), Some(41000));
        assert_eq!((trimmed.parse(b"41"), trimmed.parse(b"41.50"), trimmed.parse(b"-0.0")), (None, None, None));
        let code = Number::Code { width: 5, min: 0 };
        assert_eq!((code.parse(b"00501"), code.parse(b"0501")), (Some(501), None));
    }
}
