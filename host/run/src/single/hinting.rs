//! Explains the end of a script by what it printed and what it asked for: the error that ended it, and hints.

use super::Run;
use crate::hints::{Facts, ScriptError, hints, last_words};
use crate::request::package_list;
use longshore_engine::task::blocking;
use longshore_model::engine_kind::EngineKind;
use longshore_model::network::Network;
use longshore_model::note::Note;
use longshore_model::outcome::{Evidence, Outcome};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long files of this machine that an error names may be looked for: a network's file system may not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a script left behind that explains its end.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// The end of its standard error.
    pub(super) printed: String,
    /// Whether it connected, as the SDK's Api does.
    pub(super) script_connected: bool,
    /// Inputs that it read, and that have no table.
    pub(super) unconnected: BTreeSet<u32>,
    /// Its working folder.
    pub(super) work_folder: String,
}

impl Run<'_> {
    /// Adds what the script printed about its end to the evidence.
    pub(super) fn explain_end(&self, evidence: &mut Evidence) {
        let (language, printed) = (self.prepared.block.language, &self.traces.printed);
        evidence.printed_error = ScriptError::find(language, printed, evidence.status).map(|error| error.summary);
        evidence.last_words = last_words(printed);
    }

    /// Hints about the failure of a script.
    pub(super) async fn hints(&self, outcome: Outcome, kind: EngineKind, evidence: &Evidence) -> Vec<Note> {
        if !matches!(outcome, Outcome::Failed | Outcome::Crashed) {
            return Vec::new();
        }
        let (language, printed) = (self.prepared.block.language, &self.traces.printed);
        // Without an error the last lines may still name a limit.
        let error = ScriptError::of(language, printed, evidence).unwrap_or_else(|| ScriptError {
            summary: last_words(printed).unwrap_or_default(),
            printed: printed.clone(),
        });
        let (mut facts, block) = (self.hint_facts(kind), self.prepared.block.clone());
        let looking = blocking(move || {
            facts.undeclared = block.undeclared();
            Ok::<_, io::Error>(hints(&error, &facts))
        });
        tokio::time::timeout(PATIENCE, looking).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    fn hint_facts(&self, kind: EngineKind) -> Facts {
        let block = &self.prepared.block;
        let script = self.prepared.source.parent().filter(|_| !block.whole_folder);
        Facts {
            language: block.language,
            isolated: kind.isolates(),
            networked: self.prepared.network != Network::None,
            work_folder: self.traces.work_folder.clone(),
            mounts: self.prepared.mounts.clone(),
            folders: script.map(Path::to_owned).into_iter().chain(self.prepared.working_folder.clone()).collect(),
            modules: self.prepared.modules.clone(),
            unconnected: self.traces.unconnected.clone(),
            connected: !self.prepared.input_records.is_empty(),
            undeclared: Vec::new(),
            packages: package_list(block),
            memory_bytes: self.prepared.limits.memory_bytes,
            pids: self.prepared.limits.pids,
        }
    }
}
