//! Pictures: every run is drawn and listed, names cannot break the picture, and the same data gives the same bytes.

use losslaw::scaling::plot::{self, Plot};
use losslaw::scaling::{BootstrapConfig, Chinchilla, Fit, Loss, PowerLaw, Runs, fit};
use losslaw::table::Table;
use losslaw::{Pipeline, Report};

/// Runs of `sizes` model sizes and five amounts of data each, up to a percent off a law.
fn runs(sizes: i32) -> Runs {
    let places =
        (0..sizes).flat_map(|i| (0..5).map(move |j| (1e8 * 1.3f64.powi(i), 1e9 * 2f64.powi(j), i * 7 + j * 3)));
    Runs::from_triples(places.map(|(n, d, turn)| {
        let off = 0.01 * (f64::from(turn % 5) / 2.0 - 1.0);
        (n, d, (1.8 + 400.0 / n.powf(0.35) + 2000.0 / d.powf(0.37)) * (1.0 + off))
    }))
    .unwrap()
}

fn fitted(runs: &Runs) -> Fit<'static> {
    fit(&Chinchilla, runs, Loss::HuberLog(1e-2)).unwrap()
}

/// Opens and closes every element of the picture, and counts those of a name.
fn elements(svg: &str, name: &str) -> usize {
    let (mut open, mut count) = (vec![], 0);
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "a bare > in {}", &rest[..start]);
        let end = start + rest[start..].find('>').expect("an element ends");
        let inside = &rest[start + 1..end];
        assert!(!inside.contains('<') && inside.matches('"').count().is_multiple_of(2), "{inside}");
        rest = &rest[end + 1..];
        if let Some(closed) = inside.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed.trim()), "closed by {closed}");
            continue;
        }
        let of = inside.split([' ', '\n', '/']).next().unwrap();
        count += usize::from(of == name);
        if !inside.ends_with('/') {
            open.push(of);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    assert!(svg.starts_with("<svg") && svg.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
    count
}

/// Lines of the CSV that begin so; all lines have as many cells as the header.
fn lines(plot: &Plot, what: &str) -> usize {
    let mut reader = csv::Reader::from_reader(plot.csv.as_bytes());
    let records: Vec<_> = reader.records().map(|record| record.expect("cells as in the header")).collect();
    records.iter().filter(|record| &record[0] == what).count()
}

#[test]
fn every_run_is_a_mark_and_a_line() {
    for sizes in [1, 3, 7, 23] {
        let runs = runs(sizes);
        let fit = if sizes == 1 { fit(&PowerLaw::Data, &runs, Loss::SquaredLog).unwrap() } else { fitted(&runs) };
        let draws = fit.bootstrap(&BootstrapConfig { resamples: 20, ..Default::default() }).unwrap();
        let groups = if sizes <= 7 { sizes as usize } else { (sizes as usize).div_ceil((sizes as usize).div_ceil(6)) };
        let plot = plot::loss_by_data(&draws, &runs, 0.95);
        assert_eq!(lines(&plot, "run"), runs.len());
        assert_eq!(lines(&plot, "curve"), 61 * groups);
        // A mark for each run and in each line of the legend, a band for each group.
        assert_eq!(elements(&plot.svg, "polygon"), runs.len() + 2 * groups);
        let plot = plot::residuals(&fit, &runs);
        assert_eq!(lines(&plot, "run"), runs.len());
        assert_eq!(elements(&plot.svg, "polygon"), runs.len() + groups);
    }
}

#[test]
fn each_amount_of_compute_has_its_optimum() {
    let runs = runs(6);
    let fit = fitted(&runs);
    let draws = fit.bootstrap(&BootstrapConfig { resamples: 20, ..Default::default() }).unwrap();
    let flops = [1e18, 1e19, 1e20];
    let plot = plot::equal_compute(&draws, &flops, 0.9).unwrap();
    assert_eq!((lines(&plot, "optimum"), lines(&plot, "curve")), (3, 183));
    assert_eq!(elements(&plot.svg, "polygon"), 3 + 1);
    for flops in flops {
        let best = fit.allocate(flops).unwrap();
        assert!(plot.csv.contains(&format!("optimum,{flops},{},{},{}", best.params, best.data, best.loss)));
    }
    let of_data = fit_of_data();
    let draws = of_data.bootstrap(&BootstrapConfig { resamples: 2, ..Default::default() }).unwrap();
    assert!(plot::equal_compute(&draws, &flops, 0.9).is_err(), "nothing weighs N against D");
}

fn fit_of_data() -> Fit<'static> {
    fit(&PowerLaw::Data, &runs(1), Loss::SquaredLog).unwrap()
}

#[test]
fn the_same_runs_give_the_same_picture() {
    let draw = || {
        let runs = runs(4);
        let fit = fitted(&runs);
        let draws = fit.bootstrap(&BootstrapConfig { resamples: 10, ..Default::default() }).unwrap();
        [
            plot::loss_by_data(&draws, &runs, 0.9),
            plot::equal_compute(&draws, &[1e19], 0.9).unwrap(),
            plot::residuals(&fit, &runs),
        ]
    };
    assert_eq!(draw(), draw());
}

/// Bytes and ratios of a picture's numbers, summed.
fn sums(plot: &Plot) -> (u64, f64) {
    let mut reader = csv::Reader::from_reader(plot.csv.as_bytes());
    reader.records().map(Result::unwrap).fold((0, 0.0), |(bytes, ratio), record| {
        (bytes + record[2].parse::<u64>().unwrap(), ratio + record[4].parse::<f64>().unwrap())
    })
}

#[test]
fn bytes_of_columns_sum_to_the_file() {
    // Names that a careless picture or CSV would break on.
    let mut text = "\"a<b>&\"\"c\"\"\",\"two, with\ta tab\",plain\n".to_owned();
    text.extend((0..500).map(|i| format!("{},{},{}\n", i % 7, i * i, i / 50)));
    let table = Table::from_csv(text.as_bytes()).unwrap();
    let report = Pipeline::builder().build().unwrap().compress_table(&table).unwrap().report;
    let plot = plot::bytes_by_part(&report);
    assert_eq!(lines(&plot, "column"), 3);
    assert!(elements(&plot.svg, "text") >= 7);
    let (bytes, ratio) = sums(&plot);
    assert_eq!(bytes, report.compressed_bytes);
    assert!((ratio - report.ratio()).abs() < 1e-12);
}

#[test]
fn many_columns_are_all_listed() {
    let header: Vec<String> = (0..90).map(|i| format!("column number {i} of a table that has very many")).collect();
    let row: Vec<String> = (0..90).map(|i| i.to_string()).collect();
    let text = format!("{}\n{}\n", header.join(","), row.join(","));
    let table = Table::from_csv(text.as_bytes()).unwrap();
    let report = Pipeline::builder().build().unwrap().compress_table(&table).unwrap().report;
    let plot = plot::bytes_by_part(&report);
    assert_eq!(lines(&plot, "column"), 90);
    assert_eq!(elements(&plot.svg, "rect"), 40 + 1, "40 bars on a ground");
    assert_eq!(sums(&plot).0, report.compressed_bytes);
    elements(&plot::bytes_by_part(&Report::default()).svg, "text");
}

#[test]
fn a_picture_is_written_beside_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let plot = plot::residuals(&fit_of_data(), &runs(1));
    plot.write(folder.path().join("new"), "residuals").unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join("new").join(name)).unwrap();
    assert_eq!((read("residuals.svg"), read("residuals.csv")), (plot.svg, plot.csv));
}
