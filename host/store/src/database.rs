//! The database's file: where it is, how it is opened, and how processes share it. Readers and one writer work at the
//! same time (SQLite's write-ahead log); a writer waits for another one. A commit survives the kill of its process. After
//! a power failure the file is intact, and the last commits may be missing.

use crate::error::{HistoryError, StoreFailure};
use crate::hosts::Hosts;
use crate::schema;
use longshore_os::presence::if_there;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of the database in the state folder, for this user alone.
const FOLDER: &str = "database";

/// The file in it. SQLite has two more beside it, and gives them its mode.
const FILE: &str = "longshore.sqlite";

/// How long a writer waits for another one: transactions take milliseconds, and a slow disk takes a second to sync the
/// 4 MB after which SQLite moves commits into the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the write-ahead log that stay allocated on the disk.
const LOG_STAYS: i64 = 8 << 20;

/// File systems of several machines, and of programs: they have locks, but no memory that processes share.
const SHARED: [i64; 10] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x0102_1997, // 9P
    0x6573_5546, // FUSE
    0x00c3_6400, // Ceph
    0x0bd0_0bd0, // Lustre
    0x4750_4653, // GPFS
    0x5346_414f, // AFS
];

/// The place of the database.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    state_folder: PathBuf,
    folder: PathBuf,
}

/// An open database. Used by one thread at a time.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) hosts: Hosts,
}

impl Place {
    pub(crate) fn new(state_folder: &Path) -> Self {
        Self { state_folder: state_folder.to_owned(), folder: state_folder.join(FOLDER) }
    }

    pub(crate) fn state_folder(&self) -> &Path {
        &self.state_folder
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn exists(&self) -> bool {
        self.folder.join(FILE).exists()
    }

    /// Opens the database; creates it, for this user alone, if it is missing.
    pub(crate) fn open(&self) -> Result<Database, StoreFailure> {
        std::fs::create_dir_all(&self.state_folder)?;
        let existing = |error: &std::io::Error| error.kind() == ErrorKind::AlreadyExists;
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if !existing(&error) => return Err(error.into()),
            _ => {}
        }
        // Never opens an existing file: closing it would release the locks that this process has on it.
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.folder.join(FILE));
        match new {
            Err(error) if !existing(&error) => return Err(error.into()),
            _ => {}
        }
        self.open_file()
    }

    /// Opens the database; `None` if it is missing.
    pub(crate) fn open_existing(&self) -> Result<Option<Database>, StoreFailure> {
        // A path through a file is an error, as for whoever writes.
        match if_there(self.folder.join(FILE).symlink_metadata())? {
            Some(_) => self.open_file().map(Some),
            None => Ok(None),
        }
    }

    fn open_file(&self) -> Result<Database, StoreFailure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(self.folder.join(FILE), flags)?;
        connection.busy_timeout(PATIENCE)?;
        // The last process that closes it need not wait for the disk: the write-ahead log stays, and is bounded.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        schema::migrate(&mut connection)?;
        let journal = if self.is_shared() { "DELETE" } else { "WAL" };
        // It cannot change while another process uses the file; both kinds are safe.
        let changed = connection.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(()));
        if let Err(error) = changed.map_err(StoreFailure::from)
            && !matches!(error, StoreFailure::Locked | StoreFailure::ReadOnly)
        {
            return Err(error);
        }
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update_and_check(None, "journal_size_limit", LOG_STAYS, |_| Ok(()))?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Database { connection, hosts: Hosts::new(&self.folder) })
    }

    fn is_shared(&self) -> bool {
        rustix::fs::statfs(&self.folder).is_ok_and(|found| SHARED.contains(&found.f_type))
    }

    /// The error of an operation.
    pub(crate) fn failed(&self, what: &'static str) -> impl Fn(StoreFailure) -> HistoryError {
        let folder = self.folder.clone();
        move |source| HistoryError::Store { folder: folder.clone(), what, source }
    }
}

impl Database {
    /// Marks the runs of killed hosts as lost.
    pub(crate) fn mark_lost(&self) -> Result<(), StoreFailure> {
        let mut hosts = self.connection.prepare("SELECT DISTINCT host FROM runs WHERE state = 'running'")?;
        let hosts = hosts.query_map([], |row| row.get::<_, Option<String>>(0))?.collect::<Result<Vec<_>, _>>()?;
        for host in hosts.into_iter().map(Option::unwrap_or_default).filter(|host| !self.hosts.lives(host)) {
            let lost = "UPDATE runs SET state = 'lost' WHERE host = ?1 AND state = 'running'";
            self.connection.execute(lost, [host])?;
        }
        Ok(())
    }
}

/// A number as SQLite has them.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
