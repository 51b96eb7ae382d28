//! From a start to the nearest optimum: damped Newton steps inside bounds.

use super::lad;
use super::linear::{Matrix, Vector, solve_definite};
use super::loss::Loss;
use super::objective::{Derivatives, Problem};

/// Most evaluations for one loss; a start that needs more is in a valley without end.
const MAX_STEPS: usize = 300;

/// Where a walk ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Polished {
    pub theta: Vector,
    pub value: f64,
}

impl Problem<'_> {
    /// Walks downhill until every component of the gradient is below `tolerance` times what the Cauchy-Schwarz
    /// inequality allows it to be.
    ///
    /// Source: K. Levenberg, "A Method for the Solution of Certain Non-Linear Problems in Least Squares", Quarterly of
    /// Applied Mathematics 2, 1944, with the whole second derivative in place of its Gauss-Newton part.
    pub fn descend(&self, loss: Loss, start: &Vector, tolerance: f64) -> Polished {
        let mut theta = *start;
        self.clamp(&mut theta);
        let mut at = self.derivatives(loss, &theta);
        let mut damping = 1e-3;
        for _ in 0..MAX_STEPS {
            let free = self.free(&theta, &at.gradient);
            let open = |i: &usize| free[*i] && at.gradient[*i].abs() > tolerance * (at.value * at.scale[*i]).sqrt();
            if !(0..self.size()).any(|i| open(&i)) || damping > 1e15 {
                break;
            }
            let Some(step) = damped_step(&at, &free, damping, self.size()) else {
                damping = f64::max(damping * 10.0, 1e-6);
                continue;
            };
            let mut next = theta;
            (0..self.size()).for_each(|i| next[i] -= step[i]);
            self.clamp(&mut next);
            let there = self.derivatives(loss, &next);
            // Near the optimum the value stands still in its last digits while the gradient goes on falling.
            let still = there.value <= at.value * (1.0 + 1e-13) && norm(&there, &free) < norm(&at, &free);
            if there.value < at.value || still {
                (theta, at) = (next, there);
                damping = if damping < 1e-12 { 0.0 } else { damping / 8.0 };
            } else {
                damping = f64::max(damping * 10.0, 1e-6);
            }
        }
        Polished { theta, value: at.value }
    }

    /// Which parameters may move: not those at a bound that the gradient pushes against.
    pub fn free(&self, theta: &Vector, gradient: &Vector) -> [bool; super::MAX_PARAMETERS] {
        std::array::from_fn(|i| {
            i < self.size()
                && !(theta[i] <= self.low[i] && gradient[i] > 0.0 || theta[i] >= self.high[i] && gradient[i] < 0.0)
        })
    }

    /// From a start anywhere: through losses that are smoother than the one asked for.
    pub fn approach(&self, loss: Loss, start: &Vector) -> Polished {
        let smoother: &[f64] = match loss {
            Loss::Squared | Loss::SquaredLog => &[],
            Loss::HuberLog(_) => &[1e-1, 1e-2, 1e-3],
            Loss::LadLog => &[1e-1, 1e-2],
        };
        let mut theta = *start;
        if loss != Loss::Squared {
            theta = self.descend(Loss::SquaredLog, &theta, 1e-3).theta;
        }
        for &delta in smoother {
            if !matches!(loss, Loss::HuberLog(target) if delta <= target) {
                theta = self.descend(Loss::HuberLog(delta), &theta, 1e-4).theta;
            }
        }
        self.settle(loss, &theta, 1e-9)
    }

    /// From a start nearby: at once to the optimum.
    pub fn settle(&self, loss: Loss, start: &Vector, tolerance: f64) -> Polished {
        if loss != Loss::LadLog {
            return self.descend(loss, start, tolerance);
        }
        let theta = lad::settle(self, start);
        Polished { theta, value: self.value(loss, &theta) }
    }
}

fn norm(at: &Derivatives, free: &[bool]) -> f64 {
    at.gradient.iter().zip(free).filter(|(_, free)| **free).map(|(g, _)| g * g).sum()
}

/// Solves (H + damping·S)·step = gradient for the free parameters, S being the positive scale of each.
fn damped_step(at: &Derivatives, free: &[bool], damping: f64, size: usize) -> Option<Vector> {
    let (mut a, mut b) = (Matrix::default(), Vector::default());
    for i in 0..size {
        if !free[i] {
            a[i][i] = 1.0;
            continue;
        }
        b[i] = at.gradient[i];
        for j in 0..size {
            a[i][j] = if free[j] { at.hessian[i][j] } else { 0.0 };
        }
        // A term that is all but gone has no scale of its own.
        a[i][i] += damping * at.scale[i] + 1e-300;
    }
    solve_definite(&a, &b, size)
}
