//! Provides the image in which a block can run: found, or built once for any number of concurrent requests.

use super::bounds::{check_snapshot, concern_base};
use super::builder::Builder;
use super::interpreter_version::check_image;
use super::labelled::{has_expired, lines};
use super::names::{check, check_git};
use super::plan::needs_api;
use super::resolver::{ATTEMPTS, EnvironmentResolver};
use super::{Bounds, EnvironmentError, LayerKind, Lock, Plan, api, dockerfile, lacking};
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
use std::time::Instant;

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
    /// The environment's hash; `None` if the base image has all that the block needs.
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
    if image.is_none() {
        check_git(block)?;
    }
    let bounds = Bounds::of(block, engines.settings()).await?;
    let settings = &bounds.applied(engines.settings());
    let store = engines.images().await.map_err(StoreError::from)?;
    let resolver = EnvironmentResolver { store: store.as_ref(), settings, events, cancel };
    let base = match image {
        Some(image) => Base::found(resolver.base(image).await?, image),
        None => resolver.base_of(block).await?,
    };
    check_image(block, &base.image, &base.name, store.as_ref(), settings).await?;
    let Some((plan, lock)) = locked_plan(block, base.image.clone(), &base.name, store.as_ref(), settings).await? else {
        return Ok(Built {
            environment: base.hold.is_some().then(|| hash_in(&base.name)),
            was_there: base.was_there,
            resolved: Vec::new(),
            id: base.image.id.0,
            name: base.name,
        });
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
    let base = resolver.base_of(block).await?;
    check_image(block, &base.image, &base.name, store, settings).await?;
    match locked_plan(block, base.image.clone(), &base.name, store, settings).await? {
        Some((plan, lock)) => resolver.ready(&plan, lock.as_ref()).await,
        None => resolver.as_it_is(base.image, &base.name).await,
    }
}

/// The image name of a block's run, and the image if it exists. Builds nothing.
pub async fn find(
    block: &Block,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<(String, Option<StoredImage>), EnvironmentError> {
    let settings = &Bounds::of(block, settings).await?.applied(settings);
    let (name, base) = find_base(block, store, settings).await?;
    let Some(base) = base else { return Ok((name, None)) };
    match locked_plan(block, base.clone(), &name, store, settings).await? {
        Some((plan, _)) => Ok((plan.name(), store.find(&plan.name()).await?)),
        None => Ok((name, Some(base))),
    }
}

/// The hash of the environment in which a block would run, even if its image does not exist; `None` if the block needs
/// only a base image that is not built for it.
pub async fn hash_of_block(
    block: &Block,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<Option<String>, EnvironmentError> {
    let settings = &Bounds::of(block, settings).await?.applied(settings);
    let (name, base) = find_base(block, store, settings).await?;
    let base = base.ok_or_else(|| EnvironmentError::NoImage { image: name.clone() })?;
    let of_dockerfile = dockerfile::of(block).map(|_| hash_in(&name));
    Ok(locked_plan(block, base, &name, store, settings).await?.map(|(plan, _)| plan.hash).or(of_dockerfile))
}

/// The base image of a block's environment, unless it is that of its `Dockerfile`.
fn base_name<'a>(block: &'a Block, settings: &'a Settings) -> &'a str {
    block.image.as_deref().unwrap_or_else(|| settings.image(block.image_kind()))
}

/// The hash in the name of an image that was built for a block.
fn hash_in(name: &str) -> String {
    name.rsplit(':').next().unwrap_or_default().to_owned()
}

/// The name of the base image of a block, and the image if it exists.
async fn find_base(
    block: &Block,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<(String, Option<StoredImage>), EnvironmentError> {
    if let Some(dockerfile) = dockerfile::of(block) {
        return dockerfile::find(block, dockerfile, store, settings).await;
    }
    let name = base_name(block, settings);
    Ok((name.to_owned(), store.find(name).await?))
}

/// The base image of an environment.
pub(super) struct Base {
    pub(super) image: StoredImage,
    pub(super) name: String,
    /// Whether it existed before.
    was_there: bool,
    /// Prevents its eviction, if it was built for a block.
    hold: Option<LockGuard>,
}

impl Base {
    fn found(image: StoredImage, name: &str) -> Self {
        Self { image, name: name.to_owned(), was_there: true, hold: None }
    }
}

/// The plan of a block on an existing base, with the block's lock if it has one. The settings have the block's bounds.
async fn locked_plan(
    block: &Block,
    base: StoredImage,
    base_name: &str,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<Option<(Plan, Option<Lock>)>, EnvironmentError> {
    let names_packages = !block.dependencies.is_empty() || !block.system_packages.is_empty();
    let names_packages = names_packages || concern_base(block, &settings.packages);
    let lock = if names_packages { Lock::of(block)? } else { None };
    Ok(plan(block, base, base_name, lock.as_ref(), store, settings).await?.map(|plan| (plan, lock)))
}

/// The plan of a block on an existing base, with or without a lock; `None` if the base has all that the block needs.
pub(super) async fn plan(
    block: &Block,
    base: StoredImage,
    base_name: &str,
    lock: Option<&Lock>,
    store: &dyn ImageStore,
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
    let packages_layer = lacking::lacks_packages(block, &base, base_name, lock, store, settings).await;
    Ok(Plan::of(block, base, base_name, lock, settings, packages_layer, sdk))
}

impl EnvironmentResolver<'_> {
    /// The base image of a block.
    pub(super) async fn base_of(&self, block: &Block) -> Result<Base, EnvironmentError> {
        match dockerfile::of(block) {
            Some(dockerfile) => {
                let provided = self.image_of(block, dockerfile).await?;
                let dockerfile::Provided { image, name, was_there, hold } = provided;
                Ok(Base { image, name, was_there, hold: Some(hold) })
            }
            None => {
                let name = base_name(block, self.settings);
                Ok(Base::found(self.base(name).await?, name))
            }
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
}
