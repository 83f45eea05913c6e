//! Finds the cells of a block of delimited text, eight bytes at a time: where each begins and ends, and whether it was
//! quoted. For plain, valid text these are the cells that `records.rs` finds; for any other text it finds none, and
//! `records.rs` reports the reason.

use std::ops::Range;

/// The bytes that separate and quote cells, and the number of cells in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellMarks {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    /// Cells of each row.
    pub(crate) width: usize,
}

/// The bit of a cell's end that marks the cell as quoted: blocks are far shorter than 2 GiB.
const QUOTED: u32 = 1 << 31;

/// The cells of a block, row by row.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    /// The block, followed by the cells whose doubled quotes were replaced.
    text: String,
    /// The start and end of each cell.
    places: Vec<(u32, u32)>,
    width: usize,
}

impl Cells {
    /// Finds the cells of a block. `None` if it is not plain or not valid.
    pub(crate) fn of(block: &mut Vec<u8>, marks: CellMarks) -> Option<Self> {
        let length = block.len();
        if u32::try_from(length).ok()?.checked_mul(2)? >= QUOTED {
            return None;
        }
        let mut finder = Finder { places: Vec::with_capacity(length / 8), undoubled: Vec::new(), length };
        finder.rows(block, marks)?;
        let Finder { places, undoubled, .. } = finder;
        block.extend_from_slice(&undoubled);
        let text = String::from_utf8(std::mem::take(block)).ok()?;
        Some(Self { text, places, width: marks.width })
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.places.len() / self.width
    }

    /// The cells of one column in a range of rows, and whether each was quoted.
    pub(crate) fn column(&self, place: usize, rows: Range<usize>) -> impl Iterator<Item = (&str, bool)> {
        let places = &self.places[rows.start * self.width..rows.end * self.width];
        let places = places.iter().skip(place).step_by(self.width);
        places.map(|(start, end)| (&self.text[*start as usize..(*end & !QUOTED) as usize], end & QUOTED != 0))
    }

    /// Bytes of the cells of one column in a range of rows.
    pub(crate) fn bytes(&self, place: usize, rows: Range<usize>) -> usize {
        self.column(place, rows).map(|(cell, _)| cell.len()).sum()
    }

    /// The block's memory, for reuse.
    pub(crate) fn into_block(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// The state of the search for cells.
struct Finder {
    places: Vec<(u32, u32)>,
    undoubled: Vec<u8>,
    length: usize,
}

impl Finder {
    fn rows(&mut self, block: &[u8], marks: CellMarks) -> Option<()> {
        let mut stops = Stops::new(block, [marks.delimiter, b'\n', b'\r']);
        let mut at = 0;
        while let Some(first) = block.get(at) {
            if matches!(first, b'\n' | b'\r') {
                at = after_line(block, at);
                stops.pass(at);
                if marks.width == 1 {
                    self.push(at, at, false);
                }
                continue;
            }
            for cell in 1..=marks.width {
                let end = if marks.quote.is_some() && block.get(at).copied() == marks.quote {
                    let end = self.quoted(block, at + 1, marks.quote?)?;
                    stops.pass(end);
                    end
                } else {
                    let end = stops.next().unwrap_or(block.len());
                    self.push(at, end, false);
                    end
                };
                match block.get(end) {
                    Some(byte) if *byte == marks.delimiter => at = end + 1,
                    Some(b'\n' | b'\r') => at = after_line(block, end),
                    None => at = end,
                    // Text after a closing quote.
                    Some(_) => return None,
                }
                stops.pass(at);
                let goes_on = block.get(end) == Some(&marks.delimiter);
                if goes_on != (cell < marks.width) {
                    return None;
                }
            }
        }
        Some(())
    }

    /// Reads the content of quotes. Returns the position after the closing quote.
    fn quoted(&mut self, block: &[u8], start: usize, quote: u8) -> Option<usize> {
        let mut at = start;
        let undoubled = self.undoubled.len();
        loop {
            let closing = at + memchr::memchr(quote, block.get(at..)?)?;
            if block.get(closing + 1) != Some(&quote) {
                if self.undoubled.len() == undoubled {
                    self.push(start, closing, true);
                } else {
                    self.undoubled.extend_from_slice(&block[at..closing]);
                    self.push(self.length + undoubled, self.length + self.undoubled.len(), true);
                }
                return Some(closing + 1);
            }
            self.undoubled.extend_from_slice(&block[at..=closing]);
            at = closing + 2;
        }
    }

    fn push(&mut self, start: usize, end: usize, quoted: bool) {
        // Both are below `QUOTED`, as `Cells::of` has checked: the undoubled text is no longer than the block.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.places.push((place(start), place(end) | if quoted { QUOTED } else { 0 }));
    }
}

/// The start of the next line.
fn after_line(block: &[u8], end: usize) -> usize {
    end + if block[end..].starts_with(b"\r\n") { 2 } else { 1 }
}

/// The positions of some bytes in a text.
struct Stops<'a> {
    text: &'a [u8],
    bytes: [u64; 3],
    /// The start of the word whose stops are known.
    word: usize,
    /// The highest bit of each of its bytes that is a stop and has not been passed.
    known: u64,
}

/// The lowest bit of each byte of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);

impl<'a> Stops<'a> {
    fn new(text: &'a [u8], bytes: [u8; 3]) -> Self {
        let mut stops = Self { text, bytes: bytes.map(|byte| u64::from(byte) * ONES), word: 0, known: 0 };
        stops.look();
        stops
    }

    /// The next stop, without passing it.
    fn next(&mut self) -> Option<usize> {
        while self.known == 0 {
            if self.word + 8 >= self.text.len() {
                return None;
            }
            self.word += 8;
            self.look();
        }
        Some(self.word + self.known.trailing_zeros() as usize / 8)
    }

    /// Passes all stops before a place.
    fn pass(&mut self, place: usize) {
        if place >= self.word + 8 {
            self.word = place & !7;
            self.look();
        }
        let passed = place - self.word;
        self.known &= u64::MAX << (8 * passed);
    }

    /// Finds the stops of a word.
    fn look(&mut self) {
        let rest = self.text.get(self.word..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                // The padding of zeros has no stops.
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        // The highest bit of each zero byte: without the masks, sums would overflow into the next byte.
        let is_none = |word: u64| !(((word & !(ONES << 7)) + !(ONES << 7)) | word) & ONES << 7;
        self.known = self.bytes.iter().fold(0, |known, byte| known | is_none(word ^ byte));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str, width: usize) -> Option<Vec<Vec<String>>> {
        let mut block = text.as_bytes().to_vec();
        let cells = Cells::of(&mut block, CellMarks { delimiter: b',', quote: Some(b'"'), width })?;
        let show = |(text, quoted): (&str, bool)| if quoted { format!("<{text}>") } else { text.to_owned() };
        let columns: Vec<Vec<String>> =
            (0..width).map(|place| cells.column(place, 0..cells.rows()).map(show).collect()).collect();
        Some((0..cells.rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect())
    }

    #[test]
    fn cells_are_those_between_the_marks() {
        assert_eq!(cells("1,\n,\"\"\r\n\n\r\r\"a\"\"b\n\",c", 2).unwrap(), [["1", ""], ["", "<>"], ["<a\"b\n>", "c"]]);
        assert_eq!(cells("\n1\r\n\r\n\r", 1).unwrap(), [[""], ["1"], [""], [""]]);
        assert_eq!(cells("5\" pipe,\"\"\"\"\"x\"", 2).unwrap(), [["5\" pipe", "<\"\"x>"]]);
        assert_eq!(cells("1,", 2).unwrap(), [["1", ""]]);
        assert_eq!(cells("", 2).unwrap(), Vec::<Vec<String>>::new());
    }

    #[test]
    fn what_is_not_in_order_has_none() {
        for text in ["1\n", "1,2,3\n", "\"1\"2,3\n", "1,\"2\n", "1,2\n\n3", "1,2,", "1,\"2\"\"", "\"", "1,2\n\""] {
            assert_eq!(cells(text, 2), None, "{text}");
        }
    }

    #[test]
    fn stops_are_found_wherever_they_are() {
        let mut state = 7_u32;
        for length in 0..200 {
            let text: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    [b',', b'\n', b'\r', b'x', b'-', 0x8a, 0xac, b'+'][(state >> 24) as usize % 8]
                })
                .collect();
            let mut stops = Stops::new(&text, [b',', b'\n', b'\r']);
            for (place, _) in text.iter().enumerate().filter(|(_, byte)| matches!(byte, b',' | b'\n' | b'\r')) {
                assert_eq!(stops.next(), Some(place));
                stops.pass(place + 1);
            }
            assert_eq!(stops.next(), None);
        }
    }
}
