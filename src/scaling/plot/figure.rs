//! Points, lines and bands over a logarithmic axis.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const SIZE: (u32, u32) = (960, 540);

/// Where the legend begins.
const LEGEND: i32 = 716;

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

/// Text of a size, anchored.
pub(super) fn style(size: u32, horizontal: HPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size)).pos(Pos::new(horizontal, VPos::Center))
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

/// The outline of a mark around the origin.
fn mark(place: usize) -> Vec<(i32, i32)> {
    match place % 7 {
        0 => vec![(-4, -4), (4, -4), (4, 4), (-4, 4)],
        1 => vec![(0, -5), (5, 4), (-5, 4)],
        2 => vec![(0, -5), (5, 0), (0, 5), (-5, 0)],
        3 => vec![(-5, -4), (5, -4), (0, 5)],
        4 => vec![(-1, -5), (1, -5), (1, 5), (-1, 5)],
        5 => vec![(-5, -1), (5, -1), (5, 1), (-5, 1)],
        _ => vec![(-2, -5), (2, -5), (5, -2), (5, 2), (2, 5), (-2, 5), (-5, 2), (-5, -2)],
    }
}

/// What drawing to a string returns.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

pub(super) type Canvas<'s> = DrawingArea<SVGBackend<'s>, Shift>;

/// Draws on a white canvas. Writing to a string has nothing that could fail.
pub(super) fn paint(size: (u32, u32), draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    canvas.fill(&WHITE).and_then(|()| draw(&canvas)).and_then(|()| canvas.present()).expect("a string takes all");
    drop(canvas);
    svg
}

impl Figure {
    pub fn svg(&self) -> String {
        paint(SIZE, |canvas| {
            canvas.draw(&Text::new(self.title.clone(), (18, 22), style(19, HPos::Left)))?;
            self.draw_legend(canvas)?;
            self.draw_chart(canvas)
        })
    }

    fn draw_chart(&self, canvas: &Canvas<'_>) -> Drawn {
        let (x, y) = self.ranges();
        let (chart, _) = canvas.split_horizontally(LEGEND - 16);
        let mut chart = ChartBuilder::on(&chart)
            .margin_top(44)
            .margin_right(20)
            .margin_bottom(10)
            .margin_left(10)
            .x_label_area_size(50)
            .y_label_area_size(76)
            .build_cartesian_2d((x.0..x.1).log_scale(), y.0..y.1)?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 14))
            .light_line_style(WHITE)
            .bold_line_style(RGBColor(225, 225, 225))
            .x_labels(8)
            .y_labels(8)
            .x_label_formatter(&|x| super::short(*x))
            .y_label_formatter(&|y| format!("{}", (y * 1e4).round() / 1e4))
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
            chart.draw_series(LineSeries::new(series.line.iter().copied(), color.stroke_width(2)))?;
            for &(low, high, y) in &series.whiskers {
                let low = low.clamp(x.0, x.1);
                chart.draw_series([PathElement::new([(low, y), (high.clamp(x.0, x.1), y)], color.stroke_width(2))])?;
            }
            let marks = series.points.iter();
            chart.draw_series(marks.map(|&at| EmptyElement::at(at) + Polygon::new(mark(place), color.mix(0.85))))?;
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

    fn draw_legend(&self, canvas: &Canvas<'_>) -> Drawn {
        canvas.draw(&Text::new(self.legend, (LEGEND, 58), style(14, HPos::Left)))?;
        for (place, series) in self.series.iter().enumerate() {
            let (y, color) = (84 + 24 * place as i32, self.shade(place));
            if !series.line.is_empty() || !series.whiskers.is_empty() {
                canvas.draw(&PathElement::new([(LEGEND, y), (LEGEND + 28, y)], color.stroke_width(2)))?;
            }
            if !series.points.is_empty() {
                canvas.draw(&(EmptyElement::at((LEGEND + 14, y)) + Polygon::new(mark(place), color.filled())))?;
            }
            canvas.draw(&Text::new(series.label.clone(), (LEGEND + 38, y), style(14, HPos::Left)))?;
        }
        Ok(())
    }
}
