//! Chains of blocks on the engine `process`: any graph, one record, nothing published unless all succeed, no file on the
//! way.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod home;

use home::Home;
use longshore::arrow::array::{ArrayRef, Int64Array};
use longshore::arrow::{RecordBatch, RecordBatchReader};
use longshore::{
    Cancel, CancelLevel, ChainRequest, Connection, Event, Host, InputSpec, Outcome, OutputName, OutputSpec, RunRecord,
    RunRequest, Step,
};
use std::sync::Arc;

/// Adds the numbers of all connected inputs, and one.
const SUM: &str = "from longshore.api import Api\napi = Api()\ntotal = 1\nfor number in range(8):\n    table = \
    api.read_input_records(number)\n    total += 0 if table is None else int(table['n'].sum())\nimport \
    pandas\napi.write_output_records(pandas.DataFrame({'n': [total]}))\napi.close()\n";

fn batch(numbers: &[i64]) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef)]).unwrap()
}

fn numbers(batches: impl RecordBatchReader) -> Vec<i64> {
    let of = |batch: RecordBatch| batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec();
    batches.flat_map(|batch| of(batch.unwrap())).collect()
}

async fn run(home: &Home, request: ChainRequest, cancel: &Cancel) -> (RunRecord, Vec<Event>) {
    let (events, mut received) = longshore::events();
    let prepared = tokio::task::spawn_blocking(|| request.prepare()).await.unwrap().unwrap();
    let host = Host::new(home.settings());
    let record = host.run_prepared_chain(prepared, events, cancel).await;
    let mut all = Vec::new();
    while let Some(event) = received.recv().await {
        all.push(event);
    }
    (record, all)
}

fn refused(request: ChainRequest) -> String {
    request.prepare().unwrap_err().problems().join("; ")
}

/// A block in a folder of its own, with these lines in its manifest.
fn block(home: &Home, name: &str, script: &str, manifest: &str) -> RunRequest {
    let folder = home.path(name);
    std::fs::create_dir_all(&folder).unwrap();
    home.write(&format!("{name}/script.py"), script);
    let text = format!("name = \"{name}\"\nlanguage = \"python\"\nscript = \"script.py\"\n{manifest}");
    home.write(&format!("{name}/block.toml"), &text);
    home.request(&folder)
}

fn outcomes(record: &RunRecord) -> Vec<(&str, Option<Outcome>)> {
    record.steps.iter().flatten().map(|step| (step.name.as_str(), step.outcome)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_pass_along_any_graph_without_a_file() {
    let home = Home::new();
    let mut request = ChainRequest::new();
    let (out, table) = OutputSpec::segment();
    let mut out = Some(out);
    for name in ["a", "b", "c", "d"] {
        let mut step = block(&home, name, SUM, "");
        // Whatever wants a temporary file fails.
        step.temporary_folder = Some(home.path("no-such-folder"));
        step = match name {
            "a" => step.input(batch(&[4, 6])),
            "d" => step.output(out.take().unwrap()),
            _ => step,
        };
        request = request.step(Step::new(step));
    }
    // The first table is read by three steps: 11, twice 12, and 11 + 12 + 12 + 1.
    let input = |number| OutputName::Number(number);
    let edges = [(0, 1, 0), (0, 2, 0), (0, 3, 2), (1, 3, 0), (2, 3, 1)];
    for (from, to, number) in edges {
        request = request.connect(Connection::new(from, to).input(input(number)));
    }
    let (record, events) = run(&home, request, &Cancel::new()).await;
    assert!(record.outcome.is_success(), "{:?} {:?}", record.outcome, record.message);
    let (again, sum) = OutputSpec::batches();
    let copy =
        "from longshore.api import Api\napi = Api()\napi.write_output_records(api.read_input_records())\napi.close()\n";
    let check = block(&home, "check", copy, "").input(InputSpec::segment(table.take().unwrap())).output(again);
    assert!(Host::new(home.settings()).run(check).await.unwrap().outcome.is_success());
    assert_eq!(numbers(sum.take().unwrap()), [36]);
    assert_eq!(record.block, "a, b, c, d");
    let steps = record.steps.as_ref().unwrap();
    assert_eq!(steps.iter().map(|step| step.passed.len()).collect::<Vec<_>>(), [0, 1, 1, 3]);
    assert!(steps[3].passed.iter().all(|table| table.rows == Some(1) && table.bytes > Some(0)), "{steps:?}");
    assert_eq!(steps[3].outputs.len(), 1);
    assert_eq!(record.outputs.len(), 1);
    let ids: Vec<_> = steps.iter().map(|step| step.run_id.clone().unwrap()).collect();
    for (step, id) in ["a", "b", "c", "d"].iter().zip(ids) {
        let told = |outcome| events.contains(&Event::Step { step: (*step).into(), run_id: id.clone(), outcome });
        assert!(told(None) && told(Some(Outcome::Succeeded)), "{step}: {events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_refuses_the_columns_is_named_and_nothing_is_published() {
    let home = Home::new();
    let manifest = "[[inputs]]\nname = \"sales\"\n[inputs.columns]\namount = \"number\"\n";
    let chain = ChainRequest::linear([
        block(&home, "first", SUM, ""),
        block(&home, "second", SUM, manifest),
        block(&home, "third", SUM, "").output(home.path("out.csv")),
    ]);
    let (record, _) = run(&home, chain, &Cancel::new()).await;
    assert_eq!(
        outcomes(&record),
        [
            ("first", Some(Outcome::Succeeded)),
            ("second", Some(Outcome::Failed)),
            ("third", record.steps.as_ref().unwrap()[2].outcome),
        ]
    );
    assert_eq!(record.outcome, Outcome::Failed, "{:?}", record.message);
    assert_eq!(
        record.message.as_deref(),
        Some(
            "step `second`: output 0 of step `first` does not fit input 0 (`sales`) of `second`: there is no column \
             `amount`: the table has `n`"
        )
    );
    let third = &record.steps.as_ref().unwrap()[2];
    assert!(third.message.as_deref().unwrap().contains("step `second` had failed"), "{third:?}");
    assert!(record.outputs.is_empty() && !home.path("out.csv").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_the_step_that_runs_and_those_after_it() {
    let home = Home::new();
    let waits = "import time\nprint('waiting', flush=True)\ntime.sleep(600)\n";
    let request = ChainRequest::linear([
        block(&home, "a", SUM, ""),
        block(&home, "b", waits, ""),
        block(&home, "c", SUM, "").output(home.path("out.csv")),
    ]);
    let prepared = tokio::task::spawn_blocking(|| request.prepare()).await.unwrap().unwrap();
    let (events, mut received) = longshore::events();
    let (host, cancel) = (Host::new(home.settings()), Cancel::new());
    let running = tokio::spawn({
        let cancel = cancel.clone();
        async move { host.run_prepared_chain(prepared, events, &cancel).await }
    });
    while let Some(event) = received.recv().await {
        if matches!(&event, Event::Log { bytes, .. } if bytes.starts_with(b"[b] waiting")) {
            cancel.cancel(CancelLevel::Gently);
        }
    }
    let record = running.await.unwrap();
    assert_eq!(record.outcome, Outcome::Interrupted);
    let ended = outcomes(&record);
    assert_eq!(ended[..2], [("a", Some(Outcome::Succeeded)), ("b", Some(Outcome::Interrupted))]);
    assert_ne!(ended[2].1, Some(Outcome::Succeeded));
    assert!(!home.path("out.csv").exists());
}

#[test]
fn what_is_wrong_is_refused_before_anything_starts() {
    let home = Home::new();
    let two = || {
        [
            block(&home, "a", SUM, ""),
            block(&home, "b", SUM, "[[inputs]]\nname = \"x\"\n[[inputs]]\nname = \"y\"\nmandatory = true\n"),
        ]
    };
    assert_eq!(
        refused(ChainRequest::linear(two()).connect(Connection::new(1, 0))),
        "the steps `a`, `b` wait for each other: a chain has no cycles"
    );
    let missing = refused(ChainRequest::linear(two()));
    assert!(missing.starts_with("step `b`: ") && missing.contains("`y`"), "{missing}");
    let twice = ChainRequest::linear(two()).connect(Connection::new(0, 1));
    assert!(refused(twice).starts_with("step `b`: "));
    let declared = block(&home, "c", SUM, "[[outputs]]\nid = \"only\"\n");
    let unknown = ChainRequest::linear([declared, block(&home, "d", SUM, "")]);
    let mut edges = unknown;
    edges.connections[0].output = OutputName::Id("other".into());
    let unknown = refused(edges);
    assert!(unknown.starts_with("step `c`: ") && unknown.contains("`other`"), "{unknown}");
    let stream = block(&home, "s", SUM, "mode = \"stream\"\n");
    assert_eq!(
        refused(ChainRequest::linear([stream, block(&home, "d", SUM, "")])),
        "step `s` transforms a stream, which may never end: a chain passes whole tables"
    );
    let written = block(&home, "a", SUM, "").output(home.path("out.csv"));
    assert_eq!(
        refused(ChainRequest::linear([written, block(&home, "d", SUM, "")])),
        "output 0 of step `a` passes to another step, and has a target too: leave one of them out"
    );
    assert!(!home.path("out.csv").exists());
}
