//! The form that asks for a run: `multipart/form-data`, whose parts are taken as they come. Files of the block go to a
//! folder of ours, tables to files without names. It names no path of this machine.

use crate::gather::{Gathered, Gathering};
use crate::http::api::blank::Blank;
use crate::problem::Problem;
use crate::web::Web;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use bytes::Bytes;
use longshore::table::FileFormat;
use longshore_os::temporary::TemporaryFile;
use longshore_protocol::{
    FromCaller, OutputName, Payload, Submission, SubmittedBlock, SubmittedInput, SubmittedLimits, SubmittedName,
    SubmittedPartition, SubmittedTable, SubmittedValue,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::formats;

/// How long a peer may send nothing of a body that has not ended.
const STALL: Duration = Duration::from_secs(30);

/// How long a whole body may take.
const WHOLE: Duration = Duration::from_secs(3600);

/// Most bytes of a part that is not a file: options are some lines.
const TEXT_MAX: usize = 1 << 20;

/// Most parts: the files of a block and 256 tables, and an option for each field of a large form.
const PARTS_MAX: usize = 12_000;

/// The parts of the form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the form")]
pub(crate) struct RunForm {
    /// A block that the server knows, by name; else its files are sent along.
    block: Option<String>,
    /// A file of the block, once for each: its file name is the path below the block's folder.
    #[schema(value_type = Option<Vec<String>>, format = Binary)]
    file: Option<Vec<u8>>,
    /// Which of several files is the script, if there is no manifest.
    script: Option<String>,
    /// A name for the block whose files are sent along; before the first of them.
    name: Option<String>,
    /// A table, once for each input; also `input.NAME` or `input.NUMBER`. Its format is that of the file name's suffix, else
    /// that of its media type.
    #[schema(value_type = Option<Vec<String>>, format = Binary)]
    input: Option<Vec<u8>>,
    /// The value of an option, as a text from which the option's type makes a value.
    #[schema(rename = "option.NAME")]
    option: Option<String>,
    /// An argument of the script, once for each.
    argument: Option<String>,
    /// Everything else.
    run: Option<RunFields>,
}

/// What else a run may be given, as JSON.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunFields {
    /// Values of options, by name.
    #[schema(value_type = Object)]
    options: BTreeMap<String, Value>,
    /// Arguments of the script.
    arguments: Vec<String>,
    /// Environment variables of the script.
    environment: BTreeMap<String, String>,
    /// The engine: `auto`, `docker` or `process`.
    engine: Option<String>,
    /// The image, instead of the block's or the language's.
    image: Option<String>,
    /// The day as of which packages are chosen.
    as_of: Option<String>,
    /// Constraints on the versions of packages.
    constraints: Vec<String>,
    /// The network; `none` unless it is given.
    network: Option<String>,
    /// Limits.
    #[schema(value_type = Limits)]
    limits: SubmittedLimits,
    /// Rows of a chunk, if the block transforms a stream.
    chunk_rows: Option<u32>,
    /// Runs the block once for each value of a field.
    #[schema(value_type = Option<Partition>)]
    partition: Option<SubmittedPartition>,
    /// How invalid rows of text inputs are treated.
    bad_rows: Option<String>,
    /// Whether the record has hashes of code, data and environment.
    hashes: bool,
}

/// Limits of a run; a higher one than the operator's is refused.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what another crate parses")]
pub(crate) struct Limits {
    /// Memory in bytes.
    memory_bytes: Option<u64>,
    /// Processors.
    cpus: Option<f64>,
    /// Processes and threads.
    pids: Option<u32>,
    /// Wall time of the script in milliseconds; 0 for no limit.
    timeout_ms: Option<u64>,
}

/// A run for each value of a field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what another crate parses")]
pub(crate) struct Partition {
    /// The field.
    field: String,
    /// Parts that run at a time.
    jobs: u32,
    /// Whether the others go on when a part fails.
    keep_going: bool,
}

/// Takes the form, and checks all that can be checked without the block.
pub(crate) async fn received(web: &Web, multipart: Multipart, blank: Blank) -> Result<Gathered, Problem> {
    let receiving = Receiving::new(web, blank).receive(multipart);
    let late = || Problem::new(StatusCode::REQUEST_TIMEOUT, "the body takes too long", "it did not end within an hour");
    let received = tokio::time::timeout(WHOLE, receiving).await.map_err(|_| late())??;
    let web = web.clone();
    spawn_blocking(move || received.end(&web)).await.map_err(|_| Problem::broken())?
}

/// A form that is coming.
struct Receiving {
    blank: Blank,
    temporary_folder: std::path::PathBuf,
    gathering: Option<Gathering>,
    parts: usize,
    block: Option<String>,
    name: Option<String>,
    script: Option<String>,
    files: Vec<String>,
    fields: Option<RunFields>,
    inputs: Vec<SubmittedInput>,
    options: Vec<(String, SubmittedValue)>,
    arguments: Vec<String>,
}

impl Receiving {
    fn new(web: &Web, blank: Blank) -> Self {
        let settings = web.host().settings();
        let placeholder = Submission::new(SubmittedBlock::Files { name: "block".into(), script: None });
        Self {
            blank,
            temporary_folder: settings.temporary_folder.clone(),
            gathering: Some(Gathering::new(placeholder, settings.work_folder.clone())),
            parts: 0,
            block: None,
            name: None,
            script: None,
            files: Vec::new(),
            fields: None,
            inputs: Vec::new(),
            options: Vec::new(),
            arguments: Vec::new(),
        }
    }

    async fn receive(mut self, mut multipart: Multipart) -> Result<Self, Problem> {
        while let Some(field) = in_time(multipart.next_field()).await? {
            self.parts += 1;
            if self.parts > PARTS_MAX {
                return Err(Problem::invalid(format!("a form has at most {PARTS_MAX} parts")));
            }
            self.part(field).await?;
        }
        Ok(self)
    }

    async fn part(&mut self, field: Field<'_>) -> Result<(), Problem> {
        let name = field.name().unwrap_or_default().to_owned();
        match name.split_once('.').unwrap_or((&name, "")) {
            ("block", "") => once(&mut self.block, "block", text(field).await?),
            ("name", "") => once(&mut self.name, "name", text(field).await?),
            ("script", "") => once(&mut self.script, "script", text(field).await?),
            ("run", "") => {
                let text = text(field).await?;
                let fields =
                    serde_json::from_str(&text).map_err(|error| Problem::invalid(format!("`run`: {error}")))?;
                once(&mut self.fields, "run", fields)
            }
            ("argument", "") => {
                self.arguments.push(text(field).await?);
                Ok(())
            }
            ("option", option) if !option.is_empty() => {
                let value = text(field).await?;
                if self.blank == Blank::Given || !value.is_empty() {
                    self.options.push((option.to_owned(), SubmittedValue::Text(value)));
                }
                Ok(())
            }
            ("file", "") => self.file(field).await,
            ("input", _) if self.blank == Blank::Unset && field.file_name() == Some("") => Ok(()),
            ("input", to) => self.input(to, field).await,
            _ => Err(Problem::invalid(format!(
                "the part `{name}` is not known: known are `block`, `file`, `script`, `name`, `input`, `option.NAME`, \
                 `argument` and `run`"
            ))),
        }
    }

    /// A file of the block.
    async fn file(&mut self, mut field: Field<'_>) -> Result<(), Problem> {
        let Some(path) = field.file_name().map(str::to_owned).filter(|path| !path.is_empty()) else {
            return Err(Problem::invalid("a part `file` needs a file name: its path below the block's folder"));
        };
        if let (Some(name), Some(gathering)) = (&self.name, &mut self.gathering)
            && self.files.is_empty()
        {
            gathering.call(name);
        }
        loop {
            let piece = in_time(field.chunk()).await?;
            let last = piece.is_none();
            let payload = Payload::Inline(piece.map(|piece| piece.to_vec()).unwrap_or_default());
            self.take(FromCaller::File { step: 0, path: path.clone(), executable: false, last }, payload).await?;
            if last {
                break;
            }
        }
        self.files.push(path);
        Ok(())
    }

    /// A table.
    async fn input(&mut self, to: &str, mut field: Field<'_>) -> Result<(), Problem> {
        let position = u32::try_from(self.inputs.len()).unwrap_or(u32::MAX);
        let called = field.file_name().unwrap_or_default().to_owned();
        let format = format_of(&called, field.content_type())?;
        let (folder, failed) = (self.temporary_folder.clone(), |error: std::io::Error| {
            Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "no room",
                format!("cannot keep the table of an input: {error}"),
            )
        });
        let file = spawn_blocking(move || TemporaryFile::new_in(&folder)).await.map_err(|_| Problem::broken())?;
        let mut file = file.map_err(failed)?;
        while let Some(piece) = in_time(field.chunk()).await? {
            let writing = spawn_blocking(move || write(file, &piece)).await.map_err(|_| Problem::broken())?;
            file = writing.map_err(failed)?;
        }
        let file = spawn_blocking(move || rewound(file)).await.map_err(|_| Problem::broken())?.map_err(failed)?;
        let payload = Payload::Descriptor { descriptor: file.into(), length: 0 };
        self.take(FromCaller::Source { step: 0, input: position }, payload).await?;
        let to = match to.parse() {
            _ if to.is_empty() => None,
            Ok(number) => Some(OutputName::Number(number)),
            Err(_) => Some(OutputName::Id(to.to_owned())),
        };
        let called = if called.is_empty() { format!("input {position}") } else { called };
        let table = SubmittedTable::Open(SubmittedName { recorded: Some(called.clone()), called });
        self.inputs.push(SubmittedInput { table, to, format: Some(format), read: serde_json::Map::new() });
        Ok(())
    }

    /// Takes what a caller's message would bring.
    async fn take(&mut self, message: FromCaller, payload: Payload) -> Result<(), Problem> {
        let Some(mut gathering) = self.gathering.take() else { return Err(Problem::broken()) };
        let taking = spawn_blocking(move || {
            let taken = gathering.take(message, payload);
            (gathering, taken)
        });
        let (gathering, taken) = taking.await.map_err(|_| Problem::broken())?;
        self.gathering = Some(gathering);
        taken.map(drop).map_err(|error| Problem::invalid(error.to_string()))
    }

    /// All of it. Blocks.
    fn end(self, web: &Web) -> Result<Gathered, Problem> {
        let gathering = self.gathering.ok_or_else(Problem::broken)?;
        let mut gathered = gathering.end().map_err(|error| Problem::invalid(error.to_string()))?;
        let (block, allowed) = match (self.block, gathered.along.folder.as_deref()) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid("`block` names a block, and files of one were sent along"));
            }
            (None, None) => {
                return Err(Problem::invalid("the block is missing: name it in `block`, or send its files along"));
            }
            (Some(name), None) => {
                let found =
                    web.blocks.find(&name).ok_or_else(|| Problem::unknown(format!("there is no block `{name}`")))?;
                let path =
                    found.path.to_str().ok_or_else(|| Problem::unknown(format!("the path of `{name}` is not text")))?;
                let folder = if found.path.is_dir() { Some(found.path.as_path()) } else { found.path.parent() };
                (SubmittedBlock::Path(path.to_owned()), folder.and_then(Path::to_str).map(str::to_owned))
            }
            (None, Some(folder)) => {
                let script = self.script.or_else(|| only_script(&self.files));
                (SubmittedBlock::Files { name: "block".into(), script }, folder.to_str().map(str::to_owned))
            }
        };
        let fields = self.fields.unwrap_or_default();
        let mut submission = Submission::new(block);
        submission.inputs = self.inputs;
        submission.options =
            fields.options.into_iter().map(|(name, value)| (name, SubmittedValue::Json(value))).collect();
        submission.options.extend(self.options);
        submission.arguments = fields.arguments.into_iter().chain(self.arguments).collect();
        submission.environment = fields.environment.into_iter().collect();
        submission.engine = fields.engine;
        submission.image = fields.image;
        submission.as_of = fields.as_of;
        submission.constraints = fields.constraints;
        submission.network = fields.network;
        // Files of options are those of the block.
        submission.allowed = allowed.into_iter().collect();
        submission.limits = fields.limits;
        submission.chunk_rows = fields.chunk_rows;
        submission.partition = fields.partition;
        submission.bad_rows = fields.bad_rows;
        submission.hashes = fields.hashes;
        gathered.submission = submission;
        Ok(gathered)
    }
}

/// The script, if a single file was sent.
fn only_script(files: &[String]) -> Option<String> {
    match files {
        [script] if longshore::block::is_script(Path::new(script)) => Some(script.clone()),
        _ => None,
    }
}

fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::invalid(format!("the part `{name}` was sent twice"))),
    }
}

/// A part that is a text.
async fn text(mut field: Field<'_>) -> Result<String, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    while let Some(piece) = in_time(field.chunk()).await? {
        if bytes.len() + piece.len() > TEXT_MAX {
            return Err(Problem::invalid(format!("the part `{name}` has more than {TEXT_MAX} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| Problem::invalid(format!("the part `{name}` is not UTF-8")))
}

/// What comes next of the body, unless the peer stops to send.
async fn in_time<T>(coming: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Problem> {
    let stalled = || {
        let detail = format!("nothing came for {} s", STALL.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "the body takes too long", detail)
    };
    let come = tokio::time::timeout(STALL, coming).await.map_err(|_| stalled())?;
    come.map_err(|error| Problem::new(error.status(), "the form is not valid", error.body_text()))
}

/// The format of a table that is sent.
fn format_of(called: &str, media_type: Option<&str>) -> Result<String, Problem> {
    let by_name = FileFormat::from_path(Path::new(called)).ok().map(FileFormat::name);
    let by_type = || media_type.and_then(formats::of_media_type).map(|format| formats::plain(format).name());
    by_name.or_else(by_type).ok_or_else(|| {
        Problem::invalid(format!(
            "the format of the table `{called}` is not known: give it a file name with a suffix such as `.csv` or \
             `.parquet`, or a media type such as `text/csv`"
        ))
    })
}

fn write(mut file: TemporaryFile, piece: &Bytes) -> std::io::Result<TemporaryFile> {
    file.write_all(piece)?;
    Ok(file)
}

fn rewound(file: TemporaryFile) -> std::io::Result<std::fs::File> {
    let mut file = file.into_file();
    std::io::Seek::rewind(&mut file)?;
    Ok(file)
}
