//! `longshore run --watch`: runs a block again when its files or its inputs change. Owns what is watched, and when it has
//! changed; `run.rs` runs the block.

use crate::arguments::RunArguments;
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, failure, printer, run, standard, tables};
use longshore::shown::Shown;
use longshore::{Cancel, CancelLevel, Host};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How long files must be unchanged before the next run: editors write, rename and set modes in steps.
const SETTLED: Duration = Duration::from_millis(150);

/// How often that is waited for: in a busy folder files never settle.
const SETTLINGS_MAX: usize = 10;

/// The most files that are looked at: those of the largest block, and as many inputs.
const FILES_MAX: usize = 20_000;

/// The suffixes of scripts that a bare script may import from its folder.
const IMPORTED: [&str; 3] = ["py", "R", "r"];

/// Runs a block, again after each change, until a signal arrives.
pub(crate) async fn watch(arguments: RunArguments, host: &Host) -> u8 {
    let watched = match Watched::of(&arguments) {
        Ok(watched) => watched,
        Err(reason) => return failure::print_text(&reason, BAD_INPUT),
    };
    let stop = Cancel::new();
    let signals = Signals::cancelling(&stop);
    loop {
        let mut changes = match Changes::begin(&watched) {
            Ok(changes) => changes,
            Err(error) => return failure::print_text(&format!("cannot watch the block's files: {error}"), 3),
        };
        let cancel = Cancel::new();
        let mut run = Box::pin(run::once(arguments.clone(), host, &cancel, &signals));
        let has_ended = tokio::select! {
            _ = &mut run => true,
            () = changes.changed(&watched) => false,
            () = stop.cancelled() => false,
        };
        if !has_ended {
            cancel.cancel(CancelLevel::Gently);
            tokio::select! {
                _ = run => {}
                () = cancel.clone().follow(stop.clone()) => {}
            }
        }
        if stop.is_cancelled() {
            return INTERRUPTED;
        }
        if has_ended {
            printer::err(&Shown::line("watching for changes; Ctrl-C ends"));
            tokio::select! {
                () = changes.changed(&watched) => {}
                () = stop.cancelled() => return INTERRUPTED,
            }
        }
        printer::err(&Shown::line("──── changed, running again ────"));
    }
}

/// What is watched.
#[derive(Debug)]
struct Watched {
    /// Folders with everything in them, and files.
    roots: Vec<PathBuf>,
    /// The folder of a bare script, which may import the scripts in it.
    beside: Option<PathBuf>,
    /// What the runs themselves write.
    written: Vec<PathBuf>,
}

/// The files and what identifies their contents: times of the last change, size and inode.
type Stamps = BTreeMap<PathBuf, (i64, i64, u64, u64)>;

impl Watched {
    fn of(arguments: &RunArguments) -> Result<Self, String> {
        let inputs = arguments.tables.tables.iter().map(|text| tables::input(text, arguments.format));
        let inputs: Vec<PathBuf> = inputs.filter_map(|input| input.as_path().map(Path::to_owned)).collect();
        if inputs.iter().any(|path| standard::is_standard(Some(path))) {
            return Err(
                "`--watch` runs the block repeatedly, and standard input can be read only once: give the input a file"
                    .into(),
            );
        }
        let outputs = arguments.outputs.iter().map(|text| tables::output(text, arguments.format));
        let written = outputs.filter_map(|output| output.as_path().map(Path::to_owned)).chain(arguments.keep.clone());
        let values = arguments.options.iter().filter_map(|text| text.split_once("=@").map(|(_, path)| path.into()));
        let files = inputs.into_iter().chain(values).chain(arguments.options_file.clone());
        let is_script = arguments.block.is_file();
        let folder = || arguments.block.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        Ok(Self {
            roots: std::iter::once(arguments.block.clone()).chain(files).map(present).map(absolute).collect(),
            beside: is_script.then(|| absolute(folder().to_owned())),
            written: written.map(absolute).collect(),
        })
    }

    /// The files now, and the folders that contain them.
    fn look(&self) -> (Stamps, Vec<PathBuf>) {
        let mut look = Look { watched: self, stamps: Stamps::new(), folders: Vec::new() };
        for root in &self.roots {
            look.folders.extend(root.parent().map(Path::to_owned));
            look.entry(root.clone());
        }
        if let Some(folder) = &self.beside {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let is_script = |path: &PathBuf| {
                path.extension().and_then(OsStr::to_str).is_some_and(|suffix| IMPORTED.contains(&suffix))
                    && path.is_file()
            };
            entries.filter(is_script).for_each(|path| look.entry(path));
        }
        look.folders.sort();
        look.folders.dedup();
        (look.stamps, look.folders)
    }
}

/// A look at all files.
struct Look<'a> {
    watched: &'a Watched,
    stamps: Stamps,
    folders: Vec<PathBuf>,
}

impl Look<'_> {
    fn entry(&mut self, path: PathBuf) {
        let is_written = self.watched.written.iter().any(|written| path.starts_with(written));
        let Some(found) = fs::metadata(&path).ok().filter(|_| !is_written && self.stamps.len() < FILES_MAX) else {
            return;
        };
        if found.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name()).filter(|name| !is_ignored(name));
            let paths: Vec<PathBuf> = names.map(|name| path.join(name)).collect();
            self.folders.push(path);
            paths.into_iter().for_each(|path| self.entry(path));
        } else {
            self.stamps.insert(path, (found.mtime(), found.mtime_nsec(), found.size(), found.ino()));
        }
    }
}

/// Whether a file is one of an editor or a tool, and not of the block.
fn is_ignored(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(['.', '#']) || name.ends_with('~') || name == "__pycache__"
}

/// A path, or the folder in which it is expected, such as that of a pattern of names.
fn present(path: PathBuf) -> PathBuf {
    match path.parent() {
        Some(folder) if !path.exists() && folder.is_dir() => folder.to_owned(),
        _ => path,
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The kernel's notifications, and the files as they were before.
struct Changes {
    notified: Receiver<()>,
    before: Stamps,
}

impl Changes {
    /// Begins to watch, before the files are looked at: no change is lost.
    fn begin(watched: &Watched) -> io::Result<Self> {
        let kernel = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let kinds = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MODIFY
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE;
        for folder in watched.look().1 {
            match inotify::add_watch(&kernel, &folder, kinds | WatchFlags::ONLYDIR) {
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(Errno::NOSPC) => {
                    return Err(io::Error::other("too many folders: raise fs.inotify.max_user_watches"));
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        let (sender, notified) = channel(1);
        // Not joined: it ends soon after the receiver.
        thread::Builder::new().name("watch".into()).spawn(move || pass_on(&kernel, &sender))?;
        Ok(Self { notified, before: watched.look().0 })
    }

    /// Waits until a file has changed, and all have settled.
    async fn changed(&mut self, watched: &Watched) {
        while self.notified.recv().await.is_some() {
            for _ in 0..SETTLINGS_MAX {
                if tokio::time::timeout(SETTLED, self.notified.recv()).await.is_err() {
                    break;
                }
            }
            if watched.look().0 != self.before {
                return;
            }
        }
        // The kernel reports nothing any more: there is nothing to wait for.
        std::future::pending().await
    }
}

/// Passes notifications on until nobody receives them.
fn pass_on(kernel: &OwnedFd, sender: &Sender<()>) {
    let mut buffer = [0; 4096];
    let timeout = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    while !sender.is_closed() {
        match poll(&mut [PollFd::new(kernel, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        while rustix::io::read(kernel, &mut buffer).is_ok_and(|count| count > 0) {}
        // One that waits already stands for all.
        let _ = sender.try_send(());
    }
}
