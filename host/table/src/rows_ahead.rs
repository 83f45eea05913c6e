//! Splits a text into rows on a thread of its own, while another examines their cells.

use super::batches::gave_up;
use super::cells::Record;
use super::error::TableError;
use super::guard::guarded;
use super::rows::{RowSource, Rows};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

/// Maximum rows of a block.
const BLOCK_ROWS: usize = 2048;

/// Bytes at which a block is complete, however few rows it has.
const BLOCK_BYTES: usize = 1 << 20;

/// Queued blocks.
const BLOCKS: usize = 4;

/// Some rows, and the end of the text if it is reached: the notes about rows, or the error.
struct Block {
    rows: Vec<Record>,
    filled: usize,
    end: Option<Result<Vec<String>, TableError>>,
}

/// Rows as they arrive from their thread.
pub(super) struct Ahead {
    path: PathBuf,
    blocks: Receiver<Block>,
    /// Returns records for reuse of their memory.
    used: Sender<Vec<Record>>,
    block: Block,
    at: usize,
    notes: Option<Vec<String>>,
}

impl Ahead {
    /// Starts to split the text into rows. The thread ends with the rows, or when the receiver is dropped.
    pub(super) fn start<R: Read + Send + 'static>(path: &Path, mut rows: Rows<R>) -> Self {
        let (sender, blocks) = sync_channel(BLOCKS);
        let (used, back) = channel::<Vec<Record>>();
        let own = path.to_owned();
        // Its error or end arrives through the channel.
        drop(std::thread::spawn(move || {
            loop {
                let records = back.try_recv().unwrap_or_default();
                let gone = |panicked| Block { rows: Vec::new(), filled: 0, end: Some(Err(gave_up(&own, &panicked))) };
                let block = guarded(|| block(&mut rows, records)).unwrap_or_else(gone);
                let is_last = block.end.is_some();
                if sender.send(block).is_err() || is_last {
                    return;
                }
            }
        }));
        let block = Block { rows: Vec::new(), filled: 0, end: None };
        Self { path: path.to_owned(), blocks, used, block, at: 0, notes: None }
    }
}

fn block<R: Read>(rows: &mut Rows<R>, mut records: Vec<Record>) -> Block {
    let (mut filled, mut bytes) = (0, 0);
    while filled < BLOCK_ROWS && bytes < BLOCK_BYTES {
        if records.len() == filled {
            records.push(Record::default());
        }
        match rows.next(&mut records[filled]) {
            Ok(true) => {
                bytes += records[filled].bytes();
                filled += 1;
            }
            Ok(false) => return Block { rows: records, filled, end: Some(Ok(rows.notes())) },
            Err(error) => return Block { rows: records, filled, end: Some(Err(error)) },
        }
    }
    Block { rows: records, filled, end: None }
}

impl RowSource for Ahead {
    fn next(&mut self, record: &mut Record) -> Result<bool, TableError> {
        loop {
            if self.at < self.block.filled {
                std::mem::swap(record, &mut self.block.rows[self.at]);
                self.at += 1;
                return Ok(true);
            }
            match self.block.end.take() {
                Some(Ok(notes)) => self.notes = Some(notes),
                Some(Err(error)) => return Err(error),
                None => {}
            }
            if self.notes.is_some() {
                return Ok(false);
            }
            // A thread that has ended takes no records back.
            let mut used = std::mem::take(&mut self.block.rows);
            // Records that held a long row are not reused, so that their memory is freed.
            used.retain(|record| record.room() <= BLOCK_BYTES);
            let _ = self.used.send(used);
            let Ok(block) = self.blocks.recv() else {
                let reason = "its reader stopped before the end".into();
                return Err(TableError::Damaged { path: self.path.clone(), reason });
            };
            (self.block, self.at) = (block, 0);
        }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone().unwrap_or_default()
    }
}
