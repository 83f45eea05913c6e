//! What a container is told of its run: the program with its arguments and environment, and the facts for the script.

use super::{LADDER, Run};
use crate::dry_run::ATTENDED_FOLDER;
use crate::kept::WorkdirCapture;
use crate::program::{Command, Program};
use longshore_block::{Form, Language};
use longshore_engine::ScriptEnvironment;
use longshore_model::engine_kind::EngineKind;
use longshore_model::event::Attended;
use longshore_protocol::{Begin, RunFacts};

/// The named pipe that takes the exit status of a program of the caller.
const END: &str = ".longshore-end";

/// Writes its environment, in the form of a shell, beside that pipe, waits for the exit status, and ends with it.
const WAIT: &str = r#"(umask 077; export -p > "$0.environment") && mkfifo -m 600 "$0" && read -r status < "$0"
rm -f "$0" "$0.environment"
exit "${status:-1}""#;

impl Run<'_> {
    /// The agent's instructions.
    pub(super) fn begin(&self, script_environment: &ScriptEnvironment, kind: EngineKind) -> Begin {
        let dry_run = format!("{}/{ATTENDED_FOLDER}", script_environment.folder);
        let Command { mut program, mut environment } = self.program().command(script_environment, kind.isolates());
        let given = &self.prepared.invocation.variables;
        environment.extend(given.clone());
        if self.prepared.attended {
            program = ["/bin/sh", "-c", WAIT, END].map(str::to_owned).to_vec();
            environment.insert("LONGSHORE_DRY_RUN".into(), dry_run);
        }
        Begin {
            program,
            environment,
            folder: script_environment.folder.clone(),
            user: script_environment.user,
            log_bytes: self.prepared.limits.log_bytes,
            open_files: Some(self.prepared.limits.open_files),
            ladder: LADDER,
            keep: self.prepared.keep.as_ref().map(|_| WorkdirCapture::LIMITS),
            tell_end: true,
        }
    }

    /// How the script is run.
    pub(super) fn program(&self) -> Program {
        let block = &self.prepared.block;
        Program {
            language: block.language,
            form: block.form,
            script: block.script.clone(),
            tables: self.prepared.inputs.connected().collect(),
            arguments: self.prepared.invocation.arguments.clone(),
        }
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
