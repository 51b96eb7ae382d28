//! Dates and times of day as integers, exact in the proleptic Gregorian calendar for the years 0 to 9999.

use super::number::put_digits;

/// Order of year, month and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// `2024-12-31`.
    YearMonthDay,
    /// `12/31/2024`.
    MonthDayYear,
    /// `31.12.2024`.
    DayMonthYear,
}

/// What follows the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOfDay {
    /// Nothing.
    None,
    /// `HH:MM`.
    Minutes,
    /// `HH:MM:SS`.
    Seconds,
}

/// What one step of the value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 86,400 seconds.
    Day,
    /// 3,600 seconds.
    Hour,
    /// 60 seconds.
    Minute,
    /// One second.
    Second,
}

/// The spelling of a date.
///
/// ```
/// use losslaw::table::{DateFormat, DateOrder, TimeOfDay, Unit};
/// let format = DateFormat {
///     order: DateOrder::YearMonthDay, separator: b'-', time: TimeOfDay::Minutes, joint: b'T', unit: Unit::Minute,
/// };
/// assert_eq!(format.parse(b"1970-01-02T00:01"), Some(24 * 60 + 1));
/// let mut text = vec![];
/// assert_eq!(format.format(-1, &mut text), Some(()));
/// assert_eq!(text, b"1969-12-31T23:59");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateFormat {
    /// Order of the fields.
    pub order: DateOrder,
    /// Byte between the fields of the date.
    pub separator: u8,
    /// What follows the date.
    pub time: TimeOfDay,
    /// Byte between date and time; zero when there is no time.
    pub joint: u8,
    /// The value counts these since the beginning of 1970.
    pub unit: Unit,
}

impl Unit {
    /// Seconds of one unit.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Day => 86_400,
            Self::Hour => 3600,
            Self::Minute => 60,
            Self::Second => 1,
        }
    }
}

impl DateFormat {
    /// The formats in which `text` could be read, the likelier first; they count seconds, or days without a time.
    pub(super) fn candidates(text: &[u8]) -> Vec<Self> {
        let time = match text.len() {
            10 => TimeOfDay::None,
            16 => TimeOfDay::Minutes,
            19 => TimeOfDay::Seconds,
            _ => return vec![],
        };
        let (joint, unit) = match time {
            TimeOfDay::None => (0, Unit::Day),
            _ => (text[10], Unit::Second),
        };
        let orders: &[DateOrder] = match (text[2], text[4]) {
            (_, b'-' | b'/' | b'.') => &[DateOrder::YearMonthDay],
            (b'/', _) => &[DateOrder::MonthDayYear, DateOrder::DayMonthYear],
            (b'.' | b'-', _) => &[DateOrder::DayMonthYear, DateOrder::MonthDayYear],
            _ => return vec![],
        };
        let separator = if orders[0] == DateOrder::YearMonthDay { text[4] } else { text[2] };
        orders
            .iter()
            .map(|&order| Self { order, separator, time, joint, unit })
            .filter(|format| matches!(joint, 0 | b' ' | b'T') && format.parse(text).is_some())
            .collect()
    }

    /// The value of a text; `None` unless it is exactly what `format` would write.
    pub fn parse(self, text: &[u8]) -> Option<i64> {
        let date: &[u8; 10] = text.first_chunk()?;
        let ((y, m, d), (first, second)) = match self.order {
            DateOrder::YearMonthDay => ((0, 5, 8), (4, 7)),
            DateOrder::MonthDayYear => ((6, 0, 3), (2, 5)),
            DateOrder::DayMonthYear => ((6, 3, 0), (2, 5)),
        };
        if date[first] != self.separator || date[second] != self.separator {
            return None;
        }
        let year = two(date, y)? * 100 + two(date, y + 2)?;
        let (month, day) = (two(date, m)?, two(date, d)?);
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return None;
        }
        let days = days_from_civil(year, month, day);
        let time = &text[10..];
        let seconds = match (self.time, time.len()) {
            (TimeOfDay::None, 0) => 0,
            (TimeOfDay::Minutes, 6) => minutes(time, self.joint)? * 60,
            (TimeOfDay::Seconds, 9) if time[6] == b':' => minutes(time, self.joint)? * 60 + below(two(time, 7)?, 60)?,
            _ => return None,
        };
        let total = days * 86_400 + seconds;
        let unit = self.unit.seconds();
        (total.rem_euclid(unit) == 0).then(|| total.div_euclid(unit))
    }

    /// Appends the text of a value; `None` when the year is not 0 to 9999.
    pub fn format(self, value: i64, out: &mut Vec<u8>) -> Option<()> {
        let total = value.checked_mul(self.unit.seconds())?;
        let (year, month, day) = civil_from_days(total.div_euclid(86_400))?;
        let seconds = total.rem_euclid(86_400);
        let fields = match self.order {
            DateOrder::YearMonthDay => [(year, 4), (month, 2), (day, 2)],
            DateOrder::MonthDayYear => [(month, 2), (day, 2), (year, 4)],
            DateOrder::DayMonthYear => [(day, 2), (month, 2), (year, 4)],
        };
        for (at, (field, width)) in fields.into_iter().enumerate() {
            if at > 0 {
                out.push(self.separator);
            }
            put_digits(field as u64, width, out);
        }
        let parts = match self.time {
            TimeOfDay::None => 0,
            TimeOfDay::Minutes => 2,
            TimeOfDay::Seconds => 3,
        };
        for (part, mark) in
            [(seconds / 3600, self.joint), (seconds / 60 % 60, b':'), (seconds % 60, b':')].into_iter().take(parts)
        {
            out.push(mark);
            put_digits(part as u64, 2, out);
        }
        Some(())
    }
}

fn two(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

fn below(value: i64, bound: i64) -> Option<i64> {
    (value < bound).then_some(value)
}

/// Minutes since midnight of `?HH:MM…` with the given first byte.
fn minutes(time: &[u8], joint: u8) -> Option<i64> {
    if time[0] != joint || time[3] != b':' {
        return None;
    }
    Some(below(two(time, 1)?, 24)? * 60 + below(two(time, 4)?, 60)?)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years begin in March here, so that the leap day comes last.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Inverse of [`days_from_civil`] for the years 0 to 9999.
fn civil_from_days(days: i64) -> Option<(i64, i64, i64)> {
    if !(-719_528..=2_932_896).contains(&days) {
        return None;
    }
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Some((year, month, day_of_year - (153 * shifted + 2) / 5 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISO: DateFormat = DateFormat {
        order: DateOrder::YearMonthDay,
        separator: b'-',
        time: TimeOfDay::None,
        joint: 0,
        unit: Unit::Day,
    };

    #[test]
    fn every_day_of_the_calendar_follows_the_day_before() {
        let mut expected = -719_528;
        for year in 0..10_000 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_from_civil(year, month, day), expected);
                    assert_eq!(civil_from_days(expected), Some((year, month, day)));
                    expected += 1;
                }
            }
        }
        assert_eq!(civil_from_days(expected), None);
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
    }

    #[test]
    fn formats_write_what_they_read() {
        for text in [
            "2013-12-02 21:15:00",
            "2013-12-02T21:15",
            "1600/02/29",
            "12/31/2024",
            "31.12.2024 23:59",
            "0000-01-01",
            "9999-12-31 23:59:59",
        ] {
            let formats = DateFormat::candidates(text.as_bytes());
            assert!(!formats.is_empty(), "{text}");
            for format in formats {
                let mut out = vec![];
                format.format(format.parse(text.as_bytes()).unwrap(), &mut out).unwrap();
                assert_eq!(out, text.as_bytes());
            }
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in
            ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "2024-4-1", "", "2024-04-311"]
        {
            assert_eq!(ISO.parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(DateFormat::candidates(b"2024-01-01 24:00"), vec![]);
        assert_eq!(ISO.format(i64::MIN, &mut vec![]), None);
        assert_eq!(ISO.format(2_932_897, &mut vec![]), None);
    }
}
