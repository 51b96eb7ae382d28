//! Small dense linear algebra, sized for the few parameters of a law.

use super::law::MAX_PARAMETERS;

/// One number for each parameter.
pub(super) type Vector = [f64; MAX_PARAMETERS];

/// A symmetric matrix; only the first rows and columns are used.
pub(super) type Matrix = [Vector; MAX_PARAMETERS];

/// Solves a·x = b by Cholesky factors; `None` unless `a` is positive definite beyond rounding.
pub(super) fn solve_definite(a: &Matrix, b: &Vector, size: usize) -> Option<Vector> {
    let mut l = *a;
    for i in 0..size {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            if i == j {
                let rest = a[i][i] - dot;
                if rest <= 1e-15 * a[i][i] || !rest.is_finite() {
                    return None;
                }
                l[i][i] = rest.sqrt();
            } else {
                l[i][j] = (a[i][j] - dot) / l[j][j];
            }
        }
    }
    let mut x = *b;
    for i in 0..size {
        let dot: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
    for i in (0..size).rev() {
        let dot: f64 = (i + 1..size).map(|k| l[k][i] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
    Some(x)
}

/// Solves any square system by elimination with row pivots; `None` if it is singular.
pub(super) fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let size = b.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs()))?;
        if a[pivot][column] == 0.0 || !a[pivot][column].is_finite() {
            return None;
        }
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in column + 1..size {
            let factor = a[row][column] / a[column][column];
            for k in column..size {
                a[row][k] -= factor * a[column][k];
            }
            b[row] -= factor * b[column];
        }
    }
    for row in (0..size).rev() {
        let dot: f64 = (row + 1..size).map(|k| a[row][k] * b[k]).sum();
        b[row] = (b[row] - dot) / a[row][row];
    }
    b.iter().all(|x| x.is_finite()).then_some(b)
}

/// Largest over smallest eigenvalue of a positive semidefinite matrix, after its diagonal is scaled to 1; infinite
/// where it is singular. Eigenvalues come from Jacobi's rotations.
pub(super) fn condition(a: &Matrix, size: usize) -> f64 {
    let mut a = *a;
    let scale: Vec<f64> = (0..size).map(|i| a[i][i].sqrt()).collect();
    if scale.iter().any(|&s| !(s > 0.0 && s.is_finite())) {
        return f64::INFINITY;
    }
    for (i, row) in a.iter_mut().enumerate().take(size) {
        for (j, entry) in row.iter_mut().enumerate().take(size) {
            *entry /= scale[i] * scale[j];
        }
    }
    // Eight parameters need fewer than ten sweeps.
    for _ in 0..30 {
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut a, size, p, q);
            }
        }
    }
    let (low, high) = (0..size).fold((f64::INFINITY, 0.0f64), |(low, high), i| (low.min(a[i][i]), high.max(a[i][i])));
    if low > 0.0 { high / low } else { f64::INFINITY }
}

/// Turns rows and columns p and q so that the entry they share vanishes.
fn rotate(a: &mut Matrix, size: usize, p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..size {
        let (x, y) = (a[k][p], a[k][q]);
        (a[k][p], a[k][q]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..size {
        let (x, y) = (a[p][k], a[q][k]);
        (a[p][k], a[q][k]) = (c * x - s * y, s * x + c * y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[[f64; 3]; 3]) -> Matrix {
        let mut a = Matrix::default();
        for (to, from) in a.iter_mut().zip(rows) {
            to[..3].copy_from_slice(from);
        }
        a
    }

    #[test]
    fn both_solvers_agree_on_a_definite_system() {
        let rows = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];
        let mut b = Vector::default();
        b[..3].copy_from_slice(&[1.0, -2.0, 3.0]);
        let x = solve_definite(&matrix(&rows), &b, 3).unwrap();
        let y = solve(rows.iter().map(|r| r.to_vec()).collect(), vec![1.0, -2.0, 3.0]).unwrap();
        assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() < 1e-14));
        assert!((4.0 * y[0] + 2.0 * y[1] + 0.6 * y[2] - 1.0).abs() < 1e-14);
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        assert!(
            solve_definite(&matrix(&[[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), &Vector::default(), 3)
                .is_none()
        );
    }

    #[test]
    fn the_condition_number_is_that_of_the_correlations() {
        // Correlation 0.6 between two: eigenvalues 1.6 and 0.4 whatever the scales.
        let a = matrix(&[[4.0, 0.6 * 2.0 * 10.0, 0.0], [12.0, 100.0, 0.0], [0.0, 0.0, 7.0]]);
        assert!((condition(&a, 3) - 4.0).abs() < 1e-12);
        assert!(condition(&Matrix::default(), 2).is_infinite());
    }
}
