//! Where to start: a grid over the shapes, the coefficients solved for at each point.
//!
//! For given shapes a law is linear in its coefficients. Least squares of L̂/L − 1 without negative coefficients gives
//! them at once, so that a grid over two exponents covers what a grid over five parameters covers, and more finely.

use super::linear::{Matrix, Vector, solve_definite};
use super::loss::Loss;
use super::objective::Problem;

/// Starts for polishing: the best half from the best points of the grid, the others spread over all of it, so that
/// how many reach the same optimum says something.
pub(super) fn starts(problem: &Problem<'_>, loss: Loss, count: usize) -> Vec<Vector> {
    let points: usize = problem.shapes.iter().map(|shape| shape.steps.max(1)).product();
    let mut scored: Vec<(f64, usize, Vector)> = (0..points)
        .map(|number| {
            let mut theta = grid_point(problem, number);
            let value = solve_coefficients(problem, loss, &mut theta);
            (value, number, theta)
        })
        .collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let best = count.div_ceil(2).min(points);
    let rest = (count - best).min(points - best);
    let spread = (0..rest).map(|i| best + i * (points - best) / rest);
    (0..best).chain(spread).map(|place| scored[place].2).collect()
}

/// The shapes of one point of the grid.
fn grid_point(problem: &Problem<'_>, number: usize) -> Vector {
    let (mut theta, mut rest) = (Vector::default(), number);
    for (s, shape) in problem.shapes.iter().enumerate() {
        let steps = shape.steps.max(1);
        let place = (rest % steps) as f64 + 0.5;
        rest /= steps;
        theta[problem.terms + s] = shape.low + (shape.high - shape.low) * place / steps as f64;
    }
    theta
}

/// Fills in the logarithms of the best coefficients and returns the objective there.
fn solve_coefficients(problem: &Problem<'_>, loss: Loss, theta: &mut Vector) -> f64 {
    let terms = problem.terms;
    let relative: Vec<Vector> = problem
        .rows
        .iter()
        .map(|row| {
            let inverse = (-row.log_loss).exp();
            problem.basis(theta, &row.point).map(|basis| basis * inverse)
        })
        .collect();
    let (mut products, mut sums) = (Matrix::default(), Vector::default());
    for basis in &relative {
        for i in 0..terms {
            sums[i] += basis[i];
            (0..terms).for_each(|j| products[i][j] += basis[i] * basis[j]);
        }
    }
    let coefficients = non_negative(&products, &sums, terms);
    for j in 0..terms {
        // A term that least squares leaves out starts as a thousandth of the loss.
        let least = 1e-3 * problem.rows.len() as f64 / sums[j];
        theta[j] = coefficients[j].max(least).ln();
    }
    problem.clamp(theta);
    let factors: Vec<f64> = (0..terms).map(|j| theta[j].exp()).collect();
    let of_row = |(row, basis): (&super::objective::Row, &Vector)| {
        let ratio: f64 = factors.iter().zip(basis).map(|(c, b)| c * b).sum();
        row.weight * loss.value(ratio.ln() + row.log_loss, row.log_loss)
    };
    let value: f64 = problem.rows.iter().zip(&relative).map(of_row).sum();
    if value.is_finite() { value } else { f64::INFINITY }
}

/// Least squares without negative coefficients: every set of terms is tried, there being at most 255.
fn non_negative(products: &Matrix, sums: &Vector, terms: usize) -> Vector {
    let mut best = (0.0, Vector::default());
    for set in 1..1usize << terms {
        let members: Vec<usize> = (0..terms).filter(|j| set >> j & 1 == 1).collect();
        let (mut a, mut b) = (Matrix::default(), Vector::default());
        // Terms differ by many orders of magnitude, so each is measured by its own length.
        let scale = |j: usize| products[j][j].sqrt();
        for (i, &from) in members.iter().enumerate() {
            b[i] = sums[from] / scale(from);
            members.iter().enumerate().for_each(|(j, &to)| a[i][j] = products[from][to] / (scale(from) * scale(to)));
        }
        let Some(solved) = solve_definite(&a, &b, members.len()) else { continue };
        if solved[..members.len()].iter().any(|&c| c.is_nan() || c < 0.0) {
            continue;
        }
        let gain: f64 = (0..members.len()).map(|i| solved[i] * b[i]).sum();
        if gain > best.0 {
            let mut coefficients = Vector::default();
            members.iter().enumerate().for_each(|(i, &j)| coefficients[j] = solved[i] / scale(j));
            best = (gain, coefficients);
        }
    }
    best.1
}
