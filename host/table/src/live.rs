//! A table that is still being written: standard input or a pipe, read once, row by row as it arrives. Its first rows
//! determine its columns. Complete files are in `table_file.rs`.

use super::bad_rows::{Rules, Tally};
use super::batches::{Batches, Guarded, gave_up, stream_batches};
use super::detect::detect;
use super::encoding::Decoded;
use super::error::TableError;
use super::findings::Findings;
use super::guard::guarded;
use super::ipc::IpcStream;
use super::patience::{Patience, READ_BYTES};
use super::pump::pump;
use super::slices::Plain;
use super::unpack::decompress_passing;
use super::{ROW_BYTES_MAX, csv, json};
use arrow_schema::SchemaRef;
use longshore_model::table::{Compression, FileFormat, Format, ReadOptions, encoding_named};
use longshore_segment::{Side, plain_schema};
use rustix::event::Timespec;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that determine the columns' types, if they arrive without a pause: some ten thousand rows.
const HEAD_BYTES: usize = 1 << 20;

/// A pause that ends the first rows: a piped file has none, typed input has longer ones.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A table that arrives as it is written.
pub struct LiveSource {
    name: PathBuf,
    schema: SchemaRef,
    findings: Option<Box<Findings>>,
    /// Bad rows found while reading.
    tally: Tally,
    rows: Mutex<Option<Rows>>,
}

/// The rest to read.
enum Rows {
    Csv { layout: Box<csv::Layout>, text: Box<dyn Read + Send>, patience: Patience },
    Ndjson { layout: json::Layout, text: Box<dyn Read + Send>, patience: Patience },
    Arrow(IpcStream<BufReader<Box<dyn Read + Send>>>),
}

impl std::fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveSource").field("name", &self.name).finish_non_exhaustive()
    }
}

impl LiveSource {
    /// Whether a format can be read while it is written.
    pub fn can(format: FileFormat) -> bool {
        !format.format.is_sought() && format.format != Format::Json && format.compression != Compression::Zip
    }

    /// Waits for the first rows. `name` identifies the source in errors.
    ///
    /// # Errors
    /// [`TableError`] if the first rows are invalid, or there are none.
    pub fn open(name: &str, file: File, format: FileFormat, options: &ReadOptions) -> Result<Self, TableError> {
        let failed = |source| TableError::Read { path: PathBuf::from(name), source };
        let watched = file.try_clone().map_err(failed)?;
        Self::open_watched(name, &watched, file, format, options)
    }

    /// Opens a table from any reader, as it arrives: a thread of its own reads it.
    ///
    /// # Errors
    /// As [`LiveSource::open`].
    pub fn open_reader(
        name: &str,
        reader: Box<dyn Read + Send>,
        format: FileFormat,
        options: &ReadOptions,
    ) -> Result<Self, TableError> {
        let failed = |source| TableError::Read { path: PathBuf::from(name), source };
        let (watched, pumped) = pump(reader).map_err(failed)?;
        Self::open_watched(name, &watched, pumped, format, options)
    }

    /// `watched` is polled for data that is ready.
    fn open_watched(
        name: &str,
        watched: &File,
        reader: impl Read + Send + 'static,
        format: FileFormat,
        options: &ReadOptions,
    ) -> Result<Self, TableError> {
        let path = Path::new(name);
        let failed = |source| TableError::Read { path: path.to_owned(), source };
        let patience = Patience::of(watched).map_err(failed)?;
        let mut text = decompress_passing(reader, format.compression).map_err(failed)?;
        if format.format == Format::ArrowStream {
            let opened = guarded(|| IpcStream::open(BufReader::new(text)));
            let opened = opened.map_err(|panicked| gave_up(path, &panicked))?;
            let stream = opened.map_err(|fault| fault.of(path))?;
            let schema = plain_schema(&stream.schema(), Side::Input);
            let rows = Mutex::new(Some(Rows::Arrow(stream)));
            return Ok(Self { name: path.to_owned(), schema, findings: None, tally: Tally::default(), rows });
        }
        if let Some(name) = &options.encoding {
            let named = encoding_named(name);
            let encoding = named.map_err(|reason| TableError::Unreadable { path: path.to_owned(), reason })?;
            text = Box::new(Decoded::new(text, encoding));
        }
        let is_csv = format.format != Format::Ndjson;
        let quote = if is_csv { options.quote.map_or(Some(b'"'), |mark| mark.0) } else { None };
        let mut seen = Seen { quote, ..Seen::default() };
        let wanted = if is_csv { 2 } else { 1 };
        let head = read_head(&mut text, &patience, format.compression, wanted, &mut seen).map_err(failed)?;
        if head.bytes.is_empty() && is_csv {
            return Err(TableError::Empty { path: path.to_owned() });
        }
        let tally = Tally::default();
        let whole = &head.bytes[..head.whole];
        let (schema, findings, rows) = if is_csv {
            let first = &whole[..whole.len().min(HEAD_BYTES)];
            let detected = detect(path, format.format, options, first, false)?;
            let mut layout = csv::scan(path, detected, options, whole)?;
            // Bad rows are counted as they are read.
            layout.tally = tally.clone();
            let schema = Arc::clone(&layout.schema);
            let text = patience.counted(head.bytes, text);
            (schema, Some(Box::new(layout.findings.clone())), Rows::Csv { layout: Box::new(layout), text, patience })
        } else {
            let mut layout = json::scan(path, json::Form::Lines, options, Rules::of(options, true), whole)?;
            layout.tally = tally.clone();
            let schema = Arc::clone(&layout.schema);
            let text = patience.counted(head.bytes, text);
            (schema, None, Rows::Ndjson { layout, text, patience })
        };
        Ok(Self { name: path.to_owned(), schema, findings, tally, rows: Mutex::new(Some(rows)) })
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The columns; a column of text without a value so far has no type.
    pub(crate) fn known_schema(&self) -> SchemaRef {
        match self.rows.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(Rows::Csv { layout, .. }) => layout.known_schema(),
            Some(Rows::Ndjson { layout, .. }) => layout.known_schema(),
            Some(Rows::Arrow(_)) | None => self.schema(),
        }
    }

    /// Bad rows found while reading.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// How its text is read.
    pub(crate) fn findings(&self) -> Option<&Findings> {
        self.findings.as_deref()
    }

    /// The rows, in batches of at most `rows_max`; a pause ends a batch early. `None` the second time.
    pub(crate) fn batches(&self, rows_max: usize) -> Result<Option<Batches>, TableError> {
        let Some(rows) = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(None) };
        let path = self.name.clone();
        let batches: Batches = match rows {
            Rows::Csv { layout, text, patience } => Box::new(csv::live(&path, &layout, text, rows_max, patience)?),
            Rows::Ndjson { layout, text, patience } => {
                let pace = json::Pace::Live { rows_max, patience };
                Box::new(json::JsonBatches::new(&path, &layout, json::Form::Lines, BufReader::new(text), pace))
            }
            Rows::Arrow(stream) => {
                Box::new(Plain::new(stream_batches(&path, Ok(stream))?, path.clone(), self.schema()))
            }
        };
        Ok(Some(Box::new(Guarded::new(batches, &path))))
    }
}

/// The first bytes, and the length of the whole rows in them.
struct Head {
    bytes: Vec<u8>,
    whole: usize,
}

/// Reads until there are `wanted` rows. It does not wait for rows longer than the limit: reading the head reports them.
fn read_head(
    text: &mut impl Read,
    patience: &Patience,
    compression: Compression,
    wanted: usize,
    seen: &mut Seen,
) -> std::io::Result<Head> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        seen.look(&bytes);
        // Data buffered by a decompressor is not visible from outside, so reading continues.
        let pauses = || compression == Compression::None && !patience.ready(PAUSE);
        if seen.rows >= wanted && (bytes.len() >= HEAD_BYTES || pauses()) {
            return Ok(Head { bytes, whole: seen.end });
        }
        if bytes.len() > wanted * ROW_BYTES_MAX {
            // Quotes that are part of the text may have hidden all row ends.
            let whole = memchr::memrchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
            return Ok(Head { bytes, whole });
        }
        let read = text.read(&mut buffer)?;
        if read == 0 {
            let whole = bytes.len();
            return Ok(Head { bytes, whole });
        }
        let first = bytes.is_empty();
        bytes.extend_from_slice(&buffer[..read]);
        if first && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
    }
}

/// The whole rows in the bytes examined. A line break in quotes does not end a row of CSV.
#[derive(Default)]
struct Seen {
    quote: Option<u8>,
    quoted: bool,
    rows: usize,
    /// The end of the last of them.
    end: usize,
    /// Bytes examined.
    at: usize,
}

impl Seen {
    /// Examines new bytes.
    fn look(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate().skip(self.at) {
            match byte {
                byte if Some(*byte) == self.quote => self.quoted = !self.quoted,
                b'\n' if !self.quoted => (self.end, self.rows) = (at + 1, self.rows + 1),
                _ => {}
            }
        }
        self.at = bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use std::io::Write;

    fn live(format: Format, first: &str) -> (std::io::PipeWriter, Result<LiveSource, TableError>) {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(first.as_bytes()).unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        let source = LiveSource::open(
            "it",
            file,
            FileFormat { format, compression: Compression::None },
            &ReadOptions::default(),
        );
        (writer, source)
    }

    #[test]
    fn rows_are_there_before_the_source_ends() {
        for (format, first, second) in
            [(Format::Csv, "n,t\n1,a\n2,b\n", "3,c\n"), (Format::Ndjson, "{\"n\":1}\n{\"n\":2}\n", "{\"n\":3}\n")]
        {
            let (mut writer, source) = live(format, first);
            let source = source.unwrap();
            let mut batches = source.batches(1000).unwrap().unwrap();
            assert_eq!(batches.next().unwrap().unwrap().num_rows(), 2, "{format:?}");
            writer.write_all(second.as_bytes()).unwrap();
            assert_eq!(batches.next().unwrap().unwrap().num_rows(), 1, "{format:?}");
            drop(writer);
            assert!(batches.next().is_none(), "{format:?}");
            assert!(source.batches(1000).unwrap().is_none(), "{format:?} passes once");
        }
    }

    #[test]
    fn a_row_that_comes_in_pieces_is_one_row() {
        let (mut writer, source) = live(Format::Csv, "\u{feff}n,t\n1,\"a\nb\"\n2,\"c");
        let source = source.unwrap();
        assert_eq!(source.schema().field(0).name(), "n");
        let mut batches = source.batches(1).unwrap().unwrap();
        let first = batches.next().unwrap().unwrap();
        assert_eq!(first.column(1).as_any().downcast_ref::<arrow_array::StringArray>().unwrap().value(0), "a\nb");
        writer.write_all(b"d\"\n").unwrap();
        assert_eq!(batches.next().unwrap().unwrap().num_rows(), 1);
    }

    #[test]
    fn what_does_not_fit_the_first_rows_is_named() {
        let (mut writer, source) = live(Format::Csv, "n,t\n1,a\n");
        writer.write_all(b"x,b\n").unwrap();
        drop(writer);
        let mut batches = source.unwrap().batches(1).unwrap().unwrap();
        assert_eq!(batches.next().unwrap().unwrap().num_rows(), 1);
        assert_eq!(
            batches.next().unwrap().unwrap_err().to_string(),
            "`it`, line 3: column `n` has `x`, which does not match its first rows (whole number): use one kind of \
             value in the whole column"
        );
        let (mut writer, source) = live(Format::Ndjson, "{\"n\":1}\n");
        writer.write_all(b"{\"n\":1,\"new\":2}\n").unwrap();
        drop(writer);
        let mut batches = source.unwrap().batches(1).unwrap().unwrap();
        assert_eq!(batches.next().unwrap().unwrap().num_rows(), 1);
        let error = batches.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("`it`") && error.contains("new"), "{error}");
    }

    /// The text of each value; `None` if it is missing.
    type Row = Vec<Option<String>>;

    /// All rows of a text with options, as text, and the notes about them.
    fn rows(format: Format, text: &str, options: &str) -> (Result<Vec<Row>, String>, Vec<String>) {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut read = ReadOptions::default();
        read.add(options).unwrap();
        // Data after a pause does not determine the types.
        let (first, rest) = text.split_once("---\n").unwrap();
        writer.write_all(first.as_bytes()).unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        let format = FileFormat { format, compression: Compression::None };
        let source = LiveSource::open("it", file, format, &read).unwrap();
        writer.write_all(rest.as_bytes()).unwrap();
        drop(writer);
        let all = |batches: Batches| {
            let mut rows = Vec::new();
            for batch in batches {
                let batch = batch.map_err(|error| error.to_string())?;
                assert_eq!(batch.schema(), source.schema());
                let text = |column: &arrow_array::ArrayRef, row| {
                    let shown = arrow_cast::display::array_value_to_string(column, row).unwrap();
                    column.is_valid(row).then_some(shown)
                };
                rows.extend(
                    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| text(column, row)).collect()),
                );
            }
            Ok(rows)
        };
        (all(source.batches(2).unwrap().unwrap()), source.tally().notes())
    }

    fn row(cells: &[&str]) -> Row {
        cells.iter().map(|cell| (*cell != "-").then(|| (*cell).to_owned())).collect()
    }

    #[test]
    fn a_stream_is_read_in_the_encoding_that_is_said() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"n,t\n1,gr\xfcn\n").unwrap();
        let mut read = ReadOptions::default();
        read.add("encoding=latin-1").unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        let format = FileFormat { format: Format::Csv, compression: Compression::None };
        let source = LiveSource::open("it", file, format, &read).unwrap();
        let mut batches = source.batches(1).unwrap().unwrap();
        let text = |batch: arrow_array::RecordBatch| {
            batch.column(1).as_any().downcast_ref::<arrow_array::StringArray>().unwrap().value(0).to_owned()
        };
        assert_eq!(text(batches.next().unwrap().unwrap()), "grün");
        writer.write_all(b"2,\xe4\n").unwrap();
        assert_eq!(text(batches.next().unwrap().unwrap()), "ä");
        drop(writer);
        assert!(batches.next().is_none());
    }

    #[test]
    fn rows_that_are_wrong_are_left_out_or_kept_and_counted() {
        let csv = "n,t\n1,a\n---\n2\nx,\"c\"\n3,\"d\"e,f\n4,g\n";
        let (read, notes) = rows(Format::Csv, csv, "bad_rows=skip");
        assert_eq!(read.unwrap(), [row(&["1", "a"]), row(&["4", "g"])]);
        assert!(
            notes[0].starts_with("3 rows were wrong and left out, the first in line 3: it has 1 field"),
            "{notes:?}"
        );
        let (read, notes) = rows(Format::Csv, csv, "bad_rows=keep");
        let kept = [
            row(&["1", "a", "-"]),
            row(&["-", "-", "2"]),
            row(&["-", "-", "x,\"c\""]),
            row(&["-", "-", "3,\"d\"e,f"]),
            row(&["4", "g", "-"]),
        ];
        assert_eq!(read.unwrap(), kept);
        assert!(notes[0].starts_with("3 rows were wrong and kept as text"), "{notes:?}");
        assert!(rows(Format::Csv, csv, "bad_rows=fail").0.unwrap_err().contains("line 3"));

        let json = "{\"n\":1,\"o\":{\"l\":[1]}}\n{\"n\":\n---\n\n{\"n\":\"x\"}\n{\"o\":{\"l\":[2,{}]}}\n7\n{\"n\":2}\n";
        let (read, notes) = rows(Format::Ndjson, json, "bad_rows=skip");
        assert_eq!(read.unwrap(), [row(&["1", "{l: [1]}"]), row(&["2", "-"])]);
        assert!(notes[0].starts_with("4 rows were wrong and left out, the first in line 2: its object"), "{notes:?}");
        let (read, _) = rows(Format::Ndjson, json, "bad_rows=keep");
        let read = read.unwrap();
        assert_eq!(read.len(), 6);
        assert_eq!(read[1], row(&["-", "-", "{\"n\":"]));
        assert_eq!(read[3], row(&["-", "-", "{\"o\":{\"l\":[2,{}]}}"]));
        assert_eq!(read[5], row(&["2", "-", "-"]));
    }

    #[test]
    fn fields_that_come_later_are_kept_or_ignored() {
        let json = "{\"n\":1,\"o\":{\"a\":1},\"l\":[{\"b\":1}]}\n---\n{\"n\":2,\"new\":{\"x\":[1.50,\"\u{e9}\\n\"]}}\n\
                    {\"o\":{\"a\":2,\"c\":null},\"l\":[{\"d\":1},{\"b\":3,\"d\":2}]}\n";
        let (read, notes) = rows(Format::Ndjson, json, "later=keep");
        let read = read.unwrap();
        assert_eq!(read[0], row(&["1", "{a: 1}", "[{b: 1}]", "-"]));
        assert_eq!(read[1], row(&["2", "-", "-", "{\"new\":{\"x\":[1.50,\"\u{e9}\\n\"]}}"]));
        assert_eq!(read[2], row(&["-", "{a: 2}", "[{b: }, {b: 3}]", "{\"o.c\":null,\"l.d\":[1,2]}"]));
        assert_eq!(notes, ["2 rows have fields that the first rows do not have, the first `new` in line 2"]);
        let (read, notes) = rows(Format::Ndjson, json, "later=ignore");
        assert_eq!(read.unwrap()[1], row(&["2", "-", "-"]));
        assert_eq!(notes.len(), 1);
        assert!(rows(Format::Ndjson, json, "").0.unwrap_err().contains("`later=keep` to keep it as JSON"));
        let (read, notes) = rows(Format::Ndjson, json, "bad_rows=skip");
        assert_eq!((read.unwrap().len(), notes.len()), (1, 1));
        let (read, _) = rows(Format::Ndjson, "{\"v\":1}\n---\n{\"v\":\"a\"}\n{\"v\":[1.0]}\n", "type.v=text");
        assert_eq!(read.unwrap(), [row(&["1"]), row(&["a"]), row(&["[1.0]"])]);
    }

    #[test]
    fn what_was_true_and_false_stays_so() {
        let (mut writer, source) = live(Format::Csv, "ok,t\ntrue,a\nfalse,b\n");
        writer.write_all(b"1,c\n").unwrap();
        drop(writer);
        let mut batches = source.unwrap().batches(2).unwrap().unwrap();
        assert_eq!(batches.next().unwrap().unwrap().num_rows(), 2);
        let error = batches.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("column `ok` has `1`, which does not match its first rows (true or false)"), "{error}");
    }

    #[test]
    fn nothing_is_an_error() {
        let (writer, source) = {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(writer);
            let file = File::from(std::os::fd::OwnedFd::from(reader));
            let format = FileFormat { format: Format::Csv, compression: Compression::None };
            ((), LiveSource::open("it", file, format, &ReadOptions::default()))
        };
        let () = writer;
        assert_eq!(source.unwrap_err().to_string(), "`it` is empty: it has no bytes, not even a header");
    }
}
