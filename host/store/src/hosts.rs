//! Hosts that record runs: each locks a byte of one file while it does, by which other processes, also those of other
//! process namespaces and machines, recognize that it lives. The kernel releases the lock with the process.

use longshore_model::run_id::new_run_id;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, c_int, c_short, flock};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file, beside the database. It stays empty.
const FILE: &str = "hosts.lock";

/// The hosts of a database.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    file: PathBuf,
}

/// A host that lives, until this is dropped.
#[derive(Debug)]
pub(crate) struct LivingHost {
    name: String,
    _locked: File,
}

impl Hosts {
    pub(crate) fn new(database_folder: &Path) -> Self {
        Self { file: database_folder.join(FILE) }
    }

    /// One more.
    pub(crate) fn enter(&self) -> io::Result<LivingHost> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.file)?;
        loop {
            // Microseconds since 1970, in hexadecimal digits.
            let id = new_run_id();
            let name = id.split('-').next().unwrap_or_default().to_owned();
            let Some(byte) = byte(&name) else { return Err(io::ErrorKind::InvalidData.into()) };
            match fcntl(&file, FcntlArg::F_OFD_SETLK(&byte)) {
                Ok(_) => return Ok(LivingHost { name, _locked: file }),
                // Another host began in the same microsecond.
                Err(Errno::EAGAIN | Errno::EACCES) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    pub(crate) fn lives(&self, name: &str) -> bool {
        let (Ok(file), Some(mut byte)) = (File::open(&self.file), byte(name)) else { return false };
        fcntl(&file, FcntlArg::F_OFD_GETLK(&mut byte)).is_ok() && byte.l_type != kind(F_UNLCK)
    }
}

impl LivingHost {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// A lock for the byte with this number.
fn byte(name: &str) -> Option<flock> {
    let l_start = i64::from_str_radix(name, 16).ok().filter(|start| *start >= 0)?;
    Some(flock { l_type: kind(F_WRLCK), l_whence: kind(SEEK_SET), l_start, l_len: 1, l_pid: 0 })
}

fn kind(constant: c_int) -> c_short {
    c_short::try_from(constant).unwrap_or_default()
}
