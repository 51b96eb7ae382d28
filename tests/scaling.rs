//! Fits, intervals, back-tests and measurements, on runs made from seeds and on published ones.
//!
//! Published runs are read from `$LOSSLAW_DATA/scaling`; without it those tests say so and pass.

use losslaw::scaling::{BootstrapConfig, Chinchilla, Columns, Fit, Loss, Runs, fit};

fn published(name: &str, columns: &Columns) -> Option<Runs> {
    let Some(folder) = std::env::var_os("LOSSLAW_DATA") else {
        eprintln!("skipped: LOSSLAW_DATA names no folder");
        return None;
    };
    let bytes = std::fs::read(std::path::Path::new(&folder).join("scaling").join(name)).unwrap();
    Some(Runs::from_csv(&bytes, columns).unwrap())
}

fn chinchilla_runs() -> Option<Runs> {
    let columns = Columns { flops: Some("Training FLOP".into()), ..Columns::default() };
    published("chinchilla_reconstructed.csv", &columns)
}

/// Compares A, B, E, alpha and beta with expected values, relatively.
fn assert_parameters(fit: &Fit<'_>, expected: [f64; 5], tolerance: f64) {
    for (name, expected) in ["A", "B", "E", "alpha", "beta"].into_iter().zip(expected) {
        let found = fit.parameter(name).unwrap();
        eprintln!("{name} {found} expected {expected} off by {:.1e}", found / expected - 1.0);
        assert!((found / expected - 1.0).abs() <= tolerance, "{name} = {found}, not {expected}");
    }
}

/// Fits, and says how well that went.
fn shown(runs: &Runs, loss: Loss) -> Fit<'static> {
    let fit = fit(&Chinchilla, runs, loss).unwrap();
    eprintln!(
        "{loss}: objective {} gradient {:.1e} condition {:.1e} starts {}/{} {:?}",
        fit.objective, fit.gradient_norm, fit.condition, fit.reached, fit.starts, fit.warnings
    );
    fit
}

#[test]
fn published_fits_of_the_chinchilla_runs_come_out() {
    let Some(all) = chinchilla_runs() else { return };
    let runs = all.drop_worst(5);
    assert_eq!((all.len(), runs.len()), (245, 240));

    assert_parameters(&shown(&runs, Loss::LadLog), [482.00572, 2085.43420, 1.81686, 0.34781, 0.36585], 1e-4);
    let huber = shown(&runs, Loss::HuberLog(1e-3));
    assert_parameters(&huber, [477.82587, 2143.4174, 1.817_218_1, 0.347_310_5, 0.367_172_4], 1e-5);
    assert!(huber.objective <= 1.018_274_017_9e-3);
    assert_parameters(&shown(&runs, Loss::HuberLog(1e-2)), [538.75, 2905.6, 1.8381, 0.3544, 0.3815], 1e-3);
    assert_parameters(&shown(&all, Loss::HuberLog(1e-3)), [495.73, 12845.6, 1.8913, 0.3493, 0.4530], 1e-3);
}

#[test]
fn published_standard_errors_of_the_chinchilla_runs_come_out() {
    let Some(runs) = chinchilla_runs() else { return };
    let runs = runs.drop_worst(5);
    // Of the Huber fit one end, the lower one of B, is 5.9 % off the published interval, which belongs to the other loss.
    for (loss, nearness) in [(Loss::LadLog, 0.05), (Loss::HuberLog(1e-3), 0.065)] {
        let fit = shown(&runs, loss);
        let bootstrap = fit.bootstrap(&BootstrapConfig { resamples: 4000, ..Default::default() }).unwrap();
        let is_near = |what: &str, found: f64, published: f64, most: f64| {
            eprintln!("{loss}, {what}: {found:.5}, published {published}, {:+.1} %", 100.0 * (found / published - 1.0));
            assert!((found / published - 1.0).abs() <= most, "{loss}, {what} = {found}, not {published}");
        };
        for (name, error, (low, high), most) in [
            ("A", 124.52, (285., 744.), 0.08),
            ("B", 1293.28, (1042., 5810.), 0.10),
            ("E", 0.02566, (1.769, 1.871), 0.08),
            ("alpha", 0.01540, (0.317, 0.373), 0.08),
            ("beta", 0.02060, (0.331, 0.415), 0.08),
        ] {
            is_near(&format!("error of {name}"), bootstrap.standard_error(name).unwrap(), error, most);
            let interval = bootstrap.interval(name, 0.95).unwrap();
            is_near(&format!("low end of {name}"), interval.low, low, nearness);
            is_near(&format!("high end of {name}"), interval.high, high, nearness);
        }
        is_near("a", fit.optimal_exponent().unwrap(), 0.513, 0.05);
        is_near("error of a", bootstrap.optimal_exponent(0.95).unwrap().0, 0.020, 0.08);
    }
}
