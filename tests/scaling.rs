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

#[test]
fn published_fits_of_the_chinchilla_runs_come_out() {
    let Some(all) = chinchilla_runs() else { return };
    let runs = all.drop_worst(5);
    assert_eq!((all.len(), runs.len()), (245, 240));

    let lad = fit(&Chinchilla, &runs, Loss::LadLog).unwrap();
    eprintln!(
        "LAD: {:?} gradient {:.1e} condition {:.1e} starts {}/{} {:?}",
        lad.optimality, lad.gradient_norm, lad.condition, lad.reached, lad.starts, lad.warnings
    );
    assert_parameters(&lad, [482.00572, 2085.43420, 1.81686, 0.34781, 0.36585], 1e-4);

    let huber = fit(&Chinchilla, &runs, Loss::HuberLog(1e-3)).unwrap();
    eprintln!(
        "Huber: {} gradient {:.1e} condition {:.1e} starts {}/{} {:?}",
        huber.objective, huber.gradient_norm, huber.condition, huber.reached, huber.starts, huber.warnings
    );
    assert_parameters(&huber, [477.82587, 2143.4174, 1.817_218_1, 0.347_310_5, 0.367_172_4], 1e-5);
    assert!(huber.objective <= 1.018_274_017_9e-3);

    let wide = fit(&Chinchilla, &runs, Loss::HuberLog(1e-2)).unwrap();
    eprintln!(
        "Huber: {} gradient {:.1e} condition {:.1e} starts {}/{} {:?}",
        wide.objective, wide.gradient_norm, wide.condition, wide.reached, wide.starts, wide.warnings
    );
    assert_parameters(&wide, [538.75, 2905.6, 1.8381, 0.3544, 0.3815], 1e-3);
    let whole = fit(&Chinchilla, &all, Loss::HuberLog(1e-3)).unwrap();
    eprintln!(
        "Huber: {} gradient {:.1e} condition {:.1e} starts {}/{} {:?}",
        whole.objective, whole.gradient_norm, whole.condition, whole.reached, whole.starts, whole.warnings
    );
    assert_parameters(&whole, [495.73, 12845.6, 1.8913, 0.3493, 0.4530], 1e-3);
}

#[test]
fn published_standard_errors_of_the_chinchilla_runs_come_out() {
    let Some(runs) = chinchilla_runs() else { return };
    let runs = runs.drop_worst(5);
    for loss in [Loss::HuberLog(1e-3), Loss::LadLog] {
        let fit = fit(&Chinchilla, &runs, loss).unwrap();
        let start = std::time::Instant::now();
        let bootstrap = fit.bootstrap(&BootstrapConfig { resamples: 4000, ..Default::default() }).unwrap();
        eprintln!("{loss}: {:?}", start.elapsed());
        for (name, expected, (low, high)) in [
            ("A", 124.52, (285., 744.)),
            ("B", 1293.28, (1042., 5810.)),
            ("E", 0.02566, (1.769, 1.871)),
            ("alpha", 0.01540, (0.317, 0.373)),
            ("beta", 0.02060, (0.331, 0.415)),
        ] {
            let se = bootstrap.standard_error(name).unwrap();
            let interval = bootstrap.interval(name, 0.95).unwrap();
            eprintln!(
                "{name}: {se} against {expected}: {:+.1} %   {interval:?} {:+.1}% {:+.1}%",
                100.0 * (se / expected - 1.0),
                100. * (interval.low / low - 1.),
                100. * (interval.high / high - 1.)
            );
        }
        eprintln!("a {:?} {:?}", fit.optimal_exponent(), bootstrap.optimal_exponent(0.95));
    }
}
