//! `longshore new`.

use crate::{BAD_INPUT, failure, printer};
use clap::{Args, ValueEnum};
use longshore::block::{Language, create};
use longshore::shown::Shown;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The script's language
    #[arg(value_enum)]
    language: LanguageArgument,
    /// The block's folder: new or empty
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LanguageArgument {
    Python,
    R,
}

impl From<LanguageArgument> for Language {
    fn from(argument: LanguageArgument) -> Self {
        match argument {
            LanguageArgument::Python => Self::Python,
            LanguageArgument::R => Self::R,
        }
    }
}

/// Creates a block, and prints the commands to run and test it.
pub(crate) fn new(arguments: &NewArguments) -> u8 {
    let folder = &arguments.folder;
    match create(arguments.language.into(), folder) {
        Ok(files) => {
            let mut text: Shown =
                files.iter().map(|file| Shown::line(format!("  {}", folder.join(file).display()))).collect();
            let (shown, input) = (folder.display(), folder.join("cases").join("sales.csv"));
            text.push(format!(
                "run it:   longshore run {shown} -i {} --option group=region --option value=amount -o totals.csv",
                input.display()
            ));
            text.push(format!("test it:  longshore test {shown}"));
            printer::out(&text)
        }
        Err(error) => failure::print(&error, BAD_INPUT),
    }
}
