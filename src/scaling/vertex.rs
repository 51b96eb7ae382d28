//! Least absolute deviations of straight lines: the step d with the least Σ wᵢ·|rᵢ + gᵢ·d|.
//!
//! As many runs are met as there are parameters, which fixes d. A run that pulls harder than its weight is let go: d
//! moves along the edge on which the others stay met, past every run at which the sum goes on falling, up to the run
//! at which it would rise, and that one is met instead. To begin with, no run is met, and each parameter stands still.
//!
//! Source: I. Barrodale and F. D. K. Roberts, "An Improved Algorithm for Discrete l1 Linear Approximation", SIAM Journal
//! on Numerical Analysis 10(5), 1973.

use super::MAX_PARAMETERS;
use super::linear::{Matrix, Vector};
use super::objective::{Prediction, Row};

/// Exchanges in one search; a few for each parameter are usual.
const MAX_EXCHANGES: usize = 100;

/// What is met: a run, or nothing yet, and a parameter stands still.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Member {
    Run(usize),
    Parameter,
}

/// The search, with buffers that serve again and again.
pub(super) struct Vertex {
    size: usize,
    /// d.
    pub by: Vector,
    /// What is met, one for each parameter.
    pub members: [Member; MAX_PARAMETERS],
    /// λ of each member, so that Σ wᵢ·sideᵢ·gᵢ + Σ λₖ·gₖ = 0, the first sum being over runs that are not met.
    multipliers: Vector,
    /// Edge k changes what member k sees by 1, and leaves what the others see.
    edges: Matrix,
    residuals: Vec<f64>,
    /// wᵢ·sideᵢ, 0 for runs that are met.
    pulls: Vec<f64>,
    rates: Vec<f64>,
    turns: Vec<(f64, usize)>,
}

impl Vertex {
    pub fn new(size: usize) -> Self {
        Self {
            size,
            by: Vector::default(),
            members: [Member::Parameter; MAX_PARAMETERS],
            multipliers: Vector::default(),
            edges: Matrix::default(),
            residuals: vec![],
            pulls: vec![],
            rates: vec![],
            turns: vec![],
        }
    }

    /// Finds d, beginning with the runs that were met last; false if exchanges do not come to an end.
    pub fn search(&mut self, at: &[Prediction], residuals: &[f64], rows: &[Row]) -> bool {
        self.begin(at, residuals, rows);
        // A parameter that stands still is let go as soon as the sum can fall.
        let weight = |member: Member| match member {
            Member::Run(row) => rows[row].weight,
            Member::Parameter => 0.0,
        };
        for _ in 0..MAX_EXCHANGES {
            let mut gradient = Vector::default();
            for (at, pull) in at.iter().zip(&self.pulls) {
                (0..MAX_PARAMETERS).for_each(|i| gradient[i] += pull * at.gradient[i]);
            }
            let mut worst = (1.0 + 1e-9, None);
            for k in 0..self.size {
                self.multipliers[k] = -dot(&self.edges[k], &gradient);
                let excess = self.multipliers[k].abs() / weight(self.members[k]).max(1e-9);
                if excess > worst.0 {
                    worst = (excess, Some(k));
                }
            }
            let Some(leaves) = worst.1 else { return true };
            if !self.exchange(leaves, weight(self.members[leaves]), at, rows) {
                return false;
            }
        }
        false
    }

    /// Meets the members of the last search again, as far as they can be told apart.
    fn begin(&mut self, at: &[Prediction], residuals: &[f64], rows: &[Row]) {
        let last = std::mem::replace(&mut self.members, [Member::Parameter; MAX_PARAMETERS]);
        self.by = Vector::default();
        self.edges = Matrix::default();
        (0..self.size).for_each(|i| self.edges[i][i] = 1.0);
        for member in &last[..self.size] {
            let Member::Run(row) = *member else { continue };
            let gradient = &at[row].gradient;
            let open = (0..self.size).filter(|&k| matches!(self.members[k], Member::Parameter));
            let leaves = open
                .max_by(|&a, &b| dot(&self.edges[a], gradient).abs().total_cmp(&dot(&self.edges[b], gradient).abs()));
            let Some(leaves) = leaves.filter(|&k| dot(&self.edges[k], gradient).abs() > 1e-6) else { continue };
            self.meet(leaves, row, gradient);
            let off = residuals[row] + dot(gradient, &self.by);
            (0..self.size).for_each(|i| self.by[i] -= off * self.edges[leaves][i]);
        }
        self.residuals.clear();
        self.residuals.extend(at.iter().zip(residuals).map(|(at, residual)| residual + dot(&at.gradient, &self.by)));
        self.pulls.clear();
        self.pulls.extend(self.residuals.iter().zip(rows).map(|(residual, row)| row.weight * residual.signum()));
        for member in self.members {
            if let Member::Run(row) = member {
                (self.pulls[row], self.residuals[row]) = (0.0, 0.0);
            }
        }
    }

    /// Puts a run in the place of a member.
    fn meet(&mut self, leaves: usize, row: usize, gradient: &Vector) {
        self.members[leaves] = Member::Run(row);
        let whole = 1.0 / dot(&self.edges[leaves], gradient);
        self.edges[leaves].iter_mut().for_each(|x| *x *= whole);
        let edge = self.edges[leaves];
        for k in (0..self.size).filter(|&k| k != leaves) {
            let share = dot(&self.edges[k], gradient);
            (0..MAX_PARAMETERS).for_each(|i| self.edges[k][i] -= share * edge[i]);
        }
    }

    /// Lets a member go, and meets the run at which the sum would rise; false if there is none.
    fn exchange(&mut self, leaves: usize, weight: f64, at: &[Prediction], rows: &[Row]) -> bool {
        let side = self.multipliers[leaves].signum();
        let along = self.edges[leaves].map(|x| x * side);
        if let Member::Run(row) = self.members[leaves] {
            self.pulls[row] = weight * side;
        }
        self.rates.clear();
        self.rates.extend(at.iter().map(|at| dot(&at.gradient, &along)));
        self.turns.clear();
        for (row, (&rate, &pull)) in self.rates.iter().zip(&self.pulls).enumerate() {
            if pull * rate < 0.0 {
                self.turns.push(((-self.residuals[row] / rate).max(0.0), row));
            }
        }
        let mut slope = weight - self.multipliers[leaves].abs();
        // Few turns are passed, so that they are picked one by one from those that are left.
        while !self.turns.is_empty() {
            let next = (0..self.turns.len()).min_by(|&a, &b| {
                self.turns[a].0.total_cmp(&self.turns[b].0).then(self.turns[a].1.cmp(&self.turns[b].1))
            });
            let (turn, row) = self.turns.swap_remove(next.expect("some are left"));
            slope += 2.0 * rows[row].weight * self.rates[row].abs();
            if slope < 0.0 {
                self.pulls[row] = -self.pulls[row];
                continue;
            }
            (0..self.size).for_each(|i| self.by[i] += turn * along[i]);
            self.residuals.iter_mut().zip(&self.rates).for_each(|(residual, rate)| *residual += turn * rate);
            self.meet(leaves, row, &at[row].gradient);
            (self.pulls[row], self.residuals[row]) = (0.0, 0.0);
            return true;
        }
        false
    }
}

/// Vectors end in zeros.
#[inline]
fn dot(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Point;
    use crate::scaling::random::Random;

    /// Lines with slopes, residuals and weights from a seed.
    fn lines(seed: u64, count: usize, size: usize) -> (Vec<Prediction>, Vec<f64>, Vec<Row>) {
        let mut random = Random::new(seed, 0);
        let mut unit = || random.below(2001) as f64 / 1000.0 - 1.0;
        let mut at = vec![Prediction::default(); count];
        at.iter_mut().for_each(|at| (0..size).for_each(|i| at.gradient[i] = unit()));
        let residuals = (0..count).map(|_| unit()).collect();
        let point = Point::new(1.0, 1.0);
        let rows = (0..count).map(|_| Row { point, log_loss: 0.0, weight: (2.5 + 2.0 * unit()).ceil() }).collect();
        (at, residuals, rows)
    }

    fn sum(by: &Vector, (at, residuals, rows): &(Vec<Prediction>, Vec<f64>, Vec<Row>)) -> f64 {
        let of =
            |((at, residual), row): ((&Prediction, &f64), &Row)| row.weight * (residual + dot(&at.gradient, by)).abs();
        at.iter().zip(residuals).zip(rows).map(of).sum()
    }

    /// The least sum over all pairs of lines that meet, of which one is the optimum.
    fn least(lines: &(Vec<Prediction>, Vec<f64>, Vec<Row>)) -> f64 {
        let (at, residuals, _) = lines;
        let pairs = (0..at.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        let sums = pairs.map(|(i, j)| {
            let (g, h) = (at[i].gradient, at[j].gradient);
            let whole = g[0] * h[1] - g[1] * h[0];
            let mut by = Vector::default();
            by[0] = (g[1] * residuals[j] - h[1] * residuals[i]) / whole;
            by[1] = (h[0] * residuals[i] - g[0] * residuals[j]) / whole;
            sum(&by, lines)
        });
        sums.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_search_finds_the_least_of_all_vertices() {
        for seed in 0..200 {
            let lines = lines(seed, 3 + seed as usize % 20, 2);
            let mut vertex = Vertex::new(2);
            assert!(vertex.search(&lines.0, &lines.1, &lines.2));
            let (found, least) = (sum(&vertex.by, &lines), least(&lines));
            assert!(found <= least * (1.0 + 1e-9) + 1e-12, "seed {seed}: {found}, not {least}");
        }
    }

    #[test]
    fn where_a_search_begins_does_not_change_the_sum_it_finds() {
        let mut warm = Vertex::new(5);
        for seed in 0..50 {
            let lines = lines(seed, 60, 5);
            let mut cold = Vertex::new(5);
            assert!(warm.search(&lines.0, &lines.1, &lines.2) && cold.search(&lines.0, &lines.1, &lines.2));
            let (warm, cold) = (sum(&warm.by, &lines), sum(&cold.by, &lines));
            assert!((warm - cold).abs() < 1e-9 * cold, "seed {seed}: {warm} {cold}");
        }
    }

    #[test]
    fn fewer_lines_than_parameters_are_all_met() {
        let lines = lines(3, 2, 3);
        let mut vertex = Vertex::new(3);
        assert!(vertex.search(&lines.0, &lines.1, &lines.2));
        assert!(sum(&vertex.by, &lines) < 1e-9);
    }
}
