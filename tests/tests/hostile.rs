//! Files that are made to hold the host up or to take its memory, given to the commands that read them. Each command has
//! little memory and little time: one that wants more is killed, and that is no way for it to end.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod bench;
mod command;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use bench::Bench;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::ZstdLevel;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// What may stand where a small file belongs, and what is said of it.
const NO_FILES: [(&str, &str); 3] =
    [("pipe", "it is a pipe, not a file"), ("device", "it is a device, not a file"), ("endless", "it is longer than")];

/// Puts it there.
fn put(what: &str, path: &Path) {
    match what {
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "device" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        _ => File::create(path).unwrap().set_len(1 << 40).unwrap(),
    }
}

#[test]
fn what_is_no_small_file_is_refused_at_once() {
    for (what, said) in NO_FILES {
        for manifest in ["block.toml", "manifest.json"] {
            let bench = Bench::new();
            bench.write("block/s.py", "");
            put(what, &bench.path("block").join(manifest));
            bench.refused(&["check", "block"], said);
            bench.refused(&["run", "block", "--engine", "process"], said);
            bench.refused(&["test", "block"], said);
        }
        let bench = Bench::new();
        bench.write("s.py", "");
        put(what, &bench.path("options.json"));
        bench.refused(&["run", "s.py", "--engine", "process", "--options", "options.json"], said);
        bench.write("block/s.py", "");
        bench.write("block/block.toml", "name = \"x\"\nlanguage = \"python\"\nscript = \"s.py\"\n");
        std::fs::create_dir_all(bench.path("block/cases")).unwrap();
        put(what, &bench.path("block/cases/case.toml"));
        bench.refused(&["test", "block", "--engine", "process"], said);
        std::fs::create_dir_all(bench.path("config/longshore")).unwrap();
        put(what, &bench.path("config/longshore/longshore.toml"));
        bench.refused(&["check", "s.py"], said);
    }
}

/// Writes a file of which a small part is said over and over.
fn write_packed(path: &Path, first: &[u8], repeated: &[u8], times: usize) {
    let mut file = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    file.write_all(first).unwrap();
    (0..times).for_each(|_| file.write_all(repeated).unwrap());
    file.finish().unwrap();
}

/// An object of so many fields.
fn object(fields: usize) -> String {
    let fields: Vec<String> = (0..fields).map(|field| format!("\"k{field}\":{field}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The names of so many columns.
fn header(columns: usize) -> String {
    (0..columns).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",")
}

#[test]
fn rows_without_an_end_are_refused_by_their_line() {
    let bench = Bench::new();
    let mib = vec![b'x'; 1 << 20];
    let commas = vec![b','; 1 << 20];
    write_packed(&bench.path("open.csv.gz"), b"a,b\n1,\"", &mib, 160);
    write_packed(&bench.path("header.csv.gz"), b"", &mib, 160);
    write_packed(&bench.path("cells.csv.gz"), b"a,b\n1,2\n", &commas, 160);
    write_packed(&bench.path("line.ndjson.gz"), b"{\"a\":\"", &mib, 160);
    write_packed(&bench.path("value.json.gz"), b"[{\"a\":\"", &mib, 160);
    bench.write("columns.csv", header(1_000_000) + "\n");
    bench.write("s.py", "");
    for (name, said) in [
        ("open.csv.gz", "line 2: a record of more than 64 MiB"),
        ("header.csv.gz", "line 1: a record of more than 64 MiB"),
        ("cells.csv.gz", "line 3: a record of more than 100000 cells"),
        ("line.ndjson.gz", "line 1: it is longer than 64 MiB"),
        ("value.json.gz", "line 1: a value of more than 64 MiB"),
        ("columns.csv", "line 1: a record of more than 100000 cells"),
    ] {
        bench.refused(&["peek", name], said);
        bench.refused(&["check", "s.py", "-i", name], said);
        bench.refused(&["run", "s.py", "--engine", "process", "-i", name], said);
    }
}

#[test]
fn fields_that_have_no_end_are_refused_by_their_line() {
    let bench = Bench::new();
    bench.write("wide.ndjson", object(200_000) + "\n");
    let lines: Vec<String> = (0..150_000).map(|line| format!("{{\"n{line}\":1}}")).collect();
    bench.write("names.ndjson", lines.join("\n"));
    bench.write("deep.json", format!("[{}]", lines.join(",")));
    bench.write("s.py", "");
    for (name, said) in [
        ("wide.ndjson", "line 1: the field `k100000` exceeds the limit of 100000"),
        ("names.ndjson", "line 100001: the field `n100000` exceeds the limit of 100000"),
        ("deep.json", "line 1: the field `n100000` exceeds the limit of 100000"),
    ] {
        bench.refused(&["check", "s.py", "-i", name], said);
    }
}

#[test]
fn rows_that_lack_most_of_many_columns_take_no_memory_for_all_of_them() {
    let bench = Bench::new();
    // Each would take more than there is, were all of its rows one batch: 8 bytes for each of 200 million missing values.
    bench.write("keys.ndjson", object(30_000) + "\n" + &"{}\n".repeat(6500));
    bench.write("fill.csv", header(30_000) + "\n" + &"1\n".repeat(6500));
    bench.write("lists.ndjson", format!("{{\"l\":[{}]}}\n{{\"l\":[{{}}{}]}}\n", object(30_000), ",{}".repeat(6500)));
    for arguments in [&["peek", "keys.ndjson", "--rows", "1"][..], &["peek", "fill.csv", "--read", "ragged=fill"]] {
        let output = bench.longshore(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}: {said}", output.status);
    }
    bench.refused(&["peek", "lists.ndjson"], "line 2: its lists of objects lack more than");
}

/// A file of which a footer says a length, and which has as many bytes without holding one of them.
fn write_sparse(path: &Path, head: &[u8], length: u32, tail: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.write_all(head).unwrap();
    file.set_len(1 << 40).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&[&length.to_le_bytes(), tail].concat()).unwrap();
}

/// One batch of as many zeros as take so many bytes.
fn zeros(bytes: usize) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![0; bytes / 8]));
    RecordBatch::try_from_iter([("z", column)]).unwrap()
}

#[test]
fn lengths_that_a_file_says_take_no_memory_that_is_not_there() {
    let bench = Bench::new();
    write_sparse(&bench.path("footer.parquet"), b"PAR1", 4_000_000_000, b"PAR1");
    write_sparse(&bench.path("footer.arrow"), b"ARROW1\0\0", 4_000_000_000, b"ARROW1");
    let options = || IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).unwrap();
    // Some ten thousand bytes: a batch that fits by its ratio and not into the memory, and one that fits by neither.
    for (name, bytes) in [("large", 900 << 20), ("larger", 1300 << 20)] {
        let batch = zeros(bytes);
        let file = File::create(bench.path(&format!("{name}.arrow"))).unwrap();
        let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let file = File::create(bench.path(&format!("{name}.arrows"))).unwrap();
        let mut writer = StreamWriter::try_new_with_options(file, &batch.schema(), options()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    }
    let text: ArrayRef = Arc::new(StringArray::from(vec!["\0".repeat(300 << 20)]));
    let batch = RecordBatch::try_from_iter([("t", text)]).unwrap();
    let zstd = parquet::basic::Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).set_dictionary_enabled(false).build();
    let file = File::create(bench.path("text.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for (name, said) in [
        ("footer.parquet", "a piece of it takes 40000000000 bytes of memory"),
        ("footer.arrow", "invalid footer length: 4000000000 bytes"),
        ("large.arrow", "bytes of memory, of"),
        ("large.arrows", "bytes of memory, of"),
        ("larger.arrow", "more than 200 times as many"),
        ("larger.arrows", "more than 200 times as many"),
        ("text.parquet", "bytes of memory, of"),
    ] {
        bench.refused(&["peek", name], said);
    }
}

/// What stands where a table does and is no file, and what is said of it.
#[test]
fn what_is_no_table_is_named_at_once() {
    let bench = Bench::new();
    bench.write("s.py", "");
    put("pipe", &bench.path("pipe.csv"));
    let _listener = std::os::unix::net::UnixListener::bind(bench.path("socket.csv")).unwrap();
    for (name, target) in [("zero.csv", "/dev/zero"), ("tty.csv", "/dev/tty"), ("null.parquet", "/dev/null")] {
        std::os::unix::fs::symlink(target, bench.path(name)).unwrap();
    }
    std::os::unix::fs::symlink("/proc/self/mem", bench.path("memory.csv")).unwrap();
    std::fs::create_dir(bench.path("folder.arrow")).unwrap();
    for (name, said) in [
        ("zero.csv", "a device"),
        // Without a terminal it cannot even be opened.
        ("tty.csv", "tty.csv"),
        ("null.parquet", "a device"),
        ("socket.csv", "socket.csv"),
        ("memory.csv", "memory.csv"),
        ("folder.arrow", "the folder contains no files"),
    ] {
        bench.refused(&["check", "s.py", "-i", name], said);
        bench.refused(&["peek", name], said);
    }
    bench.refused(&["run", "s.py", "--engine", "process", "-i", "zero.csv"], "a device");
    // As an input a pipe is waited for: whoever names it writes to it.
    bench.refused(&["peek", "pipe.csv"], "it is a pipe, not a file");
}
