//! Throughput against latency of the acked chain, as a picture. Pure.

use plotters::coord::ranged1d::Ranged as _;
use plotters::prelude::*;

use super::case::Side;
use super::error::BenchError;
use super::record::{Line, Percentiles, Run};
use super::table::{Spread, count, micros};

const SIZE: (u32, u32) = (900, 560);
const FONT: &str = "sans-serif";
/// Colours that colour-blind people tell apart, and that stand out from white.
const OURS: RGBColor = RGBColor(0, 114, 178);
const APACHES: RGBColor = RGBColor(213, 94, 0);

/// What is drawn: the chain's rows over one worker, and over two.
const CURVES: [(&str, &str, Side); 4] = [
    ("chain", "this system, one worker", Side::Ours),
    ("chain-two", "this system, two workers", Side::Ours),
    ("chain", "Apache Storm, one worker", Side::Apache),
    ("chain-two", "Apache Storm, two workers", Side::Apache),
];

#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    /// Acked tuples a second.
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    /// At as many as go, and not at a rate that was asked for.
    full: bool,
}

/// The measured points of one system on so many workers, by rate; of Apache Storm's settings the one with the lowest p99 at
/// each rate, and the one with the highest rate at full speed.
fn curve(lines: &[Line], base: &str, side: Side) -> Vec<Point> {
    let runs: Vec<&Run> = lines.iter().filter_map(|l| if let Line::Run(run) = l { Some(run) } else { None }).collect();
    let mut cases: Vec<&str> = runs.iter().map(|run| run.case.as_str()).collect();
    cases.sort_unstable();
    cases.dedup();
    let mut points = Vec::new();
    for case in cases {
        let full = case.strip_prefix(base) == Some("-acked");
        let asked = case.strip_prefix(base).and_then(|rest| rest.strip_prefix("-at-")?.parse::<u64>().ok());
        if !full && asked.is_none() {
            continue;
        }
        let mine = runs.iter().copied().filter(|run| run.case == case && run.side == side);
        let mut variants: Vec<&str> = mine.clone().map(|run| run.variant.as_str()).collect();
        variants.sort_unstable();
        variants.dedup();
        let of = |variant: &str| {
            let median = |read: &dyn Fn(&Run, &Percentiles) -> Option<f64>| {
                let runs = mine.clone().filter(|run| run.variant == variant);
                Spread::of(runs.filter_map(|run| read(run, run.latency_us.as_ref()?))).map(|spread| spread.median)
            };
            let (rate, p50_us) = (median(&|run, _| run.rate)?, median(&|_, l| Some(l.p50))?);
            Some(Point { rate, p50_us, p99_us: median(&|_, l| Some(l.p99))?, full })
        };
        let better = |point: &Point| if full { point.rate } else { -point.p99_us };
        points.extend(variants.into_iter().filter_map(of).max_by(|a, b| better(a).total_cmp(&better(b))));
    }
    points.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    points
}

/// A range that holds all values, up to the next power of ten on both sides.
fn decades(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    10f64.powf(least.log10().floor())..10f64.powf(most.log10().ceil())
}

/// An SVG; each curve is p50 at the rates that were asked for, a square is full speed with a limit of pending tuples, and a bar
/// leads up to p99.
pub fn picture(lines: &[Line]) -> Result<String, BenchError> {
    let curves: Vec<(&str, Side, Vec<Point>)> =
        CURVES.iter().map(|(base, title, side)| (*title, *side, curve(lines, base, *side))).collect();
    let all: Vec<Point> = curves.iter().flat_map(|(_, _, points)| points.clone()).collect();
    if all.is_empty() {
        return Err(BenchError::Picture("there is no row chain-acked, chain-two-acked or chain-at-RATE".to_owned()));
    }
    let rates = decades(all.iter().map(|p| p.rate));
    let times = decades(all.iter().flat_map(|p| [p.p50_us, p.p99_us]));
    let mut svg = String::new();
    draw(&mut svg, &curves, rates.log_scale().into(), times.log_scale().into())
        .map_err(|e| BenchError::Picture(e.to_string()))?;
    Ok(svg)
}

type Scale = LogCoord<f64>;

fn draw(
    svg: &mut String,
    curves: &[(&str, Side, Vec<Point>)],
    rates: Scale,
    times: Scale,
) -> Result<(), Box<dyn std::error::Error>> {
    let highest = times.range().end;
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(18)
        .x_label_area_size(46)
        .y_label_area_size(76)
        .build_cartesian_2d(rates, times)?;
    chart
        .configure_mesh()
        .x_desc("acked tuples per second")
        .y_desc("latency: p50, bar up to p99; square: full speed")
        .x_label_formatter(&|rate| count(*rate))
        .y_label_formatter(&|us| micros(*us))
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .light_line_style(BLACK.mix(0.05))
        .bold_line_style(BLACK.mix(0.15))
        .draw()?;
    for (title, side, points) in curves.iter().filter(|(_, _, points)| !points.is_empty()) {
        let colour = if *side == Side::Ours { OURS } else { APACHES };
        let two = title.ends_with("two workers");
        let width = if two { 1 } else { 3 };
        let style = colour.stroke_width(width);
        chart
            .draw_series(LineSeries::new(points.iter().filter(|p| !p.full).map(|p| (p.rate, p.p50_us)), style))?
            .label(*title)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 24, y)], style));
        let bar = |p: &Point| PathElement::new(vec![(p.rate, p.p50_us), (p.rate, p.p99_us.min(highest))], style);
        chart.draw_series(points.iter().map(bar))?;
        let rates = points.iter().filter(|p| !p.full);
        chart.draw_series(rates.map(|p| Circle::new((p.rate, p.p50_us), 4, colour.filled())))?;
        let full = points.iter().filter(|p| p.full);
        chart.draw_series(full.map(|p| {
            EmptyElement::at((p.rate, p.p50_us))
                + Rectangle::new([(-5, -5), (5, 5)], colour.filled())
                + Text::new(format!("{}/s", count(p.rate)), (9, -6), (FONT, 13).into_font().color(&colour))
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font((FONT, 14))
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::case::Standing;
    use super::super::report::tests::run;
    use super::*;

    fn at(case: &str, side: Side, variant: &str, rate: f64, p99: f64) -> Line {
        match run(side, variant, Standing::Best, rate, p99) {
            Line::Run(run) => Line::Run(Run { case: case.to_owned(), ..run }),
            other => other,
        }
    }

    #[test]
    fn of_apache_storms_settings_the_best_is_drawn_at_each_point() {
        let lines = [
            at("chain-at-1000", Side::Apache, "a", 1000.0, 50.0),
            at("chain-at-1000", Side::Apache, "b", 1000.0, 40.0),
            at("chain-acked", Side::Apache, "a", 7e5, 50.0),
            at("chain-acked", Side::Apache, "b", 9e5, 90.0),
            at("chain", Side::Apache, "b", 9e6, 90.0),
            at("chain-two-at-10", Side::Apache, "b", 10.0, 9.0),
        ];
        let points = curve(&lines, "chain", Side::Apache);
        let seen: Vec<_> = points.iter().map(|p| (p.rate, p.p99_us, p.full)).collect();
        assert_eq!(seen, [(1000.0, 40.0, false), (9e5, 90.0, true)]);
        assert_eq!(curve(&lines, "chain-two", Side::Apache).len(), 1);
        assert!(curve(&lines, "chain", Side::Ours).is_empty());
    }

    #[test]
    fn a_picture_is_an_svg_and_nothing_gives_none() {
        let svg = picture(&[at("chain-acked", Side::Ours, "defaults", 7e5, 50.0)]).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("this system, one worker") && !svg.contains("Apache"));
        let error = picture(&[at("chain", Side::Ours, "defaults", 7e5, 50.0)]).unwrap_err();
        assert!(error.to_string().contains("chain-acked"), "{error}");
    }
}
