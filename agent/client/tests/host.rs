//! The client against a host of this test's, over a real socket: greeting, inputs as segments and inline, outputs
//! through arenas and inline, reports, verdicts, and interrupted waits.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::{Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use arrow_buffer::Buffer;
use longshore_client::{Client, ClientError, ConnectSettings, InputName, OutputName, Software, Word};
use longshore_protocol::limits::ARENA_BYTES;
use longshore_protocol::{
    ArenaId, ConnectionError, FromScript, Hello, Payload, Place, ProtocolError, RunFacts, SocketConnection, StreamId,
    ToScript, Version,
};
use longshore_segment::{Budget, LentArena, TableDecoder, write_whole};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

fn facts() -> RunFacts {
    RunFacts {
        run_id: "run".into(),
        block_name: "block".into(),
        file_name: "script.py".into(),
        container: false,
        streaming: false,
        chunk_rows: None,
        options: serde_json::Map::new(),
        outputs: vec![],
        inputs: Some(vec!["sales".into(), "rates".into()]),
    }
}

/// A client and a thread that plays its host.
fn connect<T: Send + 'static>(
    interrupted: fn() -> bool,
    descriptors: bool,
    host: impl FnOnce(SocketConnection<FromScript>) -> T + Send + 'static,
) -> (Client, JoinHandle<T>) {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let socket = std::env::temp_dir().join(format!("client-test-{}-{number}.sock", std::process::id()));
    let listener = UnixListener::bind(&socket).unwrap();
    let path = socket.clone();
    let thread = std::thread::spawn(move || {
        let mut connection = SocketConnection::<Hello>::new(listener.accept().unwrap().0);
        std::fs::remove_file(path).unwrap();
        let (hello, _) = connection.receiver.receive().unwrap().unwrap();
        assert!(hello.descriptors);
        let welcome = ToScript::Welcome { protocol: Version::V1, descriptors, run: facts() };
        connection.sender.send(&welcome).unwrap();
        host(connection.greeted())
    });
    let software = Software { name: "test".into(), version: "0".into() };
    let client = Client::connect(ConnectSettings {
        socket: Some(socket),
        dry_run: None,
        software,
        interrupted: Box::new(interrupted),
    })
    .unwrap();
    (client, thread)
}

fn hear(connection: &mut SocketConnection<FromScript>) -> Option<(FromScript, Payload)> {
    connection.receiver.receive().unwrap()
}

fn say(connection: &mut SocketConnection<FromScript>, message: &ToScript) {
    connection.sender.send(message).unwrap();
}

fn table(rows: i64) -> RecordBatch {
    let text: StringArray = (0..rows).map(|n| Some(format!("row {n}"))).collect();
    RecordBatch::try_from_iter([
        ("n", Arc::new((0..rows).collect::<Int64Array>()) as Arc<dyn Array>),
        ("t", Arc::new(text)),
    ])
    .unwrap()
}

#[test]
fn an_input_is_mapped_anew_for_every_read() {
    let (client, host) = connect(
        || false,
        true,
        |mut connection| {
            let segment = write_whole(&table(1000).schema(), vec![table(1000)]).unwrap();
            while let Some((message, _)) = hear(&mut connection) {
                let FromScript::OpenInput { stream, input, .. } = message else { continue };
                say(&mut connection, &ToScript::Opened { stream, connected: input == 0 });
                if input == 0 {
                    let payload =
                        Payload::Descriptor { descriptor: segment.share().unwrap(), length: segment.length() };
                    connection.sender.send_with(&ToScript::Data { stream }, payload).unwrap();
                    say(&mut connection, &ToScript::End { stream });
                }
            }
        },
    );
    let (one, two) = (
        client.read_input(&InputName::Number(0)).unwrap().unwrap(),
        client.read_input(&InputName::Number(0)).unwrap().unwrap(),
    );
    assert_eq!(one.batches[0].batch, table(1000));
    assert_eq!(two.batches[0].batch, table(1000));
    let address =
        |table: &longshore_client::InputTable| table.batches[0].batch.column(0).to_data().buffers()[0].as_ptr();
    assert_ne!(address(&one), address(&two));
    let named = |name: &str| client.read_input(&InputName::Name(name.into()));
    assert_eq!(named("sales").unwrap().unwrap().batches[0].batch, table(1000));
    assert!(client.read_input(&InputName::Number(1)).unwrap().is_none() && named("rates").unwrap().is_none());
    let unknown = named("rate").unwrap_err().to_string();
    assert_eq!(unknown, "there is no input `rate`: the block has sales, rates: did you mean `rates`?");
    drop(client);
    host.join().unwrap();
}

#[test]
fn batches_are_cut_and_acknowledged_when_they_are_used_up() {
    let (client, host) = connect(
        || false,
        false,
        |mut connection| {
            let Some((FromScript::OpenInput { stream, .. }, _)) = hear(&mut connection) else { panic!("open_input") };
            say(&mut connection, &ToScript::Opened { stream, connected: true });
            let mut encoder = longshore_segment::BatchEncoder::new(&table(1).schema(), Vec::new()).unwrap();
            encoder.write(&table(100_000)).unwrap();
            let bytes = std::mem::take(encoder.target());
            for piece in bytes.chunks(longshore_protocol::limits::INLINE_MAX) {
                let payload = Payload::Inline(piece.to_vec());
                connection.sender.send_with(&ToScript::Data { stream }, payload).unwrap();
            }
            say(&mut connection, &ToScript::End { stream });
            let mut acknowledged = 0;
            while let Some((message, _)) = hear(&mut connection) {
                if let FromScript::Ack { bytes, .. } = message {
                    acknowledged += bytes;
                }
            }
            (bytes.len() as u64, acknowledged)
        },
    );
    let rows: Vec<usize> = client
        .read_batches(&InputName::Number(0))
        .unwrap()
        .unwrap()
        .map(|batch| batch.unwrap().batch.num_rows())
        .collect();
    assert_eq!(rows, [65_536, 34_464]);
    drop(client);
    let (sent, acknowledged) = host.join().unwrap();
    assert_eq!(sent, acknowledged);
}

/// A host that receives one output through arenas and inline, and returns what it received and how.
fn take_output(mut connection: SocketConnection<FromScript>) -> (Vec<RecordBatch>, usize, usize) {
    let mut arenas: Vec<LentArena> = Vec::new();
    let (mut batches, mut in_arenas, mut inline) = (Vec::new(), 0, 0);
    let mut decoder = TableDecoder::untrusting(&Budget::unlimited());
    while let Some((message, payload)) = hear(&mut connection) {
        match message {
            FromScript::OpenOutput { stream, .. } => {
                say(&mut connection, &ToScript::Opened { stream, connected: true })
            }
            FromScript::Borrow => {
                let arena = LentArena::create().unwrap();
                let payload = Payload::Descriptor { descriptor: arena.share().unwrap(), length: ARENA_BYTES };
                let lend = ToScript::Lend { arena: ArenaId(u32::try_from(arenas.len()).unwrap()) };
                arenas.push(arena);
                connection.sender.send_with(&lend, payload).unwrap();
            }
            FromScript::Data { stream, place } => {
                let mut bytes = Vec::new();
                match place {
                    Place::Inline => {
                        bytes = payload.into_bytes();
                        inline += 1;
                        say(&mut connection, &ToScript::Ack { stream, bytes: bytes.len() as u64 });
                    }
                    Place::Arena { arena, length } => {
                        arenas[arena.0 as usize].copy_out(length, &mut bytes).unwrap();
                        in_arenas += 1;
                        say(&mut connection, &ToScript::Return { arena });
                    }
                }
                let mut bytes = Buffer::from_vec(bytes);
                while let Some(decoded) = decoder.next(&mut bytes).unwrap() {
                    batches.push(decoded.batch);
                }
            }
            FromScript::End { stream } => {
                decoder.finish().unwrap();
                say(&mut connection, &ToScript::Accepted { stream, rows: 0 });
            }
            _ => {}
        }
    }
    (batches, in_arenas, inline)
}

fn write(client: &Client, batch: RecordBatch) -> Result<(), ClientError> {
    let schema = batch.schema();
    client.write_output(&OutputName::Number(0), &mut RecordBatchIterator::new([Ok(batch)], schema))
}

#[test]
fn small_outputs_go_inline_and_large_ones_through_arenas() {
    let (client, host) = connect(|| false, true, take_output);
    write(&client, table(100)).unwrap();
    drop(client);
    let (batches, in_arenas, inline) = host.join().unwrap();
    assert_eq!((batches, in_arenas, inline), (vec![table(100)], 0, 1));

    let (client, host) = connect(|| false, true, take_output);
    let large = table(3_000_000);
    write(&client, large.clone()).unwrap();
    drop(client);
    let (batches, in_arenas, _) = host.join().unwrap();
    assert!(in_arenas > 4, "{in_arenas} arenas were filled: each of the four more than once");
    let mut start = 0;
    for batch in &batches {
        assert_eq!(*batch, large.slice(start, batch.num_rows()));
        start += batch.num_rows();
    }
    assert_eq!(start, large.num_rows());
}

#[test]
fn without_descriptors_everything_goes_inline() {
    let (client, host) = connect(|| false, false, take_output);
    write(&client, table(300_000)).unwrap();
    drop(client);
    let (batches, in_arenas, inline) = host.join().unwrap();
    assert_eq!((in_arenas, batches.iter().map(RecordBatch::num_rows).sum::<usize>()), (0, 300_000));
    assert!(inline > 10);
}

#[test]
fn a_host_that_passes_a_descriptor_against_its_word_breaks_the_protocol() {
    let (client, host) = connect(
        || false,
        false,
        |mut connection| {
            let Some((FromScript::OpenInput { stream, .. }, _)) = hear(&mut connection) else { panic!("open_input") };
            say(&mut connection, &ToScript::Opened { stream, connected: true });
            let segment = write_whole(&table(1).schema(), vec![table(1)]).unwrap();
            let payload = Payload::Descriptor { descriptor: segment.share().unwrap(), length: segment.length() };
            connection.sender.send_with(&ToScript::Data { stream }, payload).unwrap();
        },
    );
    let error = client.read_input(&InputName::Number(0)).unwrap_err();
    let ClientError::Connection(ConnectionError::Protocol(ProtocolError::DescriptorsNotNegotiated)) = error else {
        panic!("{error:?}")
    };
    host.join().unwrap();
}

#[test]
fn a_script_that_takes_no_descriptors_is_not_told_that_they_pass() {
    let (host, script) = UnixStream::pair().unwrap();
    let host = std::thread::spawn(move || {
        let mut connection = SocketConnection::<Hello>::new(host);
        assert!(!connection.receiver.receive().unwrap().unwrap().0.descriptors);
        let welcome = ToScript::Welcome { protocol: Version::V1, descriptors: true, run: facts() };
        connection.sender.send(&welcome).unwrap();
    });
    let software = Software { name: "test".into(), version: "0".into() };
    let connected = Client::over(SocketConnection::without_descriptors(script), software, Box::new(|| false));
    let error = connected.unwrap_err();
    let ClientError::Connection(ConnectionError::Protocol(ProtocolError::DescriptorsNotNegotiated)) = error else {
        panic!("{error:?}")
    };
    host.join().unwrap();
}

#[test]
fn an_output_that_is_refused_is_an_error_with_the_hosts_reason() {
    let (client, host) = connect(
        || false,
        true,
        |mut connection| {
            while let Some((message, _)) = hear(&mut connection) {
                if let FromScript::OpenOutput { stream, .. } = message {
                    say(&mut connection, &ToScript::Drop { stream, reason: "no such output".into() });
                }
            }
        },
    );
    let error = write(&client, table(1)).unwrap_err();
    assert!(matches!(&error, ClientError::Output { reason, .. } if reason == "no such output"), "{error}");
    drop(client);
    host.join().unwrap();
}

#[test]
fn the_last_report_is_never_lost_and_the_first_word_counts() {
    let (client, host) = connect(
        || false,
        true,
        |mut connection| {
            let mut heard = Vec::new();
            while let Some((message, _)) = hear(&mut connection) {
                heard.push(message);
            }
            heard
        },
    );
    for n in 0..10_000 {
        client.update_message(&format!("message {n}")).unwrap();
    }
    client.update_progress(0.5, None).unwrap();
    assert!(matches!(client.update_progress(f64::NAN, None), Err(ClientError::Progress { .. })));
    assert!(client.conclude(Word::Commit, Some("done")).unwrap());
    assert!(!client.conclude(Word::Abort, None).unwrap());
    assert!(matches!(client.read_input(&InputName::Number(0)), Err(ClientError::Ended { call: "read_input" })));
    drop(client);
    let heard = host.join().unwrap();
    assert!(heard.len() < 1000, "{} messages were sent of 10,000", heard.len());
    assert!(heard.contains(&FromScript::Message { text: "message 9999".into() }));
    assert_eq!(heard[heard.len() - 2], FromScript::Progress { fraction: 0.5, text: None });
    assert_eq!(heard[heard.len() - 1], FromScript::Verdict { word: Word::Commit, message: Some("done".into()) });
}

#[test]
fn a_wait_can_be_interrupted() {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    let (client, host) = connect(
        || INTERRUPTED.load(Ordering::Relaxed),
        true,
        |mut connection| {
            let opened = hear(&mut connection);
            assert!(matches!(opened, Some((FromScript::OpenInput { stream: StreamId(1), .. }, _))));
            INTERRUPTED.store(true, Ordering::Relaxed);
            hear(&mut connection);
        },
    );
    assert!(matches!(client.read_input(&InputName::Number(0)), Err(ClientError::Interrupted)));
    drop(client);
    host.join().unwrap();
}
