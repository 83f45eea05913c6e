//! Scripts that are documents: Jupyter notebooks, R Markdown and Quarto. Finds their language and how they are executed,
//! and adds the packages that execute them to the block's. `notebook` and `markdown` read the two kinds of file; the run
//! starts the programs that execute them.

#[cfg(test)]
#[path = "../../../model/src/dice.rs"]
pub(super) mod dice;
mod markdown;
mod notebook;

use super::error::BlockError;
use super::model::{Block, Form, Language};
use super::python_requirement::package_name;
use longshore_os::small_file;
use std::path::Path;

/// The most bytes of a document: notebooks contain their outputs, and a page full of large figures has about 20 MiB.
const BYTES_MAX: u64 = 64 << 20;

/// The packages that execute a notebook in Python.
const JUPYTER: [&str; 2] = ["nbclient>=0.7", "ipykernel>=6"];

/// The package that reads a notebook in R.
const NOTEBOOK_R: [&str; 1] = ["jsonlite"];

/// The package that executes R Markdown.
const KNITR: [&str; 1] = ["knitr"];

/// A document.
#[derive(Debug, PartialEq, Eq)]
struct Document {
    language: Language,
    form: Form,
    /// The code of all its cells or chunks.
    code: String,
}

/// Whether a script is a document, by its suffix.
pub(super) fn is_document(script: &Path) -> bool {
    is_notebook(script) || is_markdown(script)
}

fn is_notebook(script: &Path) -> bool {
    script.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("ipynb"))
}

fn is_markdown(script: &Path) -> bool {
    script.extension().is_some_and(|suffix| ["rmd", "qmd"].iter().any(|known| suffix.eq_ignore_ascii_case(known)))
}

/// Sets the language, the form and the packages of a block whose script is a document; leaves others as they are.
pub(super) fn complete(block: &mut Block) -> Result<(), BlockError> {
    let path = block.folder.join(&block.script);
    if !is_document(&path) {
        return Ok(());
    }
    let invalid = |reason: String| BlockError::Invalid { path: path.clone(), reason };
    let document = read(&path)?;
    if block.form == Form::Snippet {
        return Err(invalid("a document cannot be a snippet, whose tables are variables".into()));
    }
    if block.whole_folder && block.language != document.language {
        let (own, declared) = (document.language, block.language);
        return Err(invalid(format!("its code is in {own}, but the manifest's language is {declared}")));
    }
    (block.language, block.form) = (document.language, document.form);
    let needed: &[&str] = match (document.form, document.language) {
        (Form::Notebook, Language::Python) => &JUPYTER,
        (Form::Notebook, Language::R) => &NOTEBOOK_R,
        _ => &KNITR,
    };
    for package in needed {
        if !block.dependencies.iter().any(|declared| package_name(declared) == package_name(package)) {
            block.dependencies.push((*package).to_owned());
        }
        block.dependencies_found.retain(|found| found != package);
    }
    let script = block.script.clone();
    block.listed_in(&format!("runs `{script}`"));
    Ok(())
}

/// The source of a script; that of a document is the code of its cells or chunks.
pub(super) fn source(path: &Path) -> Result<String, BlockError> {
    if is_document(path) {
        return Ok(read(path)?.code);
    }
    let bytes =
        small_file::read(path, BYTES_MAX).map_err(|source| BlockError::Read { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The language of a document's code.
pub(super) fn language(path: &Path) -> Result<Language, BlockError> {
    Ok(read(path)?.language)
}

fn read(path: &Path) -> Result<Document, BlockError> {
    let failed = |source| BlockError::Read { path: path.to_owned(), source };
    let text = small_file::read_text(path, BYTES_MAX).map_err(failed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match is_notebook(path) {
        true => notebook::read(path, text),
        false => markdown::read(path, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The packages of a document without a manifest.
    fn packages(name: &str, text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Block::load(&path).unwrap().block.dependencies
    }

    #[test]
    fn the_metadata_in_a_documents_code_lists_its_packages_and_those_that_execute_it_are_added() {
        let metadata = "# /// script\n# dependencies = [\"humanize==4.12.0\", \"IPyKernel<8\"]\n# ///";
        let cells = serde_json::json!([
            {"cell_type": "markdown", "source": "# /// script"},
            {"cell_type": "code", "source": metadata.split_inclusive('\n').collect::<Vec<_>>()},
            {"cell_type": "code", "source": "import humanize"},
        ]);
        let notebook = serde_json::json!({"nbformat": 4, "metadata": {}, "cells": cells}).to_string();
        assert_eq!(packages("a.ipynb", &notebook), ["humanize==4.12.0", "IPyKernel<8", "nbclient>=0.7"]);
        let quarto = format!("```{{python}}\n{metadata}\n```\n");
        assert_eq!(packages("a.qmd", &quarto), ["humanize==4.12.0", "IPyKernel<8", "nbclient>=0.7"]);
    }

    #[test]
    fn a_document_in_r_without_metadata_has_the_packages_that_its_code_loads() {
        let text = "library(notcode)\n\n```{r}\nlibrary(digest)\nknitr::kable(x)\n```\n";
        assert_eq!(packages("a.Rmd", text), ["digest", "knitr"]);
        let listed = format!("```{{r}}\n# /// script\n# dependencies = [\"cli\"]\n# ///\n```\n{text}");
        assert_eq!(packages("a.Rmd", &listed), ["cli", "knitr"]);
    }
}
