//! Every type in the signatures of runs has a name in this crate: an embedding program needs no other crate of
//! Longshore, and no Arrow of its own.

use longshore::arrow::{ArrowError, RecordBatch, RecordBatchReader, SchemaRef};
use longshore::{
    Dropped, Event, ExitStatus, HandOver, Host, InputSource, InputSpec, LogSource, NotHandedOver, OutputBatches,
    OutputHandle, OutputName, OutputSpec, RunError, RunRecord, RunRequest, Running, Segment, Usage,
};

type Batches = (OutputSpec, OutputHandle<OutputBatches>);

fn exit(record: &RunRecord) -> (Option<ExitStatus>, Option<&Usage>, &Dropped, &longshore::serde_json::Value) {
    (record.exit, record.usage.as_ref(), &record.dropped_log_bytes, &record.options)
}

fn printed(event: &Event) -> Option<LogSource> {
    if let Event::Log { source, .. } = event { Some(*source) } else { None }
}

fn name(output: &OutputSpec) -> Option<&OutputName> {
    output.name.as_ref()
}

fn taken(handle: &OutputHandle<Segment>) -> Result<Segment, NotHandedOver> {
    handle.take()
}

fn next(batches: &mut OutputBatches) -> Option<Result<RecordBatch, ArrowError>> {
    batches.next()
}

fn is_segment(source: &InputSource, _: Option<&HandOver<Segment>>) -> bool {
    matches!(source, InputSource::Segment(_))
}

#[test]
fn what_runs_take_and_give_has_names() {
    let _: fn(&Host, RunRequest) -> Running = Host::run;
    let _: fn(SchemaRef, Vec<RecordBatch>) -> InputSpec = InputSpec::batches;
    let _: fn() -> Batches = OutputSpec::batches;
    let _: fn(&OutputBatches) -> SchemaRef = RecordBatchReader::schema;
    let named = (exit, printed, name, taken, next, is_segment, RunError::ShuttingDown);
    assert_eq!(named.6.to_string(), "cannot start the run: its host is shutting down");
}
