//! An interpreter that waits for its run: the named pipes between it and the agent, its report, and the file with the
//! run's arguments and environment. The program that makes it wait is the host's, and is among the files that came with
//! Prepare. What it reports is untrusted, since it may be anything that the image has in its place.

use crate::error::StartError;
use longshore_protocol::{Begin, Prepare};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::io::Errno;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Most bytes of a report: names of a few thousand modules.
const REPORT_MAX: usize = 128 << 10;

/// The pipe of the interpreter's report.
const READY: &str = "ready";

/// The pipe that lets it go on.
const GO: &str = "go";

/// The file that it reads then.
const RUN: &str = "run";

/// The agent's ends of the pipes.
#[derive(Debug)]
pub(crate) struct Hold {
    folder: PathBuf,
    ready: OwnedFd,
    go: OwnedFd,
    report: Vec<u8>,
}

impl Hold {
    /// Makes the pipes, as the script's user.
    pub(crate) fn create(prepare: &Prepare) -> Result<Self, StartError> {
        let folder = PathBuf::from(&prepare.folder).join(&prepare.hold);
        let pipe = |name: &str, flags| {
            let path = folder.join(name);
            let failed = |errno: Errno| StartError::Write { path: path.clone(), source: errno.into() };
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(failed)?;
            open(&path, flags | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()).map_err(failed)
        };
        let ready = pipe(READY, OFlags::RDONLY)?;
        // For reading too, so that it can be opened before its reader.
        let go = pipe(GO, OFlags::RDWR)?;
        Ok(Self { folder, ready, go, report: Vec::new() })
    }

    /// Reads what there is of the report. Returns whether it is complete.
    pub(crate) fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match rustix::io::read(&self.ready, &mut buffer) {
                Ok(0) => return true,
                Ok(read) => {
                    let room = REPORT_MAX.saturating_sub(self.report.len()).min(read);
                    self.report.extend_from_slice(&buffer[..room]);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                // Nothing more can arrive.
                Err(_) => return true,
            }
        }
    }

    /// The report.
    pub(crate) fn report(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.report)
    }

    /// Lets the interpreter go on with a run. The pipe that is returned has to stay open until the interpreter has ended,
    /// which may open its end only after this.
    pub(crate) fn release(self, prepare: &Prepare, begin: &Begin) -> Result<OwnedFd, StartError> {
        let path = self.folder.join(RUN);
        let failed = |source| StartError::Write { path: path.clone(), source };
        let arguments = begin.program.strip_prefix(prepare.program.as_slice()).ok_or(StartError::OtherProgram)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        file.write_all(&instruction(arguments, prepare, begin)).map_err(failed)?;
        drop(file);
        rustix::io::write(&self.go, b"\n").map_err(|errno| failed(errno.into()))?;
        Ok(self.go)
    }
}

impl AsFd for Hold {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

/// Entries that end with a zero byte: `a` and an argument, `e` and a variable that differs from the prepared ones, `u`
/// and the name of one that is no longer set.
fn instruction(arguments: &[String], prepare: &Prepare, begin: &Begin) -> Vec<u8> {
    let (before, now) = (&prepare.environment, &begin.environment);
    let arguments = arguments.iter().map(|argument| format!("a{argument}\0"));
    let changed = now.iter().filter(|(name, value)| before.get(*name) != Some(*value));
    let changed = changed.map(|(name, value)| format!("e{name}={value}\0"));
    let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("u{name}\0"));
    arguments.chain(changed).chain(gone).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn variables(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_instruction_has_what_differs_from_the_prepared_interpreter() {
        let folder = tempfile();
        let prepare = Prepare {
            program: vec!["python3".into(), "/work/a.py".into()],
            environment: variables(&[("A", "1"), ("B", "2"), ("PYTHONPATH", "/hold")]),
            folder: folder.to_str().unwrap().to_owned(),
            user: None,
            open_files: None,
            hold: "hold".into(),
        };
        let begin = |program: &[&str]| Begin {
            program: program.iter().map(|part| (*part).to_owned()).collect(),
            environment: variables(&[("A", "1"), ("B", "3 = 4"), ("C", "")]),
            folder: prepare.folder.clone(),
            user: None,
            log_bytes: 0,
            open_files: None,
            ladder: longshore_protocol::CancelLadder { interrupt_ms: 0, terminate_ms: 0 },
            keep: None,
            tell_end: false,
        };
        std::fs::create_dir(folder.join("hold")).unwrap();
        let hold = Hold::create(&prepare).unwrap();
        let other = hold.release(&prepare, &begin(&["python3", "/work/b.py"]));
        assert!(matches!(other, Err(StartError::OtherProgram)), "{other:?}");
        std::fs::remove_dir_all(folder.join("hold")).unwrap();
        std::fs::create_dir(folder.join("hold")).unwrap();
        let mut hold = Hold::create(&prepare).unwrap();
        // Nobody has opened the pipe for writing yet.
        assert!(hold.read() && hold.report().is_empty());
        let go = hold.release(&prepare, &begin(&["python3", "/work/a.py", "x y"])).unwrap();
        // Whoever opens it now still finds what was written.
        let mut late = std::fs::File::open(folder.join("hold/go")).unwrap();
        drop(go);
        let mut byte = Vec::new();
        std::io::Read::read_to_end(&mut late, &mut byte).unwrap();
        assert_eq!(byte, b"\n");
        let written = std::fs::read(folder.join("hold/run")).unwrap();
        assert_eq!(written, b"ax y\0eB=3 = 4\0eC=\0uPYTHONPATH\0");
        std::fs::remove_dir_all(folder).unwrap();
    }

    fn tempfile() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("longshore-hold-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
