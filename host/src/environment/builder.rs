//! Building: a workshop on the image below, a script in it, and a commit. What a script printed is passed on as it comes,
//! and kept for what it says about the packages.

use super::plan::{image_name, layer_name};
use super::sources;
use super::steps::{self, Finish, Job, LACKING, NO_TOOLS, NOTE, RESOLVED};
use super::{EnvironmentError, Layer, Lock, Plan, tools};
use crate::config::{certificates, masked};
use crate::engine::ImageId;
use crate::event::{Event, Events};
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::store::{ImageStore, Ledger, Printed, Step, StoreError, StoredImage, Workshop, WorkshopPlan, labels};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

/// Lines that are kept of what a script prints: a resolver's reasons are a dozen.
const TAIL: usize = 60;

/// Bytes of a line that are kept. The longest are those with the hashes of a package's files: 500 files of 80 bytes each
/// are 40 kB.
const LINE_MAX: usize = 64 << 10;

/// Characters of a line that are shown.
const SHOWN_MAX: usize = 500;

/// Makes the images of a plan.
pub(super) struct Builder<'a> {
    pub(super) store: &'a dyn ImageStore,
    pub(super) ledger: &'a Ledger,
    pub(super) settings: &'a Settings,
    pub(super) events: &'a Events,
    pub(super) lock: Option<&'a Lock>,
}

impl Builder<'_> {
    /// Builds what is missing of a plan, and gives the image of all of it.
    pub(super) async fn build(&self, plan: &Plan) -> Result<ImageId, EnvironmentError> {
        let mut below = plan.base.id.clone();
        let mut resolved = Vec::new();
        for (index, layer) in plan.layers.iter().enumerate() {
            let is_last = index + 1 == plan.layers.len();
            let mut held = None;
            let mut found = self.existing(layer).await?;
            // Others may need the same layer at this moment; the environment itself is held by the caller.
            if !is_last && found.is_none() {
                held = Some(self.claim(&format!("layer-{}", layer.hash)).await?);
                found = self.existing(layer).await?;
            }
            if let Some(found) = found.as_ref().filter(|_| !is_last) {
                resolved = lines(found, labels::RESOLVED);
                below = found.id.clone();
                continue;
            }
            below = match found {
                // Somebody else's layer, or the same environment of another longshore: it gets this one's labels.
                Some(found) => self.relabel(plan, index, &found).await?,
                None => self.layer(plan, index, &below, &mut resolved).await?,
            };
            let name = if is_last { plan.name() } else { layer_name(&layer.hash) };
            self.store.tag(&below, &name).await?;
            drop(held);
        }
        Ok(below)
    }

    /// An image that has a layer: its own, or that of an environment whose last it is.
    async fn existing(&self, layer: &Layer) -> Result<Option<StoredImage>, EnvironmentError> {
        let label = format!("{}={}", labels::LAYER_HASH, layer.hash);
        let is_ours = |image: &StoredImage| {
            // Labels alone are no proof: an image that came in an archive says of itself what it likes, and has no such
            // name.
            let hash = image.labels.get(labels::ENVIRONMENT).map(String::as_str).unwrap_or_default();
            let names = [layer_name(&layer.hash), image_name(hash)];
            !has_expired(image)
                && image.names.iter().any(|name| names.contains(name))
                && image.labels.get(labels::STORE) == Some(&self.settings.images.store)
        };
        Ok(self.store.list(Some(&label)).await?.into_iter().find(is_ours))
    }

    async fn claim(&self, name: &str) -> Result<crate::store::Hold, EnvironmentError> {
        let folder = &self.settings.state_folder;
        self.ledger.claim(name).await.map_err(|source| EnvironmentError::Ledger { folder: folder.clone(), source })
    }

    async fn layer(
        &self,
        plan: &Plan,
        index: usize,
        below: &ImageId,
        resolved: &mut Vec<String>,
    ) -> Result<ImageId, EnvironmentError> {
        let layer = &plan.layers[index];
        let jobs = steps::jobs(layer, self.lock, self.settings)?;
        let last = jobs.len().saturating_sub(1);
        for (number, job) in jobs.iter().enumerate() {
            let mut labels = self.labels(plan, index, below);
            let (mut workshop, finish) = self.attempt(&plan.base, below, job, &labels).await?;
            if finish.status == 0 {
                for note in &finish.notes {
                    self.tell(Event::Note(note.clone()));
                }
                resolved.extend(finish.resolved);
                resolved.sort();
                resolved.dedup();
                labels.insert(labels::RESOLVED.into(), resolved.join("\n"));
                if let Some(lifetime) = finish.lifetime {
                    labels.insert(labels::EXPIRES.into(), (seconds_now() + lifetime.as_secs()).to_string());
                }
                let made = workshop.commit(&labels).await;
                workshop.remove().await?;
                return Ok(made?);
            }
            workshop.remove().await?;
            if number == last || !steps::gives_way(&finish) {
                return Err(steps::failure(plan, layer, &finish));
            }
        }
        Err(EnvironmentError::Store(StoreError::WorkshopEnded))
    }

    /// The labels of a layer's image, but for what was installed.
    fn labels(&self, plan: &Plan, index: usize, below: &ImageId) -> BTreeMap<String, String> {
        let mut labels = plan.labels(index, &below.0, &self.settings.images.store);
        if self.settings.images.visokio_labels {
            let (key, value) = labels::VISOKIO_GENERATED;
            labels.insert(key.into(), value.into());
        }
        labels
    }

    async fn relabel(&self, plan: &Plan, index: usize, found: &StoredImage) -> Result<ImageId, EnvironmentError> {
        let mut labels = self.labels(plan, index, &found.id);
        labels.insert(labels::RESOLVED.into(), lines(found, labels::RESOLVED).join("\n"));
        if let Some(expires) = found.labels.get(labels::EXPIRES) {
            labels.insert(labels::EXPIRES.into(), expires.clone());
        }
        let image = found.id.clone();
        let workshop = WorkshopPlan { image, network: false, volumes: Vec::new(), labels: labels.clone() };
        let mut workshop = self.store.workshop(&workshop).await?;
        let made = workshop.commit(&labels).await;
        workshop.remove().await?;
        Ok(made?)
    }

    /// Runs a job in a workshop of its own, and gets the tools where they are missing.
    async fn attempt(
        &self,
        base: &StoredImage,
        below: &ImageId,
        job: &Job,
        labels: &BTreeMap<String, String>,
    ) -> Result<(Box<dyn Workshop>, Finish), EnvironmentError> {
        let mut volumes = Vec::new();
        volumes.extend(job.tools.then(|| tools::volume(false)));
        volumes.extend(job.cache.then(|| tools::cache(base, self.settings)));
        let plan = WorkshopPlan { image: below.clone(), network: true, volumes, labels: labels.clone() };
        let mut workshop = self.store.workshop(&plan).await?;
        let mut finish = self.run(workshop.as_mut(), job).await?;
        if finish.status == NO_TOOLS && job.tools {
            workshop.remove().await?;
            self.fetch_tools().await?;
            workshop = self.store.workshop(&plan).await?;
            finish = self.run(workshop.as_mut(), job).await?;
        }
        Ok((workshop, finish))
    }

    async fn fetch_tools(&self) -> Result<(), EnvironmentError> {
        let _held = self.claim(&tools::claim_name()).await?;
        let image = &self.settings.python_image;
        let found = self.store.find(image).await?;
        let found = found.ok_or_else(|| EnvironmentError::NoImage { image: image.clone() })?;
        let volumes = vec![tools::volume(true)];
        let plan = WorkshopPlan { image: found.id, network: true, volumes, labels: BTreeMap::new() };
        let mut workshop = self.store.workshop(&plan).await?;
        let finish = self.run(workshop.as_mut(), &tools::job()).await;
        workshop.remove().await?;
        let finish = finish?;
        if finish.status == 0 { Ok(()) } else { Err(tools::failure(steps::words(&finish))) }
    }

    /// Runs a job, which clears away what it was given.
    pub(super) async fn run(&self, workshop: &mut dyn Workshop, job: &Job) -> Result<Finish, EnvironmentError> {
        let packages = &self.settings.packages;
        let mut files = job.files.clone();
        files.push(("ca.crt".to_owned(), 0o644, certificates(packages)?.unwrap_or_default()));
        workshop.put(sources::archive(&files)?).await?;
        let mut environment = sources::variables(packages);
        environment.extend(job.environment.iter().cloned());
        let shell = ["sh", "-c", job.script.as_str(), "build"].map(str::to_owned);
        let command = shell.into_iter().chain(job.arguments.iter().cloned()).collect();
        let mut lines = Lines {
            tail: VecDeque::new(),
            finish: Finish::default(),
            open: [Vec::new(), Vec::new()],
            secrets: Secrets::of_addresses(packages),
            told: self,
        };
        let status = workshop.run(Step { command, environment }, &mut |printed| lines.take(printed)).await?;
        let mut finish = lines.end();
        finish.status = status;
        Ok(finish)
    }

    fn tell(&self, event: Event) {
        // A build goes on without anyone who watches.
        self.events.tell(event);
    }
}

/// What a script prints, line by line.
struct Lines<'a> {
    tail: VecDeque<String>,
    finish: Finish,
    open: [Vec<u8>; 2],
    secrets: Secrets,
    told: &'a Builder<'a>,
}

impl Lines<'_> {
    fn take(&mut self, printed: Printed<'_>) {
        let (stream, bytes) = match printed {
            Printed::Out(bytes) => (0, bytes),
            Printed::Err(bytes) => (1, bytes),
        };
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => self.close(stream),
                _ if self.open[stream].len() < LINE_MAX => self.open[stream].push(*byte),
                _ => {}
            }
        }
    }

    fn close(&mut self, stream: usize) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.open[stream])).trim_end().to_owned();
        let line: String = line.chars().filter(|character| !character.is_control()).collect();
        let line = self.secrets.masked(&masked(&line));
        if line.is_empty() {
            return;
        }
        if let Some(package) = line.strip_prefix(RESOLVED) {
            self.finish.resolved.push(package.to_owned());
            return;
        }
        if let Some(note) = line.strip_prefix(NOTE) {
            self.finish.notes.push(note.to_owned());
            return;
        }
        if let Some(seconds) = line.strip_prefix(LACKING) {
            let lifetime = seconds.parse().ok().map(Duration::from_secs);
            let shorter = lifetime.into_iter().chain(self.finish.lifetime).min();
            self.finish.lifetime = shorter;
            return;
        }
        // How uv says what it installed.
        if let Some(package) = line.strip_prefix(" + ") {
            let package = package.split(' ').next().unwrap_or_default();
            self.finish.resolved.push(format!("pip {package}"));
        }
        let line: String = line.chars().take(SHOWN_MAX).collect();
        // Whoever watches slowly misses lines of a build, and not the build.
        self.told.events.tell(Event::Building { line: line.clone() });
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    fn end(mut self) -> Finish {
        self.close(0);
        self.close(1);
        self.finish.tail = self.tail.into();
        self.finish
    }
}

/// Whether an image lacked something when it was made, and it is time to try again.
pub(super) fn has_expired(image: &StoredImage) -> bool {
    let expires = image.labels.get(labels::EXPIRES).and_then(|seconds| seconds.parse().ok());
    expires.is_some_and(|expires: u64| expires <= seconds_now())
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The lines of a label.
pub(super) fn lines(image: &StoredImage, label: &str) -> Vec<String> {
    let text = image.labels.get(label).map(String::as_str).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
