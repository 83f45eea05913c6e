//! `longshore run --interactive` as a user has it: a shell beside the block's files, on both engines, with and without a
//! terminal. The inputs and options are those of a dry run, and the policy is that of a run.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const MANIFEST: &str = "name = \"Sales\"\nlanguage = \"python\"\nscript = \"s.py\"\n[[options]]\nname = \"top\"\n\
    kind = \"integer\"\ndefault = 3\n";

const SCRIPT: &str = "from longshore.api import Api\napi = Api()\nprint('top is', api.get_option('top'), api.run_id)\n\
    api.write_output_records({'a': [1]})\napi.close()\n";

fn block() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("block")).unwrap();
    for (name, text) in [("block/block.toml", MANIFEST), ("block/s.py", SCRIPT), ("in.csv", "a\n1\n")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Types into a command, and returns its exit status and what it printed.
fn typed(command: &mut Command, text: &str) -> (Option<i32>, String) {
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), printed)
}

fn interactive(folder: &Path, engine: &str, arguments: &str, typing: &str) -> (Option<i32>, String) {
    let home = command::Home::new();
    let program = format!("{} run --engine {engine} --interactive block {arguments}", command::path().display());
    let mut command = Command::new("sh");
    home.of(command.args(["-c", &program]).current_dir(folder));
    typed(&mut command, typing)
}

#[test]
fn a_shell_has_the_blocks_files_inputs_and_options_and_its_exit_status_is_that_of_the_command() {
    for engine in ["docker", "process"] {
        let folder = block();
        let typing = "python3 s.py && python3 s.py\nls dry-run\ncp dry-run/output-0.parquet made.parquet\nexit 7\n";
        // The process engine has the interpreter of this machine.
        let python = std::env::var("LONGSHORE_PYTHON").unwrap_or_else(|_| "python3".into());
        let typing = if engine == "process" { typing.replace("python3", &python) } else { typing.to_owned() };
        let (code, printed) = interactive(folder.path(), engine, "-i in.csv --option top=5 --keep kept", &typing);
        assert_eq!(code, Some(7), "{engine}: {printed}");
        assert_eq!(printed.matches("top is 5 dry-run").count(), 2, "{engine}: {printed}");
        for file in ["input-0.arrow", "options.json", "run.json", "output-0.parquet"] {
            assert!(printed.lines().any(|line| line.trim() == file), "{engine} lacks {file}: {printed}");
        }
        assert!(folder.path().join("kept/made.parquet").is_file(), "{engine}: {printed}");
    }
}

#[test]
fn the_shell_has_the_policy_of_the_script() {
    let folder = block();
    let typing =
        "id -u; grep -E 'NoNewPrivs|Seccomp:|CapEff' /proc/self/status; touch /usr/x; cat /proc/net/dev | wc -l\n";
    let (code, printed) = interactive(folder.path(), "docker", "", &format!("{typing}exit\n"));
    let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["NoNewPrivs: 1", "Seccomp: 2", "CapEff: 0000000000000000", "Read-only file system"] {
        assert!(words.contains(said), "no `{said}`: {code:?} {printed}");
    }
    assert!(!printed.lines().any(|line| line.trim() == "0"), "{printed}");
}

#[test]
fn on_a_terminal_the_shell_has_one_and_the_terminal_is_given_back() {
    let folder = block();
    let home = command::Home::new();
    let program = format!(
        "stty -a >before; {} run --engine docker --interactive block; echo \"status $?\"; stty -a >after",
        command::path().display()
    );
    let mut command = Command::new("script");
    home.of(command.args(["-qec", &program, "/dev/null"]).current_dir(folder.path()));
    let (_, printed) = typed(&mut command, "tty; stty size\nexit 3\n");
    assert!(printed.contains("/dev/pts/0"), "{printed}");
    assert!(printed.contains("status 3"), "{printed}");
    let modes = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(modes("before"), modes("after"));
}

#[test]
fn a_block_that_cannot_run_has_no_shell() {
    let folder = block();
    std::fs::write(folder.path().join("block/block.toml"), format!("{MANIFEST}max = 1\n")).unwrap();
    let (code, printed) = interactive(folder.path(), "process", "", "echo never-$((1 + 1))\n");
    assert!(code == Some(2) && !printed.contains("never-2"), "{code:?} {printed}");
}
