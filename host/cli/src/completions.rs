//! `longshore completions` and `longshore manual`: files for shells and for `man`, made from the arguments.

use crate::{failure, printer};
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::PathBuf;

/// Exit status if a file cannot be written.
const FAILED: u8 = 3;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManualArguments {
    /// The folder that gets the pages
    folder: PathBuf,
}

/// Prints the completions of a shell, and returns the exit status.
pub(crate) fn completions(arguments: &CompletionsArguments, mut program: Command) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "longshore", &mut text);
    printer::file_out(&text)
}

/// Writes a page for the program and for each command, and returns the exit status.
pub(crate) fn manual(arguments: &ManualArguments, program: Command) -> u8 {
    match clap_mangen::generate_to(program, &arguments.folder) {
        Ok(()) => 0,
        Err(error) => {
            failure::print_text(&format!("cannot write pages in `{}`: {error}", arguments.folder.display()), FAILED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page() {
        let program = || Command::new("longshore").subcommand(Command::new("run").about("Run a block"));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(manual(&ManualArguments { folder: folder.path().into() }, program()), 0);
        let page = std::fs::read_to_string(folder.path().join("longshore-run.1")).unwrap();
        assert!(folder.path().join("longshore.1").exists() && page.contains("Run a block"), "{page}");
        assert_eq!(manual(&ManualArguments { folder: "/nowhere".into() }, program()), FAILED);
    }
}
