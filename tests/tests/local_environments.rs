//! Blocks that name packages, on the `process` engine: the packages are installed once, beside the machine's own, and
//! blocks do not see each other's. Python packages come from the index of the machine, R packages from a repository made
//! here.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long something that was told to end may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine's user: folders for state and cache, and blocks.
struct User {
    home: TempDir,
}

/// What a run did.
struct Ended {
    code: Option<i32>,
    printed: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Self { code: output.status.code(), printed }
    }
}

impl User {
    fn new() -> Self {
        Self { home: tempfile::Builder::new().prefix("local-environments-").tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a block's files.
    fn block(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = self.path(name);
        std::fs::create_dir(&folder).unwrap();
        for (file, text) in files {
            std::fs::write(folder.join(file), text).unwrap();
        }
        folder
    }

    fn python(&self, name: &str, dependencies: &str, script: &str) -> PathBuf {
        let toml = format!(
            "name = \"{name}\"\nlanguage = \"python\"\nscript = \"script.py\"\ndependencies = [{dependencies}]\n"
        );
        self.block(name, &[("block.toml", &toml), ("script.py", script)])
    }

    fn r(&self, name: &str, dependencies: &str, script: &str) -> PathBuf {
        let toml =
            format!("name = \"{name}\"\nlanguage = \"r\"\nscript = \"script.R\"\ndependencies = [{dependencies}]\n");
        self.block(name, &[("block.toml", &toml), ("script.R", script)])
    }

    fn command(&self, block: &Path) -> Command {
        let mut command = Command::new(command::path());
        command
            .args(["run", "--engine", "process"])
            .arg(block)
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("LONGSHORE_R_REPOSITORIES", format!("file://{}", self.path("repository").display()))
            .current_dir(self.home.path());
        command
    }

    fn run(&self, block: &Path) -> Ended {
        self.command(block).output().unwrap().into()
    }

    /// What stands in the folder of environments, by name.
    fn environments(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("cache/longshore/environments")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// Makes a repository like CRAN with packages of a function `say` each. `wait` appends to `built` when it is being
    /// built, and is ready when there is `go`.
    fn repository(&self) {
        let contrib = self.path("repository/src/contrib");
        std::fs::create_dir_all(&contrib).unwrap();
        let wait = format!(
            "#!/bin/sh\necho $$ >>{built}\nwhile ! test -e {go}; do sleep 0.05; done\n",
            built = self.path("built").display(),
            go = self.path("go").display()
        );
        let broken = "int f(void) { return nonsense; }\n";
        for (name, imports, says, file) in [
            ("lsone", "", "'one'", None),
            ("lstwo", "Imports: lsone\n", "paste('two and', lsone::say())", None),
            ("lsbroken", "", "'never'", Some(("src/f.c", broken))),
            ("lswait", "", "'waited'", Some(("configure", wait.as_str()))),
        ] {
            let folder = self.path("sources").join(name);
            std::fs::create_dir_all(folder.join("R")).unwrap();
            let description = format!(
                "Package: {name}\nVersion: 1.0\nTitle: A Word\nDescription: Says a word.\nAuthor: A. Nobody\n\
                 Maintainer: A. Nobody <nobody@example.org>\nLicense: GPL-3\n{imports}"
            );
            std::fs::write(folder.join("DESCRIPTION"), description).unwrap();
            std::fs::write(folder.join("NAMESPACE"), "export(say)\n").unwrap();
            std::fs::write(folder.join("R/say.R"), format!("say <- function() {says}\n")).unwrap();
            if let Some((path, text)) = file {
                let path = folder.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, text).unwrap();
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
            }
            let archive = contrib.join(format!("{name}_1.0.tar.gz"));
            let mut pack = Command::new("tar");
            pack.arg("-czf").arg(archive).args(["-C", "sources", name]).current_dir(self.home.path());
            assert!(pack.status().unwrap().success());
        }
        let index = format!("tools::write_PACKAGES('{}', type = 'source')", contrib.display());
        let indexed = Command::new(rscript()).args(["--vanilla", "-e", &index]).output().unwrap();
        assert!(indexed.status.success(), "{indexed:?}");
    }

    /// Starts a run and waits until its package is being built.
    fn building(&self, block: &Path) -> Child {
        let mut child = self.command(block).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let begun = until(|| std::fs::metadata(self.path("built")).is_ok_and(|facts| facts.len() > 0));
        if !begun {
            child.kill().unwrap();
            panic!("{:?}", lines.map(Result::unwrap).collect::<Vec<_>>());
        }
        // What it says from now on is nobody's to read, and must not stop it.
        std::thread::spawn(move || lines.count());
        child
    }

    /// The processes that build, as far as they live.
    fn builders(&self) -> Vec<String> {
        let built = std::fs::read_to_string(self.path("built")).unwrap();
        let state = |id: &str| std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let lives = |id: &&str| !state(id).is_empty() && !state(id).contains(") Z ");
        built.lines().filter(lives).map(str::to_owned).collect()
    }
}

fn rscript() -> PathBuf {
    std::env::var_os("LONGSHORE_RSCRIPT").map_or_else(|| "Rscript".into(), PathBuf::from)
}

fn until(happened: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if happened() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn assert_says(ended: &Ended, code: i32, all: &[&str]) {
    for said in all {
        assert!(ended.printed.contains(said), "it lacks `{said}`:\n{}", ended.printed);
    }
    assert_eq!(ended.code, Some(code), "{}", ended.printed);
}

#[test]
fn two_blocks_with_conflicting_versions_do_not_see_each_other() {
    let user = User::new();
    let script = "import humanize, pandas\nprint('humanize', humanize.__version__, pandas.DataFrame.__name__)\n";
    let old = user.python("old", "\"humanize == 4.9.0\"", script);
    let new = user.python("new", "\"Humanize>=4.10,<4.12\"", script);
    assert_says(&user.run(&old), 0, &["  installing humanize==4.9.0", "humanize 4.9.0 DataFrame"]);
    assert_says(&user.run(&new), 0, &["humanize 4.11.0 DataFrame"]);
    let again = user.run(&old);
    assert_says(&again, 0, &["humanize 4.9.0 DataFrame"]);
    assert!(!again.printed.contains("installing"), "{}", again.printed);
    assert_eq!(user.environments().len(), 2);
}

#[test]
fn what_the_interpreter_has_is_not_installed() {
    let user = User::new();
    let script = "import pandas, sys\nprint('in', sys.executable)\n";
    // At a glance, and as far as versions tell.
    for (name, dependencies) in [("names", "\"pandas\", \"NumPy\""), ("versions", "\"pandas>=2\", \"numpy!=1.0\"")] {
        let block = user.python(name, dependencies, script);
        let interpreter = std::env::var("LONGSHORE_PYTHON").unwrap_or_else(|_| "python3".into());
        assert_says(&user.run(&block), 0, &["in /", &interpreter]);
    }
    let made = user.environments();
    assert_eq!(made.len(), 1);
    assert!(!user.path("cache/longshore/environments").join(&made[0]).join("python").exists());
}

#[test]
fn an_interpreter_that_cannot_be_reached_is_named() {
    let user = User::new();
    let block = user.python("Other", "", "import sys\nprint(sys.prefix)\n");
    let environment = user.path("gone/bin");
    std::fs::create_dir_all(&environment).unwrap();
    std::os::unix::fs::symlink(user.path("python-that-was-removed"), environment.join("python3")).unwrap();
    let own = PathBuf::from(std::env::var_os("LONGSHORE_PYTHON").unwrap()).with_file_name("python3");
    let folders = [&*environment, own.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")];
    let path = std::env::join_paths(folders).unwrap();
    let ended: Ended = user.command(&block).env_remove("LONGSHORE_PYTHON").env("PATH", path).output().unwrap().into();
    let note = format!(
        "note: `{}` runs the script, as `{}` before it in `PATH` is a link to a file that does not exist\n",
        own.display(),
        environment.join("python3").display()
    );
    assert_says(&ended, 0, &[&note]);
    assert_eq!(ended.printed.matches("runs the script").count(), 1, "{}", ended.printed);
    // One that the settings name is not looked for.
    let ended = user.run(&block);
    assert!(ended.code == Some(0) && !ended.printed.contains("runs the script"), "{}", ended.printed);
}

#[test]
fn a_conflicting_numpy_wins_and_pandas_still_works() {
    let user = User::new();
    let script = "\
import numpy, sys
from longshore.api import Api
api = Api()
frame = api.read_input_records(0)
frame['a'] += numpy.int64(1)
api.write_output_records(frame)
print('numpy', numpy.__version__, 'sum', frame['a'].sum())
";
    let block = user.python("conflict", "\"numpy<2.4\"", script);
    std::fs::write(user.path("in.csv"), "a,b\n1,x\n2,y\n").unwrap();
    let output = user.command(&block).args(["-i", "in.csv", "-o", "out.csv"]).output().unwrap().into();
    assert_says(&output, 0, &["numpy 2.3.", "sum 5"]);
    assert_eq!(std::fs::read_to_string(user.path("out.csv")).unwrap(), "a,b\n2,x\n3,y\n");
}

#[test]
fn a_block_for_pandas_2_that_names_packages_has_it() {
    let user = User::new();
    let script = "import humanize, pandas\nprint('pandas', pandas.__version__)\n";
    let manifest =
        |more: &str| format!("{{\"scriptFilename\": \"script.py\", \"language\": \"PYTHON\", \"name\": \"x\"{more}}}");
    let block = |name, more| user.block(name, &[("manifest.json", &manifest(more)), ("script.py", script)]);
    assert_says(&user.run(&block("two", ", \"dependencies\": \"humanize\"")), 0, &["pandas 2."]);
    let says = ", \"dependencies\": \"humanize\", \"pandasVersion\": 3";
    assert_says(&user.run(&block("three", says)), 0, &["pandas 3."]);
}

#[test]
fn packages_that_cannot_be_had_are_named_and_nothing_is_left() {
    let user = User::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let block = |name: &str, dependencies| user.python(name, dependencies, "print('it ran')\n");
    for (block, index, said) in [
        (block("unknown", "\"longshore-has-no-such-package\""), None, "longshore-has-no-such-package was not found"),
        (block("pin", "\"humanize==999\""), None, "there is no version of humanize==999"),
        (block("each", "\"humanize<4\", \"humanize>4\""), None, "your requirements are unsatisfiable"),
        (block("no-network", "\"humanize\""), Some(format!("http://user:hush@{closed}/simple")), "refused"),
    ] {
        let mut command = user.command(&block);
        command.envs(index.iter().map(|index| ("LONGSHORE_PYTHON_INDEX_URL", index)));
        let ended = command.output().unwrap().into();
        assert_says(&ended, 3, &["cannot install the block's packages", said]);
        assert!(!ended.printed.contains("it ran") && !ended.printed.contains("hush"), "{}", ended.printed);
        assert_eq!(user.environments(), Vec::<String>::new());
    }
    let option = user.run(&block("option", "\"--index-url=http://x.example\""));
    assert_says(&option, 2, &["invalid Python package name `--index-url=http://x.example`"]);
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let user = User::new();
    let block = user.python("large", "\"statsmodels\"", "print('it ran')\n");
    std::fs::create_dir(user.path("cache")).unwrap();
    // A small disk of its own, which no other process sees.
    let script = "mount -t tmpfs -o size=4m none \"$XDG_CACHE_HOME\" && exec \"$0\" \"$@\"";
    let run = user.command(&block);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script]).arg(run.get_program()).args(run.get_args());
    command.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(user.home.path());
    let ended = command.output().unwrap().into();
    assert_says(&ended, 3, &["/cache/longshore/environments` is full", "No space left on device"]);
}

#[test]
fn without_uv_it_is_said_how_to_get_it() {
    let user = User::new();
    let block = user.python("x", "\"humanize\"", "");
    let ended = user.command(&block).env("LONGSHORE_UV", "/nowhere/uv").output().unwrap().into();
    assert_says(&ended, 3, &["`/nowhere/uv`", "`pip install uv`"]);
}

#[test]
fn r_packages_come_with_those_that_they_need() {
    let user = User::new();
    user.repository();
    let block = user.r("two", "\"lstwo\"", "cat(lstwo::say(), '\\n')\nlibrary(longshore)\n");
    assert_says(&user.run(&block), 0, &["  installing lstwo", "two and one"]);
    let again = user.run(&block);
    assert_says(&again, 0, &["two and one"]);
    assert!(!again.printed.contains("installing"), "{}", again.printed);
    assert_eq!(user.environments().len(), 1);
    // A block that names only what R has needs none.
    let block = user.r("none", "\"stats\"", "cat('it ran\\n')\n");
    assert_says(&user.run(&block), 0, &["it ran"]);
    assert_eq!(user.environments().len(), 1);
}

#[test]
fn an_r_package_that_does_not_compile_is_named_with_the_compilers_words() {
    let user = User::new();
    user.repository();
    let block = user.r("broken", "\"lsone\", \"lsbroken\"", "cat('it ran\\n')\n");
    let ended = user.run(&block);
    assert_says(&ended, 3, &["cannot install the R package `lsbroken`", "‘nonsense’ undeclared"]);
    assert!(!ended.printed.contains("it ran"));
    assert_eq!(user.environments(), Vec::<String>::new());
}

#[test]
fn an_r_package_that_is_nowhere_is_an_error_if_it_was_declared_and_else_a_note() {
    let user = User::new();
    user.repository();
    let declared = user.r("declared", "\"lsone\", \"lsnowhere\"", "cat('it ran\\n')\n");
    let ended = user.run(&declared);
    assert_says(&ended, 3, &["the package `lsnowhere` that the block names is in no repository", "/repository`"]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let away = format!("http://user:hush@{closed}");
    let ended = user.command(&declared).env("LONGSHORE_R_REPOSITORIES", &away).output().unwrap().into();
    assert_says(&ended, 3, &["(lsnowhere, lsone)", "does not answer"]);
    assert!(!ended.printed.contains("hush"), "{}", ended.printed);
    assert_eq!(user.environments(), Vec::<String>::new());

    let manifest = "{\"scriptFilename\": \"script.R\", \"language\": \"R\", \"name\": \"x\"}";
    let script = "library(lsone)\nif (!requireNamespace('lsnowhere', quietly = TRUE)) cat(say(), 'alone\\n')\n";
    let found = user.block("found", &[("manifest.json", manifest), ("script.R", script)]);
    let note = "note: the script names R packages that are not installed (lsnowhere), and no repository has them";
    for _ in 0..2 {
        assert_says(&user.run(&found), 0, &[note, "one alone"]);
    }
    let ended = user.command(&found).env("LONGSHORE_R_REPOSITORIES", &away).output().unwrap().into();
    assert_says(&ended, 1, &["(lsnowhere, lsone), and no repository of R packages answers", "no package called"]);
}

#[test]
fn ten_runs_at_once_build_once() {
    let user = User::new();
    user.repository();
    let block = user.r("wait", "\"lswait\"", "cat(lswait::say(), '\\n')\n");
    let first = user.building(&block);
    let runs: Vec<Child> =
        (0..9).map(|_| user.command(&block).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).collect();
    std::fs::write(user.path("go"), "").unwrap();
    for run in runs {
        assert_says(&run.wait_with_output().unwrap().into(), 0, &["waited"]);
    }
    assert!(first.wait_with_output().unwrap().status.success());
    assert_eq!(std::fs::read_to_string(user.path("built")).unwrap().lines().count(), 1);
    assert_eq!(user.environments().len(), 1);
}

#[test]
fn a_builder_that_is_killed_leaves_nothing_to_the_next() {
    let user = User::new();
    user.repository();
    let block = user.r("wait", "\"lswait\"", "cat(lswait::say(), '\\n')\n");
    let mut killed = user.building(&block);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(user.environments()[0].starts_with(".building-"));
    // Nothing said that they may go on: they end with their host.
    assert!(until(|| user.builders().is_empty()));
    std::fs::write(user.path("go"), "").unwrap();
    assert_says(&user.run(&block), 0, &["waited"]);
    let left = user.environments();
    assert!(left.len() == 1 && !left[0].starts_with('.'), "{left:?}");
}

#[test]
fn a_cancelled_build_ends_with_all_its_processes() {
    let user = User::new();
    user.repository();
    let block = user.r("wait", "\"lswait\"", "cat('it ran\\n')\n");
    let mut cancelled = user.building(&block);
    assert_eq!(user.builders().len(), 1);
    let id = rustix::process::Pid::from_child(&cancelled);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(cancelled.wait().unwrap().code(), Some(130));
    assert!(until(|| user.builders().is_empty()));
    assert_eq!(user.environments(), Vec::<String>::new());
}
