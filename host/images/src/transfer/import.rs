//! Takes an image in from an archive: checks all of it, writes an archive of its own from what was checked, hands that
//! to the engine, and looks at what came of it.
//!
//! An image gets a name of ours, whatever the archive calls it: loading takes a name over from whichever image has it.
//! Which name that is, is a matter of trust. The labels of an image are what its maker wrote. One that says to be the
//! environment of some block, and had the name that goes with it, would be run for that block from then on, whoever made
//! it and whatever is in it: the hash of an environment says what went into a build, and cannot be seen from its result.
//! So an image is called after its own digest, and runs where somebody asks for it, unless the caller says that the
//! archive comes from somebody who may put environments here ([`Trust::Environment`]).

use super::error::ImportError;
use crate::find::environment_name;
use crate::usage_store::UsageStore;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use longshore_archive::check::CheckedImage;
use longshore_archive::fault::ArchiveFault;
use longshore_archive::form::Form;
use longshore_archive::pack::Packing;
use longshore_archive::spool;
use longshore_config::settings::Settings;
use longshore_engine::{Engines, ImageStore, StoreError};
use longshore_model::digest::Digest;
use longshore_model::labels::HASH_SHOWN;
use longshore_model::platform::Platform;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// The repository of images that were taken in; the tag is the beginning of their digest.
const IMPORTED: &str = "longshore/imported";

/// Pieces on the way to the engine, each of [`PIECE`] bytes: 2 MiB in all.
const PIECES: usize = 8;

/// Bytes that are handed on at a time.
const PIECE: usize = 256 << 10;

/// What an archive's word is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Nothing: its image runs where somebody asks for it by name.
    #[default]
    None,
    /// Its image takes the place of the environment that its labels say it is.
    Environment,
}

/// An image that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The image's id, as the engine has it.
    pub id: String,
    /// Its name here.
    pub name: String,
    /// Bytes of its layers, unpacked.
    pub bytes: u64,
    /// Whether it was here already under this name, so that nothing was changed.
    pub already: bool,
}

/// Takes in the image of an archive, which is the path of a file, or `-` for standard input.
///
/// # Errors
///
/// If anything is wrong with the archive, its image is not for this machine, its name is taken by another image, or the
/// engine fails. The engine's images are then as they were.
pub async fn import(archive: &Path, trust: Trust, engines: &Engines) -> Result<Imported, ImportError> {
    let settings = engines.settings();
    let store = engines.images().await.map_err(StoreError::from)?;
    let platform = store.platform().await?;
    let image = check(archive, platform, settings).await?;
    let wrong = |source| ImportError::Archive { path: archive.to_owned(), source };
    let (name, key) = match trust {
        Trust::None => (imported_name(&image.id), imported_name(&image.id)),
        Trust::Environment => {
            let environment = image.config.environment().map_err(wrong)?;
            (environment_name(environment), environment.to_owned())
        }
    };
    // Nobody builds, removes or takes in the same meanwhile.
    let ledger = UsageStore::new(&settings.state_folder);
    let locked = |source| ImportError::Lock { folder: settings.state_folder.clone(), source };
    let _claimed = ledger.claim(&key).await.map_err(locked)?;
    let imported = Loading { store: store.as_ref(), path: archive, name: &name }.run(image).await?;
    // What was just taken in is not what nobody used for longest. A ledger that cannot be written costs only that.
    let _ = ledger.touch(&key);
    Ok(imported)
}

async fn check(archive: &Path, platform: Platform, settings: &Settings) -> Result<Arc<CheckedImage>, ImportError> {
    let (path, temporary) = (archive.to_owned(), settings.work_folder.clone());
    let checked = spawn_blocking(move || CheckedImage::of(spool::open(&path, &temporary)?, Some(&platform)));
    let wrong = |source: ArchiveFault| ImportError::Archive { path: archive.to_owned(), source };
    checked.await.map_err(ImportError::Ended)?.map(Arc::new).map_err(wrong)
}

fn imported_name(id: &Digest) -> String {
    format!("{IMPORTED}:{}", &id.hex()[..HASH_SHOWN])
}

/// The second half: what is checked goes to the engine.
struct Loading<'a> {
    store: &'a dyn ImageStore,
    path: &'a Path,
    name: &'a str,
}

impl Loading<'_> {
    async fn run(&self, image: Arc<CheckedImage>) -> Result<Imported, ImportError> {
        let ids = Packing::new(&image, Some(self.name), Form::Docker).ids();
        let taken_in = |id, already| Imported { id, name: self.name.to_owned(), bytes: image.size(), already };
        if let Some(there) = self.store.find(self.name).await? {
            return match there.id.0 {
                id if ids.contains(&id) => Ok(taken_in(id, true)),
                there => {
                    let (path, name) = (self.path.to_owned(), self.name.to_owned());
                    Err(ImportError::NameTaken { path, name, there })
                }
            };
        }
        match self.load(&image, &ids).await {
            Ok(id) => Ok(taken_in(id, false)),
            Err(failure) => Err(self.undo(failure).await),
        }
    }

    /// Loads it, and gives the id that it has then.
    async fn load(&self, image: &Arc<CheckedImage>, ids: &[String; 2]) -> Result<String, ImportError> {
        let (pieces, received) = mpsc::channel::<io::Result<Bytes>>(PIECES);
        let (image, name) = (image.clone(), self.name.to_owned());
        let writing = spawn_blocking(move || {
            let pieces = Pieces(pieces);
            let packing = Packing::new(&image, Some(&name), Form::Docker);
            let mut out = BufWriter::with_capacity(PIECE, pieces.clone());
            packing.write(&mut out).and_then(|out| out.flush()).inspect_err(|error| {
                // The engine must not take what it has for a whole archive.
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
            // The engine hung up, and its own words say why.
            (Err(source), Err(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => {
                return Err(ImportError::Load { path, source });
            }
            (_, Err(source)) => return Err(ImportError::Changed { path, source }),
            (Err(source), Ok(())) => return Err(ImportError::Load { path, source }),
        }
        // An engine that took nothing in, or something else, may still have said nothing of it.
        let found = self.store.find(self.name).await?;
        let found = found.map_or_else(|| "nothing".to_owned(), |image| image.id.0);
        if ids.contains(&found) { Ok(found) } else { Err(ImportError::OtherImage { expected: ids[0].clone(), found }) }
    }

    /// Takes back what a load that failed may have left: the name was nobody's before.
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
