//! The image of a block's `Dockerfile`, the base of its environment: found by a hash of all that it is built from, or
//! built by the engine. The images below it are pulled here, so that the settings and credentials for pulling hold.

use super::EnvironmentError;
use super::printed::Lines;
use super::resolver::{ATTEMPTS, EnvironmentResolver};
use super::sources::{indexes, proxies};
use crate::usage_store::{LockGuard, UsageStore};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use longshore_block::{Block, BlockFile, Dockerfile};
use longshore_config::settings::{PackageSettings, Settings};
use longshore_engine::{BuiltImage, ImageBuildPlan, ImageStore, Printed, StoreError, StoredImage};
use longshore_model::address::without_user;
use longshore_model::digest::hexadecimal;
use longshore_model::event::Event;
use longshore_model::human::size;
use longshore_model::labels;
use longshore_model::reference::Reference;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::spawn_blocking;

/// The format of the hashed data; changing it builds every image again.
const FORM: &str = "longshore-dockerfile 1";

/// Bytes of the context that are sent at a time.
const PIECE: usize = 256 << 10;

/// The time of all files in the context, in seconds since 1970: 2000-01-01. Some formats have no earlier ones than 1980.
const TIME: u64 = 946_684_800;

/// The build arguments with addresses of packages, which builds get if their `Dockerfile` declares them. Values are kept in
/// images, so addresses with passwords are left out.
fn package_arguments(settings: &PackageSettings) -> impl Iterator<Item = (&'static str, String)> {
    let is_open = |values: &[String]| !values.is_empty() && values.iter().all(|value| without_user(value) == *value);
    let open = indexes(settings).into_iter().filter(move |(_, values)| is_open(values));
    open.flat_map(|(names, values)| names.map(|name| (name, values.join(" "))))
}

/// The `Dockerfile` of a block, if its image is the base.
pub(super) fn of(block: &Block) -> Option<&Dockerfile> {
    block.dockerfile.as_ref().filter(|_| block.image.is_none())
}

/// Checks before a start that the image can be built: the images below it have valid names, and the files that it
/// copies are files of the folder.
pub(super) fn check(block: &Block) -> Result<(), EnvironmentError> {
    let Some(dockerfile) = of(block) else { return Ok(()) };
    for image in &dockerfile.images {
        Reference::parse(image).map_err(|source| EnvironmentError::DockerfileImage {
            file: block.folder.join(&dockerfile.file),
            image: image.clone(),
            source,
        })?;
    }
    block.build_context(dockerfile).map_err(Box::new)?;
    Ok(())
}

/// An image that was found or built.
pub(super) struct Provided {
    pub(super) image: StoredImage,
    pub(super) name: String,
    /// Whether it existed before.
    pub(super) was_there: bool,
    /// Prevents its eviction.
    pub(super) hold: LockGuard,
}

/// An image to be built, or found.
struct Planned<'a> {
    block: &'a Block,
    dockerfile: &'a Dockerfile,
    base: Option<&'a StoredImage>,
    hash: String,
    files: Arc<Vec<BlockFile>>,
    arguments: BTreeMap<String, String>,
}

impl<'a> Planned<'a> {
    /// The image of a `Dockerfile` on existing images, in the order in which it names them.
    async fn of(
        block: &'a Block,
        dockerfile: &'a Dockerfile,
        below: &'a [StoredImage],
        settings: &Settings,
    ) -> Result<Self, EnvironmentError> {
        let files = Arc::new(block.build_context(dockerfile).map_err(Box::new)?);
        let declared = |name: &str| dockerfile.arguments.iter().any(|known| known == name);
        let arguments = package_arguments(&settings.packages).filter(|(name, _)| declared(name));
        let arguments: BTreeMap<String, String> = arguments.map(|(name, value)| (name.to_owned(), value)).collect();
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(FORM.as_bytes());
        add(settings.images.store.as_bytes());
        add(dockerfile.with_label("").as_bytes());
        below.iter().for_each(|image| add(image.id.0.as_bytes()));
        arguments.iter().for_each(|(name, value)| add(format!("{name}={value}").as_bytes()));
        let listed = Arc::clone(&files);
        let digests = spawn_blocking(move || listed.iter().map(digest).collect::<io::Result<Vec<_>>>());
        let digests = digests.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let digests = digests.map_err(|source| context_failed(block, source))?;
        for (file, digest) in files.iter().zip(digests) {
            add(file.path.as_bytes());
            add(&[u8::from(file.executable)]);
            add(&digest);
        }
        let hash = hexadecimal(&hash.finalize())[..labels::HASH_SHOWN].to_owned();
        let place = dockerfile.images.iter().position(|image| *image == dockerfile.base);
        Ok(Self { block, dockerfile, base: place.and_then(|place| below.get(place)), hash, files, arguments })
    }

    fn name(&self) -> String {
        format!("longshore/dockerfile:{}", self.hash)
    }

    /// Its name in the usage store.
    fn key(&self) -> String {
        format!("dockerfile-{}", self.hash)
    }

    /// The labels that each of its stages has too, so that what a build leaves is known as Longshore's.
    fn stage_labels(&self, settings: &Settings) -> [(&'static str, String); 3] {
        [
            (labels::IMAGE_TYPE, labels::DOCKERFILE.to_owned()),
            (labels::ENVIRONMENT, self.hash.clone()),
            (labels::STORE, settings.images.store.clone()),
        ]
    }

    fn labels(&self, settings: &Settings) -> BTreeMap<String, String> {
        let mut labels = self.stage_labels(settings).to_vec();
        labels.push((labels::BASE, self.dockerfile.base.clone()));
        // A base of ours has the labels of its own packages.
        labels.extend([labels::PACKAGES, labels::SYSTEM_PACKAGES, labels::RESOLVED].map(|key| (key, String::new())));
        labels.push((labels::PARENT, self.base.map(|base| base.id.0.clone()).unwrap_or_default()));
        labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The files of the build as an archive, in a file without a name.
    fn context(&self, settings: &Settings) -> impl FnOnce() -> io::Result<File> + Send + 'static {
        let labels = self.stage_labels(settings).map(|(key, value)| format!("{key}={value:?}")).join(" ");
        let (name, text) = (self.dockerfile.file.clone(), self.dockerfile.with_label(&labels));
        let (files, folder) = (Arc::clone(&self.files), settings.temporary_folder.clone());
        move || {
            let mut archive = tar::Builder::new(tempfile::tempfile_in(folder)?);
            let header = |bytes: u64, executable: bool| {
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes);
                header.set_mode(if executable { 0o755 } else { 0o644 });
                header.set_mtime(TIME);
                header
            };
            archive.append_data(&mut header(text.len() as u64, false), &name, text.as_bytes())?;
            for file in files.iter().filter(|file| file.path != name) {
                let opened = file.open()?;
                let bytes = file.bytes();
                archive.append_data(&mut header(bytes, file.executable), &file.path, opened.take(bytes))?;
            }
            let mut made = archive.into_inner()?;
            made.rewind()?;
            Ok(made)
        }
    }
}

/// The digest of a file's content.
fn digest(file: &BlockFile) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    io::copy(&mut file.open()?, &mut hash)?;
    Ok(hash.finalize().into())
}

fn context_failed(block: &Block, source: io::Error) -> EnvironmentError {
    EnvironmentError::BuildContext { folder: block.folder.clone(), source }
}

/// The name of a block's image of a `Dockerfile`, and the image if it exists. Builds and pulls nothing.
pub(super) async fn find(
    block: &Block,
    dockerfile: &Dockerfile,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<(String, Option<StoredImage>), EnvironmentError> {
    let mut below = Vec::new();
    for image in &dockerfile.images {
        match store.find(image).await? {
            Some(image) => below.push(image),
            None => return Ok((block.folder.join(&dockerfile.file).display().to_string(), None)),
        }
    }
    let planned = Planned::of(block, dockerfile, &below, settings).await?;
    let found = store.find(&planned.name()).await?;
    Ok((planned.name(), found))
}

impl EnvironmentResolver<'_> {
    /// The image of a block's `Dockerfile`, found or built, and locked.
    pub(super) async fn image_of(&self, block: &Block, dockerfile: &Dockerfile) -> Result<Provided, EnvironmentError> {
        if !self.settings.build.dockerfiles {
            return Err(EnvironmentError::DockerfileForbidden { file: block.folder.join(&dockerfile.file) });
        }
        let mut below = Vec::new();
        for image in &dockerfile.images {
            let found = self.base(image).await?;
            // They could copy and fetch whatever their author wants, unseen by the checks of the file.
            if !found.defaults.on_build.is_empty() {
                return Err(EnvironmentError::OnBuild {
                    file: block.folder.join(&dockerfile.file),
                    image: image.clone(),
                });
            }
            below.push(found);
        }
        let planned = Planned::of(block, dockerfile, &below, self.settings).await?;
        let ledger = UsageStore::new(&self.settings.state_folder);
        let (name, key) = (planned.name(), planned.key());
        let mut was_there = true;
        for _ in 0..ATTEMPTS {
            let hold = self.locked(ledger.share(&key)).await?;
            if let Some(image) = self.store.find(&name).await? {
                // A use that cannot be recorded does not prevent the run.
                let _ = ledger.touch(&key);
                return Ok(Provided { image, name, was_there, hold });
            }
            drop(hold);
            let claim = self.locked(ledger.claim(&key)).await?;
            if self.store.find(&name).await?.is_none() {
                self.make_image(&planned).await?;
                was_there = false;
                let _ = ledger.touch(&key);
                drop(claim);
                self.make_room(&ledger).await;
            }
        }
        Err(EnvironmentError::Store(StoreError::Gone { image: name }))
    }

    async fn make_image(&self, planned: &Planned<'_>) -> Result<(), EnvironmentError> {
        let (file, base) = (&planned.dockerfile.file, &planned.dockerfile.base);
        let begun = Instant::now();
        self.events.tell(Event::Building { line: format!("building the image of `{file}`, from `{base}`") });
        self.in_time(self.build_image(planned)).await?;
        let seconds = begun.elapsed().as_secs_f64();
        self.events.tell(Event::Built { line: format!("built the image of `{file}` in {seconds:.1} s") });
        Ok(())
    }

    async fn build_image(&self, planned: &Planned<'_>) -> Result<(), EnvironmentError> {
        let (settings, limits) = (self.settings, self.settings.build);
        let packing = spawn_blocking(planned.context(settings)).await;
        let context = packing.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let context = context.map_err(|source| context_failed(planned.block, source))?;
        // Builders neither store them nor take them as a difference.
        let proxies = proxies(&settings.packages).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let plan = ImageBuildPlan {
            context: pieces(context).boxed(),
            dockerfile: planned.dockerfile.file.clone(),
            name: planned.name(),
            network: true,
            labels: planned.labels(settings),
            arguments: planned.arguments.clone().into_iter().chain(proxies).collect(),
            limits,
        };
        let mut lines = Lines::new(settings.packages.secrets(), self.events);
        let built = self.store.build_image(plan, &mut |text| lines.take(Printed::Out(text.as_bytes()))).await?;
        if let BuiltImage::Failed { step, reason } = built {
            return Err(self.failure(planned, &step, &reason, &lines.end(1).tail));
        }
        let gone = || EnvironmentError::Store(StoreError::Gone { image: planned.name() });
        let image = self.store.find(&planned.name()).await?.ok_or_else(gone)?;
        if image.size.saturating_sub(planned.base.map_or(0, |base| base.size)) > limits.disk_bytes {
            self.store.remove(&planned.name()).await?;
            let did = "wrote more to disk";
            return Err(StoreError::Limit { did, most: size(limits.disk_bytes), setting: "disk" }.into());
        }
        Ok(())
    }

    fn failure(&self, planned: &Planned<'_>, step: &str, reason: &str, tail: &[String]) -> EnvironmentError {
        let secrets = self.settings.packages.secrets();
        let file = planned.block.folder.join(&planned.dockerfile.file);
        let step = if step.is_empty() { String::new() } else { format!(", at `{}`", secrets.masked_line(step)) };
        // The steps themselves were shown; what the last one printed follows its name.
        let last = tail.iter().rposition(|line| line.starts_with("Step ")).map_or(0, |place| place + 1);
        let mut words = tail[last..].join("\n");
        if !words.is_empty() {
            words.push('\n');
        }
        words.push_str(&secrets.masked_line(reason.trim_end()));
        EnvironmentError::Dockerfile { file, step, words }
    }
}

/// A file in pieces.
fn pieces(file: File) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(file, |mut file| async {
        let read = spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        Ok(if piece.is_empty() { None } else { Some((Bytes::from(piece), file)) })
    })
}
