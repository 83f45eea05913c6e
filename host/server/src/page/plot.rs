//! Plots as SVG, with attributes alone: the bar of a run's phases, and lines of measurements over time.

use crate::page::words::took;
use askama::Template;
use longshore::history::HistoryEntry;

/// Width of a bar, in units of its view.
const BAR: f64 = 1000.0;

/// Width and height of a plot of lines.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 96.0;

/// The most points of a line: about two pixels each.
const POINTS: usize = 240;

/// The phases of a run, one after the other.
#[derive(Debug, Template)]
#[template(path = "phases.html")]
pub(crate) struct Phases {
    phases: Vec<Phase>,
    total: String,
}

#[derive(Debug)]
struct Phase {
    name: &'static str,
    /// Which colour.
    number: usize,
    x: f64,
    width: f64,
    took: String,
}

impl Phases {
    /// Of a record; `None` where it has no times.
    pub(crate) fn of(run: &HistoryEntry) -> Option<Self> {
        const NAMES: [(&str, &str); 4] = [
            ("environment", "Environment"),
            ("start", "Start of the container"),
            ("run", "Script"),
            ("publish", "Writing of outputs"),
        ];
        let timings = run.record.as_ref()?.get("timings_ms")?;
        let of = |name: &str| timings.get(name).and_then(serde_json::Value::as_f64).filter(|time| *time >= 0.0);
        let total = of("total")?;
        let known: f64 = NAMES.iter().filter_map(|(name, _)| of(name)).sum();
        // What is in none of the phases is removing the container and writing the record.
        let mut times: Vec<(&'static str, f64)> =
            NAMES.iter().map(|(key, name)| (*name, of(key).unwrap_or_default())).collect();
        times.push(("Clean-up", (total - known).max(0.0)));
        let whole = total.max(known).max(0.001);
        let mut x = 0.0;
        let phases =
            times.into_iter().enumerate().filter(|(_, (_, time))| *time > 0.0).map(|(number, (name, time))| {
                let width = time / whole * BAR;
                let phase = Phase { name, number, x, width, took: took(time) };
                x += width;
                phase
            });
        Some(Self { phases: phases.collect(), total: took(total) })
    }
}

/// A measurement over time.
#[derive(Debug, Template)]
#[template(path = "plot.html")]
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    /// The newest value.
    now: String,
    /// The value at the top.
    top: String,
    /// The beginning of the time, as `1 h ago`.
    since: &'static str,
    /// Polylines; one for each time without a gap.
    lines: Vec<String>,
    /// What a screen reader says.
    summary: String,
}

impl Plot {
    /// Points are seconds ago, and values. `whole` is the width of the plot in seconds; a time without values for more
    /// than `gap` seconds is a gap.
    pub(crate) fn new(
        title: &'static str,
        since: &'static str,
        whole: f64,
        gap: f64,
        points: &[(f64, f64)],
        words: impl Fn(f64) -> String,
    ) -> Self {
        let most = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let top = if most > 0.0 { most } else { 1.0 };
        let mut lines = Vec::new();
        let mut line = Vec::new();
        let mut before: Option<f64> = None;
        for (ago, value) in thinned(points) {
            if before.is_some_and(|before| before - ago > gap.max(whole / POINTS as f64 * 2.5)) {
                lines.push(std::mem::take(&mut line));
            }
            before = Some(ago);
            let (x, y) = (WIDTH * (1.0 - ago / whole), 4.0 + (HEIGHT - 8.0) * (1.0 - value / top));
            line.push(format!("{x:.1},{y:.1}"));
        }
        lines.push(line);
        let lines = lines.into_iter().filter(|line| !line.is_empty()).map(single).collect();
        let now = points.last().map_or_else(|| "–".to_owned(), |(_, value)| words(*value));
        let summary = match points.len() {
            0 => format!("{title}: no measurements yet"),
            _ => format!("{title}: {now} now, {} at most", words(most)),
        };
        Self { title, now, top: words(most), since, lines, summary }
    }
}

/// A line has a length: a single point becomes a short one.
fn single(mut line: Vec<String>) -> String {
    if let [only] = line.as_slice() {
        let moved = only.split_once(',').and_then(|(x, y)| Some(format!("{:.1},{y}", x.parse::<f64>().ok()? - 2.0)));
        line.extend(moved);
    }
    line.join(" ")
}

/// The greatest value of each of at most `POINTS` pieces.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let piece = points.len().div_ceil(POINTS).max(1);
    let greatest = |piece: &[(f64, f64)]| piece.iter().copied().max_by(|first, second| first.1.total_cmp(&second.1));
    points.chunks(piece).filter_map(greatest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_spans_the_plot_and_has_gaps() {
        let points: Vec<(f64, f64)> =
            (0..361).rev().map(|index| (f64::from(index) * 10.0, f64::from(index % 7))).collect();
        let whole = Plot::new("Runs", "1 h ago", 3600.0, 25.0, &points, |value| format!("{value}"));
        assert_eq!(whole.lines.len(), 1);
        assert!(whole.lines[0].starts_with("0.0,") || whole.lines[0].starts_with("1."), "{}", whole.lines[0]);
        assert!(whole.lines[0].split(' ').count() <= POINTS);
        let cut = Plot::new("Runs", "1 h ago", 3600.0, 25.0, &[(3000.0, 1.0), (2990.0, 1.0), (10.0, 1.0)], |value| {
            format!("{value}")
        });
        assert_eq!(cut.lines.len(), 2);
        let none = Plot::new("Runs", "1 h ago", 3600.0, 25.0, &[], |value| format!("{value}"));
        assert!(none.lines.is_empty() && none.summary.ends_with("no measurements yet"));
    }
}
