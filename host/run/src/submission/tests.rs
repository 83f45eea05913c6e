//! What a caller gives is what the host takes: generated requests, there and back.

use super::*;
use crate::cut::PartitionSpec;
use crate::output::OtherOutputs;
use crate::request::{InputSource, InputSpec, Mount, OutputSpec, OutputTarget, RunRequest};
use longshore_block::GivenValue;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::limits::TimeLimit;
use longshore_model::table::{BadRows, FileFormat};
use longshore_protocol::{FromCaller, Message, Submission};
use serde_json::json;
use std::time::Duration;

/// Choices that repeat for a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn some<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(2) == 0).then(|| value(self))
    }

    fn several<T>(&mut self, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.roll(4)).map(|_| value(self)).collect()
    }

    fn text(&mut self) -> String {
        ["a", "b c", "", "ü\n", "\"x\"", "-", "../y", "/z.csv"][self.roll(8)].to_owned()
    }

    fn format(&mut self) -> FileFormat {
        let names = ["csv", "tsv.gz", "json", "ndjson.zst", "parquet", "arrow", "arrows.bz2", "xlsx", "csv.zip"];
        names[self.roll(names.len())].parse().unwrap()
    }
}

fn input(dice: &mut Dice) -> InputSpec {
    let mut spec = if dice.roll(3) > 0 {
        InputSpec::path(dice.text())
    } else {
        let file = std::fs::File::open("/dev/null").unwrap();
        InputSpec::file(file).called(dice.text()).recorded_as(dice.text())
    };
    spec.format = dice.some(Dice::format);
    match dice.roll(3) {
        0 => spec.number = Some(dice.roll(9)),
        1 => spec.name = Some(dice.text()),
        _ => {}
    }
    for option in ["delimiter=;", "decimal=,", "skip=3", "encoding=latin1", "bad_rows=keep", "dates=dmy"] {
        if dice.roll(4) == 0 {
            spec.read.add(option).unwrap();
        }
    }
    spec
}

fn output(dice: &mut Dice) -> OutputSpec {
    let mut spec = match dice.roll(3) {
        0 => OutputSpec::file(std::fs::File::open("/dev/null").unwrap(), dice.format()).called(dice.text()),
        _ => OutputSpec::path(dice.text()),
    };
    spec.format = spec.format.or_else(|| dice.some(Dice::format));
    spec = match dice.roll(3) {
        0 => spec.number(2),
        1 => spec.id(dice.text()),
        _ => spec,
    };
    for option in ["delimiter=tab", "quote=all", "bom=yes", "missing=NA"] {
        if dice.roll(4) == 0 {
            spec.write.add(option).unwrap();
        }
    }
    spec
}

fn request(dice: &mut Dice) -> RunRequest {
    let mut request = RunRequest::new(dice.text());
    request.inputs = dice.several(input);
    request.outputs = dice.several(output);
    request.options = dice.several(|dice| {
        let text = GivenValue::Text(dice.text());
        let json =
            GivenValue::Json([json!(null), json!([1, "a"]), json!(1.5), json!({"k": true})][dice.roll(4)].clone());
        (dice.text(), if dice.roll(2) == 0 { text } else { json })
    });
    request.arguments = dice.several(Dice::text);
    request.environment = dice.several(|dice| (dice.text(), dice.text()));
    request.engine = EngineChoice::ALL[dice.roll(3)];
    request.image = dice.some(Dice::text);
    request.as_of = dice.some(|dice| ["2023-06-01", "manifest"][dice.roll(2)].parse().unwrap());
    request.constraints =
        dice.several(|dice| ["numpy<2", "a>=1,<3; python_version < '3.12'"][dice.roll(2)].parse().unwrap());
    request.network = ["none", "bridge", "mine"][dice.roll(3)].parse().unwrap();
    request.mounts = dice.several(|dice| match dice.roll(2) {
        0 => Mount::read_only(dice.text()),
        _ => Mount::writable(dice.text()),
    });
    request.allowed = dice.several(|dice| dice.text().into());
    request.keep = dice.some(|dice| dice.text().into());
    request.working_folder = Some("/home/ada".into());
    request.limits.memory_bytes = [4 << 30, 1 << 20, u64::MAX][dice.roll(3)];
    request.limits.cpus = dice.some(|dice| [0.1, 1.0, 7.25][dice.roll(3)]);
    request.limits.pids = [512, 8][dice.roll(2)];
    request.limits.timeout =
        [TimeLimit::Default, TimeLimit::None, TimeLimit::After(Duration::from_millis(1500))][dice.roll(3)];
    request.chunk_rows = [crate::request::CHUNK_ROWS, 7][dice.roll(2)];
    request.partition =
        dice.some(|dice| PartitionSpec::new(dice.text()).jobs(1 + dice.roll(5)).keep_going(dice.roll(2) == 0));
    request.bad_rows = dice.some(|dice| [BadRows::Fail, BadRows::Skip, BadRows::Keep][dice.roll(3)]);
    request.hashes = dice.roll(2) == 0;
    request.others = (dice.roll(2) == 0).then(OtherOutputs::default);
    request
}

/// A request as text. Open files have other numbers.
fn text(request: &RunRequest) -> String {
    let mut text = format!("{request:#?}");
    while let Some(at) = text.find("fd: ") {
        let end = text[at..].find(',').unwrap() + at;
        text.replace_range(at..end, "file");
    }
    text
}

#[test]
fn a_request_arrives_as_it_was_given() {
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let mut given = request(&mut dice);
        let (submission, along) = submitted(&given).unwrap();
        let bytes = FromCaller::Submit(Box::new(submission)).to_json();
        let FromCaller::Submit(read) = serde_json::from_slice(&bytes).unwrap() else { panic!("a submission") };
        let taken = requested(*read, along).unwrap();
        // A recorded name that is the called one needs no place on the wire, and paths have neither.
        for input in given.inputs.iter_mut().filter(|input| matches!(input.source, InputSource::Path(_))) {
            (input.called, input.recorded) = (String::new(), "".into());
        }
        assert_eq!(text(&taken.request), text(&given), "seed {seed}");
        assert!(taken.tables.is_empty());
    }
}

#[test]
fn what_only_one_process_has_is_not_submitted() {
    let placed = |mut request: RunRequest| {
        request.working_folder = Some("/".into());
        submitted(&request).map(drop).unwrap_err().to_string()
    };
    let reader = InputSpec::reader(std::io::empty());
    assert!(placed(RunRequest::new("x").input(reader)).ends_with("input 0: its table is in this process alone"));
    let (batches, _handle) = OutputSpec::batches();
    assert!(placed(RunRequest::new("x").output(batches)).ends_with("output 0: its target is in this process alone"));
    let odd: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xff]);
    assert!(placed(RunRequest::new(odd)).ends_with("the path is not UTF-8"));
    let mut long = RunRequest::new("x");
    long.options.push(("a".into(), GivenValue::Text("x".repeat(1 << 20))));
    assert!(placed(long).contains("more than 1048576 bytes"));
    assert!(submitted(&RunRequest::new("x")).unwrap_err().to_string().ends_with("its current folder is unknown"));
}

#[test]
fn keys_that_are_wrong_are_named() {
    let refused = |keys: serde_json::Value| {
        let mut all = json!({"block": {"path": "/x"}, "working_folder": "/"});
        all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        let submission: Submission = serde_json::from_value(all).unwrap();
        requested(submission, Along::default()).map(drop).unwrap_err().to_string()
    };
    for (keys, expected) in [
        (json!({"engine": "native"}), "`engine`: `native`: there is no such engine"),
        (json!({"as_of": "soon"}), "`as_of`: `soon`: `soon` is not a day"),
        (json!({"constraints": ["numpy"]}), "`constraints`: `numpy`: `numpy` is not a constraint"),
        (json!({"network": "a b"}), "`network`: `a b`: `a b` is not a valid network name"),
        (json!({"bad_rows": "eat"}), "`bad_rows`: `eat`: `eat` is not one of fail, skip and keep"),
        (json!({"working_folder": "here"}), "`working_folder`: `here`: it is not an absolute path"),
        (json!({"keep": "a\u{0}"}), "`keep`: `a\\0`: a path has no NUL byte"),
        (json!({"inputs": [{"table": {"path": "a"}, "format": "doc"}]}), "`format`: `doc`: unknown format `doc`"),
        (
            json!({"inputs": [{"table": {"path": "a"}, "read": {"delimeter": ";"}}]}),
            "`read`: unknown field `delimeter`",
        ),
        (json!({"outputs": [{"table": {"open": {"called": "-"}}}]}), "the file of output 0 was announced and not sent"),
        (json!({"block": {"files": {"name": "x", "script": null}}}), "no file of the block was sent along"),
    ] {
        let error = refused(keys);
        assert!(error.starts_with(expected), "{error}");
    }
    let folder = Along { folder: Some("/x".into()), ..Along::default() };
    let submission = |block: serde_json::Value| serde_json::from_value::<Submission>(json!({"block": block})).unwrap();
    let error = requested(submission(json!({"path": "/x"})), folder).map(drop).unwrap_err().to_string();
    assert!(error.ends_with("files of it were sent along"), "{error}");
    for script in ["../x.py", "/x.py", "", "a/../../x.py"] {
        let folder = Along { folder: Some("/x".into()), ..Along::default() };
        let block = json!({"files": {"name": "x", "script": script}});
        let error = requested(submission(block), folder).map(drop).unwrap_err().to_string();
        assert!(error.ends_with("it is not a path below the block's folder"), "{script}: {error}");
    }
    let stray = Along { sources: vec![(3, std::fs::File::open("/dev/null").unwrap())], ..Along::default() };
    let error = requested(submission(json!({"path": "/x"})), stray).map(drop).unwrap_err().to_string();
    assert!(error.starts_with("input 3 was sent along twice, or was not announced"), "{error}");
    let (segment, handle) = OutputSpec::segment();
    assert!(matches!(segment.target, OutputTarget::Segment(_)) && handle.take().is_err());
}
