//! A Jupyter notebook, in the version 4 of its format: the language of its kernel, and the code of its cells.

use super::Document;
use crate::error::BlockError;
use crate::model::{Form, Language};
use longshore_model::hint::reword_json;
use serde::Deserialize;
use std::path::Path;

/// The version of the format that is read: that of all notebooks since 2015.
const FORMAT: u64 = 4;

/// The file, of which outputs and most metadata are passed over.
#[derive(Deserialize)]
struct File {
    nbformat: Option<u64>,
    #[serde(default)]
    metadata: Metadata,
    cells: Option<Vec<Cell>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    kernelspec: Option<Named>,
    language_info: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
    #[serde(default)]
    language: String,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default)]
    source: Source,
}

/// Text, whole or in lines.
#[derive(Deserialize)]
#[serde(untagged, expecting = "the source of a cell is text, or a list of lines")]
enum Source {
    Text(String),
    Lines(Vec<String>),
}

impl Default for Source {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// Reads a notebook.
pub(super) fn read(path: &Path, text: &str) -> Result<Document, BlockError> {
    let invalid = |reason: String| BlockError::Invalid { path: path.to_owned(), reason };
    let file: File = serde_json::from_str(text).map_err(|error| {
        let reason = format!("it is not a notebook: {}", reword_json(&error));
        BlockError::Syntax { path: path.to_owned(), line: error.line(), column: error.column(), reason }
    })?;
    match file.nbformat {
        Some(FORMAT) => {}
        Some(other) => {
            let reason = format!(
                "it has the notebook format {other}, and {FORMAT} is expected: convert it with `jupyter nbconvert --to notebook`"
            );
            return Err(invalid(reason));
        }
        None => return Err(invalid("it is not a notebook: the key `nbformat` is missing".into())),
    }
    let cells = file.cells.ok_or_else(|| invalid("it is not a notebook: the key `cells` is missing".into()))?;
    let language = language(&file.metadata).map_err(invalid)?;
    let code = cells.into_iter().filter(|cell| cell.cell_type == "code").map(|cell| match cell.source {
        Source::Text(text) => text,
        Source::Lines(lines) => lines.concat(),
    });
    Ok(Document { language, form: Form::Notebook, code: code.collect::<Vec<_>>().join("\n") })
}

/// The language of the kernel. A notebook that names none is in Python, as Jupyter has it.
fn language(metadata: &Metadata) -> Result<Language, String> {
    let kernel = metadata.kernelspec.as_ref();
    let info = metadata.language_info.as_ref();
    let named = [kernel.map(|kernel| &kernel.language), info.map(|info| &info.name), kernel.map(|kernel| &kernel.name)];
    let Some(named) = named.into_iter().flatten().find(|name| !name.trim().is_empty()) else {
        return Ok(Language::Python);
    };
    match named.trim().to_lowercase().as_str() {
        "r" | "ir" => Ok(Language::R),
        name if name.starts_with("python") || name == "ipython" => Ok(Language::Python),
        _ => Err(format!("its kernel is for `{named}`: supported are kernels for Python (`python3`) and R (`ir`)")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::dice::Dice;
    use super::*;
    use serde_json::{Value, json};

    fn notebook(metadata: &Value, cells: &Value) -> String {
        json!({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).to_string()
    }

    fn error(text: &str) -> String {
        read(Path::new("a.ipynb"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_kernel_gives_the_language_and_cells_the_code() {
        let cells = json!([
            {"cell_type": "markdown", "source": ["# Title"]},
            {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "outputs": [{"data": {"image/png": "AAAA"}}]},
            {"cell_type": "code", "source": "%matplotlib inline", "execution_count": null},
            {"cell_type": "code"},
        ]);
        let code = "a = 1\nb = 2\n%matplotlib inline\n";
        for (metadata, language) in [
            (json!({}), Language::Python),
            (json!({"kernelspec": {"name": "conda-env-x", "language": "python"}}), Language::Python),
            (json!({"kernelspec": {"name": "python3"}}), Language::Python),
            (json!({"kernelspec": {"name": "ir", "display_name": "R"}}), Language::R),
            (json!({"language_info": {"name": "R", "version": "4.2"}}), Language::R),
        ] {
            let document = read(Path::new("a.ipynb"), &notebook(&metadata, &cells)).unwrap();
            assert_eq!(document, Document { language, form: Form::Notebook, code: code.into() }, "{metadata}");
        }
    }

    #[test]
    fn what_is_not_a_notebook_is_an_error_with_its_place() {
        assert_eq!(
            error("{\"nbformat\": 4,\n \"cells\": }"),
            "`a.ipynb`, line 2, column 11: it is not a notebook: expected value"
        );
        assert_eq!(error("{}"), "`a.ipynb`: it is not a notebook: the key `nbformat` is missing");
        assert_eq!(error("{\"nbformat\": 4}"), "`a.ipynb`: it is not a notebook: the key `cells` is missing");
        assert!(
            error("{\"nbformat\": 3, \"worksheets\": []}").contains("it has the notebook format 3, and 4 is expected")
        );
        assert!(error("").starts_with("`a.ipynb`, line 1, column 0: it is not a notebook: EOF"));
        let wrong = notebook(&json!({}), &json!([{"cell_type": "code", "source": 7}]));
        assert!(error(&wrong).contains("the source of a cell is text, or a list of lines"), "{}", error(&wrong));
        let julia = notebook(&json!({"kernelspec": {"name": "julia-1.9", "language": "julia"}}), &json!([]));
        assert_eq!(
            error(&julia),
            "`a.ipynb`: its kernel is for `julia`: supported are kernels for Python (`python3`) and R (`ir`)"
        );
        let deep = format!("{{\"nbformat\": 4, \"x\": {}", "[".repeat(100_000));
        assert!(error(&deep).starts_with("`a.ipynb`, line 1, column "), "{}", error(&deep));
    }

    #[test]
    fn a_damaged_notebook_never_panics_and_is_read_or_named() {
        let cells = json!([{"cell_type": "code", "source": ["é = 1\n"], "outputs": [], "metadata": {"tags": ["a"]}}]);
        let whole = notebook(&json!({"kernelspec": {"name": "python3", "language": "python"}}), &cells);
        let mut dice = Dice(7);
        for _ in 0..4000 {
            let mut bytes = whole.clone().into_bytes();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(bytes.len());
                match dice.roll(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, *dice.one::<u8>(&[&b'"', &b'{', &b']', &b'0', &b'\\', &0xff])),
                    _ => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
                }
                if bytes.len() < 2 {
                    break;
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Err(error) = read(Path::new("a.ipynb"), &text) {
                assert!(error.to_string().starts_with("`a.ipynb`"), "{error}");
            }
        }
    }
}
