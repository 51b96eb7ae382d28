//! Means and deviations of weights, and means that are worth writing down.

use crate::log2::{BIT, log2};

/// Sums of some values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    pub fn of(values: impl Iterator<Item = i32>) -> Self {
        let mut own = Self::default();
        values.for_each(|value| own.add(value));
        own
    }

    pub fn add(&mut self, value: i32) {
        let value = f64::from(value);
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    pub fn variance(&self) -> f64 {
        (self.squares / self.count.max(1.0) - self.mean() * self.mean()).max(0.25)
    }

    pub fn deviation(&self) -> u64 {
        self.variance().sqrt() as u64
    }
}

/// Means that stay the same until a change saves more bits than it costs, multiples of 2^grain.
pub(super) fn hold(moments: &[Moments], grain: u32) -> Vec<i64> {
    let mut last = 0i64;
    moments
        .iter()
        .map(|own| {
            let mean = (own.mean() as i64 + (1 << grain >> 1)) >> grain << grain;
            let bits = |mean: i64| {
                let off = own.mean() - mean as f64;
                let times = 1.0 + off * off / own.variance();
                own.count / 2.0 * (log2((times * 1024.0).min(1e15) as u64) as f64 / BIT as f64 - 10.0)
            };
            let change = (mean - last) >> grain;
            let price = 3.0 + 2.0 * f64::from(64 - change.unsigned_abs().leading_zeros());
            if bits(last) - bits(mean) > price {
                last = mean;
            }
            last
        })
        .collect()
}
