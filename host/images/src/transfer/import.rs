//! Imports an image from an archive: validates all of it, writes a new archive from the validated parts, sends that to
//! the engine, and checks the result.
//!
//! The image gets a name of Longshore's, since loading moves a name from the image that has it. An image whose labels
//! claim to be a block's environment could run for that block, whatever its content: the hash of an environment covers
//! the input of a build, and cannot be verified from its result. So an image is named by its own digest, and runs only
//! on request, unless the caller lets the archive replace environments ([`Trust::Environment`]).

use super::error::ImportError;
use super::passing::{passing_name, sweep};
use crate::find::environment_name;
use crate::usage_store::UsageStore;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use longshore_archive::check::CheckedImage;
use longshore_archive::fault::ArchiveFault;
use longshore_archive::form::Form;
use longshore_archive::pack::Packing;
use longshore_archive::spool;
use longshore_engine::{Engines, ImageStore, StoreError};
use longshore_model::activity::ShuttingDown;
use longshore_model::cancel::Cancel;
use longshore_model::digest::Digest;
use longshore_model::image_id::ImageId;
use longshore_model::labels::HASH_SHOWN;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// The repository of imported images; the tag is the beginning of their digest.
pub(crate) const IMPORTED: &str = "longshore/imported";

/// Pieces in flight to the engine, each of [`PIECE`] bytes: 2 MiB in all.
const PIECES: usize = 8;

/// Bytes per piece.
const PIECE: usize = 256 << 10;

/// The source of an archive.
pub enum Source {
    /// A file or a named pipe.
    File(PathBuf),
    /// An open file or pipe. A pipe is read to its end, and its data kept in a temporary file.
    Open {
        /// The file.
        file: File,
        /// Its name in errors.
        name: PathBuf,
    },
    /// A reader. It is read to its end, and its data kept in a temporary file.
    Reader {
        /// The reader.
        reader: Box<dyn Read + Send>,
        /// Its name in errors.
        name: PathBuf,
    },
}

impl Source {
    /// Its path, or its name in errors.
    pub(crate) fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Open { name, .. } | Self::Reader { name, .. } => name,
        }
    }

    /// The archive, in a file that can be read in any order. Blocks.
    pub(crate) fn open(self, temporary_folder: &Path) -> Result<File, ArchiveFault> {
        match self {
            Self::File(path) => spool::open(&path, temporary_folder),
            Self::Open { file, .. } => spool::of_file(file, temporary_folder),
            Self::Reader { reader, .. } => spool::of_reader(reader, temporary_folder),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name()).finish()
    }
}

/// The trust in an archive's labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// None: its image runs only when requested by name.
    #[default]
    None,
    /// Full: its image becomes the environment that its labels claim.
    Environment,
}

/// An imported image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The image's id in the engine.
    pub id: String,
    /// Its name on this machine.
    pub name: String,
    /// Bytes of its layers, unpacked.
    pub bytes: u64,
    /// Whether it existed already under this name, so that nothing was changed.
    pub already: bool,
}

/// Imports the image of an archive. `stop` ends only the reading of the archive, before the engine gets any of it.
///
/// # Errors
///
/// If the archive is not valid, its image is not for this machine, its name belongs to another image, or the engine
/// fails. The engine's images are then unchanged.
pub async fn import(archive: Source, trust: Trust, engines: &Engines, stop: &Cancel) -> Result<Imported, ImportError> {
    let settings = engines.settings();
    let store = engines.images().await.map_err(StoreError::from)?;
    let platform = store.platform().await?;
    let path = archive.name().to_owned();
    let wrong = |source| ImportError::Archive { path: path.clone(), source };
    let temporary_folder = settings.temporary_folder.clone();
    let checking = spawn_blocking(move || CheckedImage::of(archive.open(&temporary_folder)?, Some(&platform)));
    let checked = tokio::select! {
        checked = checking => checked,
        // A reader may wait without a limit. Its thread ends with it.
        () = stop.cancelled() => return Err(ShuttingDown.into()),
    };
    let image = checked.map_err(ImportError::Ended)?.map(Arc::new).map_err(wrong)?;
    let (name, key) = match trust {
        Trust::None => (imported_name(&image.id), imported_name(&image.id)),
        Trust::Environment => {
            let environment = image.config.environment().map_err(wrong)?;
            (environment_name(environment), environment.to_owned())
        }
    };
    // Locks the image: no other caller builds, removes or imports it at the same time.
    let ledger = UsageStore::new(&settings.state_folder);
    let locked = |source| ImportError::Lock { folder: settings.state_folder.clone(), source };
    let _claimed = ledger.claim(&key).await.map_err(locked)?;
    sweep(store.as_ref()).await?;
    let imported = import_as(store.as_ref(), path.clone(), name, image).await?;
    // Importing counts as a use, so the image is not evicted next. If that cannot be recorded, nothing else is lost.
    let _ = ledger.touch(&key);
    Ok(imported)
}

/// Loads an image under a name of its own, and gives it the one that it is for.
async fn import_as(
    store: &dyn ImageStore,
    path: PathBuf,
    name: String,
    image: Arc<CheckedImage>,
) -> Result<Imported, ImportError> {
    let (ids, bytes) = (Packing::new(&image, None, Form::Docker).ids(), image.size());
    // The id of the image that has the name, which must be this one.
    let named = async || match store.find(&name).await? {
        Some(there) if ids.contains(&there.id.0) => Ok(Some(there.id.0)),
        Some(there) => Err(ImportError::NameTaken { path: path.clone(), name: name.clone(), there: there.id.0 }),
        None => Ok(None),
    };
    if let Some(id) = named().await? {
        return Ok(Imported { id, name, bytes, already: true });
    }
    let passing = passing_name(&image.id.to_string());
    let id = Loading { store, path: &path, name: &passing }.run(image).await?;
    let tagged = match named().await {
        // Another user imported it meanwhile.
        Ok(Some(_)) => Ok(()),
        Ok(None) => store.tag(&ImageId(id.clone()), &name).await.map_err(ImportError::from),
        Err(error) => Err(error),
    };
    // A later import removes it if it stays.
    let _ = store.remove(&passing).await;
    tagged.map(|()| Imported { id, name, bytes, already: false })
}

fn imported_name(id: &Digest) -> String {
    format!("{IMPORTED}:{}", &id.hex()[..HASH_SHOWN])
}

/// The second half: the validated archive is sent to the engine, under a name of [`passing_name`].
pub(crate) struct Loading<'a> {
    /// The engine's images.
    pub(crate) store: &'a dyn ImageStore,
    /// The archive.
    pub(crate) path: &'a Path,
    /// The name that the image gets.
    pub(crate) name: &'a str,
}

impl Loading<'_> {
    /// Sends it, checks the result, and returns its id in the engine.
    pub(crate) async fn run(&self, image: Arc<CheckedImage>) -> Result<String, ImportError> {
        let ids = Packing::new(&image, Some(self.name), Form::Docker).ids();
        match self.load(&image, &ids).await {
            Ok(id) => Ok(id),
            Err(failure) => Err(self.undo(failure).await),
        }
    }

    /// Loads it, and returns its id in the engine.
    async fn load(&self, image: &Arc<CheckedImage>, ids: &[String; 2]) -> Result<String, ImportError> {
        let (pieces, received) = mpsc::channel::<io::Result<Bytes>>(PIECES);
        let (image, name) = (image.clone(), self.name.to_owned());
        let writing = spawn_blocking(move || {
            let pieces = Pieces(pieces);
            let packing = Packing::new(&image, Some(&name), Form::Docker);
            let mut out = BufWriter::with_capacity(PIECE, pieces.clone());
            packing.write(&mut out).and_then(|out| out.flush()).inspect_err(|error| {
                // The engine must not accept the sent part as a complete archive.
                let _ = pieces.0.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
            })
        });
        let body =
            stream::unfold(received, |mut received| async { received.recv().await.map(|piece| (piece, received)) });
        let loaded = self.store.import(body.boxed()).await;
        let written = writing.await.map_err(ImportError::Ended)?;
        let path = self.path.to_owned();
        match (loaded, written) {
            (Ok(()), Ok(())) => {}
            // The engine closed the connection, and its own message has the reason.
            (Err(source), Err(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => {
                return Err(ImportError::Load { path, source });
            }
            (_, Err(source)) => return Err(ImportError::Changed { path, source }),
            (Err(source), Ok(())) => return Err(ImportError::Load { path, source }),
        }
        // If the engine loaded nothing, or another image, it may still have reported success.
        let found = self.store.find(self.name).await?;
        let found = found.map_or_else(|| "nothing".to_owned(), |image| image.id.0);
        if ids.contains(&found) { Ok(found) } else { Err(ImportError::OtherImage { expected: ids[0].clone(), found }) }
    }

    /// Removes what a failed load may have left: no other load has the name.
    async fn undo(&self, failure: ImportError) -> ImportError {
        match self.store.remove(self.name).await {
            Ok(()) => failure,
            Err(left) => ImportError::LeftBehind { name: self.name.to_owned(), left, source: Box::new(failure) },
        }
    }
}

/// A writer, whose other end is a stream.
#[derive(Clone)]
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
