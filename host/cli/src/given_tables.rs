//! The tables that `run` is given, by `--input` and as plain arguments, in the order in which they were typed: a plain
//! argument is the next input.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

#[derive(Debug, Args)]
struct TableArguments {
    /// Tables for the next inputs, as with --input; blocks, where `run` has several, are the next steps of a chain
    #[arg(value_name = "INPUT")]
    tables: Vec<String>,
    /// Table for input N (from 0; by default the next) or NAME; `-` is standard input
    #[arg(short, long = "input", value_name = "[N|NAME=]PATH")]
    inputs: Vec<String>,
}

/// The tables, as their arguments name them.
#[derive(Debug, Clone, Default)]
pub(crate) struct GivenTables {
    pub(crate) tables: Vec<String>,
    /// Whether there are plain arguments.
    pub(crate) has_plain: bool,
    /// The plain ones alone.
    pub(crate) plain: Vec<String>,
}

impl FromArgMatches for GivenTables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = TableArguments::from_arg_matches(matches)?;
        let (has_plain, plain) = (!given.tables.is_empty(), given.tables.clone());
        let places = |name| matches.indices_of(name).into_iter().flatten();
        let mut all: Vec<(usize, String)> = places("tables").zip(given.tables).collect();
        all.extend(places("inputs").zip(given.inputs));
        all.sort_by_key(|(place, _)| *place);
        Ok(Self { tables: all.into_iter().map(|(_, table)| table).collect(), has_plain, plain })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for GivenTables {
    fn augment_args(command: Command) -> Command {
        TableArguments::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        TableArguments::augment_args_for_update(command)
    }
}
