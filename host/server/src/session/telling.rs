//! What a caller is told: what happens in its run, its tables, its record, and why it is refused. One that does not read is
//! left after a time, and holds up nothing.

use super::READING;
use crate::tally::TalliedRun;
use longshore::serde_json::{self, Value};
use longshore::{Event, EventReceiver, RunRecord};
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{ConnectionError, Frame, Message, Payload, ToCaller};
use longshore_run::connection::Outgoing;
use longshore_segment::Segment;

/// Tells the caller what happens, until the run has ended.
pub(super) async fn tell_events(mut happened: EventReceiver, outgoing: &Outgoing) {
    while let Some(event) = happened.recv().await {
        if let Event::Begun { run_id } = &event {
            TalliedRun::begun(run_id);
        }
        let frames = match event {
            Event::Log { source, bytes } => bytes
                .chunks(INLINE_MAX)
                .map(|part| Frame::with(&ToCaller::Log { source }, Payload::Inline(part.to_vec())))
                .collect(),
            event => match serde_json::to_value(&event) {
                Ok(Value::Object(event)) => vec![Frame::new(&ToCaller::Event { event })],
                _ => Vec::new(),
            },
        };
        for frame in frames {
            if !send(outgoing, frame).await {
                return;
            }
        }
    }
}

/// A table that is returned.
#[derive(Debug, Clone, Copy)]
pub(super) enum Returned {
    /// By the step, and the output's position in its submission.
    Named(u32, u32),
    /// By the step, and the output's number.
    Other(u32, u32),
}

impl Returned {
    fn message(self, last: bool) -> ToCaller {
        match self {
            Self::Named(step, output) => ToCaller::Table { step, output, last },
            Self::Other(step, number) => ToCaller::Other { step, number, last },
        }
    }
}

/// Sends tables and record.
pub(super) async fn conclude(
    outgoing: &Outgoing,
    record: &RunRecord,
    tables: Vec<(Returned, Segment)>,
    descriptors: bool,
) {
    for (output, table) in tables {
        if !send_table(outgoing, output, &table, descriptors).await {
            return;
        }
    }
    let record = serde_json::to_vec(record).unwrap_or_else(|_| b"null".to_vec());
    let mut parts = record.chunks(INLINE_MAX).peekable();
    while let Some(part) = parts.next() {
        let message = ToCaller::Record { last: parts.peek().is_none() };
        if !send(outgoing, Frame::with(&message, Payload::Inline(part.to_vec()))).await {
            return;
        }
    }
}

/// Sends a table. Returns whether the caller still reads.
async fn send_table(outgoing: &Outgoing, output: Returned, table: &Segment, descriptors: bool) -> bool {
    if descriptors && let Ok(descriptor) = table.share() {
        let payload = Payload::Descriptor { descriptor, length: table.length() };
        return send(outgoing, Frame::with(&output.message(true), payload)).await;
    }
    for (offset, length, last) in table.pieces(INLINE_MAX) {
        let Ok(bytes) = table.copy_out(offset, length) else { return false };
        if !send(outgoing, Frame::with(&output.message(last), Payload::Inline(bytes))).await {
            return false;
        }
    }
    true
}

pub(super) async fn tell_refused(outgoing: &Outgoing, reason: impl Into<String>) {
    tell(outgoing, &ToCaller::Refused { reason: reason.into() }).await;
}

/// Tells a caller that breaks the protocol which rule that was. Nobody reads at the end of a connection that has failed.
pub(super) async fn tell_violation(outgoing: &Outgoing, error: &ConnectionError) {
    if let ConnectionError::Protocol(error) = error {
        tell_refused(outgoing, error.to_string()).await;
    }
}

pub(super) async fn tell(outgoing: &Outgoing, message: &impl Message) {
    send(outgoing, Frame::new(message)).await;
}

/// Sends a frame. Returns whether the caller still reads.
async fn send(outgoing: &Outgoing, frame: Frame) -> bool {
    matches!(tokio::time::timeout(READING, outgoing.send(frame)).await, Ok(Ok(())))
}
