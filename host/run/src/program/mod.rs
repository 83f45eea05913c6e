//! The program that runs in a container: the interpreter's arguments and variables, for each form of script. It depends on
//! the block and on the container alone, so that an interpreter can be started before its run is known.

use longshore_block::{Form, Language};
use longshore_engine::{ScriptEnvironment, Started};
use std::collections::BTreeMap;

/// How a script is run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Program {
    pub(crate) language: Language,
    pub(crate) form: Form,
    /// The script's path below the working folder.
    pub(crate) script: String,
    /// The numbers of the connected inputs, if it is a snippet, which gets them in variables.
    pub(crate) tables: Vec<usize>,
    /// The script's arguments.
    pub(crate) arguments: Vec<String>,
}

/// A program in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Program and arguments.
    pub(crate) program: Vec<String>,
    /// Its variables besides those that the agent sets.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Program {
    /// The program in a container, which may have none of its own folder for temporary files.
    pub(crate) fn command(&self, script_environment: &ScriptEnvironment, is_isolated: bool) -> Command {
        let interpreters = &script_environment.interpreters;
        let Started { command, variables } = match self.language {
            Language::Python => interpreters.start_python(),
            Language::R => interpreters.start_r(),
        };
        let mut environment: BTreeMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut program: Vec<String> = command.into_iter().map(str::to_owned).collect();
        program.extend(self.script(format!("{}/{}", script_environment.folder, self.script)));
        program.extend(self.arguments.iter().cloned());
        if !is_isolated {
            // Temporary files belong in the run's own folder.
            environment.insert("TMPDIR".into(), script_environment.folder.clone());
        }
        Command { program, environment }
    }

    /// The interpreter's arguments: the script, or the driver that executes a document, or gives a snippet its tables and
    /// takes its results.
    fn script(&self, script: String) -> Vec<String> {
        let driver = match (self.form, self.language) {
            (Form::Script, _) => return vec![script],
            (Form::Snippet, Language::Python) => ["-m", "longshore.snippet"],
            (Form::Snippet, Language::R) => ["-e", "longshore::run.snippet()"],
            (Form::Notebook, Language::Python) => ["-c", include_str!("drivers/notebook.py")],
            (Form::Notebook, Language::R) => ["-e", include_str!("drivers/notebook.R")],
            (Form::Document, _) => ["-e", include_str!("drivers/document.R")],
        };
        let mut program: Vec<String> = driver.map(str::to_owned).into_iter().chain([script]).collect();
        if self.form == Form::Snippet {
            program.extend(self.tables.iter().map(ToString::to_string));
            // The caller's arguments come after it.
            program.extend((!self.arguments.is_empty()).then(|| "--".to_owned()));
        }
        program
    }
}
