//! A record of delimited text: its cells, and whether each was quoted.

use std::ops::Range;

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    bytes: Range<usize>,
    quoted: bool,
}

/// A record: its cells, without their quotes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(super) text: Vec<u8>,
    pub(super) cells: Vec<Cell>,
    pub(super) line: u64,
}

impl Record {
    /// The line that it begins on, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The number of its cells.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Bytes of its cells, including their positions.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.cells.len() * size_of::<Cell>()
    }

    /// Bytes allocated for it.
    pub(super) fn room(&self) -> usize {
        self.text.capacity() + self.cells.capacity() * size_of::<Cell>()
    }

    /// Its cells, and whether each was quoted.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.cells.iter().map(|cell| (&self.text[cell.bytes.clone()], cell.quoted))
    }

    /// Its cells as a line of text; quoted cells are quoted again.
    pub(super) fn as_line(&self, delimiter: &str, quote: char) -> String {
        let text = |(cell, quoted): (&[u8], bool)| {
            let cell = String::from_utf8_lossy(cell);
            if quoted {
                format!("{quote}{}{quote}", cell.replace(quote, &format!("{quote}{quote}")))
            } else {
                cell.into_owned()
            }
        };
        self.cells().map(text).collect::<Vec<_>>().join(delimiter)
    }

    /// A cell, and whether it was quoted; `None` after the last.
    pub(crate) fn cell(&self, place: usize) -> Option<(&[u8], bool)> {
        self.cells.get(place).map(|cell| (&self.text[cell.bytes.clone()], cell.quoted))
    }

    /// Removes its last cell if that is empty and beyond the expected number.
    pub(crate) fn drop_trailing(&mut self, width: usize) {
        if self.cells.len() == width + 1 && self.cells.last().is_some_and(|cell| cell.bytes.is_empty() && !cell.quoted)
        {
            self.cells.pop();
        }
    }

    /// Removes a cell.
    pub(crate) fn remove(&mut self, place: usize) {
        if place < self.cells.len() {
            self.cells.remove(place);
        }
    }

    /// Removes the cells after the first `width`.
    pub(crate) fn cut(&mut self, width: usize) {
        self.cells.truncate(width);
    }

    /// Adds a cell from `start` to the end of the text.
    pub(super) fn push(&mut self, start: usize, quoted: bool) {
        self.cells.push(Cell { bytes: start..self.text.len(), quoted });
    }
}
