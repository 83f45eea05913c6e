//! NDJSON on all cores, in one pass. The first lines give a guess at the fields; by this guess the blocks of lines are
//! made into columns while the observations of their values are kept and joined. If the guess was right, the first
//! reader receives the columns already made. A text that is not valid is left to `mod.rs`, which reads it line by line
//! and decides.

use super::build::{Builder, Place, scalar};
use super::shape::{Plan, Shape};
use super::tokens::Tokens;
use super::value::Value;
use super::{BATCH_ROWS, Form, Layout, Lines, layout};
use crate::TableError;
use crate::batches::Batches;
use crate::blocks::{Cutter, InOrder, Keeper, Made, MadeBatches, Sizes, changed, flat, last_end, ranges};
use crate::cell::Kind;
use crate::text_columns::Column;
use arrow_array::ArrayRef;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Maximum number of fields of a text read in blocks: the observations of all are copied for each block, 8 MB.
const FIELDS_MAX: usize = 4096;

/// Maximum number of values of a block, including missing ones: two for each of its bytes take about 40 MB, and each
/// core holds a few blocks.
const VALUES_MAX: usize = 2 << 20;

/// How a text is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Bytes before its lines.
    first: u64,
    sizes: Sizes,
}

/// The guess at the fields by the first lines.
struct Guess {
    path: PathBuf,
    shape: Shape,
    plan: Arc<Plan>,
    /// The names of the fields.
    names: Vec<String>,
    /// Whether it has been right so far, and the columns made are kept.
    holds: AtomicBool,
}

/// The observations of a block.
struct Part {
    shape: Shape,
    rows: u64,
    /// Maximum number of objects.
    objects: usize,
    /// Its rows, if the guess holds.
    made: Option<Vec<Made>>,
}

/// The information gained from a block.
struct Look {
    shape: Shape,
    rows: u64,
    /// The number of new fields that it may still add.
    left: usize,
}

/// The maximum number of objects in a block.
fn objects(block: &[u8]) -> usize {
    memchr::memchr_iter(b'{', block).count()
}

/// Checks a text of about `length` bytes by its blocks. `None` if it must be read line by line.
pub(super) fn check<R: Read + Send + 'static>(
    path: &Path,
    length: u64,
    sizes: Sizes,
    again: impl Fn() -> Result<R, TableError>,
) -> Option<Layout> {
    let mut head = Vec::new();
    again().ok()?.take(sizes.head as u64).read_to_end(&mut head).ok()?;
    if head.len() < sizes.head {
        return None;
    }
    let mut lines = Lines::new(path, Form::Lines, &head[..last_end(&head, None)?]);
    let (mut shape, mut left) = (Shape::default(), FIELDS_MAX);
    while let Some(line) = lines.next().ok()? {
        shape.note(&line.row(path).ok()?, line.number, &mut left).ok()?;
    }
    let plan = Arc::new(shape.plan());
    let names = plan.fields().iter().map(|field| field.name().clone()).collect();
    let guess = Arc::new(Guess { path: path.to_owned(), shape, plan, names, holds: AtomicBool::new(true) });
    let cut = Cut { first: if head.starts_with(MARK) { MARK.len() as u64 } else { 0 }, sizes };
    let work = {
        let guess = Arc::clone(&guess);
        move |block: &mut Vec<u8>| guess.part(block)
    };
    let (mut rows, mut keeper, mut shape, mut objects) = (0, Keeper::new(length), guess.shape.clone(), 0);
    guess.holds.store(keeper.keeps(), Ordering::Relaxed);
    for part in InOrder::start(path, cut.cut(path, again().ok()?).ok()?, work) {
        let part = part.ok()?;
        if !shape.join(&part.shape) || shape.fields() > FIELDS_MAX {
            return None;
        }
        rows += part.rows;
        objects = objects.max(part.objects);
        keeper.add(part.made);
        guess.holds.store(keeper.keeps(), Ordering::Relaxed);
    }
    let plan = shape.plan();
    let is_right = plan.is_made_as(&guess.plan);
    let layout = layout(path, plan, rows).ok()?;
    // With fields that appear later, each block may lack more values.
    let cut = Some(cut).filter(|_| is_right || objects * layout.plan.count() <= VALUES_MAX);
    Some(Layout { cut, kept: keeper.kept(is_right), ..layout })
}

impl Cut {
    fn cut<R: Read>(&self, path: &Path, text: R) -> Result<Cutter<R>, TableError> {
        Cutter::new(path, text, self.first, None, self.sizes)
    }

    /// The rows of a checked text, in batches.
    pub(super) fn read(
        self,
        path: &Path,
        layout: &Layout,
        text: impl Read + Send + 'static,
    ) -> Result<Batches, TableError> {
        let plan = Arc::clone(&layout.plan);
        let names = plan.fields().iter().map(|field| field.name().clone()).collect();
        let shape = Shape::default();
        let guess = Guess { path: path.to_owned(), shape, plan, names, holds: AtomicBool::new(true) };
        let work = move |block: &mut Vec<u8>| guess.made(block, None)?.ok_or_else(|| changed(&guess.path));
        let made = flat(InOrder::start(path, self.cut(path, text)?, work));
        Ok(Box::new(MadeBatches::new(path, &layout.schema, layout.rows, made)))
    }
}

impl Guess {
    fn part(&self, block: &mut Vec<u8>) -> Result<Part, TableError> {
        let mut look = Look { shape: self.shape.clone(), rows: 0, left: FIELDS_MAX };
        let objects = objects(block);
        let made = self.made(block, Some(&mut look))?;
        let made = made.filter(|_| self.holds.load(Ordering::Relaxed));
        Ok(Part { shape: look.shape, rows: look.rows, objects, made })
    }

    /// Makes columns of a block, and examines those of its values that may add information; `None` if a value does not
    /// fit.
    fn made(&self, block: &mut Vec<u8>, mut look: Option<&mut Look>) -> Result<Option<Vec<Made>>, TableError> {
        if objects(block) * self.plan.count() > VALUES_MAX {
            return Err(changed(&self.path));
        }
        let Some(tokens) = Tokens::of(block, &self.names) else { return self.made_by_line(block, look) };
        if let Some(look) = &mut look {
            look.rows = tokens.rows() as u64;
        }
        let mut all = Some(Vec::new());
        for rows in ranges(tokens.rows()) {
            let mut columns = Vec::new();
            for (field, name) in self.names.iter().enumerate() {
                let look = look.as_mut().and_then(|look| Some((look.shape.field(name)?, &mut look.left)));
                columns.extend(self.column(&tokens, field, &rows, look)?);
            }
            all = all.filter(|_| columns.len() == self.names.len());
            if let Some(all) = &mut all {
                all.push(Made { rows: rows.len(), columns });
            }
        }
        *block = tokens.into_block();
        Ok(all)
    }

    /// Makes a column of some rows; `None` if a value does not fit.
    fn column(
        &self,
        tokens: &Tokens,
        field: usize,
        rows: &Range<usize>,
        mut look: Option<(&mut Shape, &mut usize)>,
    ) -> Result<Option<ArrayRef>, TableError> {
        let values = tokens.column(field, rows.clone());
        let name = &self.names[field];
        let (plan, known) = (self.plan.field_plan(field), self.shape.known(name));
        let mut fits = true;
        let Some(Plan::Scalar(kind)) = plan else {
            let Some(plan) = plan else { return Ok(None) };
            let mut builder = Builder::new(plan);
            for value in values {
                let value = value.map_err(|_| changed(&self.path))?;
                if let Some((shape, left)) = &mut look {
                    shape.note_field(&value, left).map_err(|_| changed(&self.path))?;
                }
                fits = fits && builder.push(&value, &Place::ROW).is_ok();
            }
            return Ok(fits.then(|| builder.finish()));
        };
        let mut column = Column::of_size(*kind, rows.len(), || tokens.bytes(field, rows.clone()));
        let plain_is_known = look.is_none() || known.is_some_and(|known| known.knows(*kind));
        for value in values {
            let value = value.map_err(|_| changed(&self.path))?;
            if value == Value::Null {
                column.push_null();
                continue;
            }
            if plain_is_known && plain(*kind, &mut column, &value) {
                continue;
            }
            if let Some((shape, left)) = &mut look
                && !known.is_some_and(|known| known.is_settled(&value))
            {
                shape.note_field(&value, left).map_err(|_| changed(&self.path))?;
            }
            fits &= scalar(*kind, &mut column, &value);
        }
        Ok(fits.then(|| column.finish()))
    }

    /// The same, line by line.
    fn made_by_line(&self, block: &[u8], mut look: Option<&mut Look>) -> Result<Option<Vec<Made>>, TableError> {
        // The byte order mark is before the first block.
        if block.starts_with(MARK) {
            return Err(changed(&self.path));
        }
        let mut builder = Some(Builder::new(&self.plan));
        let (mut all, mut rows, mut in_batch) = (Vec::new(), 0, 0);
        let mut lines = Lines::new(&self.path, Form::Lines, block);
        while let Some(line) = lines.next()? {
            let row = line.row(&self.path)?;
            if let Some(Look { shape, left, .. }) = &mut look.as_deref_mut() {
                shape.note(&row, line.number, left).map_err(|_| changed(&self.path))?;
            }
            builder = builder.and_then(|mut builder| builder.push(&row, &Place::ROW).is_ok().then_some(builder));
            (rows, in_batch) = (rows + 1, in_batch + 1);
            if let (BATCH_ROWS, Some(builder)) = (in_batch, &mut builder) {
                all.push(Made { rows: std::mem::take(&mut in_batch), columns: builder.finish_fields() });
            }
        }
        if let Some(look) = look {
            look.rows = rows;
        }
        Ok(builder.map(|mut builder| {
            if in_batch > 0 {
                all.push(Made { rows: in_batch, columns: builder.finish_fields() });
            }
            all
        }))
    }
}

/// Adds a value that is short and plainly of a column's kind, as nearly all are.
fn plain(kind: Kind, column: &mut Column, value: &Value<'_>) -> bool {
    match (kind, value) {
        (Kind::Integer | Kind::Decimal, Value::Number(text)) => column.push_plain(text),
        (Kind::Date | Kind::Naive(_), Value::Text(text)) => !text.is_empty() && column.push_plain(text),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
