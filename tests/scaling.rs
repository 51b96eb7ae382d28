//! Fits, intervals, back-tests and measurements, on runs made from seeds and on published ones.
//!
//! Published runs are read from `$LOSSLAW_DATA/scaling`; without it those tests say so and pass.

use losslaw::scaling::{
    BootstrapConfig, Chinchilla, CodeLength, Columns, ContextSource, Cumulative, DataConstrained, Fit, ForecastConfig,
    Interaction, Law, Loss, Point, PowerLaw, Range, Runs, Shape, Source, Split, TiedExponents, Warning, backtest,
    compare, fit, forecast, grid, measure,
};

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

/// The mean of some values, and how far the extremes lie apart.
fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &x| (low.min(x), high.max(x)));
    (mean, high - low)
}

/// Ends of intervals differ by a few per cent from one seed to the next, as the published ones do, so that means over
/// seeds are held to what is published, and each seed to half as much again.
#[test]
fn published_standard_errors_of_the_chinchilla_runs_come_out() {
    let Some(runs) = chinchilla_runs() else { return };
    let runs = runs.drop_worst(5);
    for loss in [Loss::LadLog, Loss::HuberLog(1e-3)] {
        let fit = shown(&runs, loss);
        let config = |seed| BootstrapConfig { resamples: 4000, seed, ..Default::default() };
        let draws: Vec<_> = (0..5).map(|seed| fit.bootstrap(&config(seed)).unwrap()).collect();
        let is_near = |what: &str, found: Vec<f64>, published: f64, most: f64| {
            let (mean, spread) = mean_and_spread(&found);
            let off = |found: f64| found / published - 1.0;
            let percent = |x: f64| 100.0 * x;
            eprintln!(
                "{loss}, {what}: {mean:.5}, published {published}, {:+.1} %, seeds within {:.1} %",
                percent(off(mean)),
                percent(spread / published)
            );
            assert!(off(mean).abs() <= most, "{loss}, {what} = {mean}, not {published}");
            assert!(found.iter().all(|&found| off(found).abs() <= 1.5 * most), "{loss}, {what} = {found:?}");
        };
        for (name, error, (low, high), most) in [
            ("A", 124.52, (285., 744.), 0.08),
            ("B", 1293.28, (1042., 5810.), 0.10),
            ("E", 0.02566, (1.769, 1.871), 0.08),
            ("alpha", 0.01540, (0.317, 0.373), 0.08),
            ("beta", 0.02060, (0.331, 0.415), 0.08),
        ] {
            let errors = draws.iter().map(|draws| draws.standard_error(name).unwrap()).collect();
            is_near(&format!("error of {name}"), errors, error, most);
            let intervals: Vec<_> = draws.iter().map(|draws| draws.interval(name, 0.95).unwrap()).collect();
            is_near(&format!("low end of {name}"), intervals.iter().map(|i| i.low).collect(), low, 0.05);
            is_near(&format!("high end of {name}"), intervals.iter().map(|i| i.high).collect(), high, 0.05);
        }
        is_near("a", vec![fit.optimal_exponent().unwrap()], 0.513, 0.05);
        let errors = draws.iter().map(|draws| draws.optimal_exponent(0.95).unwrap().0).collect();
        is_near("error of a", errors, 0.020, 0.08);
    }
}

/// The generator of M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998, of which published draws
/// were made.
struct Twister([u32; 624], usize);

impl Twister {
    fn new(seed: u32) -> Self {
        let mut words = [seed; 624];
        for i in 1..624 {
            words[i] = 1_812_433_253u32.wrapping_mul(words[i - 1] ^ words[i - 1] >> 30).wrapping_add(i as u32);
        }
        Self(words, 624)
    }

    fn word(&mut self) -> u32 {
        if self.1 == 624 {
            for i in 0..624 {
                let two = self.0[i] & 0x8000_0000 | self.0[(i + 1) % 624] & 0x7fff_ffff;
                self.0[i] = self.0[(i + 397) % 624] ^ two >> 1 ^ if two & 1 == 1 { 0x9908_b0df } else { 0 };
            }
            self.1 = 0;
        }
        let mut word = self.0[self.1];
        self.1 += 1;
        word ^= word >> 11;
        word ^= word << 7 & 0x9d2c_5680;
        word ^= word << 15 & 0xefc6_0000;
        word ^ word >> 18
    }

    /// A number below `end`, of words cut to as many bits as it needs.
    fn below(&mut self, end: u32) -> usize {
        let mask = end.next_power_of_two() - 1;
        loop {
            let word = self.word() & mask;
            if word < end {
                return word as usize;
            }
        }
    }
}

/// The published errors and intervals are those of Huber's loss and of draws by NumPy's generator with seed 42. With
/// those draws they come out, but for a few resamples whose published fits had not converged.
#[test]
fn published_intervals_come_out_of_the_published_draws() {
    let Some(runs) = chinchilla_runs() else { return };
    let runs = runs.drop_worst(5);
    let fit = fit(&Chinchilla, &runs, Loss::HuberLog(1e-3)).unwrap();
    let mut twister = Twister::new(42);
    let draws: Vec<Vec<usize>> = (0..4000).map(|_| (0..240).map(|_| twister.below(240)).collect()).collect();
    let draws = fit.bootstrap_of(&draws, 1).unwrap();
    for (name, error, (low, high)) in [
        ("A", 124.52, (285., 744.)),
        ("B", 1293.28, (1042., 5810.)),
        ("E", 0.02566, (1.769, 1.871)),
        ("alpha", 0.01540, (0.317, 0.373)),
        ("beta", 0.02060, (0.331, 0.415)),
    ] {
        let (found, interval) = (draws.standard_error(name).unwrap(), draws.interval(name, 0.95).unwrap());
        eprintln!("{name}: error {found}, {} to {}", interval.low, interval.high);
        for (found, published) in [(found, error), (interval.low, low), (interval.high, high)] {
            assert!((found / published - 1.0).abs() < 0.005, "{name}: {found}, not {published}");
        }
    }
    assert!((draws.optimal_exponent(0.95).unwrap().0 / 0.020 - 1.0).abs() < 0.08);
}

/// Seeded noise, nearly normal with deviation 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        let mut unit = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| unit()).sum::<f64>() - 6.0
    }
}

/// Amounts of data from 2^`from` on, two for each doubling.
fn doublings(from: i32, count: i32) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| 2f64.powf(f64::from(from) + f64::from(i) / 2.0))
}

/// Runs of one model size.
fn of_data(data: impl Iterator<Item = f64>, loss: impl Fn(f64) -> f64) -> Runs {
    Runs::from_triples(data.map(|d| (1.0, d, loss(d)))).unwrap()
}

fn warnings(runs: &Runs) -> Vec<Warning> {
    forecast(&[&PowerLaw::Data], runs, &ForecastConfig::default()).unwrap().warnings
}

fn is_of_forecasts(warning: &Warning) -> bool {
    matches!(warning, Warning::FailedBackTest { .. } | Warning::NoBackTest | Warning::Rising { .. })
}

#[test]
fn a_clean_power_law_is_forecast_without_a_warning() {
    let mut noise = Noise(1);
    let off: Vec<f64> = (0..20).map(|_| 1.0 + 5e-4 * noise.next()).collect();
    let mut off = off.into_iter();
    let runs = doublings(8, 20).map(|d| (1.0, d, (2.0 + 30.0 / d.sqrt()) * off.next().unwrap()));
    let warnings = warnings(&Runs::from_triples(runs).unwrap());
    assert!(!warnings.iter().any(is_of_forecasts), "{warnings:?}");
}

#[test]
fn a_law_that_broke_before_is_said_to_have_failed() {
    // From 2^14 on the loss is a third lower than before, which nothing below foretells.
    let runs = of_data(doublings(8, 20), |d| (2.0 + 30.0 / d.sqrt()) * if d < 16_000.0 { 1.0 } else { 0.65 });
    let warnings = warnings(&runs);
    assert!(
        warnings.iter().any(|warning| matches!(warning, Warning::FailedBackTest { mean_error } if *mean_error > 0.1)),
        "{warnings:?}"
    );
}

#[test]
fn runs_that_span_less_than_the_forecast_are_said_to_have_no_back_test() {
    let warnings = warnings(&of_data(doublings(8, 5), |d| 2.0 + 30.0 / d.sqrt()));
    assert!(warnings.contains(&Warning::NoBackTest), "{warnings:?}");
}

#[test]
fn a_loss_that_rises_is_said_to_rise() {
    let runs = of_data(doublings(8, 20), |d| 2.0 + 30.0 / d.sqrt() + if d > 100_000.0 { 0.1 } else { 0.0 });
    let warnings = warnings(&runs);
    assert!(
        warnings.iter().any(|warning| matches!(warning, Warning::Rising { rise } if (0.02..0.06).contains(rise))),
        "{warnings:?}"
    );
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    let (mut held, mut parameter_held, mut width) = (0, 0, 0.0);
    let worlds = 60;
    for world in 0..worlds {
        let mut noise = Noise(1000 + world);
        let loss = |d: f64| 2.0 + 30.0 / d.powf(0.4);
        let runs: Vec<_> = doublings(7, 24).map(|d| (1.0, d, loss(d) * (0.01 * noise.next()).exp())).collect();
        let runs = Runs::from_triples(runs).unwrap();
        let outlook = forecast(&[&PowerLaw::Data], &runs, &ForecastConfig::default()).unwrap();
        let far = 8.0 * 2f64.powf(18.5);
        let seen = outlook.at(1.0, far);
        held += usize::from(seen.interval.contains(loss(far) * (0.01 * noise.next()).exp()));
        width += (seen.interval.high / seen.interval.low).ln() / worlds as f64;
        let fitted = fit(&PowerLaw::Data, &runs, Loss::SquaredLog).unwrap();
        let draws = fitted.bootstrap(&BootstrapConfig { resamples: 300, seed: world, ..Default::default() }).unwrap();
        parameter_held += usize::from(draws.interval("beta", 0.9).unwrap().contains(0.4));
    }
    eprintln!(
        "90 % intervals: {held} of {worlds} forecasts, mean width {width:.3}, {parameter_held} of {worlds} exponents"
    );
    assert!(held >= 48 && width < 0.2, "{held} of {worlds} forecasts held, mean width {width}");
    // Drawing the runs anew is known to say a little too little with few of them.
    assert!((45..=59).contains(&parameter_held), "{parameter_held} of {worlds} exponents held");
}

#[test]
fn allocation_is_that_of_the_closed_form() {
    let (e, a, b, alpha, beta) = (1.8, 480.0, 2085.0, 0.35f64, 0.37f64);
    let sizes = [1e8, 4e8, 1.6e9, 6.4e9f64];
    let places = sizes.iter().flat_map(|&n| [5e9, 2e10, 8e10f64].map(|d| (n, d)));
    let runs = Runs::from_triples(places.map(|(n, d)| (n, d, e + a / n.powf(alpha) + b / d.powf(beta)))).unwrap();
    let fit = fit(&Chinchilla, &runs, Loss::HuberLog(1e-3)).unwrap();
    let exponent = beta / (alpha + beta);
    assert!((fit.optimal_exponent().unwrap() - exponent).abs() < 1e-6);
    let g = (alpha * a / (beta * b)).powf(1.0 / (alpha + beta));
    for compute in [1e18, 1e21, 1e24, 5.76e23] {
        let best = fit.allocate(compute).unwrap();
        let expected = g * (compute / 6.0f64).powf(exponent);
        assert!((best.params / expected - 1.0).abs() < 1e-4, "{compute}: {} {expected}", best.params);
        assert!((6.0 * best.params * best.data / compute - 1.0).abs() < 1e-9);
        let draws = fit.bootstrap(&BootstrapConfig { resamples: 10, ..Default::default() }).unwrap();
        let interval = draws.allocate(compute, 0.9).unwrap().params;
        assert!(interval.low <= best.params * 1.01 && interval.high >= best.params * 0.99);
    }
    assert!(fit.allocate(1.0).is_err() && fit.allocate(f64::NAN).is_err());
}

#[test]
fn measured_numbers_do_not_depend_on_threads() {
    let bytes: Vec<u8> = (0..6000u32).map(|i| b"scaling laws of code length "[(i * i / 7 % 28) as usize]).collect();
    for kind in [CodeLength::Prequential, CodeLength::TwoPart, CodeLength::HeldOut] {
        let source = ContextSource::new(&bytes, 2);
        let source = if kind == CodeLength::HeldOut { source } else { source.held_out(0) };
        let amounts = grid(256, source.len(), 2);
        let of = |threads| measure(&source, kind, &amounts, &[1, 16, 256], threads, |_| ()).unwrap();
        let alone = of(1);
        assert_eq!(alone.len(), 3 * amounts.len());
        assert_eq!(alone.label(), Some(kind.name()));
        assert!([2, 3, 0].into_iter().all(|threads| of(threads) == alone));
        let fit = fit(&PowerLaw::Data, &alone, Loss::SquaredLog).unwrap();
        let draws = |threads| fit.bootstrap(&BootstrapConfig { resamples: 50, threads, ..Default::default() }).unwrap();
        assert_eq!(draws(1).interval("beta", 0.9), draws(3).interval("beta", 0.9));
    }
}

#[test]
fn runs_that_cannot_determine_a_law_are_refused_with_the_reason() {
    let refused = |runs: &[(f64, f64, f64)], law: &dyn Law| {
        let runs = Runs::from_triples(runs.iter().copied()).unwrap();
        fit(law, &runs, Loss::HuberLog(1e-3)).map(|_| ()).unwrap_err().to_string()
    };
    let all: Vec<_> = (1..10u32).map(f64::from).map(|x| (x, x * x, 1.0 + 1.0 / x)).collect();
    assert!(refused(&all[..4], &Chinchilla).contains("fewer runs than parameters"));
    assert!(refused(&[], &PowerLaw::Data).contains("fewer runs than parameters"));
    let one_size: Vec<_> = all.iter().map(|&(_, d, loss)| (1e6, d, loss)).collect();
    let one_amount: Vec<_> = all.iter().map(|&(n, _, loss)| (n, 1e9, loss)).collect();
    for law in [&Chinchilla as &dyn Law, &TiedExponents, &Interaction] {
        let (size, amount) = (refused(&one_size, law), refused(&one_amount, law));
        assert!(size.contains("the same N") && size.contains(law.name()), "{size}");
        assert!(amount.contains("the same D") && amount.contains(law.name()), "{amount}");
    }
    assert!(refused(&all, &DataConstrained).contains("repeats"));
    let runs = Runs::from_triples(all).unwrap();
    assert!(fit(&Chinchilla, &runs, Loss::HuberLog(0.0)).is_err());
    assert!(backtest(&Chinchilla, &runs, Loss::LadLog, Split::LargestD(1.0)).is_err());
    assert!(compare(&[], &runs, Loss::LadLog, Split::LargestD(2.0)).is_err());
    assert!(runs.filter("optimizer", |_| true).unwrap_err().to_string().contains("optimizer"));
}

#[test]
fn numbers_that_are_no_runs_are_named() {
    for (bad, column) in [
        ((0.0, 1.0, 1.0), "params"),
        ((1.0, -1.0, 1.0), "data"),
        ((1.0, 1.0, f64::NAN), "loss"),
        ((1.0, f64::INFINITY, 1.0), "data"),
    ] {
        let error = Runs::from_triples([(1.0, 1.0, 1.0), bad]).unwrap_err().to_string();
        assert!(error.contains('2') && error.contains(column), "{error}");
    }
    let columns = Columns { loss: Some("perplexity".into()), ..Columns::default() };
    let error = Runs::from_csv(b"n,d,loss\n1,2,3\n", &columns).unwrap_err().to_string();
    assert!(error.contains("perplexity"), "{error}");
}

/// L = E + B·ln(D)/D: what learning a fixed number of parameters costs.
#[derive(Debug)]
struct Parametric;

impl Law for Parametric {
    fn name(&self) -> &'static str {
        "parametric"
    }

    fn coefficients(&self) -> &'static [&'static str] {
        &["E", "B"]
    }

    fn shapes(&self, _: &Range) -> Vec<Shape> {
        vec![]
    }

    fn uses_params(&self) -> bool {
        false
    }

    fn log_terms(&self, _: &[f64], at: &Point, logs: &mut [f64], _: &mut [f64]) {
        logs.copy_from_slice(&[0.0, at.log_data.ln() - at.log_data]);
    }
}

#[test]
fn a_law_of_ones_own_is_fitted_compared_and_forecast_with() {
    let loss = |d: f64| 2.0 + 50.0 * d.ln() / d;
    let runs = of_data(doublings(7, 20), loss);
    for kind in [Loss::LadLog, Loss::HuberLog(1e-3), Loss::SquaredLog, Loss::Squared] {
        let fit = fit(&Parametric, &runs, kind).unwrap();
        assert!((fit.parameter("B").unwrap() / 50.0 - 1.0).abs() < 1e-6, "{kind}: {:?}", fit.parameters());
    }
    let laws: [&dyn Law; 3] = [&PowerLaw::Data, &Cumulative, &Parametric];
    let ranked = compare(&laws, &runs, Loss::SquaredLog, Split::LargestD(8.0)).unwrap();
    assert_eq!((ranked.len(), ranked[0].law.name()), (3, "parametric"));
    let outlook = forecast(&laws, &runs, &ForecastConfig::default()).unwrap();
    assert!((outlook.at(1.0, 1e7).loss / loss(1e7) - 1.0).abs() < 1e-6);
}
