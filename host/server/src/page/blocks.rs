//! `/blocks` and `/blocks/NAME`: the blocks that the host knows, and a form that runs one.

use crate::page::address::of_block;
use crate::page::frame::{Frame, Section, Visit, quoted, show};
use crate::page::runs::RunRow;
use crate::problem::Problem;
use crate::web::Web;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use longshore::block::{Block, OptionKind, OptionSpec};
use longshore::causes::chain;
use longshore::history::{HistoryEntry, RunHistory, Selection};
use longshore::serde_json::Value;
use serde::Deserialize;
use tokio::task::spawn_blocking;

/// Last runs of a block.
const RUNS: usize = 8;

#[derive(Template)]
#[template(path = "blocks.html")]
struct BlocksPage {
    frame: Frame,
    rows: Vec<BlockRow>,
}

struct BlockRow {
    name: String,
    address: String,
    title: String,
    description: String,
    language: String,
    options: usize,
    problem: Option<String>,
    last: Option<RunRow>,
}

#[derive(Template)]
#[template(path = "block.html")]
struct BlockPage {
    frame: Frame,
    name: String,
    address: String,
    path: String,
    title: String,
    description: String,
    facts: Vec<(&'static str, String)>,
    inputs: Vec<InputField>,
    fields: Vec<Field>,
    problem: Option<String>,
    warnings: Vec<String>,
    last: Vec<RunRow>,
}

impl BlockPage {
    /// Its path, as a word of a shell.
    fn word(&self) -> String {
        quoted(&self.path)
    }
}

/// A table that the form takes.
struct InputField {
    number: usize,
    name: String,
    description: String,
    is_mandatory: bool,
    columns: String,
}

/// An option in the form.
struct Field {
    name: String,
    label: String,
    description: String,
    is_mandatory: bool,
    default: String,
    control: Control,
    hint: String,
}

/// The control of an option.
enum Control {
    Text,
    Password,
    Number { min: String, max: String, step: &'static str },
    Choice { choices: Vec<String> },
}

impl Field {
    /// The field of an option, with the value that a former run had.
    fn of(option: &OptionSpec, former: Option<&Value>) -> Self {
        let given = former.filter(|_| !matches!(option.kind, OptionKind::Password)).or(option.default.as_ref());
        let default = given.map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        });
        let text = |number: Option<String>| number.unwrap_or_default();
        let control = match &option.kind {
            OptionKind::Password => Control::Password,
            OptionKind::Integer { min, max } => Control::Number {
                min: text(min.map(|min| min.to_string())),
                max: text(max.map(|max| max.to_string())),
                step: "1",
            },
            OptionKind::Double { min, max } => Control::Number {
                min: text(min.map(|min| min.to_string())),
                max: text(max.map(|max| max.to_string())),
                step: "any",
            },
            OptionKind::Boolean => Control::Choice { choices: vec!["true".into(), "false".into()] },
            OptionKind::Choice { choices } => Control::Choice { choices: choices.clone() },
            _ => Control::Text,
        };
        let hint = match &option.kind {
            OptionKind::Integer { .. } | OptionKind::Double { .. } => option.kind.allows(),
            OptionKind::Field { .. } => format!("a column {}", option.kind.allows()),
            OptionKind::Fields { .. } => format!("columns {}, separated by commas", option.kind.allows()),
            OptionKind::File { .. } => "a file of the block".into(),
            _ => String::new(),
        };
        Self {
            label: option.label.clone().unwrap_or_else(|| option.name.replace('_', " ")),
            name: option.name.clone(),
            description: option.description.clone().unwrap_or_default(),
            is_mandatory: option.mandatory,
            default: default.unwrap_or_default(),
            control,
            hint,
        }
    }
}

/// Inputs of a block that declares none: one that may be given.
fn inputs(block: &Block) -> Vec<InputField> {
    let Some(declared) = &block.inputs else {
        let (name, description) = ("Table".to_owned(), String::new());
        return vec![InputField { number: 0, name, description, is_mandatory: false, columns: String::new() }];
    };
    let field = |(number, input): (usize, &longshore::block::InputDeclaration)| InputField {
        number,
        name: input.name.clone(),
        description: input.description.clone().unwrap_or_default(),
        is_mandatory: input.mandatory,
        columns: input.columns.keys().cloned().collect::<Vec<_>>().join(", "),
    };
    declared.iter().enumerate().map(field).collect()
}

/// The newest runs of a block, by where it is.
fn runs_of(history: &RunHistory, name: &str, path: &std::path::Path) -> Vec<HistoryEntry> {
    let selection = Selection { block: Some(name.to_owned()), ..Selection::default() };
    let runs = history.select(RUNS * 4, &selection).unwrap_or_default();
    runs.into_iter().filter(|run| run.source == path).take(RUNS).collect()
}

/// The list.
pub(crate) async fn page(State(web): State<Web>, visit: Visit) -> Result<Response, Problem> {
    let blocks = web.blocks.clone();
    let all = spawn_blocking(move || blocks.all()).await.map_err(|_| Problem::broken())?;
    let rows =
        web.history(move |history| Ok(all.into_iter().map(|block| row(history, block)).collect::<Vec<_>>())).await?;
    let frame = Frame::new(&visit, Some(Section::Blocks), "Blocks").call("List the blocks", "", "/blocks");
    show(&BlocksPage { frame, rows })
}

fn row(history: &RunHistory, known: crate::blocks::KnownBlock) -> BlockRow {
    let address = of_block(&known.name);
    let empty = String::new;
    match known.loaded {
        Ok(loaded) => {
            let block = loaded.block;
            let last = runs_of(history, &block.name, &known.path).first().map(RunRow::of);
            BlockRow {
                name: known.name,
                address,
                title: block.name,
                description: block.description.unwrap_or_default(),
                language: block.language.to_string(),
                options: block.options.len(),
                problem: None,
                last,
            }
        }
        Err(error) => BlockRow {
            title: known.name.clone(),
            name: known.name,
            address,
            description: empty(),
            language: empty(),
            options: 0,
            problem: Some(chain(&error)),
            last: None,
        },
    }
}

/// A former run whose options are those of the form.
#[derive(Debug, Deserialize)]
pub(crate) struct Like {
    like: Option<String>,
}

/// The page of a block.
pub(crate) async fn block(
    State(web): State<Web>,
    visit: Visit,
    Path(name): Path<String>,
    Query(Like { like }): Query<Like>,
) -> Result<Response, Problem> {
    let (blocks, wanted) = (web.blocks.clone(), name.clone());
    let known = spawn_blocking(move || blocks.find(&wanted)).await.map_err(|_| Problem::broken())?;
    let Some(known) = known else {
        return Err(Problem::unknown(format!("there is no block `{name}` among those that this host knows")));
    };
    let (address, path) = (of_block(&name), known.path.display().to_string());
    let arguments = format!("-F block={}", quoted(&name));
    let frame = |title: &str| {
        Frame::new(&visit, Some(Section::Blocks), title).call(
            "Run it",
            &format!("{arguments} -F input=@table.csv"),
            "/runs",
        )
    };
    let (loaded, place) = (known.loaded, known.path);
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            return show(&BlockPage {
                frame: frame(&name),
                title: name.clone(),
                name,
                address,
                path,
                description: String::new(),
                facts: Vec::new(),
                inputs: Vec::new(),
                fields: Vec::new(),
                problem: Some(chain(&error)),
                warnings: Vec::new(),
                last: Vec::new(),
            });
        }
    };
    let block = loaded.block;
    let title = block.name.clone();
    let read = move |history: &RunHistory| {
        // One that was removed meanwhile leaves the defaults.
        let former = like.and_then(|id| history.find(&id).ok()).and_then(|run| run.record?.get("options").cloned());
        Ok((runs_of(history, &title, &place), former.unwrap_or_default()))
    };
    let (last, former) = web.history(read).await?;
    let fields: Vec<Field> = block.options.iter().map(|option| Field::of(option, former.get(&option.name))).collect();
    show(&BlockPage {
        frame: frame(&block.name),
        inputs: inputs(&block),
        fields,
        facts: facts(&block),
        description: block.description.unwrap_or_default(),
        title: block.name,
        name,
        address,
        path,
        problem: None,
        warnings: loaded.warnings,
        last: last.iter().map(RunRow::of).collect(),
    })
}

fn facts(block: &Block) -> Vec<(&'static str, String)> {
    let some = |values: &[String]| (!values.is_empty()).then(|| values.join(", "));
    let outputs =
        block.outputs.as_ref().map(|outputs| outputs.iter().map(|output| output.id.clone()).collect::<Vec<_>>());
    let optional = [
        ("Language", Some(block.language.to_string())),
        ("Script", Some(block.script.clone())),
        ("Packages", some(&block.dependencies)),
        ("System packages", some(&block.system_packages)),
        ("Image", block.image.clone()),
        ("Network", block.network.then(|| "needed".to_owned())),
        ("Outputs", outputs.and_then(|outputs| some(&outputs))),
    ];
    optional.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
