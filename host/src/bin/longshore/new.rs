//! `longshore new`.

use crate::check::print;
use crate::{BAD_INPUT, failure};
use clap::{Args, ValueEnum};
use longshore::block::{Language, create};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The script's language
    #[arg(value_enum)]
    language: LanguageArgument,
    /// The block's folder: a new one, or an empty one
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

/// Makes a block, and says what to do with it.
pub(crate) fn new(arguments: &NewArguments) -> u8 {
    let folder = &arguments.folder;
    match create(arguments.language.into(), folder) {
        Ok(files) => {
            let files = files.iter().map(|file| format!("  {}\n", folder.join(file).display())).collect::<String>();
            let (shown, input) = (folder.display(), folder.join("cases").join("sales.csv"));
            print(&format!(
                "{files}run it:   longshore run {shown} -i {} --option group=region --option value=amount -o totals.csv\ntest it:  longshore test {shown}\n",
                input.display()
            ))
        }
        Err(error) => failure::print(&error, BAD_INPUT),
    }
}
