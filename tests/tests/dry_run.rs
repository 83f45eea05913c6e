//! Dry runs as script authors have them: scripts started by plain `python3` and `Rscript`, with `LONGSHORE_DRY_RUN`
//! naming a folder. What the client makes of the folder is tested in `agent/client/tests/dry_run.rs`.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::{Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

const LANGUAGES: [&str; 2] = ["python", "r"];

/// What a script did.
struct Ended {
    code: i32,
    printed: String,
}

/// A folder with an input, options, and a script beside it.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("dry-run-").tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let table = RecordBatch::try_from_iter([
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as Arc<dyn Array>),
        ("t", Arc::new(StringArray::from(vec![Some("a"), None, Some("ü")])) as Arc<dyn Array>),
    ])
    .unwrap();
    let mut parquet =
        ArrowWriter::try_new(File::create(data.join("0.parquet")).unwrap(), table.schema(), None).unwrap();
    parquet.write(&table).unwrap();
    parquet.close().unwrap();
    std::fs::copy(data.join("0.parquet"), data.join("sales.parquet")).unwrap();
    let file = File::create(data.join("1.arrow")).unwrap();
    let mut arrow = arrow_ipc::writer::FileWriter::try_new(file, &table.schema()).unwrap();
    arrow.write(&table.slice(0, 1)).unwrap();
    arrow.finish().unwrap();
    std::fs::write(data.join("options.json"), r#"{"clusters": 3, "note": null, "fields": ["a", "b"]}"#).unwrap();
    folder
}

fn interpreter(language: &str) -> Command {
    if language == "python" {
        return Command::new(std::env::var_os("LONGSHORE_PYTHON").unwrap_or_else(|| "python3".into()));
    }
    let mut command = Command::new(std::env::var_os("LONGSHORE_RSCRIPT").unwrap_or_else(|| "Rscript".into()));
    command.arg("--vanilla").env("R_LIBS", std::env::var_os("LONGSHORE_R_LIBRARY").unwrap_or_default());
    command
}

fn run(folder: &Path, language: &str, script: &str) -> Ended {
    let path = folder.join(if language == "python" { "script.py" } else { "script.R" });
    std::fs::write(&path, script).unwrap();
    let output = interpreter(language)
        .arg(&path)
        .current_dir(folder)
        .env_remove("LONGSHORE_SOCKET")
        .env("LONGSHORE_DRY_RUN", "data")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), printed }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("data")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut outputs: Vec<String> = names.filter(|name| name.contains("output")).collect();
    outputs.sort();
    outputs
}

fn column(path: &PathBuf) -> Vec<i64> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let values = batches.iter().map(|batch| batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap());
    values.flat_map(|values| values.values().to_vec()).collect()
}

#[test]
fn a_script_reads_and_writes_as_in_a_run() {
    let python = r#"
from longshore.api import Api
api = Api()
frame = api.read_input_records()
assert frame["n"].tolist() == [1, 2, 3] and frame["t"].isna().tolist() == [False, True, False], frame
frame.loc[0, "n"] = 9
assert api.read_input_records(0)["n"].tolist() == [1, 2, 3]
assert len(api.read_input_records(1)) == 1 and api.read_input_records(2) is None
assert len(api.read_input_records("sales")) == 3 and api.read_input_records("sale") is None
assert [batch.num_rows for batch in api.read_input(0, as_="batches")] == [3]
assert api.read_input(0, as_="polars").height == 3
assert api.get_option("clusters") == 3 and api.get_option("note") is None
assert api.get_option("fields") == ["a", "b"] and not api.is_docker()
assert (api.file_name, api.block_name, api.run_id) == ("script.py", "data", "dry-run")
api.update_message("doubling")
api.update_progress(0.5, "half")
api.error("nothing serious")
frame["n"] *= 2
api.write_output_records(frame[["n"]])
api.write_output_records({"n": [7]}, 0)
api.write_output({"k": [1]}, "heavy")
try:
    api.write_output_records({"m": [1]})
except Exception as error:
    print("refused:", error)
api.close("done")
try:
    api.read_input_records()
except Exception as error:
    print("refused:", error)
"#;
    let r = r#"
library(longshore)
api <- longshore.api()
frame <- read.input.records(api)
stopifnot(frame$n == 1:3, identical(is.na(frame$t), c(FALSE, TRUE, FALSE)))
frame$n[1] <- 9L
stopifnot(read.input.records(api, 1)$n == 1:3)
stopifnot(nrow(read.input.records(api, 2)) == 1, is.null(read.input.records(api, 3)))
stopifnot(nrow(read.input.records(api, "sales")) == 3, is.null(read.input.records(api, "sale")))
batches <- read.input(api, 1, as = "batches")
stopifnot(nrow(batches()) == 3, is.null(batches()))
stopifnot(get.option(api, "clusters") == 3, is.null(get.option(api, "note")))
stopifnot(get.option(api, "fields") == c("a", "b"), !is.docker(api))
stopifnot(file.name(api) == "script.R", block.name(api) == "data", run.id(api) == "dry-run")
update.message(api, "doubling")
update.progress(api, 0.5, "half")
report.error(api, "nothing serious")
frame$n <- frame$n * 2L
write.output.records(api, frame["n"])
write.output.records(api, data.frame(n = 7L), 1)
write.output(api, data.frame(k = 1L), "heavy")
tryCatch(write.output.records(api, data.frame(m = 1L)), error = function(error) {
  cat("refused:", conditionMessage(error), "\n")
})
close(api, "done")
tryCatch(read.input.records(api), error = function(error) cat("refused:", conditionMessage(error), "\n"))
"#;
    for (language, script) in LANGUAGES.into_iter().zip([python, r]) {
        let folder = folder();
        let ended = run(folder.path(), language, script);
        assert_eq!(ended.code, 0, "{}", ended.printed);
        let unconnected = "nothing is connected to input `sale`: the folder has 0, 1, sales: did you mean `sales`?";
        for said in
            [unconnected, "… doubling", "… 50 % half", "error: nothing serious", "output-0.parquet: 4 rows", "\ndone\n"]
        {
            assert!(ended.printed.contains(said), "{language} lacks `{said}`: {}", ended.printed);
        }
        let refused = "its columns differ from those written before: `n` missing, `m` new";
        assert!(ended.printed.contains(refused), "{language}: {}", ended.printed);
        assert!(ended.printed.contains("refused: the run has ended: "), "{language}: {}", ended.printed);
        assert_eq!(names(folder.path()), ["output-0.parquet", "output-heavy.parquet"], "{language}");
        assert_eq!(column(&folder.path().join("data/output-0.parquet")), [18, 4, 6, 7], "{language}");
    }
}

#[test]
fn a_script_without_a_word_leaves_its_outputs_and_one_that_fails_does_not() {
    let writes = [
        "from longshore.api import Api\napi = Api()\napi.write_output_records({'n': [1]})\n",
        "library(longshore)\napi <- longshore.api()\nwrite.output.records(api, data.frame(n = 1L))\n",
    ];
    let ends: [(&str, &str, i32, &[&str]); 4] = [
        ("", "", 0, &["output-0.parquet"]),
        ("raise ValueError('no price')", "stop('no price')", 1, &[]),
        ("api.cancel('nothing new')", "cancel(api, 'nothing new')", 0, &[]),
        (
            "try:\n    api.abort('broken')\nexcept Exception:\n    pass",
            "tryCatch(abort(api, 'broken'), error = identity)",
            1,
            &[],
        ),
    ];
    for (python, r, code, outputs) in ends {
        for (language, (start, end)) in LANGUAGES.into_iter().zip(writes.into_iter().zip([python, r])) {
            let folder = folder();
            let ended = run(folder.path(), language, &format!("{start}{end}\n"));
            assert_eq!((ended.code, names(folder.path())), (code, strings(outputs)), "{end}: {}", ended.printed);
        }
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    for (language, script) in LANGUAGES
        .into_iter()
        .zip(["from longshore.api import Api\nApi()\n", "library(longshore)\ninvisible(longshore.api())\n"])
    {
        let folder = folder();
        std::fs::rename(folder.path().join("data"), folder.path().join("elsewhere")).unwrap();
        let ended = run(folder.path(), language, script);
        assert_eq!(ended.code, 1, "{}", ended.printed);
        // R breaks long lines of an error.
        let printed = ended.printed.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = "the dry run cannot use `data`: it is not a folder: make one with the inputs (`0.parquet`, `sales.arrow`, …) \
                    and `options.json`";
        assert!(printed.contains(said), "{language}: {printed}");
    }
}
