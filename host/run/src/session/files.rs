//! Sends an agent what to run, with the block's files. Those in memory are sent at once; others are read on a thread that
//! may block, as many at a time as one message may have bytes.

use crate::connection::Outgoing;
use longshore_block::BlockFile;
use longshore_engine::task::blocking;
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{Frame, Payload, ToAgent};
use std::io::{self, Read};

/// Files that are read at a time.
const FILES_MAX: usize = 64;

/// Sends the first message, the files, and Start. Waits while the agent does not read.
pub(super) async fn send_files(outgoing: Outgoing, first: ToAgent, files: Vec<BlockFile>) -> io::Result<()> {
    send(&outgoing, Frame::new(&first)).await;
    let mut parts = Parts { files: files.into_iter(), open: None };
    while !parts.is_over() {
        let (rest, frames) = if parts.is_kept() { parts.read() } else { blocking(|| parts.read()).await }?;
        for frame in frames {
            send(&outgoing, frame).await;
        }
        parts = rest;
    }
    send(&outgoing, Frame::new(&ToAgent::Start)).await;
    Ok(())
}

/// Sends a frame. The reader notices a closed connection.
pub(super) async fn send(outgoing: &Outgoing, frame: Frame) {
    let _ = outgoing.send(frame).await;
}

/// The files that are not yet sent.
struct Parts {
    files: std::vec::IntoIter<BlockFile>,
    /// The one of which a part was sent.
    open: Option<(BlockFile, Box<dyn Read + Send>)>,
}

impl Parts {
    fn is_over(&self) -> bool {
        self.open.is_none() && self.files.as_slice().is_empty()
    }

    /// Whether all of them are in memory.
    fn is_kept(&self) -> bool {
        self.open.iter().map(|(file, _)| file).chain(self.files.as_slice()).all(BlockFile::is_kept)
    }

    /// Reads the next parts, about as many bytes as one message may have.
    fn read(mut self) -> io::Result<(Self, Vec<Frame>)> {
        let (mut frames, mut bytes) = (Vec::new(), 0);
        while bytes < INLINE_MAX && frames.len() < FILES_MAX {
            let (file, mut content) = match self.open.take() {
                Some(open) => open,
                None => {
                    let Some(file) = self.files.next() else { break };
                    let content = file.open()?;
                    (file, content)
                }
            };
            let mut part =
                Vec::with_capacity(usize::try_from(file.bytes()).map_or(INLINE_MAX, |bytes| bytes.min(INLINE_MAX)));
            content.by_ref().take(INLINE_MAX as u64).read_to_end(&mut part)?;
            bytes += part.len();
            let last = part.len() < INLINE_MAX;
            let message = ToAgent::File { path: file.path.clone(), executable: file.executable, last };
            frames.push(Frame::with(&message, Payload::Inline(part)));
            self.open = (!last).then_some((file, content));
        }
        Ok((self, frames))
    }
}
