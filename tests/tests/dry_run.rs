//! Dry runs as script authors have them: scripts started by plain `python3` and `Rscript`, with `LONGSHORE_DRY_RUN`
//! naming a folder. What the client makes of the folder is tested in `agent/client/tests/dry_run.rs`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

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
        let said = "the dry run cannot use `data`: it is not a folder: set one up with `longshore dry-run SCRIPT -i TABLE \
                    --folder FOLDER`";
        assert!(printed.contains(said), "{language}: {printed}");
    }
}

/// A block with a declared input, output and option in each language, whose script copies its input and is run twice.
fn block(folder: &Path, language: &str) -> PathBuf {
    let (name, script) = match language {
        "python" => (
            "script.py",
            "from longshore.api import Api\nfor turn in range(2):\n    api = Api()\n    table = api.read_input_records('sales')\n    \
             print(table.dtypes.to_dict(), api.get_option('top'), api.block_name)\n    api.write_output(table, 'copy')\n    api.close()\n",
        ),
        _ => (
            "script.R",
            "library(longshore)\nfor (turn in 1:2) {\n  api <- longshore.api()\n  table <- read.input.records(api, 'sales')\n  \
             cat(class(table$zip), class(table$price), get.option(api, 'top'), block.name(api), '\\n')\n  \
             write.output(api, table, 'copy')\n  close(api)\n}\n",
        ),
    };
    let manifest = format!(
        "name = \"Sales\"\nlanguage = \"{language}\"\nscript = \"{name}\"\n[[inputs]]\nname = \"sales\"\n\
         read = {{ delimiter = \";\", decimal = \",\" }}\ncolumns = {{ zip = \"text\" }}\n[[outputs]]\nid = \"copy\"\n\
         [[options]]\nname = \"top\"\nkind = \"integer\"\ndefault = 3\nmax = 9\n"
    );
    let block = folder.join("block");
    std::fs::create_dir(&block).unwrap();
    std::fs::write(block.join("block.toml"), manifest).unwrap();
    std::fs::write(block.join(name), script).unwrap();
    block.join(name)
}

fn start(folder: &Path, language: &str, script: &Path) -> Ended {
    let path = std::env::join_paths([command::path().parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")]);
    let output = interpreter(language)
        .arg(script)
        .env_remove("LONGSHORE_SOCKET")
        .env("LONGSHORE_DRY_RUN", folder)
        .env("PATH", path.unwrap())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), printed }
}

const TABLE: &str = "zip;price\n01234;1,5\n98765;2\n";

#[test]
fn the_command_sets_a_folder_up_as_a_run_would_read_it() {
    for language in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let script = block(folder.path(), language);
        std::fs::write(folder.path().join("sales.txt"), TABLE).unwrap();
        let arguments = |option| ["dry-run", "block", "-i", "sales=sales.txt", "--option", option, "--format", "csv"];
        let refused = command::longshore(folder.path(), &arguments("top=10"));
        assert_eq!(refused.status.code(), Some(2));
        assert!(!folder.path().join("dry-run").exists());
        let made = command::longshore(folder.path(), &arguments("top=5"));
        let printed = String::from_utf8_lossy(&[made.stdout, made.stderr].concat()).into_owned();
        assert_eq!(made.status.code(), Some(0), "{printed}");
        for said in ["input 0 `sales`: 2 rows of ", "option `top`: 5", "export LONGSHORE_DRY_RUN=", "/dry-run\n"] {
            assert!(printed.contains(said), "{language} lacks `{said}`: {printed}");
        }
        let ended = start(&folder.path().join("dry-run"), language, &script);
        assert_eq!(ended.code, 0, "{}", ended.printed);
        assert_eq!(ended.printed.matches(" 5 Sales").count(), 2, "{}", ended.printed);
        let types = if language == "python" { "'price': dtype('float64')" } else { "character numeric 5" };
        assert!(ended.printed.contains(types), "{}", ended.printed);
        assert!(folder.path().join("dry-run/output-copy.parquet").is_file(), "{}", ended.printed);
    }
}

#[test]
fn the_sdk_has_a_folder_of_other_formats_set_up_and_again_when_it_changes() {
    for language in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let script = block(folder.path(), language);
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("sales.csv"), TABLE).unwrap();
        std::fs::write(data.join("options.json"), r#"{"top": 12}"#).unwrap();
        let refused = start(&data, language, &script);
        assert!(
            refused.code == 1 && refused.printed.contains("option `top`: 12 is out of range"),
            "{}",
            refused.printed
        );
        for (rows, top) in [(2, 4), (3, 9)] {
            let more = if rows == 3 { "00001;3\n" } else { "" };
            std::fs::write(data.join("sales.csv"), format!("{TABLE}{more}")).unwrap();
            std::fs::write(data.join("options.json"), format!("{{\"top\": {top}}}")).unwrap();
            let ended = start(&data, language, &script);
            assert_eq!(ended.code, 0, "{}", ended.printed);
            assert!(ended.printed.contains(&format!(" {top} Sales")), "{}", ended.printed);
            assert!(ended.printed.contains(&format!("output-copy.parquet: {rows} rows")), "{}", ended.printed);
        }
    }
}
