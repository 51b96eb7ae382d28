//! The last steps of least absolute deviations: which runs are met exactly, and the proof that none should be let go.
//!
//! At the optimum some runs have residual zero. With multipliers λᵢ for those and the sign of the residual for all
//! others, Σ wᵢ·sign(rᵢ)·∇fᵢ + Σ λᵢ·∇fᵢ = 0, and |λᵢ| ≤ wᵢ says that moving off run i costs more than it gains.
//!
//! Mostly as many runs are met as there are parameters: [`Walk::leap`] finds such an optimum by straight lines alone.
//! Otherwise curvature decides, and [`settle`] walks.
//!
//! The walk keeps the runs that are met, steps to where the rest is best, and stops at the first run on the way past
//! which the sum would rise again: that one is met from there on. A run whose multiplier is too large is let go.
//!
//! Source: W. Murray and M. L. Overton, "A Projected Lagrangian Algorithm for Nonlinear l1 Optimization", SIAM Journal
//! on Scientific and Statistical Computing 2(2), 1981.

use super::linear::{Matrix, Vector, solve};
use super::loss::Loss;
use super::objective::{Prediction, Problem, mirror};
use super::vertex::{Member, Vertex};

/// Residuals below this are rounding.
const MET: f64 = 1e-11;

/// Steps of one walk; usually a few dozen are enough.
const MAX_STEPS: usize = 200;

/// Leaps from vertex to vertex; usually six are enough.
const MAX_LEAPS: usize = 20;

/// How well the conditions of optimality hold.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Optimality {
    /// Runs that the law meets exactly.
    pub met: usize,
    /// Largest |λᵢ| / wᵢ; at most 1 at an optimum.
    pub multiplier: f64,
    /// Norm of Σ wᵢ·sign(rᵢ)·∇fᵢ + Σ λᵢ·∇fᵢ over parameters that are not at a bound.
    pub stationarity: f64,
}

struct Walk<'p, 'a> {
    problem: &'p Problem<'a>,
    theta: Vector,
    rows: Vec<Prediction>,
    residuals: Vec<f64>,
    /// What the rows were before the step that is being tried.
    spare: (Vec<Prediction>, Vec<f64>),
    /// The side of each run that is not met: the sign of its residual, or where it was let go to.
    sides: Vec<f64>,
    met: Vec<usize>,
    multipliers: Vec<f64>,
}

/// A step with the multipliers that hold after it.
struct Step {
    by: Vector,
    multipliers: Vec<f64>,
    /// Length of the step at which the model is least; infinite for a model without curvature.
    bend: f64,
}

/// The optimum near a start.
pub(super) fn settle(problem: &Problem<'_>, start: &Vector) -> Vector {
    let mut walk = Walk::new(problem, *start);
    if walk.leap() {
        return walk.theta;
    }
    let start = problem.descend(Loss::HuberLog(1e-3), start, 1e-4).theta;
    let mut walk = Walk::new(problem, start);
    for _ in 0..MAX_STEPS {
        let stood = [true, false].into_iter().any(|curved| walk.step(curved).is_some_and(|moved| walk.go(&moved)));
        if !stood && !walk.let_go() {
            break;
        }
    }
    walk.theta
}

/// The conditions of optimality at some parameters.
pub(super) fn optimality(problem: &Problem<'_>, theta: &Vector) -> Optimality {
    let mut walk = Walk::new(problem, *theta);
    walk.met = (0..problem.rows.len()).filter(|&row| walk.residuals[row].abs() < MET).collect();
    walk.multipliers = vec![0.0; walk.met.len()];
    // With the multipliers of the least squares of what is left, no step need be taken.
    let Some(step) = walk.step(false) else {
        return Optimality { met: walk.met.len(), multiplier: f64::INFINITY, stationarity: f64::INFINITY };
    };
    walk.multipliers = step.multipliers;
    let gradient = walk.lagrangian().0;
    let free = problem.free(theta, &gradient);
    Optimality {
        met: walk.met.len(),
        multiplier: (0..walk.met.len()).map(|k| walk.pull(k)).fold(0.0, f64::max),
        stationarity: gradient.iter().zip(free).filter(|(_, free)| *free).map(|(g, _)| g * g).sum::<f64>().sqrt(),
    }
}

impl<'p, 'a> Walk<'p, 'a> {
    fn new(problem: &'p Problem<'a>, theta: Vector) -> Self {
        let mut walk = Self {
            problem,
            theta,
            rows: vec![Prediction::default(); problem.rows.len()],
            residuals: vec![0.0; problem.rows.len()],
            spare: (vec![Prediction::default(); problem.rows.len()], vec![0.0; problem.rows.len()]),
            sides: vec![],
            met: vec![],
            multipliers: vec![],
        };
        walk.look();
        walk.sides = walk.residuals.iter().map(|r| r.signum()).collect();
        walk
    }

    /// Evaluates all runs.
    fn look(&mut self) {
        for (place, row) in self.problem.rows.iter().enumerate() {
            self.problem.predict_into(&self.theta, &row.point, &mut self.rows[place]);
            self.residuals[place] = self.rows[place].log - row.log_loss;
        }
    }

    /// Leaps from vertex to vertex of the lines that touch the curves; true at an optimum that is a vertex itself, with
    /// as many runs met as there are parameters. Near one, each leap doubles the digits.
    fn leap(&mut self) -> bool {
        let (problem, size) = (self.problem, self.problem.size());
        let mut vertex = Vertex::new(size);
        for _ in 0..MAX_LEAPS {
            let is_inside = |i: usize| problem.low[i] < self.theta[i] && self.theta[i] < problem.high[i];
            if !(0..size).all(is_inside) || !vertex.search(&self.rows, &self.residuals, &problem.rows) {
                return false;
            }
            let is_met = |member: &Member| matches!(member, Member::Run(row) if self.residuals[*row].abs() < MET);
            if vertex.members[..size].iter().all(is_met) {
                return true;
            }
            let before = self.value();
            if self.try_steps(&vertex.by, &[1.0, 0.25, 0.0625], before * (1.0 + 1e-13)).is_none() {
                return false;
            }
        }
        false
    }

    /// Takes the first share of a step that leaves a sum below `most`, and says which; without one nothing moves.
    fn try_steps(&mut self, by: &Vector, shares: &[f64], most: f64) -> Option<usize> {
        let (size, old) = (self.problem.size(), self.theta);
        self.swap();
        for (place, share) in shares.iter().enumerate() {
            (0..size).for_each(|i| self.theta[i] = old[i] + share * by[i]);
            self.problem.clamp(&mut self.theta);
            if !(0..size).any(|i| (self.theta[i] - old[i]).abs() > 1e-13 * (1.0 + old[i].abs())) {
                break;
            }
            self.look();
            if self.value() < most {
                return Some(place);
            }
        }
        self.theta = old;
        self.swap();
        None
    }

    /// Exchanges what is known of all runs with what was known before.
    fn swap(&mut self) {
        std::mem::swap(&mut self.rows, &mut self.spare.0);
        std::mem::swap(&mut self.residuals, &mut self.spare.1);
    }

    /// How hard a run that is met pulls, relative to its weight.
    fn pull(&self, k: usize) -> f64 {
        self.multipliers[k].abs() / self.problem.rows[self.met[k]].weight
    }

    /// Gradient and curvature of Σ wᵢ·sideᵢ·fᵢ + Σ λᵢ·fᵢ.
    fn lagrangian(&self) -> (Vector, Matrix) {
        let (mut gradient, mut curvature) = (Vector::default(), Matrix::default());
        let mut factors: Vec<f64> = self.sides.iter().zip(&self.problem.rows).map(|(s, row)| s * row.weight).collect();
        self.met.iter().zip(&self.multipliers).for_each(|(&row, &multiplier)| factors[row] = multiplier);
        for (at, factor) in self.rows.iter().zip(factors) {
            (0..self.problem.size()).for_each(|i| gradient[i] += factor * at.gradient[i]);
            self.problem.add_curvature(at, 0.0, factor, &mut curvature);
        }
        mirror(&mut curvature, self.problem.size());
        (gradient, curvature)
    }

    /// Σ wᵢ·∇fᵢ·∇fᵢᵀ, a measure of length where the curvature is of no use.
    fn metric(&self) -> Matrix {
        let mut metric = Matrix::default();
        for (at, row) in self.rows.iter().zip(&self.problem.rows) {
            self.problem.add_curvature(at, row.weight, 0.0, &mut metric);
        }
        mirror(&mut metric, self.problem.size());
        metric
    }

    /// Solves [H Jᵀ; J 0]·[step; change] = −[g; r], J being the gradients of the runs that are met; parameters at a
    /// bound stay. H is the curvature, or the metric.
    fn step(&self, curved: bool) -> Option<Step> {
        let (gradient, curvature) = self.lagrangian();
        let h = if curved { curvature } else { self.metric() };
        let free = self.problem.free(&self.theta, &gradient);
        let (size, met) = (self.problem.size(), self.met.len());
        let mut a = vec![vec![0.0; size + met]; size + met];
        let mut b = vec![0.0; size + met];
        for i in 0..size {
            if !free[i] {
                a[i][i] = 1.0;
                continue;
            }
            (0..size).filter(|&j| free[j]).for_each(|j| a[i][j] = h[i][j]);
            b[i] = -gradient[i];
        }
        for (k, &row) in self.met.iter().enumerate() {
            for i in (0..size).filter(|&i| free[i]) {
                a[size + k][i] = self.rows[row].gradient[i];
                a[i][size + k] = self.rows[row].gradient[i];
            }
            b[size + k] = -self.residuals[row];
        }
        let solved = solve(a, b)?;
        let mut by = Vector::default();
        by[..size].copy_from_slice(&solved[..size]);
        let multipliers = self.multipliers.iter().zip(&solved[size..]).map(|(old, change)| old + change).collect();
        let along: f64 = (0..size).map(|i| (0..size).map(|j| by[i] * h[i][j] * by[j]).sum::<f64>()).sum();
        // A direction along which the curvature is negative is no model of anything.
        if curved && along < 0.0 {
            return None;
        }
        Some(Step { by, multipliers, bend: if curved || met == size { 1.0 } else { f64::INFINITY } })
    }

    /// Takes a step as far as it pays; false if it does not.
    fn go(&mut self, step: &Step) -> bool {
        let size = self.problem.size();
        let rates: Vec<f64> = self.rows.iter().map(|at| (0..size).map(|i| at.gradient[i] * step.by[i]).sum()).collect();
        let weight = |row: usize| self.problem.rows[row].weight;
        let others = (0..rates.len()).filter(|row| !self.met.contains(row));
        // Where runs change sides, in the order in which the step meets them.
        let mut turns: Vec<(f64, usize)> = vec![];
        let mut slope = 0.0;
        for row in others {
            slope += weight(row) * self.sides[row] * rates[row];
            let turn = -self.residuals[row] / rates[row];
            if self.sides[row] * rates[row] < 0.0 && turn.is_finite() && turn < step.bend {
                turns.push((turn.max(0.0), row));
            }
        }
        turns.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        let curvature = if step.bend.is_finite() { -slope / step.bend } else { 0.0 };
        let (mut length, mut newly) = (step.bend, None);
        for (turn, row) in turns {
            slope += 2.0 * weight(row) * rates[row].abs();
            if slope + curvature * turn >= 0.0 {
                (length, newly) = (turn, Some(row));
                break;
            }
        }
        if !length.is_finite() {
            return false;
        }
        let shares: [f64; 12] = std::array::from_fn(|quarters| length * 0.25f64.powi(quarters as i32));
        if let Some(place) = self.try_steps(&step.by, &shares, self.value() * (1.0 + 1e-14)) {
            if place == 0 && self.met.len() < size {
                self.met.extend(newly);
                self.multipliers.extend(newly.map(|_| 0.0));
            }
            for row in 0..self.sides.len() {
                if self.residuals[row].abs() > MET {
                    self.sides[row] = self.residuals[row].signum();
                }
            }
            return true;
        }
        // The multipliers are right even where the step is nothing.
        self.multipliers.clone_from(&step.multipliers);
        false
    }

    /// Lets go of the run that pulls hardest beyond its weight, if there is one.
    fn let_go(&mut self) -> bool {
        let worst = (0..self.met.len()).max_by(|&a, &b| self.pull(a).total_cmp(&self.pull(b)));
        let Some(worst) = worst.filter(|&k| self.pull(k) > 1.0 + 1e-9) else { return false };
        let row = self.met.remove(worst);
        self.sides[row] = self.multipliers.remove(worst).signum();
        true
    }

    fn value(&self) -> f64 {
        self.residuals.iter().zip(&self.problem.rows).map(|(r, row)| row.weight * r.abs()).sum()
    }
}
