//! What block authors live with: `longshore new` makes blocks that run and pass, `longshore test` says what
//! `docs/testing-blocks.md` shows, and ends with the exit status that it promises.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::{longshore, root};
use std::fs;
use std::path::Path;
use std::process::Output;

/// A new block in a folder of its own.
fn new_block(language: &str) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("new-").tempdir().unwrap();
    let output = longshore(folder.path(), &["new", language, "totals"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    folder
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What was printed, without the times in it.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let line = line.split_once(" (").filter(|(_, time)| time.ends_with("s)")).map_or(line, |(before, _)| before);
        let line = line.split_once(" in ").filter(|(_, time)| time.ends_with(" s")).map_or(line, |(before, _)| before);
        format!("{line}\n")
    };
    text.lines().map(line).collect()
}

fn case(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join("totals/cases").join(name).with_extension("toml"), text).unwrap();
}

const OPTIONS: &str = "[options]\ngroup = \"region\"\nvalue = \"amount\"\n";

#[test]
fn new_blocks_run_and_pass_their_case() {
    for language in ["python", "r"] {
        let folder = new_block(language);
        let again = longshore(folder.path(), &["new", language, "totals"]);
        assert_eq!(again.status.code(), Some(2));
        assert!(stderr(&again).contains("`totals` exists and is not empty"), "{}", stderr(&again));
        for engine in ["docker", "process"] {
            let options = ["--option", "group=product", "--option", "value=amount", "--option", "top=1"];
            let run = ["run", "totals", "--engine", engine, "-i", "totals/cases/sales.csv", "-o", "out.csv"];
            let output = longshore(folder.path(), &[&run[..], &options].concat());
            assert_eq!(output.status.code(), Some(0), "{language} on {engine}: {}", stderr(&output));
            assert_eq!(fs::read_to_string(folder.path().join("out.csv")).unwrap(), "product,amount\ncoffee,42.25\n");
            let output = longshore(folder.path(), &["test", "totals", "--engine", engine]);
            assert_eq!(output.status.code(), Some(0), "{language} on {engine}: {}", stderr(&output));
            assert_eq!(timeless(&stderr(&output)), "✓ by_region\n1 passed\n");
        }
    }
}

#[test]
fn a_difference_is_printed_as_the_guide_shows_it() {
    let folder = new_block("r");
    let expected = "region,amount,part\nsouth,37,0.6\nnorth,15.5,0.3\nEast,0.5,0.1\n";
    fs::write(folder.path().join("totals/cases/by_region.csv"), expected).unwrap();
    let output = longshore(folder.path(), &["test", "totals", "--engine", "process"]);
    assert_eq!(output.status.code(), Some(1));
    let guide = fs::read_to_string(root().join("docs/testing-blocks.md")).unwrap();
    let shown = guide.split_once("<!-- printed -->\n```\n").unwrap().1.split_once("```").unwrap().0;
    assert_eq!(timeless(&stderr(&output)), shown);

    let output = longshore(folder.path(), &["test", "totals", "--engine", "process", "--update"]);
    let printed = timeless(&stderr(&output));
    assert_eq!(printed, "✓ by_region\n  wrote totals/cases/by_region.csv\n1 passed\n");
    let output = longshore(folder.path(), &["test", "totals", "--engine", "process", "--update"]);
    assert_eq!(timeless(&stderr(&output)), "✓ by_region\n1 passed\n");
}

#[test]
fn endings_are_cases_too_and_all_cases_run() {
    let folder = new_block("r");
    case(folder.path(), "a", &format!("outcome = \"failed\"\nmessage = \"connect … input 1\"\n{OPTIONS}"));
    case(folder.path(), "b", &format!("message = \"none\"\n{OPTIONS}"));
    let input = "[[inputs]]\ntable = \"region,amount\\nx,1\\n\"\n";
    case(folder.path(), "c", &format!("message = \"none\"\n{input}{OPTIONS}"));
    case(folder.path(), "d", &format!("{input}{OPTIONS}[[outputs]]\nunwritten = true\n"));
    let output = longshore(folder.path(), &["test", "totals", "--engine", "process", "--json", "--jobs", "2"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&2.into(), &3.into()));
    let cases = report["cases"].as_array().unwrap();
    let problems: Vec<&str> = cases.iter().map(|case| case["problems"][0]["kind"].as_str().unwrap_or("")).collect();
    assert_eq!(problems, ["", "outcome", "", "message", "written"]);
    let names: Vec<&str> = cases.iter().map(|case| case["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "by_region", "c", "d"]);
    assert_eq!(cases[2]["run"]["outcome"], "succeeded");

    let output = longshore(folder.path(), &["test", "totals", "by_region", "a", "--engine", "process"]);
    assert_eq!(timeless(&stderr(&output)), "✓ a\n✓ by_region\n2 passed\n");
}

#[test]
fn expected_files_that_are_not_there_yet_are_written_on_demand() {
    let folder = new_block("r");
    let text = format!("[[inputs]]\nfile = \"sales.csv\"\n{OPTIONS}[[outputs]]\nfile = \"all.parquet\"\n");
    case(folder.path(), "all", &text);
    let output = longshore(folder.path(), &["test", "totals", "--engine", "process"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("help: `longshore test --update` writes the expected tables"),
        "{}",
        stderr(&output)
    );
    for printed in ["✓ all\n  wrote totals/cases/all.parquet\n1 passed\n", "✓ all\n1 passed\n"] {
        let output = longshore(folder.path(), &["test", "totals", "all", "--engine", "process", "--update"]);
        assert_eq!((output.status.code(), timeless(&stderr(&output)).as_str()), (Some(0), printed));
    }
}

#[test]
fn wrong_cases_are_told_before_anything_starts() {
    let folder = new_block("python");
    let wrong = |text: &str| {
        case(folder.path(), "wrong", text);
        let output = longshore(folder.path(), &["test", "totals"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        stderr(&output).trim_start().trim_start_matches("error: ").trim_end().to_owned()
    };
    let path = "`totals/cases/wrong.toml`";
    assert_eq!(
        wrong("[[inputs]]\nfil = \"sales.csv\"\n"),
        format!("{path}, line 2, column 1: unknown key `fil`: did you mean `file`?")
    );
    assert_eq!(
        wrong("[[inputs]]\nfile = \"sale.csv\"\n"),
        format!("{path}: input 0: `totals/cases/sale.csv` does not exist")
    );
    assert_eq!(
        wrong("[[inputs]]\ntable = \"a,b\\n1\\n\"\n"),
        format!(
            "{path}: input 0: `table`, line 2: it has 1 field, but the header has 2: `ragged=fill` fills its absent \
             cells with missing values, `ragged=skip` leaves it out"
        )
    );
    assert_eq!(
        wrong("[options]\ngroup = \"region\"\nvalue = \"amount\"\ntop = 0\n"),
        format!("{path}: option `top`: 0 is out of range, it must be 1 or more")
    );
    let output = longshore(folder.path(), &["test", "totals", "by_regoin"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the block has no case `by_regoin`: did you mean `by_region`?"));
    fs::remove_dir_all(folder.path().join("totals/cases")).unwrap();
    let output = longshore(folder.path(), &["test", "totals"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the block has no cases: write one as `totals/cases/NAME.toml`"));
    let output = longshore(folder.path(), &["test", "totals/script.py"]);
    assert!(stderr(&output).contains("`totals/script.py` has no cases: they belong to a block"));
}

#[test]
fn an_engine_that_fails_is_no_failed_case() {
    let folder = new_block("python");
    let output = longshore(folder.path(), &["test", "totals", "--engine", "docker", "--image", "no/such:image"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}
