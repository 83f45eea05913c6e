//! A run as its caller sees it: recorded in the history, and with its parts together if it is partitioned.

use crate::admission::Admission;
use crate::facilities::Facilities;
pub use crate::facilities::Resident;
use crate::hashes::Hashing;
use crate::partition;
use crate::record::RunRecord;
use crate::recording::{RecordedAs, RecordedRun, conclude};
use crate::request::Prepared;
use crate::single::{LEFT_BEHIND, OutputMode, milliseconds, recovered, run_once};
use longshore_engine::Engines;
use longshore_model::cancel::Cancel;
use longshore_model::event::Events;
use longshore_model::note::Note;
use longshore_model::run_id::new_run_id;
use longshore_store::Recorder;
use std::time::Instant;

/// Runs a block, and records it if there is a recorder. Failures are in the record. Nothing of the run is left when this
/// returns; in a resident host its container may exist for some moments more, as one of its activities.
pub async fn run(
    mut prepared: Prepared,
    engines: &Engines,
    admission: &Admission,
    recorder: Option<&Recorder>,
    events: Events,
    cancel: &Cancel,
    resident: Option<Resident<'_>>,
) -> RunRecord {
    let (begun, settings) = (Instant::now(), engines.settings());
    let run_id = new_run_id();
    prepared.limits.timeout = prepared.time_limit(settings);
    prepared.notes.extend(recovered(settings).await.into_iter().map(Note::from));
    let reader = events;
    if prepared.seat.is_none() {
        prepared = match admission.enter(admission.turn()) {
            Ok(seat) => prepared.seated(seat),
            Err(full) => Prepared { seat: Some(Err(full)), ..prepared },
        };
    }
    let recorded_as = RecordedAs::of(&prepared, &run_id);
    let (recorded, events) = RecordedRun::begin(recorded_as, settings, recorder, &reader, cancel);
    let hashing = prepared.hashes.then(|| Hashing::begin(&prepared));
    let facilities = Facilities::of(engines, admission, resident);
    let mut record = match prepared.partition.take().filter(|_| matches!(prepared.seat, Some(Ok(_)))) {
        Some(cut) => Box::pin(partition::run(prepared, run_id, cut, &facilities, events, cancel)).await,
        None => Box::pin(run_once(prepared, run_id, &facilities, events, cancel, OutputMode::Publish)).await.0,
    };
    if resident.is_none() {
        let left_behind = facilities.removals.ended().await;
        record.notes.extend((left_behind > 0).then(|| LEFT_BEHIND.into()));
        record.timings_ms.total = milliseconds(begun.elapsed());
    }
    if let Some(hashing) = hashing {
        hashing.end(&mut record).await;
        record.timings_ms.total = milliseconds(begun.elapsed());
    }
    conclude(recorded, &mut record, &reader).await;
    record
}
