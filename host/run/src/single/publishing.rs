//! The outputs of a run that succeeded, put where they should go: all of them, or none. Pipes, devices and standard output
//! come first, since they may fail and cannot be taken back; files then appear together.

use crate::output::{Declared, Finished, Pending, Target};
use crate::record::OutputRecord;
use longshore_config::settings::Settings;
use longshore_model::cancel::Cancel;
use longshore_model::outcome::Outcome;
use longshore_os::publish::{Broken, Stream, Together, copy_out, recover};
use std::fs::File;
use std::path::Path;

/// Outputs that are where they should be.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) outputs: Vec<OutputRecord>,
    pub(crate) notes: Vec<String>,
}

/// Why they are not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotPublished {
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
}

/// Puts the outputs in place.
pub(crate) async fn publish(
    declared: &Declared,
    finished: Vec<Finished>,
    run_id: &str,
    settings: &Settings,
    cancel: &Cancel,
) -> Result<Published, NotPublished> {
    let (declared, run_id) = (declared.clone(), run_id.to_owned());
    let (state_folder, cancel) = (settings.state_folder.clone(), cancel.clone());
    // Copying, syncing and renaming block, so they have a thread of their own.
    let publishing = tokio::task::spawn_blocking(move || put(&declared, finished, &run_id, &state_folder, &cancel));
    publishing.await.unwrap_or_else(|_| Err(failed("publishing broke".into())))
}

/// Completes what hosts that were killed left half published, and says so.
pub(crate) async fn recovered(settings: &Settings) -> Vec<String> {
    let state_folder = settings.state_folder.clone();
    let recovering = tokio::task::spawn_blocking(move || recover(&state_folder));
    // What breaks there is found again by the next start.
    recovering.await.unwrap_or_default()
}

fn put(
    declared: &Declared,
    finished: Vec<Finished>,
    run_id: &str,
    state_folder: &Path,
    cancel: &Cancel,
) -> Result<Published, NotPublished> {
    let (mut published, mut files, mut sent) = (Published::default(), Vec::new(), Vec::new());
    for output in finished {
        let slot = output.index as usize;
        let (Some(pending), Some(Some(target))) = (output.file, declared.targets.get(slot)) else { continue };
        let note = match pending {
            Pending::File(file) => {
                files.push(file);
                None
            }
            Pending::Sent => None,
            // Who puts the whole together publishes that.
            Pending::Part(_) => continue,
            Pending::Stdout(file) => {
                let opened = Stream::standard().map_err(Broken::Failed);
                send(file, opened, output.index, target, cancel).map_err(|broken| broken.after(&sent))?
            }
            Pending::Stream(file, special) => {
                let opened = Stream::open(&special, cancel);
                let note = send(file, opened, output.index, target, cancel).map_err(|broken| broken.after(&sent))?;
                sent.push(target.path.display().to_string());
                note
            }
        };
        published.notes.extend(note);
        let id = declared.ids.iter().flatten().nth(slot).cloned();
        let (path, write) = (target.path.clone(), target.write.clone());
        let Finished { index, rows, bytes, .. } = output;
        published.outputs.push(OutputRecord { index, id, path, rows, bytes, write });
    }
    let together = Together::name(files, state_folder, run_id).and_then(Together::publish);
    together.map_err(|error| {
        let failure = failed(format!("cannot write `{}`: {}", error.path.display(), error.source));
        sent.extend(error.in_place.iter().map(|path| path.display().to_string()));
        failure.after(&sent)
    })?;
    Ok(published)
}

/// Copies an output into what is open for it. Returns what there is to know.
fn send(
    mut file: File,
    opened: Result<Stream, Broken>,
    index: u32,
    target: &Target,
    cancel: &Cancel,
) -> Result<Option<String>, NotPublished> {
    let path = target.path.display();
    match opened.and_then(|stream| copy_out(&mut file, &stream, cancel)) {
        Ok(()) => Ok(None),
        // As for other programs: `head` has enough, and that is no failure.
        Err(Broken::ReaderGone) => Ok(Some(format!("output {index}: the reader of `{path}` did not want all of it"))),
        Err(Broken::Cancelled) => {
            let reason = format!("cancelled while output {index} was written to `{path}`");
            Err(NotPublished { outcome: Outcome::Interrupted, reason })
        }
        Err(Broken::Failed(error)) => Err(failed(format!("cannot write output {index} to `{path}`: {error}"))),
    }
}

fn failed(reason: String) -> NotPublished {
    NotPublished { outcome: Outcome::PublishFailed, reason }
}

impl NotPublished {
    /// With those named that are where they should be all the same.
    fn after(mut self, sent: &[String]) -> Self {
        if !sent.is_empty() {
            self.reason.push_str(&format!(" (written before it: {})", sent.join(", ")));
        }
        self
    }
}
