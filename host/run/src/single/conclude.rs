//! The end of a run: its outcome, its outputs published on success, and its record.

use super::explain::loosened;
use super::publishing::publish;
use super::{OutputMode, Run, milliseconds};
use crate::kept::KeptRecord;
use crate::output::Finished;
use crate::record::{RunRecord, UnsavedRecord};
use longshore_model::engine_kind::EngineKind;
use longshore_model::event::Event;
use longshore_model::image_id::ImageId;
use longshore_model::note::Note;
use longshore_model::outcome::{Evidence, Outcome, decide};
use longshore_protocol::{Dropped, Exit};
use std::time::Instant;

impl Run<'_> {
    /// Decides on the outcome, publishes, and makes the record.
    pub(super) async fn conclude(
        mut self,
        kind: EngineKind,
        image: Option<ImageId>,
        evidence: &Evidence,
        finished: Vec<Finished>,
        exit: Option<Exit>,
        outlet: OutputMode,
    ) -> (RunRecord, Vec<Finished>) {
        let (mut outcome, mut message) = decide(evidence);
        let remedy = evidence.remedy(outcome);
        let hints = self.hints(outcome, kind, evidence).await;
        let mut notes = std::mem::take(&mut self.prepared.notes);
        let (mut outputs, mut unsaved, mut handed_over) = (Vec::new(), Vec::new(), Vec::new());
        let kept = match self.keep(exit.as_ref()).await {
            Ok(kept) => kept,
            // The caller does not get the requested folder, so this is a failure.
            Err(error) if outcome.is_success() => {
                (outcome, message) = (Outcome::PublishFailed, Some(error));
                None
            }
            Err(error) => {
                let note = Note::from(error);
                self.tell(Event::Note(note.clone()));
                notes.push(note);
                None
            }
        };
        if let Some(note) = self.no_sdk.take().map(Note::from).filter(|_| !outcome.is_success()) {
            self.tell(Event::Note(note.clone()));
            notes.push(note);
        }
        if outcome.is_success() {
            let publishing = Instant::now();
            self.tell(Event::Publishing);
            if outlet != OutputMode::Keep {
                notes.extend(finished.iter().flat_map(Finished::all_notes).map(Note::from));
            }
            let has_api = self.traces.script_connected;
            if has_api && evidence.verdict.is_none() && self.prepared.chunk_rows.is_none() {
                notes.push("the script exited without calling `commit()`, which counts as success".into());
            }
            unsaved = finished.iter().filter_map(|output| self.prepared.outputs.unsaved(output)).collect();
            match outlet {
                OutputMode::Keep | OutputMode::PassOn => handed_over = finished,
                OutputMode::Publish => {
                    let (declared, settings) = (&self.prepared.outputs, self.settings);
                    let previews = finished.iter().filter_map(|output| output.preview.clone()).collect::<Vec<_>>();
                    match publish(declared, finished, &self.run_id, settings, self.cancel).await {
                        Ok(published) => {
                            outputs = published.outputs;
                            notes.extend(published.notes.into_iter().map(Note::from));
                            for (output, preview) in unsaved.iter().zip(previews) {
                                let UnsavedRecord { index, id, rows } = output.clone();
                                self.tell(Event::Unsaved { index, id, rows, preview });
                            }
                        }
                        Err(failed) => (outcome, message) = (failed.outcome, Some(failed.reason)),
                    }
                }
            }
            self.timings.publish = milliseconds(publishing.elapsed());
        }
        for (name, tally) in &self.prepared.tallies {
            for note in tally.notes() {
                let note = Note::from(format!("`{name}`: {note}"));
                self.tell(Event::Note(note.clone()));
                notes.push(note);
            }
        }
        let fingerprint = self.fingerprint(outcome, &mut notes).await;
        self.timings.total = milliseconds(self.begun.elapsed());
        let loosened = loosened(&self.prepared, &self.prepared.limits, kind);
        let mounts = self.prepared.mounts.iter();
        let secrets = self.prepared.secrets();
        let mut record = RunRecord {
            run_id: self.run_id,
            block: self.prepared.block.name,
            outcome,
            message,
            remedy,
            hints,
            inputs: self.prepared.input_records,
            outputs,
            unsaved,
            kept,
            timings_ms: self.timings,
            engine: kind,
            image: image.map(|image| image.0),
            as_of: self.bounds.as_of,
            constraints: self.bounds.constraints,
            fingerprint,
            code_hash: None,
            data_hashes: None,
            loosened,
            held: self.held,
            pool: self.pooled.take(),
            fresh_container: kind.isolates(),
            exit: exit.as_ref().map(|exit| exit.status),
            usage: exit.as_ref().map(|exit| exit.usage),
            dropped_log_bytes: exit.as_ref().map_or_else(Dropped::default, |exit| exit.dropped),
            left_behind: exit.as_ref().map_or(0, |exit| exit.left_behind),
            limits: self.prepared.limits,
            network: if kind.isolates() { self.prepared.network.to_string() } else { "host".into() },
            mounts: mounts
                .map(|mount| format!("{}:{}", mount.path.display(), if mount.writable { "rw" } else { "ro" }))
                .collect(),
            options: self.prepared.options.for_record(),
            environment: self.prepared.invocation.names(),
            arguments: self.prepared.invocation.arguments,
            notes,
            partitions: None,
            steps: None,
        };
        record.mask(&secrets);
        (record, handed_over)
    }

    /// Publishes the kept files, regardless of the outcome.
    async fn keep(&mut self, exit: Option<&Exit>) -> Result<Option<KeptRecord>, String> {
        let (Some(keeping), Some(exit)) = (self.kept.take(), exit) else {
            return Ok(None);
        };
        let folder = self.prepared.keep.as_ref().map(|target| target.path.clone()).unwrap_or_default();
        let failed = |reason: String| format!("cannot keep files in `{}`: {reason}", folder.display());
        let Some(left_out) = exit.left_out else {
            return Err(failed("the agent is too old for this: rebuild the image".into()));
        };
        let published = tokio::task::spawn_blocking(move || keeping.publish(left_out)).await;
        published.unwrap_or_else(|_| Err("publishing ended early".into())).map(Some).map_err(failed)
    }
}
