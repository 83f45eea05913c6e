//! Publishing the outputs of a successful run: all of them, or none. Pipes, devices and standard output are first,
//! since they may fail and cannot be undone; files then appear together.

use crate::output::{
    Declared, Finished, HandOver, OtherOutputs, OutputBatches, Pending, Place, SharedWriter, Target, segment,
};
use crate::record::OutputRecord;
use longshore_config::settings::Settings;
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::outcome::Outcome;
use longshore_os::publish::{Broken, Destination, Stream, Together, copy_out, is_publishing, recover};
use longshore_segment::Segment;
use longshore_table::guarded;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

/// Bytes that a caller's writer gets at a time.
const PIECE: usize = 64 << 10;

/// Published outputs.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) outputs: Vec<OutputRecord>,
    pub(crate) notes: Vec<String>,
}

/// Why outputs were not published.
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
    // Copying, syncing and renaming block, so they run on the blocking pool.
    let publishing = tokio::task::spawn_blocking(move || put(&declared, finished, &run_id, &state_folder, &cancel));
    publishing.await.unwrap_or_else(|_| Err(failed("publishing ended early".into())))
}

/// Completes publications that killed hosts left unfinished. Returns notes about them.
pub(crate) async fn recovered(settings: &Settings) -> Vec<String> {
    let state_folder = settings.state_folder.clone();
    if !is_publishing(&state_folder) {
        return Vec::new();
    }
    let recovering = tokio::task::spawn_blocking(move || recover(&state_folder));
    // After a panic the next start tries again.
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
    let mut handed = Vec::new();
    for output in finished {
        let slot = output.index as usize;
        let (Some(pending), Some(Some(target))) = (output.file, declared.targets.get(slot)) else { continue };
        let note = match pending {
            Pending::File(file) => {
                files.push(file);
                None
            }
            Pending::Sent => None,
            Pending::Segment(segment, _) => {
                handed.extend(Handed::of(segment, target));
                None
            }
            Pending::Kept(file) => {
                let delivered = deliver(file, output.index, target, cancel).map_err(|broken| broken.after(&sent))?;
                handed.extend(delivered.handed);
                sent.extend(delivered.sent.then(|| target.path.display().to_string()));
                delivered.note
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
    // Nothing can fail any more.
    handed.into_iter().for_each(Handed::hand_over);
    Ok(published)
}

/// An output that is returned to the caller, once all others are in place.
enum Handed {
    Batches(HandOver<OutputBatches>, Box<OutputBatches>),
    Segment(HandOver<Segment>, Segment),
    Other(OtherOutputs, u32, Segment),
}

impl Handed {
    /// An output that is a segment already; `None` if its target is no segment.
    fn of(segment: Segment, target: &Target) -> Option<Self> {
        match &target.place {
            Place::Segment(caller) => Some(Self::Segment(caller.clone(), segment)),
            Place::Other(caller, number) => Some(Self::Other(caller.clone(), *number, segment)),
            _ => None,
        }
    }

    fn hand_over(self) {
        match self {
            Self::Batches(caller, batches) => caller.hand_over(*batches),
            Self::Segment(caller, segment) => caller.hand_over(segment),
            Self::Other(caller, number, segment) => caller.hand_over(number, segment),
        }
    }
}

/// A delivered output that is not a file with a name.
#[derive(Default)]
struct Delivered {
    handed: Option<Handed>,
    /// Whether it is visible to others.
    sent: bool,
    /// A note about it.
    note: Option<String>,
}

/// Delivers an output to its place.
fn deliver(mut file: File, index: u32, target: &Target, cancel: &Cancel) -> Result<Delivered, NotPublished> {
    let broken = |error: std::io::Error| failed(format!("cannot hand over output {index}: {error}"));
    let (copied, sent) = match &target.place {
        Place::Named(Destination::Stream(special)) => {
            (Stream::open(special, cancel).and_then(|stream| copy_out(&mut file, &stream, cancel)), true)
        }
        Place::Open(open) => {
            let stream = Stream::of(open).map_err(Broken::Failed);
            (stream.and_then(|stream| copy_out(&mut file, &stream, cancel)), false)
        }
        Place::Writer(writer) => (copy_to(&mut file, &mut writer.clone(), cancel), true),
        Place::Batches(caller) => {
            let handed = Handed::Batches(caller.clone(), Box::new(OutputBatches::new(file).map_err(broken)?));
            return Ok(Delivered { handed: Some(handed), ..Delivered::default() });
        }
        Place::Segment(caller) => {
            let handed = Handed::Segment(caller.clone(), segment(file).map_err(broken)?);
            return Ok(Delivered { handed: Some(handed), ..Delivered::default() });
        }
        Place::Other(caller, number) => {
            let handed = Handed::Other(caller.clone(), *number, segment(file).map_err(broken)?);
            return Ok(Delivered { handed: Some(handed), ..Delivered::default() });
        }
        // A file with a name is published with the others, and a part is merged by the partitioned run.
        Place::Named(Destination::File(_)) | Place::Part => return Ok(Delivered::default()),
    };
    copied_note(copied, index, target).map(|note| Delivered { sent, note, handed: None })
}

/// Copies a whole file to a caller's writer. A cancel takes effect between two pieces.
fn copy_to(from: &mut File, to: &mut SharedWriter, cancel: &Cancel) -> Result<(), Broken> {
    from.rewind().map_err(Broken::Failed)?;
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).map_err(Broken::Failed)?;
        if cancel.level() != CancelLevel::None {
            return Err(Broken::Cancelled);
        }
        let written = guarded(|| if length == 0 { to.flush() } else { to.write_all(&piece[..length]) });
        match written.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked.words))) {
            Ok(()) if length == 0 => return Ok(()),
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(Broken::ReaderGone),
            Err(error) => return Err(Broken::Failed(error)),
        }
    }
}

/// The note or the failure of a copied output.
fn copied_note(copied: Result<(), Broken>, index: u32, target: &Target) -> Result<Option<String>, NotPublished> {
    let path = target.path.display();
    match copied {
        Ok(()) => Ok(None),
        // As for other programs: a reader such as `head` may stop early, which is not a failure.
        Err(Broken::ReaderGone) => Ok(Some(format!("output {index}: the reader of `{path}` closed it before the end"))),
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
    /// Adds the outputs that were written nevertheless.
    fn after(mut self, sent: &[String]) -> Self {
        if !sent.is_empty() {
            self.reason.push_str(&format!(" (already written: {})", sent.join(", ")));
        }
        self
    }
}
