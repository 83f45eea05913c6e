//! Tables that a program passes and gets back without files of its own: readers, record batches and segments as inputs;
//! writers, batches and segments as outputs; with a batch block and with a stream.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod home;

use home::Home;
use longshore::arrow::array::{ArrayRef, Int64Array, RecordBatchIterator};
use longshore::arrow::{ArrowError, RecordBatch, RecordBatchReader};
use longshore::table::Sink;
use longshore::{Cancel, Host, InputSpec, NotHandedOver, Outcome, OutputSpec, RunRecord, RunRequest, Segment};
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Every output has the numbers of all inputs.
const ALL: &str = "from longshore.api import Api\nimport pandas\napi = Api()\ntables = [api.read_input_records(number) for \
    number in range(5)]\nfor number in range(4):\n    api.write_output_records(pandas.concat(tables), number)\napi.close()\n";

/// Returns each chunk unchanged.
const STREAM: &str =
    "from longshore.api import Api\napi = Api()\napi.process_stream(lambda chunk: chunk)\napi.close()\n";

fn batch(numbers: &[i64]) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef)]).unwrap()
}

fn numbers(batches: impl RecordBatchReader) -> Vec<i64> {
    let of = |batch: Result<RecordBatch, ArrowError>| {
        let batch = batch.unwrap();
        batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
    };
    batches.flat_map(of).collect()
}

/// A writer whose bytes can be inspected.
#[derive(Debug, Clone, Default)]
struct Taken(Arc<Mutex<Vec<u8>>>);

impl Taken {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that fails.
struct Refuses(io::ErrorKind);

impl Write for Refuses {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(self.0))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn run(home: &Home, request: RunRequest) -> RunRecord {
    let prepared = tokio::task::spawn_blocking(|| request.prepare()).await.unwrap().unwrap();
    Host::new(home.settings()).run_prepared(prepared, longshore::events().0, &Cancel::new()).await
}

/// A block that takes any number of outputs, or transforms a stream.
fn block(home: &Home, script: &str, stream: bool) -> RunRequest {
    let mode = if stream { "mode = \"stream\"\n" } else { "" };
    home.write("script.py", script);
    home.write("block.toml", &format!("name = \"block\"\nlanguage = \"python\"\nscript = \"script.py\"\n{mode}"));
    home.request(&home.path(""))
}

fn segment() -> Segment {
    let mut kept = tempfile::tempfile().unwrap();
    let file = kept.try_clone().unwrap();
    let format = "arrows".parse().unwrap();
    let mut sink =
        Sink::create(Path::new("segment"), format, &batch(&[]).schema(), file, &std::env::temp_dir()).unwrap();
    sink.write(&batch(&[5])).unwrap();
    sink.finish().unwrap();
    kept.rewind().unwrap();
    Segment::copy_of(kept).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_and_outputs_need_no_paths() {
    let home = Home::new();
    let csv = "csv".parse().unwrap();
    let open = home.write("open.csv", "n\n1\n");
    let reader = RecordBatchIterator::new([Ok(batch(&[3])), Ok(batch(&[4]))], batch(&[]).schema());
    let (batches, taken_batches) = OutputSpec::batches();
    let (shared, taken_segment) = OutputSpec::segment();
    let written = Taken::default();
    let request = block(&home, ALL, false)
        .input(InputSpec::file(std::fs::File::open(open).unwrap()).format(csv))
        .input(InputSpec::reader(Cursor::new("n\n2\n")).format(csv))
        .input(InputSpec::batch_reader(reader))
        .input(InputSpec::segment(segment()))
        .input(batch(&[6, 7]))
        .output(batches)
        .output(shared)
        .output(OutputSpec::writer(written.clone(), csv).called("the program"))
        .output(home.path("out.csv"));
    let record = run(&home, request).await;
    assert!(record.outcome.is_success(), "{:?} {:?}", record.outcome, record.message);
    let all = [1, 2, 3, 4, 5, 6, 7];
    assert_eq!(numbers(taken_batches.take().unwrap()), all);
    assert_eq!(taken_batches.take().unwrap_err(), NotHandedOver::Taken);
    assert_eq!(written.text(), "n\n1\n2\n3\n4\n5\n6\n7\n");
    assert_eq!(std::fs::read_to_string(home.path("out.csv")).unwrap(), written.text());
    let names: Vec<_> = record.inputs.iter().map(|input| input.path.display().to_string()).collect();
    assert_eq!(names, ["an open file", "a reader", "record batches", "a segment", "record batches"]);
    assert_eq!(record.outputs[2].path.display().to_string(), "the program");
    // The segment of one run is another run's input.
    let (again, taken) = OutputSpec::batches();
    let script = "from longshore.api import Api\napi = Api()\napi.write_output_records(api.read_input_records(0))\napi.close()\n";
    let request = block(&home, script, false).input(InputSpec::segment(taken_segment.take().unwrap())).output(again);
    assert!(run(&home, request).await.outcome.is_success());
    assert_eq!(numbers(taken.take().unwrap()), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_folder_that_is_missing_is_named() {
    let home = Home::new();
    let (missing, csv) = (home.path("no-such-folder"), "csv".parse().unwrap());
    let mut settings = home.settings();
    settings.temporary_folder.clone_from(&missing);
    let host = Host::new(settings);
    let named = format!("cannot write to the temporary folder `{}`: No such file or directory", missing.display());
    let reader = || RecordBatchIterator::new([Ok(batch(&[1]))], batch(&[]).schema());
    for input in [reader_of_csv(csv), InputSpec::batch_reader(reader())] {
        let error = host.run(block(&home, ALL, false).input(input)).await.unwrap_err().to_string();
        assert!(error.contains(&named), "{error}");
    }
    let script = "from longshore.api import Api\napi = Api()\napi.write_output_records(api.read_input_records(0))\napi.close()\n";
    let written = Taken::default();
    let to_writer = OutputSpec::writer(written.clone(), csv);
    for output in [OutputSpec::batches().0, to_writer, OutputSpec::path(home.path("out.xlsx"))] {
        let record = host.run(block(&home, script, false).input(batch(&[1])).output(output)).await.unwrap();
        let message = record.message.unwrap();
        assert!(message.contains(&named), "{message}");
    }
    assert_eq!((written.text(), home.path("out.xlsx").exists()), (String::new(), false));
    // The request's own folder has precedence.
    let mut request = block(&home, script, false).input(reader_of_csv(csv)).output(OutputSpec::batches().0);
    request.temporary_folder = Some(home.path("temporary"));
    let record = host.run(request).await.unwrap();
    assert!(record.outcome.is_success(), "{:?}", record.message);
}

fn reader_of_csv(format: longshore::table::FileFormat) -> InputSpec {
    InputSpec::reader(Cursor::new("n\n1\n")).format(format)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_handed_over_unless_the_run_succeeds() {
    let home = Home::new();
    let written = Taken::default();
    let script = "from longshore.api import Api\napi = Api()\nfor number in range(2):\n    \
        api.write_output_records(api.read_input_records(0), number)\nraise ValueError('no')\n";
    let (batches, taken) = OutputSpec::batches();
    let request = block(&home, script, false)
        .input(batch(&[1]))
        .output(batches)
        .output(OutputSpec::writer(written.clone(), "csv".parse().unwrap()));
    assert_eq!(run(&home, request).await.outcome, Outcome::Failed);
    assert_eq!(taken.take().unwrap_err(), NotHandedOver::NotWritten);
    assert_eq!(written.text(), "");
    // A failing writer prevents files and batches; one that closes early does not.
    let works = script.replace("raise ValueError('no')", "api.close()");
    for (kind, outcome) in
        [(io::ErrorKind::StorageFull, Outcome::PublishFailed), (io::ErrorKind::BrokenPipe, Outcome::Succeeded)]
    {
        let (batches, taken) = OutputSpec::batches();
        let request = block(&home, &works, false)
            .input(batch(&[1]))
            .output(batches)
            .output(OutputSpec::writer(Refuses(kind), "csv".parse().unwrap()));
        let record = run(&home, request).await;
        assert_eq!(record.outcome, outcome, "{:?}", record.message);
        assert_eq!(taken.take().is_ok(), outcome.is_success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_takes_and_gives_rows_as_they_come() {
    let home = Home::new();
    let csv = "csv".parse().unwrap();
    let (from_batches, from_reader) = (Taken::default(), Taken::default());
    // The second batch is made only after the first has passed through the script and has been written.
    let seen = from_batches.clone();
    let waiting = (0..2_i64).map(move |number| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while number == 1 && !seen.text().contains("0\n") {
            assert!(std::time::Instant::now() < deadline, "the first row is written");
            std::thread::yield_now();
        }
        Ok(batch(&[number]))
    });
    let reader = RecordBatchIterator::new(waiting, batch(&[]).schema());
    let request = block(&home, STREAM, true)
        .input(InputSpec::batch_reader(reader))
        .output(OutputSpec::writer(from_batches.clone(), csv));
    let record = run(&home, request).await;
    assert!(record.outcome.is_success(), "{:?} {:?}", record.outcome, record.message);
    assert_eq!(from_batches.text(), "n\n0\n1\n");
    let request = block(&home, STREAM, true)
        .input(InputSpec::reader(Cursor::new("n\n8\n9\n")).format(csv))
        .output(OutputSpec::writer(from_reader.clone(), csv));
    assert!(run(&home, request).await.outcome.is_success());
    assert_eq!(from_reader.text(), "n\n8\n9\n");
    // A reader's error fails the run.
    struct Fails(bool);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("the line is dead"));
            }
            buffer[..4].copy_from_slice(b"n\n8\n");
            Ok(4)
        }
    }
    let request = block(&home, STREAM, true).input(InputSpec::reader(Fails(false)).format(csv));
    let failed = tokio::task::spawn_blocking(|| request.prepare()).await.unwrap();
    let words = match failed {
        Err(error) => error.to_string(),
        Ok(prepared) => {
            let record = Host::new(home.settings()).run_prepared(prepared, longshore::events().0, &Cancel::new()).await;
            assert!(!record.outcome.is_success());
            record.message.unwrap()
        }
    };
    assert!(words.contains("the line is dead"), "{words}");
}

#[test]
fn what_has_no_path_needs_a_format_and_no_options_that_it_has_not() {
    let home = Home::new();
    let error = |request: RunRequest| request.prepare().unwrap_err().to_string();
    let text = || InputSpec::reader(Cursor::new("n\n1\n"));
    assert!(error(block(&home, "", false).input(text())).starts_with("a reader has no suffix that names its format"));
    let mut read = longshore::table::ReadOptions::default();
    read.add("delimiter=;").unwrap();
    let reason = error(block(&home, "", false).input(InputSpec::from(batch(&[1])).read(read)));
    assert!(reason.contains("`record batches` is") && reason.contains("no option `delimiter`"), "{reason}");
    // `-` is a file name like any other.
    let reason = error(block(&home, "", false).input("-"));
    assert!(reason.contains("`-`"), "{reason}");
}
