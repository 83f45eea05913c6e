//! Processes the blocks of a text on all cores, with the results in the order of the blocks. One thread cuts the text
//! and hands the blocks to the workers in turn; the results are collected in the same turn, so that none waits out of
//! order.

use super::cut::Cutter;
use crate::TableError;
use crate::batches::gave_up;
use crate::guard::guarded;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Queued blocks and results of each worker: a delayed worker finds its next block ready, and its results wait for
/// their turn.
const WAITING: usize = 2;

/// Workers at most: each holds some blocks.
const WORKERS_MAX: usize = 16;

/// A block, the result of one, or the end of all blocks.
enum Piece<T> {
    Next(Result<T, TableError>),
    End,
}

/// The results, in the order of the blocks. Nothing follows an error.
pub(crate) struct InOrder<T> {
    path: PathBuf,
    results: Vec<Receiver<Piece<T>>>,
    turn: usize,
    ended: bool,
}

impl<T: Send + 'static> InOrder<T> {
    /// Starts to process the blocks of a text. The threads end with the blocks, or when the results are dropped.
    pub(crate) fn start<R: Read + Send + 'static>(
        path: &Path,
        cutter: Cutter<R>,
        work: impl Fn(&mut Vec<u8>) -> Result<T, TableError> + Send + Sync + 'static,
    ) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let work = Arc::new(work);
        let (used, back) = channel();
        let (mut blocks, mut results) = (Vec::new(), Vec::new());
        for _ in 0..workers {
            let (to_worker, from_cutter) = sync_channel(WAITING);
            let (to_taker, from_worker) = sync_channel(WAITING);
            let (own, work, used) = (path.to_owned(), Arc::clone(&work), used.clone());
            // Its result or error arrives through the channel.
            drop(std::thread::spawn(move || serve(&own, &from_cutter, &to_taker, &used, work.as_ref())));
            blocks.push(to_worker);
            results.push(from_worker);
        }
        let own = path.to_owned();
        // Its error or end reaches the results through the workers.
        drop(std::thread::spawn(move || deal(&own, cutter, &blocks, &back)));
        Self { path: path.to_owned(), results, turn: 0, ended: false }
    }
}

/// Cuts the text, and distributes the blocks in turn.
fn deal<R: Read>(path: &Path, mut cutter: Cutter<R>, blocks: &[SyncSender<Piece<Vec<u8>>>], back: &Receiver<Vec<u8>>) {
    for worker in blocks.iter().cycle() {
        let buffer = back.try_recv().unwrap_or_default();
        let next = guarded(|| cutter.next(buffer)).unwrap_or_else(|panicked| Err(gave_up(path, &panicked)));
        let piece = next.transpose().map_or(Piece::End, Piece::Next);
        let is_last = !matches!(piece, Piece::Next(Ok(_)));
        if worker.send(piece).is_err() || is_last {
            return;
        }
    }
}

/// Processes blocks as they arrive.
fn serve<T>(
    path: &Path,
    blocks: &Receiver<Piece<Vec<u8>>>,
    results: &SyncSender<Piece<T>>,
    used: &Sender<Vec<u8>>,
    work: &dyn Fn(&mut Vec<u8>) -> Result<T, TableError>,
) {
    // If the cutter stops without an end, the taker sees a closed channel and reports it.
    while let Ok(piece) = blocks.recv() {
        let done = match piece {
            Piece::Next(Ok(mut block)) => {
                let done = guarded(|| work(&mut block)).unwrap_or_else(|panicked| Err(gave_up(path, &panicked)));
                // A cutter that has ended takes no buffers back.
                let _ = used.send(block);
                Piece::Next(done)
            }
            Piece::Next(Err(error)) => Piece::Next(Err(error)),
            Piece::End => Piece::End,
        };
        let is_last = !matches!(done, Piece::Next(Ok(_)));
        if results.send(done).is_err() || is_last {
            return;
        }
    }
}

impl<T> Iterator for InOrder<T> {
    type Item = Result<T, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let piece = self.results[self.turn].recv();
        self.turn = (self.turn + 1) % self.results.len();
        self.ended = !matches!(piece, Ok(Piece::Next(Ok(_))));
        match piece {
            Ok(Piece::Next(done)) => Some(done),
            Ok(Piece::End) => None,
            Err(_) => {
                let reason = "its reader stopped before the end".into();
                Some(Err(TableError::Damaged { path: self.path.clone(), reason }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sizes;
    use super::*;

    fn start<T: Send + 'static>(
        text: &str,
        work: impl Fn(&mut Vec<u8>) -> Result<T, TableError> + Send + Sync + 'static,
    ) -> InOrder<T> {
        let path = Path::new("x");
        let text = std::io::Cursor::new(text.to_owned().into_bytes());
        InOrder::start(path, Cutter::new(path, text, 0, None, Sizes { block: 8, head: 0 }).unwrap(), work)
    }

    #[test]
    fn results_are_in_the_order_of_the_blocks() {
        let text: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        let blocks = start(&text, |block| Ok(String::from_utf8_lossy(block).into_owned()));
        assert_eq!(blocks.map(Result::unwrap).collect::<String>(), text);
    }

    #[test]
    fn nothing_follows_an_error_or_a_panic() {
        let mut blocks = start(&"1\n".repeat(1000), |block| if block.len() > 1 { panic!("no luck") } else { Ok(()) });
        let error = blocks.next().unwrap().unwrap_err().to_string();
        assert_eq!(error, "`x` is truncated or damaged: its reader gave up: no luck");
        assert!(blocks.next().is_none());
    }
}
