//! The program that runs in a container: its arguments and environment, and the facts about its run.

use super::{LADDER, Run};
use crate::dry_run::ATTENDED_FOLDER;
use crate::kept::WorkdirCapture;
use longshore_block::{Form, Language};
use longshore_engine::{ScriptEnvironment, Started};
use longshore_model::engine_kind::EngineKind;
use longshore_model::event::Attended;
use longshore_protocol::{Begin, RunFacts};
use std::collections::BTreeMap;

/// The named pipe that takes the exit status of a program of the caller.
const END: &str = ".longshore-end";

/// Writes its environment, in the form of a shell, beside that pipe, waits for the exit status, and ends with it.
const WAIT: &str = r#"(umask 077; export -p > "$0.environment") && mkfifo -m 600 "$0" && read -r status < "$0"
rm -f "$0" "$0.environment"
exit "${status:-1}""#;

impl Run<'_> {
    /// The agent's instructions.
    pub(super) fn begin(&self, script_environment: &ScriptEnvironment, kind: EngineKind) -> Begin {
        let block = &self.prepared.block;
        let script = format!("{}/{}", script_environment.folder, block.script);
        let dry_run = format!("{}/{ATTENDED_FOLDER}", script_environment.folder);
        let interpreters = &script_environment.interpreters;
        let Started { command, variables } = match block.language {
            Language::Python => interpreters.start_python(),
            Language::R => interpreters.start_r(),
        };
        let mut environment: BTreeMap<&str, &str> = variables.into_iter().collect();
        let mut program: Vec<String> = command.into_iter().map(str::to_owned).collect();
        program.extend(self.program(script));
        program.extend(self.prepared.invocation.arguments.iter().cloned());
        if !kind.isolates() {
            // Temporary files belong in the run's own folder.
            environment.insert("TMPDIR", &script_environment.folder);
        }
        let given = &self.prepared.invocation.variables;
        environment.extend(given.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if self.prepared.attended {
            program = ["/bin/sh", "-c", WAIT, END].map(str::to_owned).to_vec();
            environment.insert("LONGSHORE_DRY_RUN", &dry_run);
        }
        Begin {
            program,
            environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            folder: script_environment.folder.clone(),
            user: script_environment.user,
            log_bytes: self.prepared.limits.log_bytes,
            open_files: Some(self.prepared.limits.open_files),
            ladder: LADDER,
            keep: self.prepared.keep.as_ref().map(|_| WorkdirCapture::LIMITS),
            tell_end: true,
        }
    }

    /// The interpreter's arguments: the script, or the driver that executes a document, or gives a snippet its tables and
    /// takes its results.
    fn program(&self, script: String) -> Vec<String> {
        let block = &self.prepared.block;
        let driver = match (block.form, block.language) {
            (Form::Script, _) => return vec![script],
            (Form::Snippet, Language::Python) => ["-m", "longshore.snippet"],
            (Form::Snippet, Language::R) => ["-e", "longshore::run.snippet()"],
            (Form::Notebook, Language::Python) => ["-c", include_str!("drivers/notebook.py")],
            (Form::Notebook, Language::R) => ["-e", include_str!("drivers/notebook.R")],
            (Form::Document, _) => ["-e", include_str!("drivers/document.R")],
        };
        let mut program: Vec<String> = driver.map(str::to_owned).into_iter().chain([script]).collect();
        if block.form == Form::Snippet {
            program.extend(self.prepared.inputs.connected().map(|number| number.to_string()));
            // The caller's arguments come after it.
            program.extend((!self.prepared.invocation.arguments.is_empty()).then(|| "--".to_owned()));
        }
        program
    }

    /// Where a program of the caller finds the container, and how it ends the run.
    pub(super) fn attended(&self, begin: &Begin, container: Option<&str>) -> Attended {
        let block = &self.prepared.block;
        let interpreter = if block.language == Language::Python { "python3" } else { "Rscript" };
        let starts = format!("{interpreter} {}", block.script);
        let mut attended = Attended::new(begin.folder.clone(), END.into());
        attended.container = container.map(str::to_owned);
        attended.user = begin.user.as_ref().map(|user| (user.uid, user.gid));
        attended.starts = if block.form == Form::Script { starts } else { String::new() };
        attended
    }

    /// The facts that the script gets about its run.
    pub(super) fn facts(&self, kind: EngineKind) -> RunFacts {
        let block = &self.prepared.block;
        RunFacts {
            run_id: self.run_id.clone(),
            block_name: block.name.clone(),
            file_name: block.file_name().to_owned(),
            container: kind.isolates(),
            streaming: self.prepared.chunk_rows.is_some(),
            chunk_rows: self.prepared.chunk_rows,
            options: self.prepared.options.values().clone(),
            outputs: block.output_ids().unwrap_or_default(),
            inputs: Some(block.input_names().map(str::to_owned).collect()),
        }
    }
}
