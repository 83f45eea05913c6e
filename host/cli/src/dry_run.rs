//! `longshore dry-run`: sets up a folder from which a script reads that is started by hand.

use crate::arguments::DryRunArguments;
use crate::refusal::Report;
use crate::run::bad_input;
use crate::{BAD_INPUT, failure, help, option_values, printer, standard, tables};
use longshore::block::{Block, Language};
use longshore::dry_run::{self, DryRunFolder};
use longshore::human::count;
use longshore::shown::Shown;
use longshore::{InputSpec, RunRequest};
use longshore_protocol::DryRunFile;
use std::path::Path;

/// Sets up the folder, and prints how to start the script.
pub(crate) fn dry_run(arguments: &DryRunArguments, temporary_folder: &Path) -> u8 {
    let block = match block(&arguments.block) {
        Ok(block) => block,
        Err(error) => return failure::print(&error, BAD_INPUT),
    };
    let from_folder = arguments.tables.tables.is_empty() && arguments.read.is_empty();
    let mut request = match request(arguments, &block, from_folder) {
        Ok(request) => request,
        Err(reason) => return failure::print_text(&reason, BAD_INPUT),
    };
    request.temporary_folder = Some(temporary_folder.to_owned());
    let prepared = match request.prepare() {
        Ok(prepared) => prepared,
        Err(error) => return bad_input(&error, Report::Text, false),
    };
    match prepared.write_dry_run(&arguments.folder, from_folder) {
        Ok(made) if arguments.json => printer::json(&made),
        Ok(made) => printer::out(&text(&made, block.language)),
        Err(error) => failure::print(&error, BAD_INPUT),
    }
}

/// The block. A script is that of the manifest beside it, if the manifest names it.
fn block(path: &Path) -> Result<Block, longshore::block::BlockError> {
    let path = if path.is_dir() { path.to_owned() } else { dry_run::block_of(path)? };
    let mut loaded = Block::load(&path)?;
    for notice in std::mem::take(&mut loaded.warnings) {
        failure::print_note(&notice);
    }
    Ok(loaded.block)
}

fn request(arguments: &DryRunArguments, block: &Block, from_folder: bool) -> Result<RunRequest, String> {
    let mut request =
        RunRequest::new(if block.whole_folder { block.folder.clone() } else { block.folder.join(&block.script) });
    request.inputs = match from_folder {
        true => dry_run::tables_in(&arguments.folder, block)
            .map_err(|error| format!("cannot read the folder `{}`: {error}", arguments.folder.display()))?,
        false => {
            arguments.tables.tables.iter().map(|text| tables::input(text, arguments.format)).collect::<Vec<InputSpec>>()
        }
    };
    let names: Vec<&str> = block.input_names().collect();
    arguments.read.iter().try_for_each(|text| tables::read(&mut request.inputs, text, &names))?;
    standard::connect_inputs(&mut request.inputs)?;
    // The values of a block without options are not known, and stay as they are.
    let own = arguments.folder.join(DryRunFile::OPTIONS);
    let own = (!block.options.is_empty() && own.exists()).then_some(own);
    let file = arguments.options_file.clone().or(own);
    request.options = option_values::given(&arguments.options, &arguments.option_variables, file.as_deref())?;
    request.bad_rows = arguments.on_bad_row;
    Ok(request)
}

fn text(made: &DryRunFolder, language: Language) -> Shown {
    let folder = made.folder.display();
    let mut text = Shown::default();
    for input in &made.inputs {
        let name = input.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let from = input.path.as_ref().map(|path| format!(" of {}", path.display())).unwrap_or_default();
        text.push(format!("input {}{name}: {}{from}", input.index, count(input.rows, "row")));
    }
    let options = made.options.as_object().into_iter().flatten();
    options.for_each(|(name, value)| text.push(format!("option `{name}`: {value}")));
    if text.as_str().is_empty() {
        text.push("no inputs and no options");
    }
    let starts = match (language, made.script.extension().and_then(|suffix| suffix.to_str())) {
        (_, Some("ipynb")) => "jupyter lab",
        (Language::Python, _) => "python3",
        (Language::R, _) => "Rscript",
    };
    text.push("");
    text.push("start the script with:");
    text.push(format!("  export LONGSHORE_DRY_RUN={}", help::word(&folder.to_string())));
    text.push(format!("  {starts} {}", help::word(&made.script.display().to_string())));
    text
}
