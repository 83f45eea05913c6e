//! Exports an image to an archive: from the engine into a temporary file, checked like any archive, and from there into
//! the requested format. The engine's order of parts allows no shorter way without keeping layers in memory.

use super::error::ExportError;
use crate::find::find_image;
use bytes::Bytes;
use futures_util::StreamExt;
use longshore_archive::check::CheckedImage;
use longshore_archive::compression::Compression;
use longshore_archive::form::Form;
use longshore_archive::pack::Packing;
use longshore_engine::{Engines, ImageStore, StoreError};
use longshore_model::activity::ShuttingDown;
use longshore_model::cancel::Cancel;
use longshore_model::digest::Counting;
use longshore_model::run_id::new_run_id;
use longshore_os::publish::{Destination, Unpublished, folder};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Pieces in flight from the engine to the file: each some tens of kilobytes.
const PIECES: usize = 16;

/// The destination of an archive.
pub enum Target {
    /// A file, which is replaced once the archive is complete; a pipe or a device is written to. Its name selects the
    /// compression: `.tar`, `.tar.gz` or `.tar.zst`.
    File(PathBuf),
    /// A writer, as the data arrives, not compressed.
    Writer(Box<dyn Write + Send>),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Writer(_) => f.write_str("Writer"),
        }
    }
}

/// An exported image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// The image's id: the digest of its configuration.
    pub id: String,
    /// The name in the archive, if the image has one.
    pub name: Option<String>,
    /// Bytes of the archive.
    pub bytes: u64,
}

/// Exports an image to an archive. `image` is a name, an id, or the beginning of an environment's hash. `stop` ends only
/// the wait for a writer.
///
/// # Errors
///
/// If no image matches, the engine fails, or the archive cannot be written; an existing file is unchanged.
pub async fn export(
    image: &str,
    target: Target,
    form: Form,
    engines: &Engines,
    stop: &Cancel,
) -> Result<Exported, ExportError> {
    let destination = match &target {
        Target::File(path) => Some(destination(path)?),
        Target::Writer(_) => None,
    };
    let settings = engines.settings();
    let store = engines.images().await.map_err(StoreError::from)?;
    let found = find_image(store.as_ref(), image).await?;
    // An image requested by name keeps that name.
    let mut names = found.names;
    names.sort();
    let name = names.iter().find(|name| *name == image).or_else(|| names.first()).cloned();
    let sent = match &destination {
        // The disk of the archive has room for the temporary file too.
        Some(Destination::File(place)) => {
            let (folder, place) = (place.folder().path().to_owned(), place.clone());
            receive(store.as_ref(), &found.id.0, folder, move || place.scratch()).await?
        }
        _ => {
            let folder = settings.temporary_folder.clone();
            receive(store.as_ref(), &found.id.0, folder.clone(), move || scratch(&folder)).await?
        }
    };
    let (image, is_writer) = (image.to_owned(), matches!(target, Target::Writer(_)));
    let writing = spawn_blocking(move || {
        let checked = CheckedImage::of(sent, None).map_err(|source| ExportError::Sent { image, source })?;
        let packing = Packing::new(&checked, name.as_deref(), form);
        let bytes = match target {
            Target::Writer(writer) => write(&packing, Compression::None, writer).map_err(ExportError::Send)?,
            Target::File(path) => {
                let destination = destination.ok_or_else(|| io::ErrorKind::NotFound.into());
                let written = destination.and_then(|destination| write_file(&packing, &path, destination));
                written.map_err(|source| ExportError::Write { path, source })?
            }
        };
        Ok(Exported { id: checked.id.to_string(), name, bytes })
    });
    tokio::select! {
        written = writing => written.map_err(ExportError::Ended)?,
        // A writer may wait without a limit. Its thread ends with it.
        () = stop.cancelled(), if is_writer => Err(ShuttingDown.into()),
    }
}

/// A temporary file without a name.
fn scratch(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder)
}

/// Writes the engine's data of an image into a temporary file.
async fn receive(
    store: &dyn ImageStore,
    id: &str,
    folder: PathBuf,
    make: impl FnOnce() -> io::Result<File> + Send + 'static,
) -> Result<File, ExportError> {
    let (pieces, mut received) = mpsc::channel::<Bytes>(PIECES);
    let writing = spawn_blocking(move || {
        let keep = |source| ExportError::Keep { folder: folder.clone(), source };
        let mut file = make().map_err(keep)?;
        while let Some(piece) = received.blocking_recv() {
            file.write_all(&piece).map_err(keep)?;
        }
        Ok(file)
    });
    let mut sent = store.export(id);
    let mut failed: Option<StoreError> = None;
    while let Some(piece) = sent.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                failed = Some(error);
                break;
            }
        };
        // If the writer has ended, its error is returned below.
        if pieces.send(piece).await.is_err() {
            break;
        }
    }
    drop(pieces);
    let written = writing.await.map_err(ExportError::Ended)?;
    failed.map_or(written, |error| Err(error.into()))
}

/// The kind of file at an archive's path.
fn destination(path: &Path) -> Result<Destination, ExportError> {
    let no_place = |reason: String| ExportError::NoPlace { path: path.to_owned(), reason };
    if !folder(path).is_dir() {
        return Err(no_place("its folder does not exist".into()));
    }
    Destination::of(path).map_err(|error| no_place(error.to_string()))
}

fn write_file(packing: &Packing<'_>, path: &Path, destination: Destination) -> io::Result<u64> {
    let compression = Compression::of_name(path);
    match destination {
        // Appended to a file that a process has open, such as standard output.
        Destination::Stream(special) => write(packing, compression, special.append()?),
        Destination::File(place) => {
            let unpublished = Unpublished::create_in(place, path, &new_run_id())?;
            let bytes = write(packing, compression, unpublished.writer()?)?;
            unpublished.publish()?;
            Ok(bytes)
        }
    }
}

fn write(packing: &Packing<'_>, compression: Compression, out: impl Write) -> io::Result<u64> {
    /// Layers are copied in pieces of 8 KiB; disks need larger ones.
    const BUFFER: usize = 256 << 10;
    let writer = compression.writer(BufWriter::with_capacity(BUFFER, Counting::new(out)))?;
    let mut buffered = packing.write(writer)?.finish()?;
    buffered.flush()?;
    Ok(buffered.get_ref().count())
}
