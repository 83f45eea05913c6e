//! Tests of the sessions over both wires. Tables are sent as descriptors over a Unix socket and inline over TCP:
//! scripts read and write the same values, and a descriptor that was not agreed on is a violation of the protocol.

mod unwritable;

use super::agent::{AgentEnd, AgentSession, AgentWord, Logs};
use super::script::{ScriptEnd, ScriptSession, Served};
use crate::connection::{Wire, greet, open};
use crate::input::Inputs;
use crate::output::{Declared, Pending, Place, Target, Writers};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
};
use longshore_client::{Client, ClientError, InputName, OutputName, Software};
use longshore_model::event::{Event, Events, events};
use longshore_model::redact::Secrets;
use longshore_protocol::limits::{INLINE_MAX, STREAM_WINDOW};
use longshore_protocol::{
    Begin, CancelLadder, Dropped, Exit, ExitStatus, FromAgent, FromScript, Hello, LogSource, Message, Payload, Role,
    RunFacts, SocketConnection, ToAgent, ToScript, Usage, VersionRange,
};
use longshore_segment::Budget;
use longshore_table::{ReadOptions, Source, TableSource, WriteOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The transport of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unix,
    Tcp,
}

const BOTH: [Kind; 2] = [Kind::Unix, Kind::Tcp];

/// The two ends of a connection: the host's, and the agent's or script's.
fn connect<M: Message>(kind: Kind) -> (Wire, SocketConnection<M>) {
    match kind {
        Kind::Unix => {
            let (host, other) = UnixStream::pair().unwrap();
            host.set_nonblocking(true).unwrap();
            (Wire::Unix(host.try_into().unwrap()), SocketConnection::new(other))
        }
        Kind::Tcp => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let other = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (host, _) = listener.accept().unwrap();
            for socket in [&host, &other] {
                socket.set_nodelay(true).unwrap();
            }
            host.set_nonblocking(true).unwrap();
            (Wire::Tcp(host.try_into().unwrap()), SocketConnection::without_descriptors(other))
        }
    }
}

/// The result of a script, and the host's view of it.
struct Seen<T> {
    script: T,
    end: ScriptEnd,
    /// The rows of output 0.
    written: Vec<RecordBatch>,
}

/// Serves a script on a thread of its own. Its input 0 has the rows of `input`, its output 0 becomes an Arrow file.
async fn serve<T: Send + 'static>(
    kind: Kind,
    input: RecordBatch,
    script: impl FnOnce(SocketConnection<ToScript>) -> T + Send + 'static,
) -> Seen<T> {
    serve_with(kind, input, serde_json::Map::new(), script).await
}

/// The same with these options.
async fn serve_with<T: Send + 'static>(
    kind: Kind,
    input: RecordBatch,
    options: serde_json::Map<String, serde_json::Value>,
    script: impl FnOnce(SocketConnection<ToScript>) -> T + Send + 'static,
) -> Seen<T> {
    let (wire, connection) = connect(kind);
    let path = PathBuf::from("output.arrow");
    let target = Target {
        path: path.clone(),
        place: Place::Part,
        format: "arrow".parse().unwrap(),
        write: WriteOptions::default(),
        temporary_folder: "/tmp".into(),
        is_optional: false,
    };
    let declared = Declared { ids: None, targets: vec![Some(target)] };
    let (trouble, mut troubles) = mpsc::unbounded_channel();
    let writers = Writers::new(declared, "run", false, Budget::new(1 << 28), 1 << 30, trouble);
    let feed = TableSource::Memory { schema: input.schema(), batches: vec![input], segment: None };
    let served = Served {
        inputs: Arc::new(Inputs::new(vec![Some(feed)], None)),
        outputs: writers.handle(),
        events: events().0,
        secrets: Secrets::default(),
        text_bytes: 1 << 20,
    };
    let facts = RunFacts {
        run_id: "run".into(),
        block_name: "block".into(),
        file_name: "script.py".into(),
        container: false,
        streaming: false,
        chunk_rows: None,
        options,
        outputs: Vec::new(),
        inputs: None,
    };
    let script = tokio::task::spawn_blocking(|| script(connection));
    let (mut incoming, outgoing) = open(wire);
    let (_, version) = greet(&mut incoming).await.unwrap();
    let end = ScriptSession::welcome(incoming, outgoing, version, facts, served).serve().await;
    let finished = writers.finish().await;
    assert!(troubles.try_recv().is_err() && finished.iter().all(|output| output.spoiled.is_none()));
    let mut written = Vec::new();
    for output in finished {
        let Some(Pending::Kept(file)) = output.file else { panic!("{:?} is no part", output.file) };
        let source =
            Source::of(&path, file, "arrow".parse().unwrap(), &ReadOptions::default(), &std::env::temp_dir()).unwrap();
        written.extend(source.batches().unwrap().map(Result::unwrap));
    }
    Seen { script: script.await.unwrap(), end, written }
}

fn client(connection: SocketConnection<ToScript>) -> Client {
    let software = Software { name: "test".into(), version: "0".into() };
    Client::over(connection, software, Box::new(|| false)).unwrap()
}

/// Rows with every kind of flat column, about 30 bytes each.
fn table(rows: i32) -> RecordBatch {
    let columns: [(&str, ArrayRef); 4] = [
        ("n", Arc::new((0..rows).map(i64::from).collect::<Int64Array>())),
        ("x", Arc::new((0..rows).map(|row| (row % 7 != 0).then_some(f64::from(row) / 8.0)).collect::<Float64Array>())),
        ("is", Arc::new((0..rows).map(|row| Some(row % 3 == 0)).collect::<BooleanArray>())),
        ("t", Arc::new((0..rows).map(|row| Some(format!("row {row}"))).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The same with a column that has categories.
fn table_with_categories(rows: i32) -> RecordBatch {
    let words: DictionaryArray<Int32Type> = (0..rows).map(|row| if row % 5 == 0 { "few" } else { "mäny" }).collect();
    let flat = table(rows);
    let columns =
        flat.schema_ref().fields().iter().map(|field| field.name().as_str()).zip(flat.columns().iter().cloned());
    RecordBatch::try_from_iter(columns.chain([("w", Arc::new(words) as ArrayRef)])).unwrap()
}

fn write(client: &Client, batches: Vec<RecordBatch>) -> Result<(), ClientError> {
    let schema = batches[0].schema();
    client.write_output(&OutputName::Number(0), &mut RecordBatchIterator::new(batches.into_iter().map(Ok), schema))
}

fn bytes(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap() as u64).sum()
}

/// Compares rows, regardless of batches.
fn assert_rows(found: &[RecordBatch], expected: &RecordBatch, kind: Kind) {
    let mut start = 0;
    for batch in found {
        let expected = expected.slice(start, batch.num_rows());
        for (found, expected) in batch.columns().iter().zip(expected.columns()) {
            let same_type = arrow_cast::cast(found, expected.data_type()).unwrap();
            assert!(same_type.as_ref() == expected.as_ref(), "{kind:?}: rows from {start} on are as they were");
        }
        start += batch.num_rows();
    }
    assert_eq!(start, expected.num_rows(), "{kind:?}");
}

#[tokio::test]
async fn a_script_reads_and_writes_the_same_values_over_both_wires() {
    let input = table(2_500_000);
    assert!(bytes(&input) > STREAM_WINDOW, "it is larger than what may be under way: {}", bytes(&input));
    for kind in BOTH {
        let seen = serve(kind, input.clone(), |connection| {
            let client = client(connection);
            let read = client.read_input(&InputName::Number(0)).unwrap().unwrap();
            let batches: Vec<RecordBatch> = read.batches.iter().map(|decoded| decoded.batch.clone()).collect();
            write(&client, batches.clone()).unwrap();
            // Boolean values are also sent as bytes, on both wires.
            let (column, values) = read.batches[0].boolean_bytes[0].clone();
            (batches, column, values)
        })
        .await;
        assert_eq!(seen.end.violation, None, "{kind:?}");
        let (read, column, values) = seen.script;
        assert_eq!(read.len(), 1, "{kind:?}: a whole input is one batch");
        assert_rows(&read, &input, kind);
        assert_rows(&seen.written, &input, kind);
        assert_eq!(column, 2, "{kind:?}");
        assert!(values.iter().enumerate().all(|(row, value)| usize::from(*value) == usize::from(row % 3 == 0)));
    }
}

#[tokio::test]
async fn an_input_in_batches_comes_over_both_wires() {
    let input = table_with_categories(400_000);
    assert!(bytes(&input) > 32 * INLINE_MAX as u64);
    for kind in BOTH {
        let seen = serve(kind, input.clone(), |connection| {
            let client = client(connection);
            let batches = client.read_batches(&InputName::Number(0)).unwrap().unwrap();
            batches.map(|decoded| decoded.unwrap().batch).collect::<Vec<_>>()
        })
        .await;
        assert_eq!(seen.end.violation, None, "{kind:?}");
        assert_rows(&seen.script, &input, kind);
    }
}

#[tokio::test]
async fn an_input_may_be_dropped_half_way_over_both_wires() {
    for kind in BOTH {
        let seen = serve(kind, table(400_000), |connection| {
            let client = client(connection);
            let mut batches = client.read_batches(&InputName::Number(0)).unwrap().unwrap();
            let first = batches.next().unwrap().unwrap().batch;
            drop(batches);
            // Data of it that is still in flight blocks nothing.
            write(&client, vec![first.clone()]).unwrap();
            first
        })
        .await;
        assert_eq!(seen.end.violation, None, "{kind:?}");
        assert_rows(&seen.written, &seen.script, kind);
    }
}

fn hello(role: Role, descriptors: bool) -> Hello {
    let software = Software { name: "test".into(), version: "0".into() };
    Hello { role, protocol: VersionRange::SUPPORTED, software, descriptors, capabilities: Vec::new() }
}

/// The violation that the host reports for a script which sends `borrow` with this payload, after a Hello with
/// `descriptors`.
async fn violation(kind: Kind, descriptors: bool, payload: fn() -> Payload) -> String {
    let seen = serve(kind, table(1), move |mut connection| {
        connection.sender.send(&hello(Role::Script, descriptors)).unwrap();
        let (welcome, _) = connection.receiver.receive().unwrap().unwrap();
        let agreed = descriptors && kind == Kind::Unix;
        assert!(matches!(welcome, ToScript::Welcome { descriptors, .. } if descriptors == agreed), "{welcome:?}");
        connection.sender.send_with(&FromScript::Borrow, payload()).unwrap();
        // Until the host closes the connection.
        while let Ok(Some(_)) = connection.receiver.receive() {}
    })
    .await;
    seen.end.violation.unwrap()
}

#[tokio::test]
async fn a_descriptor_that_was_not_agreed_on_breaks_the_protocol() {
    let descriptor = || Payload::Descriptor { descriptor: std::fs::File::open("/dev/null").unwrap().into(), length: 1 };
    assert_eq!(
        violation(Kind::Unix, false, descriptor).await,
        "a descriptor was passed, but the two sides have not agreed to pass descriptors on this connection"
    );
    // Even if descriptors can be passed, no message of a script has one.
    assert_eq!(violation(Kind::Unix, true, descriptor).await, "message `borrow` must carry no payload");
    let lend = "expected inline data, on a connection over which no descriptors pass, received `borrow`";
    assert_eq!(violation(Kind::Unix, false, || Payload::None).await, lend);
    assert_eq!(violation(Kind::Tcp, true, || Payload::None).await, lend);
}

fn exit() -> Exit {
    Exit {
        status: ExitStatus::Code(0),
        out_of_memory: false,
        usage: Usage::default(),
        dropped: Dropped::default(),
        left_behind: 0,
        left_out: None,
    }
}

fn logs(events: Events) -> Logs {
    Logs::new(events, &Secrets::default(), 1 << 20)
}

#[tokio::test]
async fn an_agent_is_served_over_both_wires() {
    for kind in BOTH {
        let (wire, mut connection) = connect::<ToAgent>(kind);
        let agent = tokio::task::spawn_blocking(move || {
            connection.sender.send(&hello(Role::Agent, connection.passes_descriptors())).unwrap();
            let mut heard = Vec::new();
            while !matches!(heard.last(), Some(ToAgent::Start)) {
                let (message, _) = connection.receiver.receive().unwrap().unwrap();
                heard.push(message);
            }
            connection.sender.send(&FromAgent::Started { pid: 7 }).unwrap();
            let log = FromAgent::Log { source: LogSource::Stdout };
            connection.sender.send_with(&log, Payload::Inline(b"3 clusters\n".to_vec())).unwrap();
            connection.sender.send(&FromAgent::Exited(exit())).unwrap();
            heard
        });
        let (mut incoming, outgoing) = open(wire);
        let (_, version) = greet(&mut incoming).await.unwrap();
        let session = AgentSession::welcome(incoming, outgoing, version, false);
        let begin = Begin {
            program: vec!["python3".into()],
            environment: std::collections::BTreeMap::new(),
            folder: "/work".into(),
            user: None,
            log_bytes: 1 << 20,
            open_files: None,
            ladder: CancelLadder { interrupt_ms: 0, terminate_ms: 0 },
            keep: None,
            tell_end: false,
        };
        session.start(begin, Vec::new()).await.unwrap();
        let (told, mut words) = mpsc::channel(4);
        let (events, mut happened) = events();
        let end = session.listen(logs(events), told, None).await;
        assert!(matches!(end, AgentEnd::Exited { exit: Exit { status: ExitStatus::Code(0), .. }, .. }), "{end:?}");
        assert_eq!(words.recv().await, Some(AgentWord::Started), "{kind:?}");
        let Some(Event::Log { bytes, .. }) = happened.try_recv() else { panic!("{kind:?}: a log was told") };
        assert_eq!(bytes, b"3 clusters\n");
        let heard = agent.await.unwrap();
        let passes = kind == Kind::Unix;
        assert!(
            matches!(&heard[..], [ToAgent::Welcome { descriptors, .. }, ToAgent::Begin(_), ToAgent::Start] if *descriptors == passes),
            "{kind:?}: {heard:?}"
        );
    }
}
