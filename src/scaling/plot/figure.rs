//! Points, lines and bands over a logarithmic axis.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const SIZE: (i32, i32) = (960, 540);

/// Width of lines.
const STROKE: u32 = 2 * FINE as u32;

/// Where the legend begins.
const LEGEND: i32 = 716 * FINE;

pub(super) struct Figure {
    pub title: String,
    pub x: &'static str,
    pub y: &'static str,
    pub legend: &'static str,
    pub series: Vec<Series>,
}

/// What shares one shade, one mark and one line of the legend.
#[derive(Default)]
pub(super) struct Series {
    label: String,
    /// Whether it has no place in the order of the others, and is black.
    is_apart: bool,
    pub points: Vec<(f64, f64)>,
    pub line: Vec<(f64, f64)>,
    /// x, and the two ends of y.
    pub band: Vec<(f64, f64, f64)>,
    /// The two ends of x, and y.
    pub whiskers: Vec<(f64, f64, f64)>,
}

impl Series {
    pub fn new(label: String) -> Self {
        Self { label, ..Self::default() }
    }

    /// A series that has no place in the order of the others.
    pub fn apart(label: String) -> Self {
        Self { label, is_apart: true, ..Self::default() }
    }
}

/// Text of a size in pixels, anchored.
pub(super) fn style(size: i32, horizontal: HPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size * FINE)).pos(Pos::new(horizontal, VPos::Center))
}

/// Dark violet to light orange, brightness rising evenly.
fn shade(place: usize, count: usize) -> RGBColor {
    const STOPS: [(f64, f64, f64); 4] = [(45., 10., 80.), (140., 30., 120.), (220., 80., 80.), (250., 170., 40.)];
    let at = 3.0 * place as f64 / (count.max(2) - 1) as f64;
    let (low, rest) = ((at as usize).min(2), at - (at as usize).min(2) as f64);
    let (a, b) = (STOPS[low], STOPS[low + 1]);
    let mix = |a: f64, b: f64| (a + rest * (b - a)).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The outline of a mark around the origin, in fine units.
fn mark(place: usize) -> Vec<(i32, i32)> {
    match place % 7 {
        0 => vec![(-16, -16), (16, -16), (16, 16), (-16, 16)],
        1 => vec![(0, -20), (20, 16), (-20, 16)],
        2 => vec![(0, -22), (22, 0), (0, 22), (-22, 0)],
        3 => vec![(-20, -16), (20, -16), (0, 20)],
        4 => vec![(-7, -22), (7, -22), (7, 22), (-7, 22)],
        5 => vec![(-22, -7), (22, -7), (22, 7), (-22, 7)],
        _ => vec![(-20, -18), (20, -18), (5, 0), (20, 18), (-20, 18), (-5, 0)],
    }
}

/// The mark of what stands apart.
const ROUND: [(i32, i32); 8] = [(-9, -20), (9, -20), (20, -9), (20, 9), (9, 20), (-9, 20), (-20, 9), (-20, -9)];

/// An axis with ticks of its own.
struct Axis {
    ends: (f64, f64),
    is_log: bool,
    ticks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let place = |x: f64| if self.is_log { x.ln() } else { x };
        let (low, high) = (place(self.ends.0), place(self.ends.1));
        limit.0 + ((place(*value) - low) / (high - low) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { vec![] } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.ends.0..self.ends.1
    }
}

/// Round values inside a range, at most ten: steps of 1, 2 or 5 times a power of ten.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let power = 10f64.powf((high - low).log10().floor() - 1.0);
    let count = |step: f64| (high / step).floor() - (low / step).ceil();
    let step = [1.0, 2.0, 5.0, 10.0, 20.0].map(|step| step * power).into_iter().find(|&step| count(step) < 9.0);
    let step = step.unwrap_or(50.0 * power);
    (0..=count(step).max(0.0) as usize).map(|i| ((low / step).ceil() + i as f64) * step).collect()
}

/// Powers of ten inside a range, or what divides it as well where there are fewer than three.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = || (low.log10().floor() as i32..=high.log10().floor() as i32).map(|power| 10f64.powi(power));
    let of = |steps: &[f64]| -> Vec<f64> {
        let all = decades().flat_map(|decade| steps.iter().map(move |step| step * decade));
        all.filter(|tick| (low..=high).contains(tick)).collect()
    };
    let tens = of(&[1.0]);
    // A dozen decades have room for every other one.
    let tens: Vec<f64> = tens.iter().copied().step_by(tens.len().div_ceil(8).max(1)).collect();
    let finer = of(&[1.0, 2.0, 5.0]);
    match (tens.len(), finer.len()) {
        (3.., _) => tens,
        (_, 3..) => finer,
        _ => ticks(low, high).into_iter().step_by(2).collect(),
    }
}

/// What drawing to a string returns.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

pub(super) type Canvas<'s> = DrawingArea<SVGBackend<'s>, Shift>;

/// Units of a canvas for each pixel: places are whole numbers, and lines through whole pixels are bumpy.
pub(super) const FINE: i32 = 4;

/// Draws on a white canvas of so many pixels. Writing to a string has nothing that could fail.
pub(super) fn paint((width, height): (i32, i32), draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let fine = ((width * FINE) as u32, (height * FINE) as u32);
    let canvas = SVGBackend::with_string(&mut svg, fine).into_drawing_area();
    canvas.fill(&WHITE).and_then(|()| draw(&canvas)).and_then(|()| canvas.present()).expect("a string takes all");
    drop(canvas);
    // The view box stays, so that the picture is shown in pixels.
    let size = |(width, height)| format!("width=\"{width}\" height=\"{height}\"");
    svg.replacen(&size((fine.0 as i32, fine.1 as i32)), &size((width, height)), 1)
}

impl Figure {
    pub fn svg(&self) -> String {
        paint(SIZE, |canvas| {
            canvas.draw(&Text::new(self.title.clone(), (18 * FINE, 22 * FINE), style(19, HPos::Left)))?;
            self.draw_legend(canvas)?;
            self.draw_chart(canvas)
        })
    }

    fn draw_chart(&self, canvas: &Canvas<'_>) -> Drawn {
        let (x, y) = self.ranges();
        let (chart, _) = canvas.split_horizontally(LEGEND - 16 * FINE);
        let mut chart = ChartBuilder::on(&chart)
            .margin_top(44 * FINE)
            .margin_right(20 * FINE)
            .margin_bottom(10 * FINE)
            .margin_left(10 * FINE)
            .x_label_area_size(50 * FINE)
            .y_label_area_size(76 * FINE)
            .build_cartesian_2d(
                Axis { ends: x, is_log: true, ticks: log_ticks(x.0, x.1) },
                Axis { ends: y, is_log: false, ticks: ticks(y.0, y.1) },
            )?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_desc_style(("sans-serif", 15 * FINE))
            .label_style(("sans-serif", 14 * FINE))
            .light_line_style(WHITE)
            .bold_line_style(RGBColor(225, 225, 225).stroke_width(FINE as u32))
            .axis_style(BLACK.stroke_width(FINE as u32))
            .set_all_tick_mark_size(5 * FINE)
            .x_label_formatter(&|x| super::short(*x))
            .y_label_formatter(&|y| super::short(*y))
            .draw()?;
        for (place, series) in self.series.iter().enumerate() {
            let up = series.band.iter().map(|&(x, _, high)| (x, high));
            let down = series.band.iter().rev().map(|&(x, low, _)| (x, low));
            let outline: Vec<_> = up.chain(down).collect();
            if !outline.is_empty() {
                chart.draw_series([Polygon::new(outline, self.shade(place).mix(0.18))])?;
            }
        }
        for (place, series) in self.series.iter().enumerate() {
            let color = self.shade(place);
            chart.draw_series(LineSeries::new(series.line.iter().copied(), color.stroke_width(STROKE)))?;
            for &(low, high, y) in &series.whiskers {
                let low = low.clamp(x.0, x.1);
                let high = high.clamp(x.0, x.1);
                chart.draw_series([PathElement::new([(low, y), (high, y)], color.stroke_width(STROKE))])?;
                let cap = || PathElement::new([(0, -6 * FINE), (0, 6 * FINE)], color.stroke_width(STROKE));
                chart.draw_series([low, high].map(|end| EmptyElement::at((end, y)) + cap()))?;
            }
            let marks = series.points.iter();
            chart
                .draw_series(marks.map(|&at| EmptyElement::at(at) + Polygon::new(self.mark(place), color.mix(0.85))))?;
        }
        Ok(())
    }

    /// What the axes show: all that is drawn, and a little more.
    fn ranges(&self) -> ((f64, f64), (f64, f64)) {
        let drawn = || self.series.iter().flat_map(|series| series.points.iter().chain(&series.line));
        let bands = self.series.iter().flat_map(|series| &series.band);
        let ends = bands.flat_map(|&(_, low, high)| [low, high]);
        let span = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let x = span(&mut drawn().map(|at| at.0));
        let y = span(&mut drawn().map(|at| at.1).chain(ends));
        let wider = (x.1 / x.0).powf(0.03).max(1.02);
        let taller = (0.04 * (y.1 - y.0)).max(1e-6 * y.1.abs()).max(1e-9);
        ((x.0 / wider, x.1 * wider), (y.0 - taller, y.1 + taller))
    }

    fn shade(&self, place: usize) -> RGBColor {
        if self.series[place].is_apart {
            BLACK
        } else {
            shade(place, self.series.iter().filter(|series| !series.is_apart).count())
        }
    }

    fn mark(&self, place: usize) -> Vec<(i32, i32)> {
        if self.series[place].is_apart { ROUND.to_vec() } else { mark(place) }
    }

    fn draw_legend(&self, canvas: &Canvas<'_>) -> Drawn {
        canvas.draw(&Text::new(self.legend, (LEGEND, 58 * FINE), style(14, HPos::Left)))?;
        for (place, series) in self.series.iter().enumerate() {
            let (y, color) = ((84 + 24 * place as i32) * FINE, self.shade(place));
            if !series.line.is_empty() || !series.whiskers.is_empty() {
                canvas.draw(&PathElement::new([(LEGEND, y), (LEGEND + 28 * FINE, y)], color.stroke_width(STROKE)))?;
            }
            if !series.points.is_empty() {
                canvas.draw(
                    &(EmptyElement::at((LEGEND + 14 * FINE, y)) + Polygon::new(self.mark(place), color.filled())),
                )?;
            }
            canvas.draw(&Text::new(series.label.clone(), (LEGEND + 38 * FINE, y), style(14, HPos::Left)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_neither_few_nor_many() {
        for (low, high) in [(2.6, 3.8), (-5.3, 2.6), (0.0, 1e-3), (1e6, 1.000_01e6), (0.99, 7.3), (12.0, 13.0)] {
            let ticks = ticks(low, high);
            assert!((4..=10).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (low - 1e-9..=high + 1e-9).contains(tick)));
        }
        assert_eq!(ticks(2.6, 3.83), [2.6, 2.8, 3.0, 3.2, 3.4, 3.6, 3.8].map(|x| (x * 5.0f64).round() * 0.2));
        assert_eq!(log_ticks(0.5, 2e3), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(log_ticks(1e9, 3e10), [1e9, 2e9, 5e9, 1e10, 2e10]);
        assert!((3..=10).contains(&log_ticks(1.1e3, 1.7e3).len()) && log_ticks(1.0, 1e20).len() <= 8);
    }
}
