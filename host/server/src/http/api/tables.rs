//! Tables in answers: a kept table is read and written in the asked format by a thread, as fast as the peer reads it.

use crate::http::api::formats::{media_type, plain};
use crate::problem::Problem;
use crate::web::Web;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use longshore::causes::chain;
use longshore::table::{Format, ReadOptions, Sink, Source, TableError, WriteOptions};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_stream::wrappers::ReceiverStream;

/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;

/// Pieces that wait for the peer: a megabyte for each answer.
const QUEUE: usize = 16;

/// A table that a run has written, as an answer in this format.
pub(super) async fn answer(web: &Web, run_id: String, number: u32, format: Format) -> Result<Response, Problem> {
    let (outputs, name) = (web.outputs().clone(), format!("{run_id}-{number}.{}", plain(format).name()));
    outputs.settled(&run_id).await;
    let opened = spawn_blocking(move || outputs.open(&run_id, number)).await.map_err(|_| Problem::broken())?;
    let file = opened.map_err(|error| Problem::internal(format!("cannot read output {number}: {error}")))?;
    let Some(file) = file else {
        let detail = format!(
            "output {number} is not kept: the run has not written it, it was not asked for over HTTP, or newer ones took its room"
        );
        return Err(Problem::unknown(detail));
    };
    let temporary_folder = web.host().settings().temporary_folder.clone();
    let (sender, receiver) = mpsc::channel(QUEUE);
    // It ends when it has sent all, or its peer is gone: then nobody receives from it.
    spawn_blocking(move || {
        let pieces = Pieces { piece: Vec::with_capacity(PIECE), sender: sender.clone() };
        if let Err(error) = write(file, format, &temporary_folder, pieces) {
            // The connection breaks, so that the peer sees that the table is not whole.
            let _ = sender.blocking_send(Err(io::Error::other(chain(&error))));
        }
    });
    let headers = [
        (header::CONTENT_TYPE, media_type(format).to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

fn write(file: File, format: Format, temporary_folder: &Path, pieces: Pieces) -> Result<(), TableError> {
    let path = PathBuf::from("the output");
    let stored = plain(Format::ArrowStream);
    let source = Source::of(&path, file, stored, &ReadOptions::default(), temporary_folder)?;
    let options = WriteOptions::default();
    let format = plain(format);
    let mut sink = Sink::create_to(&path, format, &options, &source.schema(), Box::new(pieces), temporary_folder)?;
    for batch in source.batches()? {
        sink.write(&batch?)?;
    }
    sink.finish().map(drop)
}

/// What is written goes to the peer in pieces.
struct Pieces {
    piece: Vec<u8>,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
