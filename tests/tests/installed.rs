//! An installation below a prefix of its own, as `make install` lays it out: run without any variable, and removed again.
//! The engine is one that does not answer, where a removal could concern images of others.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// An installation, and a user's home.
struct Installation(TempDir);

impl Installation {
    fn new() -> Self {
        let installation = Self(tempfile::Builder::new().prefix("installed ü-").tempdir().unwrap());
        let built = command::path();
        let beside = |name: &str| built.with_file_name(name);
        let mut install = Command::new(command::root().join("packaging/install"));
        install.args([&built, &beside("longshore-agent"), &beside("sdk"), &installation.path("prefix")]);
        succeed(&mut install);
        std::fs::create_dir(installation.path("home")).unwrap();
        installation
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = self.path("prefix/bin/longshore");
        let mut command = if rustix::process::geteuid().is_root() {
            // All of root's runs have their sockets in one folder: these have their own, which no other process sees.
            let script = "mount --bind /run /mnt && mount -t tmpfs none /run && touch /run/docker.sock && \
                          mount --bind /mnt/docker.sock /run/docker.sock && exec \"$0\" \"$@\"";
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", script]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(self.path("home")).env_clear().env("HOME", self.path("home"));
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("XDG_RUNTIME_DIR", self.path("home"));
        command
    }

    /// Calls the command without an engine.
    fn call(&self, arguments: &[&str]) -> Output {
        self.command(arguments).env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.call(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
        said(&output)
    }

    fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.path("prefix")]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
            }
        }
        files
    }
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    said(&output)
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

#[test]
fn it_runs_without_any_variable_and_is_removed_again() {
    let installation = Installation::new();
    std::fs::write(installation.path("home/script.R"), "cat('ran in', R.home(), '\\n')\n").unwrap();
    let doctor = installation.succeeds(&["doctor", "--engine", "process"]);
    assert!(doctor.contains("wheels and R packages are in `"), "{doctor}");
    let ran = installation.succeeds(&["run", "--engine", "process", "script.R"]);
    assert!(ran.contains("creating the R library") && ran.contains("ran in /"), "{ran}");

    // As any other account of this machine: it belongs to nobody but the user of this test.
    let listed = installation.succeeds(&["uninstall", "--list"]);
    for part in
        ["home/.cache/longshore/environments, ", "home/.local/state/longshore/database, ", "prefix/bin/longshore"]
    {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    let refused = installation.call(&["uninstall"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("add `--yes`") && installation.path("prefix/bin/longshore").exists());

    installation.succeeds(&["uninstall", "--yes"]);
    assert_eq!(installation.files(), Vec::<PathBuf>::new());
    assert!(!installation.path("home/.cache/longshore").exists());
    assert!(installation.path("home/.local/state/longshore/database/longshore.sqlite").exists());
}

#[test]
fn the_state_is_removed_if_it_is_asked_for() {
    let installation = Installation::new();
    // `runs` is the history of former versions.
    let history = ["database", "runs"].map(|name| installation.path("home/.local/state/longshore").join(name));
    history.iter().for_each(|folder| std::fs::create_dir_all(folder.join("x")).unwrap());
    // Files of other programs stay.
    let others = ["home/.cache/longshore/target", "home/.local/state/longshore/thesis"];
    others.iter().for_each(|folder| std::fs::create_dir_all(installation.path(folder)).unwrap());
    installation.succeeds(&["uninstall", "--yes", "--all"]);
    history.iter().for_each(|folder| assert!(!folder.exists(), "{}", folder.display()));
    others.iter().for_each(|folder| assert!(installation.path(folder).exists(), "{folder}"));
}

#[test]
fn completions_and_pages_are_installed() {
    let installation = Installation::new();
    let completions = installation.path("prefix/share/bash-completion/completions/longshore");
    succeed(Command::new("bash").arg("-n").arg(&completions));
    let words = "source \"$0\"; COMP_WORDS=(longshore uninst); COMP_CWORD=1; _longshore longshore uninst longshore; \
                 echo \"${COMPREPLY[*]}\"";
    assert_eq!(succeed(Command::new("bash").arg("-c").arg(words).arg(&completions)).trim(), "uninstall");
    for page in ["longshore.1", "longshore-run.1", "longshore-images-prune.1"] {
        let page = std::fs::read_to_string(installation.path("prefix/share/man/man1").join(page)).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    // An installation over another leaves nothing of it.
    std::fs::write(installation.path("prefix/libexec/longshore/sdk/longshore-0.0.0.whl"), "").unwrap();
    std::fs::write(installation.path("prefix/share/man/man1/longshore-gone.1"), "").unwrap();
    let built = command::path();
    let mut install = Command::new(command::root().join("packaging/install"));
    install.args([&built, &built.with_file_name("longshore-agent"), &built.with_file_name("sdk")]);
    succeed(install.arg(installation.path("prefix")));
    let left: Vec<PathBuf> = installation.files();
    let is_old = |path: &&PathBuf| path.to_string_lossy().contains("0.0.0") || path.ends_with("longshore-gone.1");
    assert_eq!(left.iter().find(is_old), None);
}

#[test]
fn without_an_engine_there_are_no_images_to_provide() {
    let installation = Installation::new();
    let output = installation.call(&["setup", "python", "--engine", "process"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("the engine `process` has none"), "{}", said(&output));
    let output = installation.call(&["setup"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("/nowhere/docker.sock"), "{}", said(&output));
}
