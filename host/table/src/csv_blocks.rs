//! CSV on all cores, in one pass. The first bytes give a guess at the columns; by this guess the blocks of the text are
//! made into columns while the observations of their cells are kept and joined. If the guess was right, the first
//! reader receives the columns already made. A text that is not plain, not valid, or whose columns depend on the order
//! of its cells is left to `csv.rs`, which reads it record by record and decides.

use super::batches::Batches;
use super::blocks::{
    CellMarks, Cells, Cutter, InOrder, Keeper, Kept, Made, MadeBatches, Sizes, changed, flat, last_end, ranges,
};
use super::cell::{Kind, Words};
use super::cells::Record;
use super::dialect::Dialect;
use super::error::TableError;
use super::records::Records;
use super::rows::{RowSource, Rows};
use super::text_columns::Column;
use super::text_looks::{Looked, looked, verdicts};
use super::verdict::{Style, Verdict};
use arrow_array::ArrayRef;
use arrow_schema::SchemaRef;
use longshore_model::table::{Delimiter, Ragged, ReadOptions};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a plain text is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    marks: CellMarks,
    /// Bytes before its rows.
    first: u64,
    sizes: Sizes,
}

/// The findings of a plain text.
pub(super) struct Checked {
    pub(super) plain: Plain,
    /// `None` if its columns depend on the order of its cells.
    pub(super) found: Option<Found>,
}

/// Its columns.
pub(super) struct Found {
    pub(super) columns: Vec<Looked>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) rows: u64,
    /// Its rows, if the guess was right and they are few enough to be kept.
    pub(super) kept: Kept,
}

impl Plain {
    /// How to cut a text with this beginning, and its first record; `None` if it is not plain, or has no more rows.
    fn of(dialect: &Dialect, options: &ReadOptions, head: &[u8], sizes: Sizes) -> Option<(Self, Record)> {
        let Dialect { delimiter: Delimiter::Byte(delimiter), quote, header, .. } = *dialect else { return None };
        let known = Dialect { skip: dialect.skip, header, quote, ..Dialect::default() };
        let is_plain = *dialect == Dialect { delimiter: Delimiter::Byte(delimiter), ..known }
            && dialect.ragged == Ragged::Error
            && options.rows.is_none();
        let marks = [Some(delimiter), quote];
        let can_be = |mark: &u8| mark.is_ascii() && !matches!(mark, b'\0' | b'\n' | b'\r');
        if !is_plain
            || header > 1
            || marks[0] == marks[1]
            || !marks.iter().flatten().all(can_be)
            || head.len() < sizes.head
        {
            return None;
        }
        let (mut records, mut record) = (Records::new(dialect, head), Record::default());
        records.begin().ok()?;
        let mut first = records.used();
        records.next(&mut record).ok()?;
        if header == 1 {
            first = records.used();
        } else if record.len() == 1 {
            // An empty line above the first row is not a row.
            return None;
        }
        let marks = CellMarks { delimiter, quote, width: record.len() };
        let goes_on = first < head.len() as u64 && record.len() > 0;
        goes_on.then_some((Self { marks, first, sizes }, record))
    }

    fn cut<R: Read>(&self, path: &Path, text: R) -> Result<Cutter<R>, TableError> {
        Cutter::new(path, text, self.first, self.marks.quote, self.sizes)
    }

    /// The rows of a checked text, in batches: `total` rows, with the columns that the check found.
    pub(super) fn read(
        self,
        path: &Path,
        schema: &SchemaRef,
        total: u64,
        columns: Vec<(usize, Verdict, Arc<Words>)>,
        text: impl Read + Send + 'static,
    ) -> Result<Batches, TableError> {
        let own = path.to_owned();
        let work = move |block: &mut Vec<u8>| {
            let cells = Cells::of(block, self.marks).ok_or_else(|| changed(&own))?;
            let made = |rows: Range<usize>| {
                let column = |(place, verdict, words): &(usize, Verdict, Arc<Words>)| {
                    let mut column = column(&cells, *place, &rows, verdict, words);
                    let mut cells = cells.column(*place, rows.clone());
                    let fits = cells.all(|(cell, quoted)| column.push_plain(cell) || column.push(cell, quoted));
                    fits.then(|| column.finish()).ok_or_else(|| changed(&own))
                };
                let columns = columns.iter().map(column).collect::<Result<_, _>>()?;
                Ok(Made { rows: rows.len(), columns })
            };
            let made = ranges(cells.rows()).map(made).collect::<Result<Vec<_>, _>>();
            *block = cells.into_block();
            made
        };
        let made = flat(InOrder::start(path, self.cut(path, text)?, work));
        Ok(Box::new(MadeBatches::new(path, schema, total, made)))
    }
}

/// An empty column for some rows.
fn column(cells: &Cells, place: usize, rows: &Range<usize>, verdict: &Verdict, words: &Arc<Words>) -> Column {
    let bytes = || cells.bytes(place, rows.clone());
    Column::sized(verdict.kind, verdict.style.clone(), Arc::clone(words), rows.len(), bytes)
}

/// The guess at the columns by the first bytes.
struct Guess {
    path: PathBuf,
    marks: CellMarks,
    columns: Vec<Guessed>,
    /// Whether it has been right so far, and the columns made are kept.
    holds: AtomicBool,
}

/// The guess at one column.
struct Guessed {
    looked: Looked,
    verdict: Verdict,
    /// Whether plain cells of it add no information.
    is_known: bool,
}

/// The observations of a block.
struct Part {
    columns: Vec<Looked>,
    rows: u64,
    /// Its rows, if the guess holds.
    made: Option<Vec<Made>>,
}

/// A text to check.
pub(super) struct Text<'a, R> {
    /// Its first bytes.
    pub(super) head: &'a [u8],
    /// Its approximate size in bytes: the columns of a text that takes too much memory are not kept.
    pub(super) length: u64,
    /// All of it.
    pub(super) text: R,
}

/// Checks a text by its blocks. `None` if it must be read record by record.
pub(super) fn check(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions,
    text: Text<'_, impl Read + Send + 'static>,
    sizes: Sizes,
) -> Option<Checked> {
    let Text { head, length, text } = text;
    let (plain, first) = Plain::of(dialect, options, head, sizes)?;
    let mut columns = looked(path, dialect, options, &first).ok()?;
    if columns.iter().any(Looked::has_words) {
        return None;
    }
    let (mut rows, mut record) = Rows::open(path, dialect, &head[..last_end(head, plain.marks.quote)?]).ok()?;
    while rows.next(&mut record).ok()? {
        for column in &mut columns {
            column.note(path, record.line(), record.cell(column.place)).ok()?;
        }
    }
    let guess = Arc::new(Guess::new(path, plain.marks, &columns)?);
    let work = {
        let guess = Arc::clone(&guess);
        move |block: &mut Vec<u8>| guess.part(block)
    };
    let (mut rows, mut keeper) = (0, Keeper::new(length));
    guess.holds.store(keeper.keeps(), Ordering::Relaxed);
    for part in InOrder::start(path, plain.cut(path, text).ok()?, work) {
        let part = part.ok()?;
        for ((column, found), guessed) in columns.iter_mut().zip(&part.columns).zip(&guess.columns) {
            if !guessed.looked.is_settled() {
                column.join(found);
            }
        }
        rows += part.rows;
        keeper.add(part.made);
        guess.holds.store(keeper.keeps(), Ordering::Relaxed);
    }
    let found = guess.found(columns, rows, keeper);
    Some(Checked { plain, found })
}

impl Guess {
    fn new(path: &Path, marks: CellMarks, columns: &[Looked]) -> Option<Self> {
        let verdicts = verdicts(path, columns).ok()?;
        let guessed = |(looked, verdict): (&Looked, Verdict)| {
            let is_known = looked.knows(verdict.kind);
            Guessed { looked: looked.onward(), verdict, is_known }
        };
        let columns = columns.iter().zip(verdicts).map(guessed).collect();
        Some(Self { path: path.to_owned(), marks, columns, holds: AtomicBool::new(true) })
    }

    /// Makes columns of a block, and examines those of its cells that may add information.
    fn part(&self, block: &mut Vec<u8>) -> Result<Part, TableError> {
        let cells = Cells::of(block, self.marks).ok_or_else(|| changed(&self.path))?;
        let mut columns: Vec<Looked> = self.columns.iter().map(|guessed| guessed.looked.clone()).collect();
        let mut made = Some(Vec::new());
        for rows in ranges(cells.rows()) {
            let mut arrays = Vec::new();
            for (guessed, looked) in self.columns.iter().zip(&mut columns) {
                arrays.extend(self.column(guessed, looked, &cells, &rows)?);
            }
            let fits = arrays.len() == columns.len() && self.holds.load(Ordering::Relaxed);
            made = made.filter(|_| fits);
            if let Some(made) = &mut made {
                made.push(Made { rows: rows.len(), columns: arrays });
            }
        }
        let rows = cells.rows() as u64;
        *block = cells.into_block();
        Ok(Part { columns, rows, made })
    }

    /// Makes a column of some rows; `None` if a cell does not fit the guess.
    fn column(
        &self,
        guessed: &Guessed,
        looked: &mut Looked,
        cells: &Cells,
        rows: &Range<usize>,
    ) -> Result<Option<ArrayRef>, TableError> {
        let mut column = column(cells, looked.place, rows, &guessed.verdict, &looked.hints.words);
        let settled = guessed.looked.is_settled();
        let mut fits = true;
        for (cell, quoted) in cells.column(looked.place, rows.clone()) {
            if guessed.is_known && column.push_plain(cell) {
                continue;
            }
            if !settled {
                looked.note(&self.path, 0, Some((cell.as_bytes(), quoted)))?;
            }
            fits &= column.push(cell, quoted);
        }
        Ok(fits.then(|| column.finish()))
    }

    /// The columns, by the observations of all blocks.
    fn found(&self, columns: Vec<Looked>, rows: u64, keeper: Keeper) -> Option<Found> {
        let known = |guessed: &Guessed| guessed.looked.is_settled();
        if columns.iter().zip(&self.columns).any(|(column, guessed)| !known(guessed) && column.is_open()) {
            return None;
        }
        let verdicts = verdicts(&self.path, &columns).ok()?;
        let pairs = || verdicts.iter().zip(&self.columns).map(|(found, guessed)| (found, &guessed.verdict));
        // The lines of examples are known only in the first bytes.
        if pairs().any(|(found, guessed)| found.reason != guessed.reason) {
            return None;
        }
        // A column without a value so far is made like one of text.
        let made_as = |verdict: &Verdict| {
            let kind = if verdict.kind == Kind::Nothing { Kind::Text } else { verdict.kind };
            (kind, Style::clone(&verdict.style))
        };
        let right = pairs().all(|(found, guessed)| made_as(found) == made_as(guessed));
        Some(Found { columns, verdicts, rows, kept: keeper.kept(right) })
    }
}

#[cfg(test)]
mod tests;
