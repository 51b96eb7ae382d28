//! The sum that a fit minimises, with its derivatives.

use super::law::{Law, Point, Range};
use super::linear::{Matrix, Vector};
use super::loss::Loss;
use super::{MAX_PARAMETERS, Runs, Shape};
use crate::{Error, Result};

/// A law, the runs it is fitted to, and the bounds of its parameters.
///
/// Parameters stand in the order coefficients, shapes; coefficients are logarithms.
#[derive(Debug, Clone)]
pub(super) struct Problem<'a> {
    pub law: &'a dyn Law,
    pub shapes: Vec<Shape>,
    pub terms: usize,
    pub rows: Vec<Row>,
    pub low: Vector,
    pub high: Vector,
}

/// A run as the solver sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub point: Point,
    pub log_loss: f64,
    /// How often the run counts.
    pub weight: f64,
}

/// The objective at some parameters.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Derivatives {
    pub value: f64,
    pub gradient: Vector,
    pub hessian: Matrix,
    /// Σ bound·∇f² for each parameter: a positive scale of its curvature, used for damping.
    pub scale: Vector,
}

/// Slopes of all terms by all shapes; four of each are the most that eight parameters allow.
type Slopes = [f64; MAX_PARAMETERS * MAX_PARAMETERS / 4];

/// ln L̂ at one row, its gradient and what its curvature needs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Prediction {
    pub log: f64,
    pub gradient: Vector,
    shares: Vector,
    slopes: Slopes,
}

impl<'a> Problem<'a> {
    /// # Errors
    /// [`Error::Unfit`] when the runs cannot determine the law.
    pub fn new(law: &'a dyn Law, runs: &Runs) -> Result<Self> {
        let unfit = |why| Err(Error::Unfit { law: law.name(), why });
        let range = Range::of(runs);
        let terms = law.coefficients().len();
        let shapes = law.shapes(&range);
        let size = terms + shapes.len();
        if terms == 0 || size > MAX_PARAMETERS {
            return unfit("a law has one to eight parameters, and at least one term");
        }
        if runs.len() < size {
            return unfit("there are fewer runs than parameters");
        }
        if law.uses_params() && range.log_params.0 >= range.log_params.1 {
            return unfit("all runs have the same N");
        }
        if law.uses_data() && range.log_data.0 >= range.log_data.1 {
            return unfit("all runs have the same D");
        }
        if law.uses_unique() && runs.runs().iter().all(|run| run.unique >= run.data) {
            return unfit("no run repeats data, or the column of unique data was not named");
        }
        let row = |run: &super::Run| Row { point: run.point(), log_loss: run.loss.ln(), weight: 1.0 };
        let rows: Vec<Row> = runs.runs().iter().map(row).collect();
        let least = rows.iter().map(|row| row.log_loss).fold(f64::INFINITY, f64::min);
        let (mut low, mut high) = ([0.0; MAX_PARAMETERS], [0.0; MAX_PARAMETERS]);
        for (j, name) in law.coefficients().iter().enumerate() {
            // An offset below a millionth of the least loss is none; other terms may be anything that is finite.
            (low[j], high[j]) = if *name == "E" { (least - 14.0, least) } else { (least - 60.0, 300.0) };
        }
        for (s, shape) in shapes.iter().enumerate() {
            (low[terms + s], high[terms + s]) = (shape.low, shape.high);
        }
        Ok(Self { law, shapes, terms, rows, low, high })
    }

    /// Number of parameters.
    pub fn size(&self) -> usize {
        self.terms + self.shapes.len()
    }

    /// Moves parameters inside their bounds.
    pub fn clamp(&self, theta: &mut Vector) {
        for i in 0..self.size() {
            theta[i] = theta[i].clamp(self.low[i], self.high[i]);
        }
    }

    /// Logarithms of the terms without coefficients, and their slopes.
    fn log_terms(&self, theta: &Vector, at: &Point, slopes: &mut Slopes) -> Vector {
        let mut logs = [0.0; MAX_PARAMETERS];
        let shapes = self.shapes.len();
        let slopes = &mut slopes[..self.terms * shapes];
        self.law.log_terms(&theta[self.terms..self.terms + shapes], at, &mut logs[..self.terms], slopes);
        logs
    }

    /// φⱼ at each row, for screening.
    pub fn basis(&self, theta: &Vector, at: &Point) -> Vector {
        let mut logs = self.log_terms(theta, at, &mut Slopes::default());
        logs.iter_mut().take(self.terms).for_each(|log| *log = log.exp());
        logs
    }

    /// ln L̂ = ln Σ e^(ln cⱼ + ln φⱼ).
    pub fn log_loss(&self, theta: &Vector, at: &Point) -> f64 {
        let mut terms = self.log_terms(theta, at, &mut Slopes::default());
        log_sum(theta, &mut terms[..self.terms])
    }

    pub fn value(&self, loss: Loss, theta: &Vector) -> f64 {
        self.rows.iter().map(|row| row.weight * loss.value(self.log_loss(theta, &row.point), row.log_loss)).sum()
    }

    pub fn predict(&self, theta: &Vector, at: &Point) -> Prediction {
        let mut out = Prediction::default();
        self.predict_into(theta, at, &mut out);
        out
    }

    /// Fits and bootstraps spend their time here, so that the prediction is not moved about.
    #[inline]
    pub fn predict_into(&self, theta: &Vector, at: &Point, out: &mut Prediction) {
        let (terms, shapes) = (self.terms, self.shapes.len());
        out.slopes = Slopes::default();
        out.shares = self.log_terms(theta, at, &mut out.slopes);
        out.log = log_sum(theta, &mut out.shares[..terms]);
        out.gradient = out.shares;
        for (j, slopes) in out.slopes.chunks_exact(shapes.max(1)).take(terms).enumerate() {
            for (s, slope) in slopes.iter().enumerate().take(shapes) {
                out.gradient[terms + s] += out.shares[j] * slope;
            }
        }
    }

    /// Adds `outer`·∇f·∇fᵀ + `inner`·∇²f to the lower triangle of a matrix, f being ln L̂.
    ///
    /// ∇²f = Σⱼ shareⱼ·uⱼ·uⱼᵀ − ∇f·∇fᵀ with uⱼ the gradient of term j. Terms that are not linear in their shapes have
    /// a curvature of their own, which is left out: it changes how fast the optimum is reached, not where it is.
    pub fn add_curvature(&self, at: &Prediction, outer: f64, inner: f64, matrix: &mut Matrix) {
        let (terms, shapes) = (self.terms, self.shapes.len());
        // Gradients end in zeros, and loops of fixed length are several times faster.
        match terms + shapes {
            ..=4 => add_product::<4>(&at.gradient, outer - inner, matrix),
            5 | 6 => add_product::<6>(&at.gradient, outer - inner, matrix),
            _ => add_product::<MAX_PARAMETERS>(&at.gradient, outer - inner, matrix),
        }
        for (term, slopes) in at.slopes.chunks_exact(shapes.max(1)).take(terms).enumerate() {
            let share = inner * at.shares[term];
            matrix[term][term] += share;
            for (i, &slope) in slopes.iter().enumerate().take(shapes).filter(|(_, slope)| **slope != 0.0) {
                matrix[terms + i][term] += share * slope;
                for (j, &other) in slopes.iter().enumerate().take(i + 1) {
                    matrix[terms + i][terms + j] += share * slope * other;
                }
            }
        }
    }

    pub fn derivatives(&self, loss: Loss, theta: &Vector) -> Derivatives {
        let mut out = Derivatives::default();
        let mut at = Prediction::default();
        for row in &self.rows {
            self.predict_into(theta, &row.point, &mut at);
            let cost = loss.cost(at.log, row.log_loss);
            out.value += row.weight * cost.value;
            let (slope, bound) = (row.weight * cost.slope, row.weight * cost.bound);
            for (i, &g) in at.gradient.iter().enumerate() {
                out.gradient[i] += slope * g;
                out.scale[i] += bound * g * g;
            }
            self.add_curvature(&at, row.weight * cost.curvature, slope, &mut out.hessian);
        }
        mirror(&mut out.hessian, self.size());
        out
    }
}

/// Adds factor·g·gᵀ, of which the first `SIZE` rows and columns are not zero.
#[inline]
fn add_product<const SIZE: usize>(g: &Vector, factor: f64, matrix: &mut Matrix) {
    for i in 0..SIZE {
        let scaled = factor * g[i];
        (0..SIZE).for_each(|j| matrix[i][j] += scaled * g[j]);
    }
}

/// Copies the lower triangle to the upper one.
pub(super) fn mirror(matrix: &mut Matrix, size: usize) {
    for i in 0..size {
        for j in 0..i {
            matrix[j][i] = matrix[i][j];
        }
    }
}

/// ln Σ e^(cⱼ + logⱼ); each logarithm is replaced by the share of its term.
#[inline]
fn log_sum(theta: &Vector, logs: &mut [f64]) -> f64 {
    let mut top = f64::NEG_INFINITY;
    for (log, coefficient) in logs.iter_mut().zip(theta) {
        *log += coefficient;
        top = top.max(*log);
    }
    let mut sum = 0.0;
    for log in logs.iter_mut() {
        *log = (*log - top).exp();
        sum += *log;
    }
    let whole = 1.0 / sum;
    logs.iter_mut().for_each(|share| *share *= whole);
    top + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::{Broken, Chinchilla, Cumulative, DataConstrained, Interaction, PowerLaw, Run, TiedExponents};

    /// Runs in which N, D and U all vary.
    fn runs() -> Runs {
        let run = |i: u32| {
            let (n, d) = (1e3 * f64::from(1 + i % 5), 2e4 * f64::from(1 + i / 5));
            Run { params: n, data: d, unique: d / f64::from(1 + i % 3), loss: 2.0 + 30.0 / n.sqrt() + 100.0 / d.sqrt() }
        };
        Runs::from_runs((0..25).map(run)).unwrap()
    }

    #[test]
    fn gradients_of_every_law_agree_with_differences_of_the_value() {
        let runs = runs();
        let laws: [&dyn Law; 8] = [
            &Chinchilla,
            &TiedExponents,
            &PowerLaw::Params,
            &PowerLaw::Data,
            &Cumulative,
            &Interaction,
            &DataConstrained,
            &Broken,
        ];
        for law in laws {
            let problem = Problem::new(law, &runs).unwrap();
            let mut theta = Vector::default();
            for i in 0..problem.size() {
                theta[i] = if i < problem.terms { 0.3 * i as f64 } else { 0.3 + 0.1 * i as f64 };
            }
            if law.name() == Broken.name() {
                theta[problem.terms + 2] = f64::midpoint(problem.low[4], problem.high[4]);
            }
            for loss in [Loss::SquaredLog, Loss::Squared, Loss::HuberLog(0.1), Loss::LadLog] {
                let exact = problem.derivatives(loss, &theta).gradient;
                for i in 0..problem.size() {
                    let step = 1e-5;
                    let at = |by: f64| {
                        let mut moved = theta;
                        moved[i] += by;
                        problem.value(loss, &moved)
                    };
                    let rough = (at(step) - at(-step)) / (2.0 * step);
                    let close = (exact[i] - rough).abs() <= 1e-5 * (1.0 + rough.abs());
                    assert!(close, "{} {loss} parameter {i}: {} {rough}", law.name(), exact[i]);
                }
            }
        }
    }

    #[test]
    fn the_curvature_of_power_terms_agrees_with_differences_of_the_gradient() {
        let runs = runs();
        let laws: [&dyn Law; 2] = [&Chinchilla, &Interaction];
        for law in laws {
            let problem = Problem::new(law, &runs).unwrap();
            let theta = [0.5, 1.0, 2.0, 0.3, 0.4, 0.2, 0.3, 0.0];
            for loss in [Loss::SquaredLog, Loss::Squared] {
                let exact = problem.derivatives(loss, &theta).hessian;
                for i in 0..problem.size() {
                    let at = |by: f64| {
                        let mut moved = theta;
                        moved[i] += by;
                        problem.derivatives(loss, &moved).gradient
                    };
                    let (up, down) = (at(1e-5), at(-1e-5));
                    for j in 0..problem.size() {
                        let rough = (up[j] - down[j]) / 2e-5;
                        assert!(
                            (exact[i][j] - rough).abs() <= 1e-5 * (1.0 + rough.abs()),
                            "{} {loss} {i} {j}",
                            law.name()
                        );
                    }
                }
            }
        }
    }
}
