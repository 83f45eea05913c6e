//! A table of a run: its columns with a summary of each, and its first rows. Files may have changed since, or be gone.

use crate::page::address::component;
use crate::page::frame::{Frame, Section, Visit, show};
use crate::page::lookup::find;
use crate::page::words::percent;
use crate::problem::Problem;
use crate::web::Web;
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use longshore::causes::chain;
use longshore::history::HistoryEntry;
use longshore::human::{count, size};
use longshore::table::{Compression, FileFormat, Format, Peek, ReadOptions, Source};
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Rows that are shown.
const ROWS: usize = 50;

/// The most columns that are shown: a browser stays quick with 50 rows of them.
const COLUMNS: usize = 200;

/// The most characters of a value that are shown.
const VALUE_MAX: usize = 200;

/// The most characters of a least or greatest value.
const RANGE_MAX: usize = 40;

/// Tables that are read at a time: each may take a processor for seconds.
static PLACES: Semaphore = Semaphore::const_new(2);

#[derive(Template)]
#[template(path = "table.html")]
struct TablePage {
    frame: Frame,
    run_id: String,
    table: TableView,
}

#[derive(Template)]
#[template(path = "table_part.html")]
struct TablePart {
    table: TableView,
}

/// A table, as it is shown.
#[derive(Debug)]
struct TableView {
    rows: String,
    format: String,
    is_sample: bool,
    columns: Vec<ColumnView>,
    first: Vec<Vec<Option<String>>>,
    columns_left: usize,
    shown: usize,
}

#[derive(Debug)]
struct ColumnView {
    name: String,
    data_type: String,
    is_number: bool,
    missing: String,
    percent_there: f64,
    range: String,
}

/// A table of a run: an input or an output, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

/// Where a table is.
#[derive(Debug)]
pub(crate) enum Place {
    /// A file that the record names.
    Path(PathBuf),
    /// An Arrow stream that was kept for the run.
    Kept(std::fs::File),
}

/// The table of a run, if it is still there.
pub(crate) async fn place(web: &Web, run: &HistoryEntry, side: Side, number: u32) -> Result<Option<Place>, Problem> {
    let file = named(run, side, number);
    let (outputs, run_id) = (web.outputs().clone(), run.run_id.clone());
    let looking = spawn_blocking(move || {
        let kept = if side == Side::Output { outputs.open(&run_id, number).ok().flatten() } else { None };
        kept.map(Place::Kept).or_else(|| file.filter(|path| path.is_file()).map(Place::Path))
    });
    looking.await.map_err(|_| Problem::broken())
}

/// The file of a table in the record.
fn named(run: &HistoryEntry, side: Side, number: u32) -> Option<PathBuf> {
    let path = match side {
        Side::Input => run.inputs.get(usize::try_from(number).ok()?)?.clone()?,
        Side::Output => {
            let outputs = run.record.as_ref()?.get("outputs")?.as_array()?;
            let output = outputs.iter().find(|output| output["index"].as_u64() == Some(u64::from(number)))?;
            output.get("path")?.as_str()?.into()
        }
    };
    // A relative one started in a folder that is not known.
    path.is_absolute().then_some(path)
}

/// `/runs/ID/inputs/N`.
pub(crate) async fn input(
    State(web): State<Web>,
    visit: Visit,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    page(&web, visit, &id, Side::Input, number).await
}

/// `/runs/ID/outputs/N`.
pub(crate) async fn output(
    State(web): State<Web>,
    visit: Visit,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    page(&web, visit, &id, Side::Output, number).await
}

async fn page(web: &Web, visit: Visit, id: &str, side: Side, number: u32) -> Result<Response, Problem> {
    let run = find(web, id).await?;
    let name = if side == Side::Input { "Input" } else { "Output" };
    let Some(place) = place(web, &run, side, number).await? else {
        let detail = format!("the table of {} {number} is not there any more", name.to_lowercase());
        return Err(Problem::unknown(detail));
    };
    let table = read(web, place).await?;
    if visit.part {
        return show(&TablePart { table });
    }
    let title = format!("{name} {number} of {}", run.block);
    let mut frame = Frame::new(&visit, Some(Section::Runs), title);
    if side == Side::Output {
        frame = frame.call("Get the table", "", &format!("/runs/{}/outputs/{number}", run.run_id));
    }
    show(&TablePage { frame, run_id: run.run_id, table })
}

/// Bytes of a file that are read at a time.
const PIECE: usize = 256 << 10;

/// `/runs/ID/outputs/N/file`: the file that the run wrote, if it is still there.
pub(crate) async fn file(State(web): State<Web>, Path((id, number)): Path<(String, u32)>) -> Result<Response, Problem> {
    let run = find(&web, &id).await?;
    let gone = || Problem::unknown(format!("the file of output {number} is not there any more"));
    let path = named(&run, Side::Output, number).ok_or_else(gone)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("table").to_owned();
    let opening = spawn_blocking(move || {
        let file = std::fs::File::open(path)?;
        let found = file.metadata()?;
        if found.is_file() { Ok((file, found.len())) } else { Err(std::io::Error::from(ErrorKind::NotFound)) }
    });
    let (file, length) = opening.await.map_err(|_| Problem::broken())?.map_err(|_| gone())?;
    let pieces = unfold(Some(file), |file| async move {
        let file = file?;
        let reading = spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let read = (&file).read(&mut piece)?;
            piece.truncate(read);
            Ok::<_, std::io::Error>((piece, file))
        });
        match reading.await {
            Ok(Ok((piece, _))) if piece.is_empty() => None,
            Ok(Ok((piece, file))) => Some((Ok(piece), Some(file))),
            Ok(Err(error)) => Some((Err(error), None)),
            Err(broken) => Some((Err(broken.into()), None)),
        }
    });
    let name = format!("attachment; filename*=UTF-8''{}", component(&name));
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/octet-stream");
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name), (header::CONTENT_LENGTH, length.into())];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

async fn read(web: &Web, place: Place) -> Result<TableView, Problem> {
    let _place = PLACES.acquire().await.map_err(|_| Problem::broken())?;
    let temporary = web.host().settings().temporary_folder.clone();
    let looking = spawn_blocking(move || {
        let options = ReadOptions::default();
        match place {
            Place::Path(path) => Peek::quick(&path, None, &options, ROWS, &temporary),
            Place::Kept(file) => {
                let (name, format) = (
                    PathBuf::from("the kept table"),
                    FileFormat { format: Format::ArrowStream, compression: Compression::None },
                );
                Source::of(&name, file, format, &options, &temporary).and_then(|source| Peek::of(&source, ROWS))
            }
        }
    });
    let peek = looking.await.map_err(|_| Problem::broken())?;
    let peek = peek.map_err(|error| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "table not readable",
            format!("cannot read the table: {}", chain(&error)),
        )
    })?;
    Ok(view(peek))
}

fn view(peek: Peek) -> TableView {
    let rows = peek.rows;
    let columns_left = peek.columns.len().saturating_sub(COLUMNS);
    let columns = peek.columns.into_iter().take(COLUMNS).map(|column| {
        let missing = match column.nulls {
            0 => String::new(),
            some => format!("{some} missing"),
        };
        let range = match (column.least, column.greatest) {
            (Some(least), Some(greatest)) if least == greatest => cut(&least, RANGE_MAX),
            (Some(least), Some(greatest)) => format!("{} … {}", cut(&least, RANGE_MAX), cut(&greatest, RANGE_MAX)),
            _ => String::new(),
        };
        let is_number = ["Int", "UInt", "Float", "Decimal"].iter().any(|kind| column.data_type.starts_with(kind));
        let read = peek.sample.map_or(rows, |sample| sample.rows);
        let percent_there = percent(read.saturating_sub(column.nulls), read);
        ColumnView { name: column.name, data_type: column.data_type, is_number, missing, percent_there, range }
    });
    let short = |row: Vec<Option<String>>| -> Vec<Option<String>> {
        row.into_iter().take(COLUMNS).map(|value| value.map(|value| cut(&value, VALUE_MAX))).collect()
    };
    let columns = columns.collect();
    let first: Vec<_> = peek.first.into_iter().map(short).collect();
    let is_sample = peek.sample.is_some();
    let about = if is_sample { "about " } else { "" };
    let of = peek.sample.map(|sample| format!(" in {}", size(sample.of_bytes))).unwrap_or_default();
    let rows = format!("{about}{}{of}", count(rows, "row"));
    TableView { rows, format: peek.format, is_sample, columns, shown: first.len(), first, columns_left }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}
