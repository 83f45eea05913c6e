//! Dry runs: a folder in the place of a host, in Rust alone. What scripts see of it is tested in both languages by
//! `tests/tests/dry_run.rs`.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use longshore_client::{Client, ClientError, ConnectSettings, InputName, OutputName, Software, Word};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dry-run-test-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn connect(&self) -> Result<Client, ClientError> {
        Client::connect(ConnectSettings {
            socket: None,
            dry_run: Some(self.0.clone()),
            software: Software { name: "test".into(), version: "0".into() },
            interrupted: Box::new(|| false),
        })
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn integers(name: &str, values: Vec<i64>) -> RecordBatch {
    RecordBatch::try_from_iter([(name, Arc::new(Int64Array::from(values)) as Arc<dyn Array>)]).unwrap()
}

fn write(client: &Client, output: &OutputName, batch: &RecordBatch) -> Result<(), ClientError> {
    client.write_output(output, &mut RecordBatchIterator::new([Ok(batch.clone())], batch.schema()))
}

fn parquet(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn read(path: &Path) -> RecordBatch {
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.next().unwrap().unwrap()
}

#[test]
fn inputs_are_read_whole_and_in_batches() {
    let folder = Folder::new();
    parquet(&folder.0.join("0.parquet"), &integers("n", (0..100_000).collect()));
    let client = folder.connect().unwrap();
    let table = client.read_input(&InputName::Number(0)).unwrap().unwrap();
    assert_eq!(table.batches.len(), 1);
    assert_eq!(table.batches[0].batch.num_rows(), 100_000);
    let batches = client.read_batches(&InputName::Number(0)).unwrap().unwrap();
    let rows: Vec<usize> = batches.map(|batch| batch.unwrap().batch.num_rows()).collect();
    assert_eq!(rows, [65_536, 34_464]);
    assert!(client.read_input(&InputName::Number(1)).unwrap().is_none());
}

#[test]
fn inputs_are_read_by_the_names_of_their_files() {
    let folder = Folder::new();
    parquet(&folder.0.join("sales.parquet"), &integers("n", vec![1, 2]));
    parquet(&folder.0.join("output-0.parquet"), &integers("n", vec![7]));
    std::fs::write(folder.0.join("rates.csv"), "a\n").unwrap();
    std::fs::write(folder.0.join("options.json"), "{}").unwrap();
    let client = folder.connect().unwrap();
    let read = |name: &str| client.read_input(&InputName::Name(name.into()));
    assert_eq!(read("sales").unwrap().unwrap().batches[0].batch, integers("n", vec![1, 2]));
    for unconnected in ["sale", "options", "../sales", ""] {
        assert!(read(unconnected).unwrap().is_none(), "{unconnected}");
    }
    let error = read("rates").unwrap_err().to_string();
    assert!(
        error.starts_with("input `rates` cannot be read: ")
            && error.contains("must be converted first, with `longshore dry-run"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_an_input_is_named() {
    let folder = Folder::new();
    for (name, text) in [("0.csv", "a\n"), ("1.parquet", "x"), ("2.arrow", ""), ("2.arrows", "")] {
        std::fs::write(folder.0.join(name), text).unwrap();
    }
    let client = folder.connect().unwrap();
    let error = |number| {
        client.read_input(&InputName::Number(number)).unwrap_err().to_string().replace(folder.0.to_str().unwrap(), "")
    };
    assert_eq!(
        error(0),
        "input 0 cannot be read: `/0.csv` must be converted first, with `longshore dry-run SCRIPT --folder `, or use \
         .parquet, .arrow, .feather or .arrows"
    );
    assert!(error(1).starts_with("input 1 cannot be read: `/1.parquet`: "), "{}", error(1));
    assert_eq!(error(2), "input 2 cannot be read: `/2.arrow` and `/2.arrows` both exist: keep one of them");
}

#[test]
fn outputs_append_and_appear_at_the_last_word() {
    let folder = Folder::new();
    let client = folder.connect().unwrap();
    let output = OutputName::Number(0);
    write(&client, &output, &integers("n", vec![1])).unwrap();
    let decimals = RecordBatch::try_from_iter([("n", Arc::new(Float64Array::from(vec![2.0])) as Arc<dyn Array>)]);
    write(&client, &output, &decimals.unwrap()).unwrap();
    let text = RecordBatch::try_from_iter([("n", Arc::new(StringArray::from(vec!["x"])) as Arc<dyn Array>)]);
    assert_eq!(
        write(&client, &output, &text.unwrap()).unwrap_err().to_string(),
        "output 0 cannot be written: column `n` is Utf8, but was Int64 in the tables written before, and not every \
         value fits"
    );
    assert_eq!(
        write(&client, &output, &integers("m", vec![3])).unwrap_err().to_string(),
        "output 0 cannot be written: its columns differ from those written before: `n` missing, `m` new"
    );
    write(&client, &OutputName::Id("heavy".into()), &integers("k", vec![7])).unwrap();
    assert_eq!(folder.names(), [".output-0.parquet.partial", ".output-heavy.parquet.partial"]);
    assert!(client.conclude(Word::Commit, Some("done")).unwrap());
    assert!(!client.conclude(Word::Abort, None).unwrap());
    assert_eq!(folder.names(), ["output-0.parquet", "output-heavy.parquet"]);
    assert_eq!(read(&folder.0.join("output-0.parquet")).columns(), integers("n", vec![1, 2]).columns());
    assert!(matches!(write(&client, &output, &integers("n", vec![4])), Err(ClientError::Ended { .. })));
}

#[test]
fn a_folder_that_the_host_set_up_is_as_the_block_declares() {
    let folder = Folder::new();
    parquet(&folder.0.join("input-1.parquet"), &integers("n", vec![5]));
    parquet(&folder.0.join("0.parquet"), &integers("n", vec![6]));
    let facts = json!({"run_id": "dry-run", "block_name": "Sales", "file_name": "s.py", "container": false,
        "streaming": false, "options": {}, "outputs": ["totals", "rest"], "inputs": ["sales", "rates"]});
    let told = json!({"facts": facts, "tables": {"1": "input-1.parquet"}, "sources": [], "from_folder": false});
    std::fs::write(folder.0.join("run.json"), told.to_string()).unwrap();
    std::fs::write(folder.0.join("options.json"), r#"{"top": 3}"#).unwrap();
    let client = folder.connect().unwrap();
    assert_eq!((client.facts().block_name.as_str(), &client.facts().options["top"]), ("Sales", &json!(3)));
    for (name, value) in [("rates", 5), ("sales", 6)] {
        let read = client.read_input(&InputName::Name(name.into())).unwrap().unwrap();
        assert_eq!(read.batches[0].batch, integers("n", vec![value]), "{name}");
    }
    let error = client.read_input(&InputName::Name("sale".into())).unwrap_err().to_string();
    assert_eq!(error, "there is no input `sale`: the block has sales, rates: did you mean `sales`?");
    assert!(matches!(client.chunks(), Err(ClientError::NotStreaming)));
    write(&client, &OutputName::Number(0), &integers("n", vec![1])).unwrap();
    write(&client, &OutputName::Id("totals".into()), &integers("n", vec![2])).unwrap();
    for (output, reason) in [
        (OutputName::Id("total".into()), "the block has no output with this id (it has: totals, rest)"),
        (OutputName::Number(2), "the block's outputs are numbered 0 to 1 (totals, rest)"),
    ] {
        let error = write(&client, &output, &integers("n", vec![1])).unwrap_err().to_string();
        assert!(error.ends_with(reason), "{error}");
    }
    assert!(client.conclude(Word::Commit, None).unwrap());
    assert_eq!(read(&folder.0.join("output-totals.parquet")).num_rows(), 2);
    std::fs::write(folder.0.join("run.json"), "{").unwrap();
    let error = folder.connect().unwrap_err().to_string();
    assert!(error.contains("run.json`: ") && error.contains("set the folder up again"), "{error}");
}

#[test]
fn a_dry_run_gives_way_to_a_new_one() {
    let folder = Folder::new();
    let first = folder.connect().unwrap();
    write(&first, &OutputName::Number(0), &integers("n", vec![1])).unwrap();
    assert!(first.replace_dry_run());
    assert!(folder.names().is_empty(), "{:?}", folder.names());
    let second = folder.connect().unwrap();
    write(&second, &OutputName::Number(0), &integers("n", vec![2])).unwrap();
    first.end().unwrap();
    drop(first);
    second.end().unwrap();
    assert_eq!(read(&folder.0.join("output-0.parquet")).columns(), integers("n", vec![2]).columns());
}

#[test]
fn outputs_are_given_up_where_a_run_would() {
    for end in [
        |client: &Client| assert!(client.conclude(Word::Cancel, Some("nothing new")).unwrap()),
        |client: &Client| assert!(client.conclude(Word::Abort, Some("broken")).unwrap()),
        |client: &Client| client.uncaught("ValueError").unwrap(),
    ] {
        let folder = Folder::new();
        let client = folder.connect().unwrap();
        write(&client, &OutputName::Number(0), &integers("n", vec![1])).unwrap();
        end(&client);
        client.end().unwrap();
        drop(client);
        assert!(folder.names().is_empty(), "{:?}", folder.names());
    }
}

#[test]
fn the_end_of_a_script_without_a_word_puts_its_outputs_in_place() {
    let folder = Folder::new();
    let client = folder.connect().unwrap();
    write(&client, &OutputName::Number(3), &integers("n", vec![1])).unwrap();
    client.end().unwrap();
    assert_eq!(folder.names(), ["output-3.parquet"]);
}

#[test]
fn ids_cannot_leave_the_folder() {
    let folder = Folder::new();
    let client = folder.connect().unwrap();
    for id in ["", "../x", "a/b", &"x".repeat(201)] {
        assert_eq!(
            write(&client, &OutputName::Id(id.into()), &integers("n", vec![1])).unwrap_err().to_string(),
            format!("output `{id}` cannot be written: in a dry run its id names a file: 1 to 200 bytes without `/`")
        );
    }
}

#[test]
fn a_folder_or_options_that_cannot_be_used_are_named() {
    let folder = Folder::new();
    let nowhere = Folder(folder.0.join("nowhere"));
    let error = nowhere.connect().unwrap_err().to_string();
    std::mem::forget(nowhere);
    assert!(error.ends_with("it is not a folder: set one up with `longshore dry-run SCRIPT -i TABLE --folder FOLDER`"));
    std::fs::write(folder.0.join("options.json"), "[1]").unwrap();
    let error = folder.connect().unwrap_err().to_string();
    assert!(error.ends_with("options.json`: it must contain a JSON object of option names and values"), "{error}");
    std::fs::write(folder.0.join("options.json"), r#"{"clusters": 3, "note": null}"#).unwrap();
    assert_eq!(folder.connect().unwrap().facts().options["clusters"], 3);
}
