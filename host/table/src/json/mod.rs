//! NDJSON, one object per line, and JSON, objects in an array or one after another. A first pass over all objects finds
//! each field's type (`shape.rs`) and all errors, by line; a second builds the columns (`build.rs`) by the findings of
//! the first, so that the two cannot disagree. `lines.rs` finds the bounds of objects, `value.rs` parses each one. A
//! long text that is complete is read in `blocks.rs`.

mod blocks;
mod build;
mod elements;
mod lines;
mod shape;
mod tokens;
mod told;
mod value;

use super::bad_rows::{Marked, Rules, Tally};
use super::batches::Batches;
use super::blocks::{Kept, MadeBatches, Sizes};
use super::column_kind::without_type;
use super::error::TableError;
use super::findings::Findings;
use super::patience::Patience;
use super::{BATCH_BYTES, BATCH_ROWS, BATCH_VALUES, COLUMNS_MAX};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use blocks::{Cut, check};
use build::{Builder, Place, Pushed};
use encoding_rs::Encoding;
use lines::Lines;
use longshore_model::table::{BadRows, ReadOptions};
use shape::{Plan, Shape};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use told::Told;
use value::VALUES_MAX;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// The findings of the first pass.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) schema: SchemaRef,
    plan: Arc<Plan>,
    pub(crate) rows: u64,
    /// The fields of the only object that are lists of objects: each may be the intended table.
    pub(crate) lists: Vec<String>,
    /// How the text is cut into blocks, if it can be.
    cut: Option<Cut>,
    /// The rows that the check has already made, for the first reader.
    kept: Kept,
    /// The rules for bad rows, and their number.
    rules: Rules,
    pub(super) tally: Tally,
}

impl Layout {
    /// Findings for the user.
    pub(crate) fn findings(&self, encoding: Option<&'static Encoding>) -> Option<Findings> {
        let mut findings = Findings::default();
        if let Some(encoding) = encoding {
            findings.options.insert("encoding".into(), encoding.name().to_ascii_lowercase());
        }
        let lists = self.lists.iter();
        findings.notes.extend(lists.map(|name| {
            format!(
                "the file is one object, read as a table of one row; its field `{name}` is a list of objects: \
                 `path={name}` reads those as rows"
            )
        }));
        findings.notes.extend(self.tally.notes());
        (findings != Findings::default()).then_some(findings)
    }

    /// The columns; those without a value have no type.
    pub(crate) fn known_schema(&self) -> SchemaRef {
        without_type(&self.schema, |index| self.plan.has_no_value(index))
    }
}

/// How objects are arranged in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    /// Each on its own line.
    Lines,
    /// In an array, at a path of fields if given, or one after another.
    Values(Option<&'a str>),
}

/// Reads the whole text once: its blocks on all cores, or line by line. It has about `length` bytes, and `again` opens
/// it from its start.
pub(crate) fn scan_ahead<R: Read + Send + 'static>(
    path: &Path,
    form: Form<'_>,
    options: &ReadOptions,
    length: u64,
    again: impl Fn() -> Result<R, TableError>,
) -> Result<Layout, TableError> {
    let rules = Rules::of(options, false);
    match form {
        Form::Lines if rules.is_strict() && options.types.is_empty() => {
            scan_in_blocks(path, length, Sizes::default(), again)
        }
        _ => scan(path, form, options, rules, BufReader::with_capacity(BUFFER_BYTES, again()?)),
    }
}

fn scan_in_blocks<R: Read + Send + 'static>(
    path: &Path,
    length: u64,
    sizes: Sizes,
    again: impl Fn() -> Result<R, TableError>,
) -> Result<Layout, TableError> {
    match check(path, length, sizes, &again) {
        Some(layout) => Ok(layout),
        None => {
            let text = BufReader::with_capacity(BUFFER_BYTES, again()?);
            scan(path, Form::Lines, &ReadOptions::default(), Rules::default(), text)
        }
    }
}

/// Reads the whole text once. A text without rows is a table without columns.
pub(super) fn scan(
    path: &Path,
    form: Form<'_>,
    options: &ReadOptions,
    rules: Rules,
    text: impl BufRead,
) -> Result<Layout, TableError> {
    let mut lines = Lines::new(path, form, text);
    let mut shape = Shape::default();
    let mut rows = 0;
    let mut lists = Vec::new();
    let (tally, mut told, mut left) = (Tally::default(), Told::new(options, rules), COLUMNS_MAX);
    loop {
        let noted = match lines.next() {
            Ok(None) => break,
            Ok(Some(line)) => {
                let number = line.number;
                let wrong = |reason| TableError::Line { path: path.to_owned(), line: number, reason };
                line.row(path).and_then(|mut row| {
                    lists = if rows == 0 { row.lists_of_objects() } else { Vec::new() };
                    told.take(path, number, &mut row)?;
                    shape.note(&row, number, &mut left).map_err(wrong)
                })
            }
            Err(error) => Err(error),
        };
        match noted {
            Ok(()) => rows += 1,
            Err(TableError::Line { line, reason, .. }) if rules.bad != BadRows::Fail => {
                tally.bad(rules.bad, line, &reason);
                rows += u64::from(rules.bad == BadRows::Keep);
            }
            Err(error) => return Err(error),
        }
    }
    if !lines.is_sequence() {
        lists.clear();
    }
    let layout = layout(path, told.plan(path, shape.plan())?, rows)?;
    Ok(Layout { schema: rules.columns(&layout.schema), lists, rules, tally, ..layout })
}

/// The layout of a text whose fields have been found.
fn layout(path: &Path, plan: Plan, rows: u64) -> Result<Layout, TableError> {
    let fields = plan.fields();
    if let Some(field) = fields.iter().find(|field| field.name().contains('\0')) {
        let reason = format!("the name of the field {:?} has a NUL character in it: remove it", field.name());
        return Err(TableError::Damaged { path: path.to_owned(), reason });
    }
    let schema = Arc::new(Schema::new(fields));
    Ok(Layout {
        schema,
        plan: Arc::new(plan),
        rows,
        lists: Vec::new(),
        cut: None,
        kept: Kept::default(),
        rules: Rules::default(),
        tally: Tally::default(),
    })
}

/// The rows of a scanned text, in batches: made by its check, or from its blocks on all cores, or line by line.
pub(crate) fn stored(
    path: &Path,
    layout: &Layout,
    form: Form<'_>,
    text: impl Read + Send + 'static,
) -> Result<Batches, TableError> {
    if let Some(kept) = layout.kept.take() {
        return Ok(Box::new(MadeBatches::new(path, &layout.schema, layout.rows, kept.into_iter().map(Ok))));
    }
    if let Some(cut) = layout.cut {
        return cut.read(path, layout, text);
    }
    let text = BufReader::with_capacity(BUFFER_BYTES, text);
    Ok(Box::new(JsonBatches::new(path, layout, form, text, Pace::Stored)))
}

/// How rows arrive.
#[derive(Debug)]
pub(crate) enum Pace {
    /// All rows are stored, and have been scanned.
    Stored,
    /// Rows arrive after those that were scanned: a batch ends where reading the next row would block.
    Live { rows_max: usize, patience: Patience },
}

/// The rows of a scanned text, in batches.
pub(crate) struct JsonBatches<R> {
    lines: Lines<R>,
    layout: Layout,
    pace: Pace,
    builder: Builder,
    /// The bad rows of the batch, if the table continues after them.
    marked: Option<Marked>,
    /// Rows of all batches so far.
    rows: u64,
}

impl<R: BufRead> JsonBatches<R> {
    pub(crate) fn new(path: &Path, layout: &Layout, form: Form<'_>, text: R, pace: Pace) -> Self {
        let builder = Builder::new(&layout.plan);
        let marked = Marked::new(layout.rules, &layout.tally);
        Self { lines: Lines::new(path, form, text), layout: layout.clone(), pace, builder, marked, rows: 0 }
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let (mut rows, mut bytes, mut values) = (0, 0, 0);
        let path = self.lines.path.clone();
        while bytes < BATCH_BYTES && values < BATCH_VALUES && self.takes_more(rows) {
            let mut row_pushed = Pushed { rule: self.layout.rules.later, ..Pushed::default() };
            let pushed = match self.lines.next() {
                Ok(None) => break,
                Ok(Some(line)) => {
                    bytes += line.text.len();
                    let number = line.number;
                    let wrong = |reason| TableError::Line { path: path.clone(), line: number, reason };
                    match line.row(&path) {
                        Ok(row) => self.builder.push_with(&row, &Place::ROW, &mut row_pushed).map_err(wrong),
                        Err(error) => {
                            self.builder.push_null();
                            Err(error)
                        }
                    }
                }
                Err(error) => {
                    self.builder.push_null();
                    Err(error)
                }
            };
            let number = self.lines.number;
            if row_pushed.values > VALUES_MAX {
                let reason = format!("line {number}: its lists of objects lack more than {VALUES_MAX} values");
                return Err(TableError::Unreadable { path, reason });
            }
            values += row_pushed.values.max(self.builder.width());
            match (pushed, &mut self.marked) {
                (Ok(()), marked) => {
                    let found = row_pushed.found;
                    marked.iter_mut().for_each(|marked| marked.good(number, found.clone()));
                }
                (Err(TableError::Line { line, reason, .. }), Some(marked)) if marked.takes_bad() => {
                    marked.bad(line, &reason, &self.lines.text());
                }
                (Err(TableError::Line { line, .. }), _) if matches!(self.pace, Pace::Stored) => {
                    let reason = "the file changed while it was being read".into();
                    return Err(TableError::Line { path, line, reason });
                }
                (Err(error), _) => return Err(error),
            }
            rows += 1;
        }
        if rows == 0 {
            let goes_on = self.marked.as_ref().is_some_and(Marked::takes_bad);
            if matches!(self.pace, Pace::Stored) && self.rows != self.layout.rows && !goes_on {
                let reason = "the file changed while it was being read".into();
                return Err(TableError::Line { path, line: self.lines.number, reason });
            }
            return Ok(None);
        }
        self.rows += rows as u64;
        let columns: Vec<ArrayRef> = self.builder.finish_fields();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = &self.layout.schema;
        let batch = match &mut self.marked {
            Some(marked) => marked.finish(schema, columns),
            None => RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options),
        };
        batch.map(Some).map_err(|source| TableError::Arrow { path, source })
    }

    /// Whether a batch of `rows` rows takes more.
    fn takes_more(&self, rows: usize) -> bool {
        match &self.pace {
            Pace::Stored => rows < BATCH_ROWS,
            Pace::Live { rows_max, patience } => rows == 0 || rows < *rows_max && !patience.would_wait(self.lines.used),
        }
    }
}

impl<R: BufRead> Iterator for JsonBatches<R> {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Float64Type, Int64Type};
    use arrow_array::{Array, StringArray};
    use arrow_schema::{DataType, TimeUnit};

    const X: &str = "x.ndjson";

    fn error(text: &str) -> String {
        scan(Path::new(X), Form::Lines, &ReadOptions::default(), Rules::default(), text.as_bytes())
            .unwrap_err()
            .to_string()
    }

    fn read(text: &str) -> RecordBatch {
        let layout =
            scan(Path::new(X), Form::Lines, &ReadOptions::default(), Rules::default(), text.as_bytes()).unwrap();
        let mut batches = JsonBatches::new(Path::new(X), &layout, Form::Lines, text.as_bytes(), Pace::Stored);
        let batch = batches.next().unwrap().unwrap();
        assert!(batches.next().is_none());
        batch
    }

    fn texts(text: &str) -> Vec<Option<String>> {
        let batch = read(text);
        batch.column(0).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    fn data_type(text: &str) -> DataType {
        read(text).schema().field(0).data_type().clone()
    }

    #[test]
    fn wrong_lines_are_named() {
        assert!(error("{\"a\":1}\n\n7\n").starts_with("`x.ndjson`, line 3: it is not a JSON object"));
        assert!(error("{\"a\":1}\n{\"a\":}\n").starts_with("`x.ndjson`, line 2: it is not valid JSON: expected value"));
        assert!(error("[{\"a\":1},\n{\"a\":2}]\n").contains("line 1: it is a JSON array"));
        assert!(error("{\n\"a\":1}\n").contains("line 1: its object continues on the next line"));
        assert!(error("{\"a\":1,\"a\":2}\n").contains("line 1: the field `a` occurs twice"));
        assert!(error("{\"a\":{\"b\":1,\"b\":1}}\n").contains("line 1: the field `b` occurs twice"));
        assert!(error("{\"a\":\"\\ud800\"}\n").contains("line 1:"));
        assert!(error(&format!("{{\"a\":{}1{}}}\n", "[".repeat(500), "]".repeat(500))).contains("line 1:"));
    }

    #[test]
    fn what_is_empty_has_no_rows() {
        for text in ["", "\n", "\u{feff}\n\r\n"] {
            let layout =
                scan(Path::new(X), Form::Lines, &ReadOptions::default(), Rules::default(), text.as_bytes()).unwrap();
            assert_eq!((layout.rows, layout.schema.fields().len()), (0, 0));
            assert!(
                JsonBatches::new(Path::new(X), &layout, Form::Lines, text.as_bytes(), Pace::Stored).next().is_none()
            );
        }
    }

    #[test]
    fn text_that_is_all_dates_is_dates() {
        let batch = read(
            "{\"d\":\"2024-01-31\",\"n\":\"1\",\"m\":\"x\",\"t\":\"2024-01-01T00:00Z\"}\n\
             {\"d\":\"NA\",\"n\":\"2\",\"m\":\"2024-01-31\"}\n",
        );
        let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(types, [DataType::Date32, DataType::Utf8, DataType::Utf8, utc]);
        assert_eq!(batch.column(0).as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), [Some(19_753), None]);
        assert_eq!(texts("{\"d\":\"NA\"}\n{\"d\":\"\"}\n"), [Some("NA".into()), Some(String::new())]);
    }

    #[test]
    fn scalars_of_different_kinds_are_text_with_nothing_lost() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(texts("{\"v\":1}\n{\"v\":\"N/A\"}\n{}\n"), [some("1"), some("N/A"), None]);
        assert_eq!(
            texts("{\"v\":true}\n{\"v\":\"no\"}\n{\"v\":1.50}\n{\"v\":null}\n"),
            [some("true"), some("no"), some("1.50"), None]
        );
        assert_eq!(texts("{\"v\":12345678901234567890}\n{\"v\":7}\n"), [some("12345678901234567890"), some("7")]);
        assert_eq!(texts("{\"v\":9007199254740993}\n{\"v\":0.5}\n"), [some("9007199254740993"), some("0.5")]);
        assert_eq!(data_type("{\"v\":9007199254740993}\n{\"v\":1}\n"), DataType::Int64);
    }

    fn read_as(text: &str, options: &str) -> Result<RecordBatch, String> {
        let mut read = ReadOptions::default();
        read.add(options).unwrap();
        let layout = scan(Path::new(X), Form::Lines, &read, Rules::of(&read, false), text.as_bytes());
        let layout = layout.map_err(|error| error.to_string())?;
        let mut batches = JsonBatches::new(Path::new(X), &layout, Form::Lines, text.as_bytes(), Pace::Stored);
        batches.next().unwrap().map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_what_the_user_says_whatever_json_has_them_as() {
        let text = "{\"z\":1234,\"w\":\"2024-01-01\",\"v\":\"1.5\",\"n\":7,\"o\":{\"a\":[1,\"\\n\"]},\"d\":\"31.12.2024\",\"b\":1}\n\
                    {\"z\":\"\",\"w\":null,\"v\":2,\"o\":7,\"d\":\"\",\"b\":\"no\",\"x\":[]}\n";
        let told =
            "type.z=text type.w=text type.v=number type.n=number type.o=text type.d=date:%d.%m.%Y type.b=boolean";
        let batch = read_as(text, told).unwrap();
        let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        let (text_type, number) = (DataType::Utf8, DataType::Float64);
        assert_eq!(types[..4], [text_type.clone(), text_type.clone(), number.clone(), number]);
        assert_eq!(types[4..7], [text_type, DataType::Date32, DataType::Boolean]);
        let texts = |column: usize| batch.column(column).as_string::<i32>().iter().collect::<Vec<_>>();
        assert_eq!(texts(0), [Some("1234"), Some("")]);
        assert_eq!(texts(1), [Some("2024-01-01"), None]);
        assert_eq!(texts(4), [Some("{\"a\":[1,\"\\n\"]}"), Some("7")]);
        assert_eq!(batch.column(2).as_primitive::<Float64Type>().values(), &[1.5, 2.0]);
        assert_eq!(batch.column(5).as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), [Some(20_088), None]);
        assert!(batch.column(6).as_boolean().value(0) && !batch.column(6).as_boolean().value(1));
        let all = read_as("{\"a\":1,\"b\":true}\n{\"a\":[2],\"c\":0.50}\n", "type.*=text type.a=text").unwrap();
        assert!(all.schema().fields().iter().all(|field| *field.data_type() == DataType::Utf8));
        assert_eq!(all.column(2).as_string::<i32>().value(1), "0.50");
        let error = read_as("{\"n\":1}\n{\"n\":\"x\"}\n", "type.n=integer").unwrap_err();
        assert!(error.starts_with("`x.ndjson`, line 2: column `n` has `x`, expected `integer`"), "{error}");
        let error = read_as("{\"num\":1}\n", "type.nun=text").unwrap_err();
        assert!(error.contains("there is no column `nun`") && error.contains("did you mean `num`"), "{error}");
        let skipped =
            read_as("{\"n\":1,\"m\":1}\n{\"n\":\"x\",\"m\":{}}\n{\"n\":\"3\"}\n", "type.n=integer bad_rows=skip");
        assert_eq!(skipped.unwrap().column(0).as_primitive::<Int64Type>().values(), &[1, 3]);
    }

    #[test]
    fn infinities_are_the_words_that_stand_for_them() {
        let batch = read("{\"v\":\"Infinity\"}\n{\"v\":1}\n{\"v\":\"-Infinity\"}\n{\"v\":\"NaN\"}\n{\"v\":null}\n");
        let values = batch.column(0).as_primitive::<Float64Type>();
        assert_eq!(values.value(0), f64::INFINITY);
        assert_eq!(values.value(2), f64::NEG_INFINITY);
        assert!(values.value(3).is_nan() && values.is_valid(3) && values.is_null(4));
        assert_eq!(data_type("{\"v\":\"NaN\"}\n"), DataType::Utf8);
    }

    #[test]
    fn scalars_beside_objects_and_lists_are_refused() {
        let reason = error("{\"v\":1}\n{\"v\":{\"a\":1}}\n");
        assert!(reason.contains("line 2: the field `v` is an object here, and a number in line 1"), "{reason}");
        assert!(
            error("{\"v\":[1]}\n{\"v\":{\"a\":1}}\n").contains("line 2: the field `v` is an object here, and a list")
        );
        assert!(
            error("{\"o\":{\"v\":[1]}}\n{\"o\":{\"v\":[[1]]}}\n").contains("line 2: the field `o.v[]` is a list here")
        );
    }

    #[test]
    fn nested_values_are_lists_and_structures() {
        let batch = read(
            "{\"l\":[1,null],\"o\":{\"a\":1,\"b\":[\"x\"]},\"e\":{},\"n\":[]}\n\
             {\"l\":[],\"o\":{\"b\":null,\"c\":\"\"},\"n\":[null]}\n{\"l\":null,\"o\":null}\n",
        );
        let lists = batch.column(0).as_list::<i32>();
        assert_eq!(lists.value(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
        assert!(lists.value(1).is_empty() && lists.is_valid(1) && lists.is_null(2));
        let objects = batch.column(1).as_struct();
        assert_eq!(
            objects.column_by_name("a").unwrap().as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(1), None, None]
        );
        assert_eq!(
            objects.column_by_name("c").unwrap().as_string::<i32>(),
            &StringArray::from(vec![None, Some(""), None])
        );
        assert!(objects.is_valid(1) && objects.is_null(2));
        assert!(batch.column(2).is_valid(0) && batch.column(2).is_null(1));
        assert_eq!(batch.column(3).as_list::<i32>().value(1).len(), 1);
    }
}
