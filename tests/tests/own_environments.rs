//! The `process` engine on a machine on which nothing is prepared: no variable names an interpreter with the SDK, and the
//! first run creates the environment from what is installed beside the program. Python packages are from the index of
//! the machine.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Variables of the machine that decide where packages are from; all others are left out.
const KEPT: [&str; 5] = ["PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY"];

/// A table of one row, read and written, with the version of pandas.
const PYTHON: &str = "\
import pandas
from longshore.api import Api
api = Api()
table = api.read_input_records()
print('pandas', pandas.__version__)
api.write_output_records(table)
api.close()
";

const R: &str = "\
library(longshore)
api <- longshore.api()
write.output.records(api, read.input.records(api))
close(api)
";

/// A user without settings.
struct User(TempDir);

impl User {
    fn new() -> Self {
        let user = Self(tempfile::Builder::new().prefix("own environment ü-").tempdir().unwrap());
        user.write("in.csv", "a,b\n1,x\n");
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(command::path());
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.path("home"));
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.output().unwrap()
    }

    /// Runs a block on the table, and returns what the run said.
    fn run(&self, block: &str) -> String {
        let output = self.call(&["run", "--engine", "process", block, "-i", "in.csv", "-o", "out.csv"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(std::fs::read_to_string(self.path("out.csv")).unwrap(), "a,b\n1,x\n", "{said}");
        std::fs::remove_file(self.path("out.csv")).unwrap();
        said
    }

    fn environments(&self) -> usize {
        std::fs::read_dir(self.path("home/.cache/longshore/environments")).unwrap().count()
    }

    fn doctor(&self) -> String {
        let output = self.call(&["doctor", "--engine", "process"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output)
    }
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

#[test]
fn the_first_run_in_python_creates_the_environment_once() {
    let user = User::new();
    user.write("script.py", PYTHON);
    user.write("older/script.py", PYTHON);
    user.write("older/manifest.json", r#"{"scriptFilename": "script.py", "language": "PYTHON", "name": "Older"}"#);
    user.write("more/script.py", &format!("import humanize\n{PYTHON}"));
    let block = "name = \"More\"\nlanguage = \"python\"\nscript = \"script.py\"\ndependencies = [\"humanize\"]\n";
    user.write("more/block.toml", block);
    assert!(user.doctor().contains("the first run adds the SDK"));
    let line = "creating the Python environment of the `process` engine, once";
    let first = user.run("script.py");
    assert!(first.contains(line) && first.contains("pandas 3."), "{first}");
    assert!(user.doctor().contains("with longshore and pandas 3."));
    let made = user.environments();
    let again = user.run("script.py");
    assert!(!again.contains(line) && again.contains("pandas 3."), "{again}");
    assert_eq!(user.environments(), made);
    // Omniscope's blocks have pandas 2, and packages of a block are added to the same environment.
    let older = user.run("older");
    assert!(older.contains(line) && older.contains("pandas 2."), "{older}");
    let more = user.run("more");
    assert!(!more.contains(line) && more.contains("installing humanize") && more.contains("pandas 3."), "{more}");
    assert_eq!(user.environments(), made + 2);
}

#[test]
fn the_first_run_in_r_creates_the_library_once() {
    let user = User::new();
    user.write("script.R", R);
    let line = "creating the R library of the `process` engine, once";
    assert!(user.run("script.R").contains(line));
    assert!(!user.run("script.R").contains(line));
    assert_eq!(user.environments(), 1);
    assert!(user.doctor().contains("ok       R of the process engine: R "));
}

#[test]
fn a_missing_sdk_is_named_with_its_folder() {
    let user = User::new();
    for script in ["script.py", "script.R"] {
        user.write(script, "");
        let mut run = Command::new(command::path());
        run.args(["run", "--engine", "process", script]).current_dir(user.0.path()).env_clear();
        run.env("HOME", user.path("home")).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let output = run.env("LONGSHORE_SDK_FOLDER", "/nowhere/sdk").output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let said = said(&output);
        assert!(said.contains("cannot read the SDKs in `/nowhere/sdk`, and the interpreter has none"), "{said}");
        assert!(said.contains("help: install Longshore again"), "{said}");
    }
}
