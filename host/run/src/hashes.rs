//! Hashes of the block's files and of the inputs' files, for a run's record. Together with the environment's
//! fingerprint they show whether two runs were the same. They do not cover option values: those are in the record
//! itself, except for secrets, which a hash would help to guess. Hashing takes place beside the run.

use crate::record::RunRecord;
use crate::request::Prepared;
use longshore_block::BlockFile;
use longshore_model::digest::hexadecimal;
use longshore_model::outcome::Outcome;
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Most bytes of inputs that are hashed: 0.7 s of one thread with SHA instructions, and as much again for reading. An
/// input beyond the limit has no hash.
const DATA_MAX: u64 = 1 << 30;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// How long the record waits for hashes after the run: enough for 1 GiB from a disk that reads 100 MB/s.
const WAIT: Duration = Duration::from_secs(10);

/// The first line of the hashed text of a block: the format and its version.
const CODE_FORMAT: &str = "longshore-code 1\n";

/// Nice value of the hashing thread: a tenth of the processor under contention (the weights are 1024 at 0 and 110 at
/// 10).
const NICE: i32 = 10;

/// Hashing in progress. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Hashing {
    stop: Arc<AtomicBool>,
    code: oneshot::Receiver<io::Result<String>>,
    data: oneshot::Receiver<Vec<Option<String>>>,
}

impl Hashing {
    /// Starts hashing on a low-priority thread.
    pub(crate) fn begin(prepared: &Prepared) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (files, script, stopped) = (prepared.files.clone(), prepared.block.script.clone(), Arc::clone(&stop));
        let inputs: Vec<_> = prepared.inputs.feeds().map(|feed| feed?.bytes()).collect();
        let (send_code, code_made) = oneshot::channel();
        let (send_data, data_made) = oneshot::channel();
        let hash = move || {
            // Linux has a nice value for each thread. If it cannot be set, hashing continues without it.
            let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
            // A receiver that was dropped does not need the hashes.
            let _ = send_code.send(code(files, &script, &stopped));
            let _ = send_data.send(data(inputs, DATA_MAX, &stopped));
        };
        // If the thread cannot start, the channels close, which is reported as an early end.
        let _ = std::thread::Builder::new().name("hashes".into()).spawn(hash);
        Self { stop, code: code_made, data: data_made }
    }

    /// Puts the hashes into the record, or a note where one is missing.
    pub(crate) async fn end(mut self, record: &mut RunRecord) {
        // An interrupted run ends without this wait.
        let wait = if record.outcome == Outcome::Interrupted { Duration::ZERO } else { WAIT };
        let deadline = Instant::now() + wait;
        let (late, broke) = ("hashing timed out", "hashing ended early");
        let code = match timeout_at(deadline, &mut self.code).await {
            Ok(Ok(made)) => made.map_err(|error| error.to_string()),
            Ok(Err(_)) => Err(broke.into()),
            Err(_) => Err(late.into()),
        };
        record.code_hash =
            code.map_err(|reason| record.notes.push(format!("the code has no hash: {reason}").into())).ok();
        let data = match timeout_at(deadline, &mut self.data).await {
            Ok(made) => made.map_err(|_| broke),
            Err(_) => Err(late),
        };
        record.data_hashes =
            data.map_err(|reason| record.notes.push(format!("the data has no hash: {reason}").into())).ok();
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// SHA-256 over the files as they are sent: the script's path, then for each file, ordered by path, its hash, whether
/// it is executable, and its path. A path ends with a zero byte, which no path contains.
fn code(mut files: Vec<BlockFile>, script: &str, stop: &AtomicBool) -> io::Result<String> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut whole = Sha256::new();
    whole.update(CODE_FORMAT);
    whole.update(format!("script {script}\0"));
    for file in files {
        // Without a hash the hashing was stopped, and the result is not used.
        let hash = content(file.open()?, u64::MAX, stop)?.unwrap_or_default();
        let executable = if file.executable { "x" } else { "-" };
        whole.update(format!("{hash} {executable} {}\0", file.path));
    }
    Ok(hexadecimal(&whole.finalize()))
}

/// Each file's hash, until the hashed files reach the limit together.
fn data(files: Vec<Option<(u64, Box<dyn Read + Send>)>>, most: u64, stop: &AtomicBool) -> Vec<Option<String>> {
    let mut left = most;
    let hash = |file: Option<(u64, Box<dyn Read + Send>)>| {
        let (length, file) = file?;
        left = left.checked_sub(length)?;
        content(file, length, stop).ok().flatten()
    };
    files.into_iter().map(hash).collect()
}

/// SHA-256 of a file's contents; `None` if the file has grown beyond `most`, or hashing was stopped.
fn content(mut file: impl Read, most: u64, stop: &AtomicBool) -> io::Result<Option<String>> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut total = 0;
    loop {
        let read = file.read(&mut buffer)?;
        total += read as u64;
        if total > most || stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if read == 0 {
            return Ok(Some(hexadecimal(&hash.finalize())));
        }
        hash.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    static RUNNING: AtomicBool = AtomicBool::new(false);

    fn file(folder: &Path, path: &str, text: &str) -> BlockFile {
        let source: PathBuf = folder.join(path.replace('/', "_"));
        std::fs::write(&source, text).unwrap();
        BlockFile::at(&source, path).unwrap()
    }

    #[test]
    fn each_change_of_code_is_seen_and_the_order_of_files_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (script, other) = (file(folder.path(), "script.py", "1"), file(folder.path(), "a/b.py", "2"));
        let hash = |files: &[&BlockFile], script: &str| {
            code(files.iter().map(|file| (*file).clone()).collect(), script, &RUNNING).unwrap()
        };
        let first = hash(&[&script, &other], "script.py");
        let (mut executable, mut elsewhere) = (other.clone(), other.clone());
        (executable.executable, elsewhere.path) = (true, "a/c.py".into());
        assert_eq!(first, hash(&[&other, &script], "script.py"));
        let changed = [
            hash(&[&script, &other], "a/b.py"),
            hash(&[&script], "script.py"),
            hash(&[&script, &executable], "script.py"),
            hash(&[&script, &elsewhere], "script.py"),
            hash(&[&script, &file(folder.path(), "a/b.py", "3")], "script.py"),
        ];
        for (position, hash) in changed.iter().enumerate() {
            assert!(hash != &first && !changed[..position].contains(hash), "{position}");
        }
    }

    #[test]
    fn inputs_beyond_the_limit_have_no_hash() {
        let folder = tempfile::tempdir().unwrap();
        let open = |text: &str| {
            let file = file(folder.path(), text, text).open().ok()?;
            Some((text.len() as u64, Box::new(file) as Box<dyn Read + Send>))
        };
        let hash = |text: &str| Some(hexadecimal(&Sha256::digest(text)));
        let hashes = data(vec![open("123"), None, open("12345"), open("12")], 5, &RUNNING);
        assert_eq!(hashes, [hash("123"), None, None, hash("12")]);
        assert_eq!(data(vec![open("123")], 5, &AtomicBool::new(true)), [None]);
    }
}
