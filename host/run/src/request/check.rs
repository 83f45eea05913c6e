//! Checks tables against a block's declared inputs, without a run, for `longshore check`.

use super::inputs::{open, placed};
use super::{InputSpec, RequestError};
use longshore_block::{Block, Mode};
use longshore_model::remedy::Remedy;
use longshore_table::{Findings, ReadOptions, in_words};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Tables that were checked against a block's inputs.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckedInputs {
    /// The tables that belong to an input, by number.
    pub inputs: Vec<CheckedInput>,
    /// Unknown inputs that were given, and mandatory inputs that were not.
    pub wrong: Vec<RequestError>,
}

/// A table that was checked against an input.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CheckedInput {
    /// The input's position, from 0.
    pub index: usize,
    /// Its name in the manifest.
    pub name: Option<String>,
    /// The file, or the name of a table without a path.
    pub path: PathBuf,
    /// Its number of rows, if it is known without reading.
    pub rows: Option<u64>,
    /// Its columns, in order.
    pub columns: Vec<CheckedColumn>,
    /// How it is read, if it is text with a detected dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Findings>,
    /// Why it is not valid for this input.
    pub error: Option<String>,
}

/// A column of a table.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CheckedColumn {
    /// Its name.
    pub name: String,
    /// Its type, in words and as Arrow names it.
    #[serde(rename = "type")]
    pub data_type: String,
}

impl CheckedInputs {
    /// Opens each table as a run of the block would; text is read to its end. Temporary files are in
    /// `temporary_folder`. Blocks.
    #[must_use]
    pub fn of(block: &Block, specs: Vec<InputSpec>, temporary_folder: &Path) -> Self {
        let (placed, wrong) = placed(specs, block.inputs.as_deref());
        let mut inputs: Vec<CheckedInput> =
            placed.into_iter().map(|spec| check(block, spec, temporary_folder)).collect();
        inputs.sort_by_key(|input| input.index);
        Self { inputs, wrong }
    }

    /// All errors, a sentence each.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        let error = |input: &CheckedInput| input.error.as_ref().map(|error| format!("input {}: {error}", input.index));
        self.wrong.iter().map(ToString::to_string).chain(self.inputs.iter().filter_map(error)).collect()
    }

    /// What the caller can do about the errors, each once.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        let mut remedies: Vec<Remedy> = Vec::new();
        for remedy in self.wrong.iter().filter_map(RequestError::remedy) {
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        remedies
    }
}

fn check(block: &Block, mut spec: InputSpec, temporary_folder: &Path) -> CheckedInput {
    let index = spec.number.unwrap_or_default();
    let declaration = block.inputs.as_ref().and_then(|known| known.get(index));
    let name = declaration.map(|input| input.name.clone());
    // Batch mode, because a stream would be checked only in part.
    let path = spec.in_record();
    let opened = open(&mut spec, declaration, &ReadOptions::default(), Mode::Batch, temporary_folder);
    let mut checked = CheckedInput { index, name, path, rows: None, columns: Vec::new(), reading: None, error: None };
    match opened {
        Ok(feed) => {
            let column = |field: &std::sync::Arc<arrow_schema::Field>| CheckedColumn {
                name: field.name().clone(),
                data_type: in_words(field.data_type()),
            };
            checked.columns = feed.schema().fields().iter().map(column).collect();
            checked.rows = feed.rows();
            checked.reading = feed.findings().cloned();
        }
        Err(error) => checked.error = Some(error.to_string()),
    }
    checked
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
    use longshore_table::Sink;
    use std::sync::Arc;

    const SALES: &str = "[[inputs]]\nname = \"sales\"\nmandatory = true\nread = { delimiter = \";\", decimal = \",\" }\n\
        columns = { zip = \"text\", price = \"number\", when = \"date:%d.%m.%Y\" }\n";
    const TEXT: &str = "zip;price;when\n01234;1,5;31.12.2024\n98765;2;01.01.2025\n";

    fn block(folder: &Path, inputs: &str) -> Block {
        let head = "name = \"x\"\nlanguage = \"python\"\nscript = \"s.py\"\n";
        std::fs::write(folder.join("block.toml"), format!("{head}{inputs}")).unwrap();
        std::fs::write(folder.join("s.py"), "").unwrap();
        Block::load(folder).unwrap().block
    }

    fn columns() -> Vec<(&'static str, ArrayRef)> {
        vec![
            ("zip", Arc::new(StringArray::from(vec!["01234", "98765"]))),
            ("price", Arc::new(Float64Array::from(vec![1.5, 2.0]))),
            ("when", Arc::new(Date32Array::from(vec![20_088, 20_089]))),
        ]
    }

    fn write(path: &Path, columns: Vec<(&'static str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let format = longshore_table::FileFormat::from_path(path).unwrap();
        let mut sink =
            Sink::create(path, format, &batch.schema(), std::fs::File::create(path).unwrap(), &std::env::temp_dir())
                .unwrap();
        sink.write(&batch).unwrap();
        sink.finish().unwrap();
    }

    fn named(name: &str, path: &Path) -> InputSpec {
        InputSpec::path(path).name(name)
    }

    #[test]
    fn an_input_may_come_in_any_format_as_it_is_declared() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path(), SALES);
        let text = folder.path().join("sales.csv");
        std::fs::write(&text, TEXT).unwrap();
        let mut paths = vec![text];
        for suffix in ["parquet", "arrow", "arrows", "arrows.zst"] {
            let path = folder.path().join(format!("sales.{suffix}"));
            write(&path, columns());
            paths.push(path);
        }
        for path in paths {
            let checked = CheckedInputs::of(&block, vec![named("sales", &path)], folder.path());
            assert_eq!(checked.errors(), Vec::<String>::new(), "{}", path.display());
            let types: Vec<&str> = checked.inputs[0].columns.iter().map(|column| column.data_type.as_str()).collect();
            assert_eq!(types, ["text (Utf8)", "decimal (Float64)", "date (Date32)"], "{}", path.display());
            assert_eq!((checked.inputs[0].index, checked.inputs[0].name.as_deref()), (0, Some("sales")));
        }
    }

    #[test]
    fn a_column_without_a_value_is_as_declared() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path(), SALES);
        let path = folder.path().join("sales.ndjson");
        let error = |text: &str| {
            std::fs::write(&path, text).unwrap();
            CheckedInputs::of(&block, vec![named("sales", &path)], folder.path()).errors().join("\n")
        };
        assert_eq!(error("{\"zip\": null, \"price\": null, \"when\": \"2024-12-31\"}\n"), "");
        assert_eq!(error("{\"zip\": \"01234\", \"price\": 2, \"when\": null}\n"), "");
        // A number is valid as text, but a text is not valid as a number.
        assert_eq!(error("{\"zip\": 1234, \"price\": 2, \"when\": null}\n"), "");
        let found = error("{\"zip\": 1234, \"price\": \"x\", \"when\": null}\n");
        assert!(found.contains("line 1: column `price` has `x`, expected `number`"), "{found}");
    }

    #[test]
    fn a_table_that_is_not_as_declared_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path(), SALES);
        let errors = |file: &str, read: &str| {
            let mut spec = named("sales", &folder.path().join(file));
            spec.read.add(read).unwrap();
            let all = CheckedInputs::of(&block, vec![spec], folder.path()).errors().join("\n");
            all.replace(&format!("{}/", folder.path().display()), "")
        };
        let mut wrong = columns();
        wrong[0] = ("zip", Arc::new(Int64Array::from(vec![1234, 98_765])));
        wrong[1].0 = "prise";
        for suffix in ["parquet", "arrow", "arrows"] {
            let file = format!("wrong.{suffix}");
            write(&folder.path().join(&file), wrong.clone());
            assert_eq!(
                errors(&file, ""),
                format!(
                    "input 0: `{file}` is not as declared: there is no column `price`: the table has `zip`, `prise`, \
                     `when`: did you mean `prise`?; column `zip` is integer (Int64), expected text"
                )
            );
        }
        write(&folder.path().join("right.parquet"), columns());
        assert_eq!(
            errors("right.parquet", "delimiter=|"),
            "input 0: `right.parquet` is Parquet, which has no option `delimiter` and no other reading options"
        );
        std::fs::write(folder.path().join("text.csv"), TEXT.replace("price", "prise")).unwrap();
        let error = errors("text.csv", "");
        assert!(error.contains("there is no column `price`") && error.ends_with("`prise`?"), "{error}");
        // The caller's options for a column override the block's.
        std::fs::write(folder.path().join("right.csv"), TEXT).unwrap();
        let error = errors("right.csv", "type.zip=integer");
        assert!(error.contains("column `zip` has `01234`, expected `integer`"), "{error}");
    }

    #[test]
    fn all_that_is_wrong_with_inputs_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = "[[inputs]]\nname = \"sales\"\nmandatory = true\n[[inputs]]\nname = \"rates\"\n";
        let block = block(folder.path(), inputs);
        let missing = folder.path().join("none.csv");
        let specs = vec![named("rate", &missing), named("rates", &missing), InputSpec::path(missing.clone()).number(7)];
        let checked = CheckedInputs::of(&block, specs, folder.path());
        assert_eq!(
            checked.errors(),
            [
                "the block has no input `rate`, and there is no such file; it has sales, rates: did you mean `rates`?"
                    .into(),
                "there is no input 7: the block declares 2".into(),
                "input 0, `sales`, is not given".into(),
                format!("input 1: `{}` does not exist", missing.display()),
            ]
        );
        assert_eq!(checked.remedies(), [Remedy::GiveInput { name: Some("sales".into()) }]);
    }

    #[test]
    fn a_format_that_is_declared_is_one_of_text() {
        let folder = tempfile::tempdir().unwrap();
        let tabs = "[[inputs]]\nname = \"sales\"\nread = { format = \"tsv\" }\ncolumns = { a = \"text\" }\n";
        let block = block(folder.path(), tabs);
        for file in ["a.txt", "a.csv", "a.export"] {
            std::fs::write(folder.path().join(file), "a\tb,c\n1\t2\n").unwrap();
            let checked = CheckedInputs::of(&block, vec![InputSpec::path(folder.path().join(file))], folder.path());
            assert_eq!(checked.errors(), Vec::<String>::new(), "{file}");
            assert_eq!(checked.inputs[0].columns[1].name, "b,c");
        }
        let path = folder.path().join("a.parquet");
        write(&path, vec![("a", Arc::new(StringArray::from(vec!["x"])))]);
        assert_eq!(
            CheckedInputs::of(&block, vec![InputSpec::path(path)], folder.path()).errors(),
            Vec::<String>::new()
        );
    }
}
