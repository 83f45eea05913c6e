//! Logs in the database, and reading them: the kept beginning and end, cut at lines, and a line for what is left out between them.

use crate::database::{Database, signed};
use crate::error::StoreFailure;
use crate::pending::Part;
use rusqlite::{Connection, params};

/// A log of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogSource {
    /// The output of the build of its environment.
    Build = 0,
    /// The output of its script.
    Script = 1,
}

/// The part of a log that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogPiece {
    /// Bytes before it that are not kept.
    pub left_out: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The position after it.
    pub position: u64,
}

/// Adds a part of a log.
pub(crate) fn add_part(connection: &Connection, run: i64, source: LogSource, part: &Part) -> Result<(), StoreFailure> {
    let insert = "INSERT INTO log (run, source, start, finish, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (start, finish) = (signed(part.start), signed(part.start + part.bytes.len() as u64));
    connection.prepare(insert)?.execute(params![run, source as i64, start, finish, part.bytes])?;
    Ok(())
}

impl Database {
    /// The logs of the build and of the script as one text, both as of the same moment.
    pub(crate) fn log(&self, run: i64) -> Result<Vec<u8>, StoreFailure> {
        let _moment = self.connection.unchecked_transaction()?;
        let mut text = self.kept_log(run, LogSource::Build)?;
        text.extend(self.kept_log(run, LogSource::Script)?);
        Ok(text)
    }

    /// A log as a text.
    fn kept_log(&self, run: i64, source: LogSource) -> Result<Vec<u8>, StoreFailure> {
        let sizes = "SELECT log_half, build_bytes, script_bytes FROM runs WHERE number = ?1";
        let mut sizes = self.connection.prepare(sizes)?;
        let column = 1 + source as usize;
        let sizes = sizes.query_map([run], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(column)?)))?;
        let Some(sizes) = sizes.last() else { return Ok(Vec::new()) };
        let (half, taken) = sizes.map(|(half, taken)| (unsigned(half), unsigned(taken)))?;
        let mut text = Text { text: Vec::new(), begin: 0, position: 0 };
        self.each_part(run, source, 0, |part| {
            // Parts are written whole: what is beyond the limit is cut off here.
            let end = part.start + part.bytes.len() as u64;
            let at = |position: u64| usize::try_from(position.clamp(part.start, end) - part.start).unwrap_or_default();
            let (head, tail) = (at(half), at(taken.saturating_sub(half)));
            if head >= tail {
                text.add(part.start, &part.bytes);
            } else {
                text.add(part.start, &part.bytes[..head]);
                text.add(part.start + tail as u64, &part.bytes[tail..]);
            }
        })?;
        text.end(taken);
        Ok(text.text)
    }

    /// What was added to a log after a position.
    pub(crate) fn added_log(&self, run: i64, source: LogSource, position: u64) -> Result<LogPiece, StoreFailure> {
        let mut piece = LogPiece { left_out: 0, bytes: Vec::new(), position };
        self.each_part(run, source, position, |part| {
            let known = piece.position.saturating_sub(part.start);
            if piece.bytes.is_empty() {
                piece.left_out = part.start.saturating_sub(piece.position);
            }
            let is_joined = piece.bytes.is_empty() || part.start <= piece.position;
            // What follows a gap is given next time.
            if let (true, Some(new)) = (is_joined, part.bytes.get(usize::try_from(known).unwrap_or(usize::MAX)..)) {
                piece.bytes.extend_from_slice(new);
                piece.position = part.start + part.bytes.len() as u64;
            }
        })?;
        Ok(piece)
    }

    fn each_part(
        &self,
        run: i64,
        source: LogSource,
        position: u64,
        mut take: impl FnMut(Part),
    ) -> Result<(), StoreFailure> {
        let parts =
            "SELECT start, bytes FROM log WHERE run = ?1 AND source = ?2 AND finish > ?3 ORDER BY start, number";
        let mut parts = self.connection.prepare(parts)?;
        let mut parts = parts.query(params![run, source as i64, signed(position)])?;
        while let Some(part) = parts.next()? {
            take(Part { start: unsigned(part.get(0)?), bytes: part.get(1)? });
        }
        Ok(())
    }
}

/// A text that is put together from parts, in order.
struct Text {
    text: Vec<u8>,
    /// Where the part after the last gap begins in it.
    begin: usize,
    position: u64,
}

impl Text {
    fn add(&mut self, start: u64, bytes: &[u8]) {
        // Parts do not overlap; a damaged file may have some that do.
        let known = usize::try_from(self.position.saturating_sub(start)).unwrap_or(usize::MAX);
        let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) else { return };
        if start > self.position {
            self.gap(start - self.position, new);
        } else {
            self.text.extend_from_slice(new);
        }
        self.position = start + bytes.len() as u64;
    }

    fn end(&mut self, taken: u64) {
        if taken > self.position {
            self.gap(taken - self.position, &[]);
        }
    }

    /// Leaves incomplete lines out too.
    fn gap(&mut self, missing: u64, next: &[u8]) {
        let before = &self.text[self.begin..];
        let end = before.iter().rposition(|byte| *byte == b'\n').map_or(before.len(), |at| at + 1);
        let start = next.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // A single long line has no line break to cut at.
        let start = if start < next.len() { start } else { 0 };
        let left_out = missing + (before.len() - end + start) as u64;
        self.text.truncate(self.begin + end);
        self.text.extend_from_slice(format!("… {left_out} bytes are left out here …\n").as_bytes());
        self.begin = self.text.len();
        self.text.extend_from_slice(&next[start..]);
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
