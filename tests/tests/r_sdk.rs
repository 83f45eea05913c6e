//! What is R's own about the R SDK: a table of everything that R has is written and read back, as it is, with garbage
//! collected at every allocation, and under valgrind; generated tables come back as they were, twice; and the source
//! package is what R wants of one.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes the table in one run and reads it in a second.
fn round_trip(folder: &Path, torture: bool, rscript: Option<&Path>) {
    let home = command::Home::new();
    for (part, connection) in [("write", "-o"), ("read", "-i")] {
        let mut command = Command::new(command::path());
        command.args(["run", "--engine", "process", "--option"]).arg(format!("part={part}"));
        command.args(["--option", &format!("torture={torture}"), connection, "table.arrow"]);
        command.arg(command::root().join("tests/r")).current_dir(folder);
        if let Some(rscript) = rscript {
            command.env("LONGSHORE_RSCRIPT", rscript);
        }
        let output = home.of(&mut command).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && printed.contains(&format!("{part} done")), "{part}: {printed}");
    }
}

#[test]
fn everything_that_r_has_comes_back_as_it_was() {
    let folder = tempfile::Builder::new().prefix("r-").tempdir().unwrap();
    round_trip(folder.path(), false, None);
}

#[test]
fn garbage_collected_at_every_allocation_changes_nothing() {
    let folder = tempfile::Builder::new().prefix("r-").tempdir().unwrap();
    round_trip(folder.path(), true, None);
}

#[test]
fn valgrind_finds_nothing_of_ours() {
    let folder = tempfile::Builder::new().prefix("r-").tempdir().unwrap();
    let log = folder.path().join("valgrind.%p.log");
    let rscript = folder.path().join("rscript");
    // The script is the last of Rscript's arguments. A command that R itself starts is not looked into, nor is a question.
    let text = format!(
        "#!/bin/bash\nif [[ \" $* \" == *\" -e \"* ]]; then exec Rscript \"$@\"; fi\n\
         exec R --vanilla --no-echo -d \"valgrind --quiet --leak-check=full \
         --show-leak-kinds=definite --log-file={}\" -f \"${{@: -1}}\"\n",
        log.display()
    );
    std::fs::write(&rscript, text).unwrap();
    std::fs::set_permissions(&rscript, std::fs::Permissions::from_mode(0o755)).unwrap();
    round_trip(folder.path(), false, Some(&rscript));
    let mut logs = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        logs += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        // One finding is a paragraph; R's own interpreter has some that are its own.
        let ours: Vec<&str> = text.split("==\n").filter(|finding| finding.contains("longshore")).collect();
        assert!(ours.is_empty(), "{}", ours.join("\n\n"));
    }
    assert!(logs >= 2, "valgrind wrote {logs} logs for two runs");
}

/// Runs a part of `generated.R` as a dry run in a folder, from tables that are named as inputs there.
fn generated(folder: &Path, part: &str, seed: u32) {
    std::fs::write(folder.join("options.json"), "{}").unwrap();
    let output = Command::new("Rscript")
        .arg(command::root().join("tests/r/generated.R"))
        .args([part, &seed.to_string()])
        .env("LONGSHORE_DRY_RUN", folder)
        .env("R_LIBS", std::env::var_os("LONGSHORE_R_LIBRARY").unwrap_or_default())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !printed.contains("Warning"), "seed {seed}, {part}: {printed}");
}

/// Makes the outputs of one folder the inputs of another.
fn hand_on(from: &Path, to: &Path) -> usize {
    std::fs::create_dir(to).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if let Some(name) = path.file_name().unwrap().to_string_lossy().strip_prefix("output-") {
            std::fs::rename(&path, to.join(name)).unwrap();
            count += 1;
        }
    }
    count
}

#[test]
fn generated_tables_come_back_as_they_were() {
    for seed in [1, 1000, 2000] {
        let folder = tempfile::Builder::new().prefix("r-").tempdir().unwrap();
        let [first, second, third] = ["first", "second", "third"].map(|name| folder.path().join(name));
        std::fs::create_dir(&first).unwrap();
        generated(&first, "write", seed);
        assert_eq!(hand_on(&first, &second), 24);
        generated(&second, "read", seed);
        assert_eq!(hand_on(&second, &third), 24);
        generated(&third, "again", seed);
    }
}

#[test]
fn the_source_packages_are_checked_by_r_without_a_warning() {
    let folder = tempfile::Builder::new().prefix("r-").tempdir().unwrap();
    let made = Command::new(command::root().join("sdk-r/package")).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for package in ["longshore", "omniscope.api"] {
        check_source_package(folder.path(), package);
    }
}

fn check_source_package(folder: &Path, package: &str) {
    let sources = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(&format!("{package}_")) && name.ends_with(".tar.gz")
    };
    let source = sources.into_iter().find(is_wanted).unwrap_or_else(|| panic!("{package} has no source package"));
    let output = Command::new("R")
        .args(["CMD", "check", "--no-manual"])
        .arg(&source)
        .current_dir(folder)
        // Where `omniscope.api` finds `longshore`.
        .env("R_LIBS", std::env::var_os("LONGSHORE_R_LIBRARY").unwrap_or_default())
        // The packages arrow and nanoarrow are suggested, and in no Debian.
        .env("_R_CHECK_FORCE_SUGGESTS_", "false")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let log = std::fs::read_to_string(folder.join(format!("{package}.Rcheck/00check.log"))).unwrap_or_default();
    let install = std::fs::read_to_string(folder.join(format!("{package}.Rcheck/00install.out"))).unwrap_or_default();
    let last = log.lines().rev().find(|line| line.starts_with("Status:")).unwrap_or_default();
    let good = output.status.success() && !last.contains("ERROR") && !last.contains("WARNING") && !last.is_empty();
    assert!(good, "{printed}\n{install}");
}
