//! `longshore check` and `longshore schema`.

use crate::{BAD_INPUT, check_folder, failure, help, printer, standard, tables};
use clap::Args;
use longshore::block::{self, Block, BlockError, Loaded};
use longshore::human::{aligned, count};
use longshore::shown::Shown;
use longshore::table::FileFormat;
use longshore::{CheckedBlock, CheckedInput, CheckedInputs, InputSpec, Remedy, RequestError};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The block's folder, a script, or a folder of blocks
    block: PathBuf,
    /// Table to check against the block's declaration of input N or NAME; nothing runs
    #[arg(short, long = "input", value_name = "[N|NAME=]PATH")]
    inputs: Vec<String>,
    /// Options for reading inputs, as for `run`; repeatable
    #[arg(long = "read", value_name = "[N|NAME:]KEY=VALUE …", requires = "inputs")]
    read: Vec<String>,
    /// Format of standard input and files without a known suffix, such as csv or parquet
    #[arg(long, value_name = "FORMAT")]
    format: Option<FileFormat>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints a block as it was read, and the columns of the tables that are given.
pub(crate) fn check(arguments: &CheckArguments, temporary_folder: &Path) -> u8 {
    let loaded = match Block::load(&arguments.block) {
        Ok(loaded) => loaded,
        Err(error) => {
            let is_folder_of_blocks =
                matches!(error, BlockError::NoManifest { .. } | BlockError::SeveralScripts { .. });
            let blocks = match is_folder_of_blocks && arguments.inputs.is_empty() {
                true => longshore::block::blocks_below(&arguments.block),
                false => Vec::new(),
            };
            if blocks.is_empty() {
                return failure::print(&error, BAD_INPUT);
            }
            return check_folder::check(&arguments.block, blocks, arguments.json);
        }
    };
    let of_block = CheckedBlock::of(&loaded.block);
    let specs = match specs(arguments, &loaded.block) {
        Ok(specs) => specs,
        Err(reason) => return failure::print_text(&reason, BAD_INPUT),
    };
    // Without a table there is nothing to check against the declared inputs.
    let checked = (!specs.is_empty()).then(|| CheckedInputs::of(&loaded.block, specs, temporary_folder));
    let of_inputs = checked.as_ref().map(CheckedInputs::errors).unwrap_or_default();
    let errors: Vec<String> = of_block.errors.iter().map(ToString::to_string).chain(of_inputs).collect();
    let of_inputs = checked.as_ref().map(CheckedInputs::remedies).unwrap_or_default();
    let remedies: Vec<Remedy> = of_block.errors.iter().filter_map(RequestError::remedy).chain(of_inputs).collect();
    let inputs = checked.map(|checked| checked.inputs).unwrap_or_default();
    if arguments.json {
        let (block, Loaded { warnings, remarks, .. }) = (loaded.block.for_report(), &loaded);
        let help: Vec<String> = remedies.iter().filter_map(help::words).collect();
        printer::json(&json!({
            "block": block,
            "warnings": warnings,
            "notes": remarks.iter().cloned().chain(of_block.notes.iter().map(help::note)).collect::<Vec<_>>(),
            "files": of_block.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
            "undeclared": of_block.undeclared,
            "inputs": inputs,
            "errors": errors,
            "help": help,
        }));
    } else {
        printer::out(&text(&loaded, &of_block, &inputs));
    }
    if errors.is_empty() { 0 } else { failure::print_all(&errors, &remedies, BAD_INPUT) }
}

fn specs(arguments: &CheckArguments, block: &Block) -> Result<Vec<InputSpec>, String> {
    let mut specs: Vec<InputSpec> = arguments.inputs.iter().map(|text| tables::input(text, arguments.format)).collect();
    let names: Vec<&str> = block.input_names().collect();
    arguments.read.iter().try_for_each(|text| tables::read(&mut specs, text, &names))?;
    standard::connect_inputs(&mut specs)?;
    Ok(specs)
}

fn text(loaded: &Loaded, of_block: &CheckedBlock, inputs: &[CheckedInput]) -> Shown {
    let mut text = loaded.block.describe();
    let beside = of_block.files.iter().skip(1).map(|file| file.path.as_str());
    if !loaded.block.whole_folder && of_block.files.len() > 1 {
        text.push(format!("{:<16}{}", "files beside it", beside.collect::<Vec<_>>().join(", ")));
    }
    if !loaded.warnings.is_empty() || !loaded.remarks.is_empty() || !of_block.notes.is_empty() {
        text.push("");
    }
    loaded.warnings.iter().for_each(|warning| text.push(format!("warning: {warning}")));
    loaded.remarks.iter().for_each(|remark| text.push(format!("note: {remark}")));
    of_block.notes.iter().for_each(|note| text.push(format!("note: {}", help::note(note))));
    for input in inputs.iter().filter(|input| input.error.is_none()) {
        let name = input.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let rows = input.rows.map(|rows| format!(", {}", count(rows, "row"))).unwrap_or_default();
        text.push("");
        text.push(format!("input {}{name}: {}{rows}", input.index, input.path.display()));
        if let Some(reading) = &input.reading {
            reading.all_notes().for_each(|note| text.push(format!("note: {note}")));
        }
        let mut table = vec![["column", "type"].map(str::to_owned)];
        table.extend(input.columns.iter().map(|column| [column.name.clone(), column.data_type.clone()]));
        text += aligned(&table, &[]).indented();
    }
    text
}

/// Prints the JSON schema of `block.toml`.
pub(crate) fn schema() -> u8 {
    printer::json(&block::schema())
}
