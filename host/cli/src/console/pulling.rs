//! The display of an image pull: a bar for each layer on a terminal, a line every few seconds elsewhere.

use super::size;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use longshore::shown::Word;
use longshore::{LayerProgress, LayerStatus};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time between two lines.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Digits of a layer's id that are shown.
const ID_LENGTH: usize = 12;

/// An image that is being pulled.
pub(super) struct Pulling {
    image: String,
    layers: BTreeMap<String, LayerProgress>,
    bars: BTreeMap<String, ProgressBar>,
    all: MultiProgress,
    last_line: Instant,
}

impl Pulling {
    /// A pull that begins, shown with bars or with lines.
    pub(super) fn new(image: &str, with_bars: bool) -> Self {
        let target = if with_bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self {
            image: image.to_owned(),
            layers: BTreeMap::new(),
            bars: BTreeMap::new(),
            all: MultiProgress::with_draw_target(target),
            last_line: Instant::now(),
        }
    }

    /// Its name.
    pub(super) fn image(&self) -> &str {
        &self.image
    }

    /// Takes a layer's progress. Returns a line to print if it is time for one.
    pub(super) fn layer(&mut self, layer: LayerProgress) -> Option<String> {
        if !self.all.is_hidden() {
            self.draw(&layer);
        }
        self.layers.insert(layer.id.clone(), layer);
        if !self.all.is_hidden() || self.last_line.elapsed() < BETWEEN_LINES {
            return None;
        }
        self.last_line = Instant::now();
        Some(summary(&self.image, self.layers.values()))
    }

    /// Prints while the bars are hidden.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }

    /// Removes the bars.
    pub(super) fn clear(&mut self) {
        // If the terminal is closed, there is nothing to clear.
        let _ = self.all.clear();
        self.bars.clear();
    }

    fn draw(&mut self, layer: &LayerProgress) {
        // A layer that was present before, or is waiting, has no bar.
        if layer.total.is_none() && !self.bars.contains_key(&layer.id) {
            return;
        }
        let bar = self.bars.entry(layer.id.clone()).or_insert_with(|| {
            let id = String::from(Word::of(layer.id.get(..ID_LENGTH).unwrap_or(&layer.id)));
            let bar = self.all.add(ProgressBar::new(layer.total.unwrap_or(0)));
            let style = ProgressStyle::with_template("{prefix} {msg:11} {bar:30} {bytes:>10} of {total_bytes}");
            style.map_or(bar.clone(), |style| bar.with_style(style)).with_prefix(id)
        });
        bar.set_message(word(layer.status));
        match (layer.status, layer.total) {
            (LayerStatus::Downloaded | LayerStatus::Complete, _) => bar.set_position(bar.length().unwrap_or(0)),
            (_, Some(total)) => {
                bar.set_length(total);
                bar.set_position(layer.current);
            }
            (_, None) => bar.set_position(layer.current),
        }
    }
}

fn word(status: LayerStatus) -> &'static str {
    match status {
        LayerStatus::Waiting => "waiting",
        LayerStatus::Downloading => "downloading",
        LayerStatus::Downloaded => "checking",
        LayerStatus::Extracting => "unpacking",
        LayerStatus::Complete => "done",
    }
}

/// The progress of all layers, in one line.
fn summary<'a>(image: &str, layers: impl Iterator<Item = &'a LayerProgress>) -> String {
    let (mut count, mut complete, mut come, mut total) = (0, 0, 0, 0);
    for layer in layers {
        count += 1;
        match layer.status {
            LayerStatus::Complete => complete += 1,
            LayerStatus::Downloading => {
                come += layer.current;
                total += layer.total.unwrap_or(layer.current);
            }
            LayerStatus::Waiting | LayerStatus::Downloaded | LayerStatus::Extracting => {}
        }
    }
    let coming = if total > 0 { format!(", current layers {} of {}", size(come), size(total)) } else { String::new() };
    format!("pulling {image}: {complete} of {count} layers{coming}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(id: &str, status: LayerStatus, current: u64, total: Option<u64>) -> LayerProgress {
        LayerProgress { id: id.into(), status, current, total }
    }

    #[test]
    fn a_line_says_how_far_all_layers_are() {
        let layers = [
            layer("a", LayerStatus::Complete, 0, None),
            layer("b", LayerStatus::Downloading, 1 << 20, Some(4 << 20)),
            layer("c", LayerStatus::Waiting, 0, None),
        ];
        assert_eq!(summary("x:1", layers.iter()), "pulling x:1: 1 of 3 layers, current layers 1.0 MB of 4.2 MB");
        assert_eq!(summary("x:1", layers[..1].iter()), "pulling x:1: 1 of 1 layers");
    }

    #[test]
    fn lines_are_few() {
        let mut pulling = Pulling::new("x:1", false);
        assert_eq!(pulling.layer(layer("a", LayerStatus::Waiting, 0, None)), None);
        pulling.last_line -= BETWEEN_LINES;
        assert!(pulling.layer(layer("a", LayerStatus::Complete, 0, None)).is_some());
        assert_eq!(pulling.layer(layer("b", LayerStatus::Waiting, 0, None)), None);
    }
}
