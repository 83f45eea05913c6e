//! Provides the image in which a block can run: found, or built once for any number of concurrent requests.

use super::bounds::{check_snapshot, concern_base};
use super::builder::Builder;
use super::custom::bring;
use super::interpreter_version::check_image;
use super::labelled::{has_expired, lines};
use super::names::check;
use super::plan::needs_api;
use super::{Bounds, EnvironmentError, LayerKind, Lock, Plan, api};
use crate::credentials::Credentials;
use crate::pruning;
use crate::usage_store::{LockGuard, UsageStore};
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::{Engines, ImageStore, StoreError, StoredImage};
use longshore_model::cancel::Cancel;
use longshore_model::day::AsOf;
use longshore_model::event::{Event, Events};
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use std::time::{Duration, Instant};

/// Attempts to find a newly built image, or to build it, while others remove it.
const ATTEMPTS: usize = 3;

/// How long the removal of build containers may take: an engine kills and removes one in a second.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);

/// An image in which a block can run.
#[derive(Debug)]
pub struct Ready {
    /// The image.
    pub image: StoredImage,
    /// The name by which it was requested.
    pub name: String,
    /// Prevents its eviction until its container exists.
    pub hold: Option<LockGuard>,
}

/// The result of building an image.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Built {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The environment's hash; `None` if the block needs only the base image.
    pub environment: Option<String>,
    /// Whether it existed before.
    pub was_there: bool,
    /// The installed packages, one in a line.
    pub resolved: Vec<String>,
}

/// Builds the image of a block, as a run would, or finds it.
///
/// # Errors
/// [`EnvironmentError`] names the packages that could not be installed, with the installer's message.
pub async fn build(
    block: &Block,
    image: Option<&str>,
    engines: &Engines,
    events: &Events,
    cancel: &Cancel,
) -> Result<Built, EnvironmentError> {
    check(block)?;
    let bounds = Bounds::of(block, engines.settings()).await?;
    let settings = &bounds.applied(engines.settings());
    let store = engines.images().await.map_err(StoreError::from)?;
    let resolver = EnvironmentResolver { store: store.as_ref(), settings, events, cancel };
    let base_name = image.unwrap_or_else(|| base_name(block, settings));
    let base = resolver.base(base_name).await?;
    check_image(block, &base, base_name, store.as_ref(), settings).await?;
    let Some((plan, lock)) = locked_plan(block, base.clone(), base_name, settings)? else {
        let (name, id) = (base_name.to_owned(), base.id.0);
        return Ok(Built { name, id, environment: None, was_there: true, resolved: Vec::new() });
    };
    let before = store.find(&plan.name()).await?;
    let ready = resolver.ready(&plan, lock.as_ref()).await?;
    Ok(Built {
        name: plan.name(),
        was_there: before.is_some_and(|before| before.id == ready.image.id),
        resolved: lines(&ready.image, labels::RESOLVED),
        id: ready.image.id.0,
        environment: Some(plan.hash),
    })
}

/// The image of a run. An image that the caller names is used unchanged: the caller must provide the block's packages.
pub async fn ensure(
    block: &Block,
    bounds: &Bounds,
    image: Option<&str>,
    store: &dyn ImageStore,
    settings: &Settings,
    events: &Events,
    cancel: &Cancel,
) -> Result<Ready, EnvironmentError> {
    let settings = &bounds.applied(settings);
    let resolver = EnvironmentResolver { store, settings, events, cancel };
    if let Some(image) = image {
        return resolver.as_it_is(resolver.base(image).await?, image).await;
    }
    let name = base_name(block, settings);
    let base = resolver.base(name).await?;
    check_image(block, &base, name, store, settings).await?;
    match locked_plan(block, base.clone(), name, settings)? {
        Some((plan, lock)) => resolver.ready(&plan, lock.as_ref()).await,
        None => resolver.as_it_is(base, name).await,
    }
}

/// The image name of a block's run, and the image if it exists. Builds nothing.
pub async fn find(
    block: &Block,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<(String, Option<StoredImage>), EnvironmentError> {
    let name = base_name(block, settings);
    let Some(base) = store.find(name).await? else { return Ok((name.to_owned(), None)) };
    let settings = &Bounds::of(block, settings).await?.applied(settings);
    match locked_plan(block, base.clone(), name, settings)? {
        Some((plan, _)) => Ok((plan.name(), store.find(&plan.name()).await?)),
        None => Ok((name.to_owned(), Some(base))),
    }
}

/// The hash of the environment in which a block would run, even if its image does not exist; `None` if the block needs
/// only the base image.
pub async fn hash_of_block(
    block: &Block,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<Option<String>, EnvironmentError> {
    let name = base_name(block, settings);
    let base = store.find(name).await?.ok_or_else(|| EnvironmentError::NoImage { image: name.to_owned() })?;
    let settings = &Bounds::of(block, settings).await?.applied(settings);
    Ok(locked_plan(block, base, name, settings)?.map(|(plan, _)| plan.hash))
}

/// The base image of a block's environment.
pub(super) fn base_name<'a>(block: &'a Block, settings: &'a Settings) -> &'a str {
    block.image.as_deref().unwrap_or_else(|| settings.image(block.image_kind()))
}

/// The plan of a block on an existing base, with the block's lock if it has one. The settings have the block's bounds.
fn locked_plan(
    block: &Block,
    base: StoredImage,
    base_name: &str,
    settings: &Settings,
) -> Result<Option<(Plan, Option<Lock>)>, EnvironmentError> {
    let names_packages = !block.dependencies.is_empty() || !block.system_packages.is_empty();
    let names_packages = names_packages || concern_base(block, &settings.packages);
    let lock = if names_packages { Lock::of(block)? } else { None };
    Ok(plan(block, base, base_name, lock.as_ref(), settings)?.map(|plan| (plan, lock)))
}

/// The plan of a block on an existing base, with or without a lock.
pub(super) fn plan(
    block: &Block,
    base: StoredImage,
    base_name: &str,
    lock: Option<&Lock>,
    settings: &Settings,
) -> Result<Option<Plan>, EnvironmentError> {
    let packages = &settings.packages;
    if let Some(lock) = lock {
        lock.check(block, &base)?;
        // The day of the script's last change is another one after each commit; the lock stays.
        let day = packages.as_of.filter(|_| block.as_of != Some(AsOf::LastChange));
        lock.check_bounds(block, day, &packages.constraints)?;
    } else {
        check_snapshot(block, packages)?;
    }
    let sdk = if needs_api(block) { api::description(block.language, settings)? } else { Vec::new() };
    Ok(Plan::of(block, base, base_name, lock, settings, sdk))
}

/// Finds and builds environments.
pub(super) struct EnvironmentResolver<'a> {
    pub(super) store: &'a dyn ImageStore,
    pub(super) settings: &'a Settings,
    pub(super) events: &'a Events,
    pub(super) cancel: &'a Cancel,
}

impl EnvironmentResolver<'_> {
    /// Finds a base image, and pulls it if it is missing.
    pub(super) async fn base(&self, name: &str) -> Result<StoredImage, EnvironmentError> {
        let credentials = Credentials::new(&self.settings.docker_config);
        tokio::select! {
            found = bring(self.store, name, self.settings, &credentials, self.events) => Ok(found?),
            () = self.cancel.cancelled() => Err(EnvironmentError::Cancelled),
        }
    }

    /// An image that is used unchanged. If clean-up may remove it, its use is recorded, and it is locked.
    async fn as_it_is(&self, image: StoredImage, name: &str) -> Result<Ready, EnvironmentError> {
        let mut hold = None;
        if let Some(key) = pruning::key(&image, self.settings) {
            let ledger = UsageStore::new(&self.settings.state_folder);
            hold = Some(self.locked(ledger.share(&key)).await?);
            // A use that cannot be recorded does not prevent the run.
            let _ = ledger.touch(&key);
        }
        Ok(Ready { image, name: name.to_owned(), hold })
    }

    /// Finds the image of a plan, or builds it, and locks it.
    pub(super) async fn ready(&self, plan: &Plan, lock: Option<&Lock>) -> Result<Ready, EnvironmentError> {
        let ledger = UsageStore::new(&self.settings.state_folder);
        let name = plan.name();
        for _ in 0..ATTEMPTS {
            let hold = self.locked(ledger.share(&plan.hash)).await?;
            if let Some(image) = self.store.find(&name).await?.filter(|image| !has_expired(image)) {
                // A use that cannot be recorded does not prevent the run.
                let _ = ledger.touch(&plan.hash);
                return Ok(Ready { image, name: plan.base_name.clone(), hold: Some(hold) });
            }
            drop(hold);
            match self.make(&ledger, plan, lock).await {
                // A layer below was evicted after it was found.
                Err(EnvironmentError::Store(StoreError::Gone { .. })) => {}
                made => drop(made?),
            }
        }
        Err(EnvironmentError::Store(StoreError::Gone { image: name }))
    }

    async fn make(&self, ledger: &UsageStore, plan: &Plan, lock: Option<&Lock>) -> Result<ImageId, EnvironmentError> {
        let claim = self.locked(ledger.claim(&plan.hash)).await?;
        if let Some(image) = self.store.find(&plan.name()).await?.filter(|image| !has_expired(image)) {
            return Ok(image.id);
        }
        let (store, settings, events) = (self.store, self.settings, self.events);
        let builder = Builder { store, ledger, settings, events, lock };
        let begun = Instant::now();
        let has_system = plan.layers.iter().any(|layer| layer.kind == LayerKind::System);
        if let Some(day) = settings.packages.as_of.filter(|_| has_system && lock.is_none())
            && settings.packages.debian_snapshot.is_none()
        {
            let note = format!(
                "Debian packages are the newest of the mirror, not as of {day}: `snapshot` in `[debian]` of the settings is not set"
            );
            events.tell(Event::Note(note.into()));
        }
        events.tell(Event::Building { line: format!("making the environment {}", &plan.hash[..12]) });
        let image = self.in_time(builder.build(plan)).await?;
        // Recorded while it is locked, so that others never see it as unused.
        let _ = ledger.touch(&plan.hash);
        drop(claim);
        let line = format!("made the environment {} in {:.1} s", &plan.hash[..12], begun.elapsed().as_secs_f64());
        events.tell(Event::Built { line });
        self.make_room(ledger).await;
        Ok(image)
    }

    /// Work in build containers, until the deadline of builds or a cancel. Then its containers are removed first.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, EnvironmentError>>,
    ) -> Result<T, EnvironmentError> {
        let given_up = tokio::select! {
            done = work => return done,
            () = tokio::time::sleep(self.settings.build.deadline()) => {
                EnvironmentError::Deadline { minutes: self.settings.build.minutes }
            }
            () = self.cancel.cancelled() => EnvironmentError::Cancelled,
        };
        // An engine that does not answer must not keep the caller: the next host removes its containers.
        let _ = tokio::time::timeout(SETTLE_DEADLINE, self.store.settle()).await;
        Err(given_up)
    }

    /// Cleans up after a build. A failure here does not fail the build, whose image is new and stays.
    async fn make_room(&self, ledger: &UsageStore) {
        let note = match pruning::prune(Some(self.store), ledger, self.settings, pruning::How::AfterBuild).await {
            Ok(report) => report.summary(),
            Err(error) => Some(format!("cannot clean up the images made here: {error}")),
        };
        if let Some(note) = note {
            self.events.tell(Event::Note(note.into()));
        }
    }

    /// Waits for a lock of the usage store, which may take as long as another build.
    async fn locked(
        &self,
        taking: impl Future<Output = std::io::Result<LockGuard>>,
    ) -> Result<LockGuard, EnvironmentError> {
        let taken = tokio::select! {
            taken = taking => taken,
            () = self.cancel.cancelled() => return Err(EnvironmentError::Cancelled),
        };
        taken.map_err(|source| EnvironmentError::UsageStore { folder: self.settings.state_folder.clone(), source })
    }
}
