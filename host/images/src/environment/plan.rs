//! The layers of an environment, and the hashes that name it. Pure: all input is in the arguments, so that the same
//! block gets the same image on every machine with the same base.

use super::bounds;
use super::lock::{self, Lock};
use crate::listed;
use longshore_block::{Block, Language};
use longshore_config::settings::{PackageSettings, Settings};
use longshore_engine::StoredImage;
use longshore_model::address::without_user;
use longshore_model::digest::hexadecimal;
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The format of the hashed text; changing it rebuilds every environment.
const FORM: &str = "longshore-environment 1";

/// The label's value for images whose agent is of this version, in which scripts may have any user.
const USERS: &str = "any";

/// Digits of a hash in names: 128 bits.
const DIGITS: usize = 32;

/// The content of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerKind {
    /// Debian packages.
    System,
    /// Packages of a language.
    Packages(Language),
    /// The agent and the SDK.
    Api(Language),
}

/// One layer of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// Its content.
    pub(crate) kind: LayerKind,
    /// The requested packages, in normal form.
    pub(crate) wanted: Vec<String>,
    /// Those that need not exist in a repository: they are not declared, but were found in the script.
    pub(crate) optional: Vec<String>,
    /// The hash of it and all layers below.
    pub(crate) hash: String,
}

/// An environment: a base and at least one layer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The base image.
    pub(crate) base: StoredImage,
    /// The base's name in the block or the settings.
    pub(crate) base_name: String,
    /// The layers, the lowest first.
    pub(crate) layers: Vec<Layer>,
    /// The day as of which the packages are chosen.
    as_of: String,
    /// The constraints on their versions, one per line.
    constraints: String,
    /// Where the block lists its packages, for a label.
    listed: String,
    /// The hash of the whole environment.
    pub(crate) hash: String,
}

impl Plan {
    /// The environment of a block on a base; `None` if the block needs only the base. `packages_layer` is whether the base
    /// lacks packages of the language; `sdk` describes the SDK for an API layer.
    pub(crate) fn of(
        block: &Block,
        base: StoredImage,
        base_name: &str,
        lock: Option<&Lock>,
        settings: &Settings,
        packages_layer: bool,
        sdk: Vec<String>,
    ) -> Option<Self> {
        let packages = &settings.packages;
        let mut asked = Vec::new();
        if !block.system_packages.is_empty() {
            let exact = lock.filter(|lock| lock.has_debian());
            let exact = exact.map_or_else(|| sources(LayerKind::System, packages), Lock::debian_lines);
            asked.push((LayerKind::System, lock::system_packages(block), exact));
        }
        if packages_layer {
            let kind = LayerKind::Packages(block.language);
            let mut exact = lock.map_or_else(|| sources(kind, packages), Lock::lines);
            exact.extend(block.dependencies_found.iter().map(|name| format!("optional {name}")));
            asked.push((kind, lock::dependencies(block), exact));
        }
        if needs_api(block) && base.labels.get(labels::AGENT).map(String::as_str) != Some(env!("CARGO_PKG_VERSION")) {
            let kind = LayerKind::Api(block.language);
            asked.push((kind, sdk, sources(kind, packages)));
        }
        if asked.is_empty() {
            return None;
        }
        let mut below = base.id.0.clone();
        let mut layers = Vec::new();
        for (kind, wanted, exact) in asked {
            let lines = wanted.iter().chain(&exact).map(String::as_str);
            below = digest([below.as_str(), kind.name()].into_iter().chain(lines));
            layers.push(Layer { kind, wanted, optional: block.dependencies_found.clone(), hash: below.clone() });
        }
        let architecture = base.architecture.clone().unwrap_or_default();
        let hash = digest([below.as_str(), env!("CARGO_PKG_VERSION"), &architecture, &settings.images.store]);
        let day = match lock {
            Some(lock) => lock.as_of.clone(),
            None => packages.as_of.map(|day| day.to_string()),
        };
        let (as_of, constraints) = (day.unwrap_or_default(), bounds::constraints(packages));
        let listed = listed::label(&listed::of_block(block));
        Some(Self { base, base_name: base_name.to_owned(), layers, as_of, constraints, listed, hash })
    }

    /// The name of its image.
    pub(crate) fn name(&self) -> String {
        image_name(&self.hash)
    }

    /// A hash of the image below a layer and the sources of its packages. Packages of a lock have hashes of their own.
    pub(super) fn origin(&self, index: usize, below: &ImageId, is_locked: bool, settings: &PackageSettings) -> String {
        let (kind, locked) = (self.layers[index].kind, if is_locked { "locked" } else { "" });
        let sources = sources(kind, settings);
        digest([below.0.as_str(), kind.name(), locked].into_iter().chain(sources.iter().map(String::as_str)))
    }

    /// The labels of a layer's image, or of the environment's own if it is the last layer.
    pub(crate) fn labels(&self, index: usize, parent: &str, store: &str) -> BTreeMap<String, String> {
        let is_last = index + 1 == self.layers.len();
        let wanted = |kind: fn(LayerKind) -> bool| {
            let lines = self.layers[..=index].iter().filter(|layer| kind(layer.kind)).flat_map(|layer| &layer.wanted);
            lines.cloned().collect::<Vec<_>>().join("\n")
        };
        let layer = &self.layers[index];
        let mut labels: BTreeMap<String, String> = [
            (labels::IMAGE_TYPE, if is_last { labels::GENERATED } else { labels::LAYER }.to_owned()),
            (labels::ENVIRONMENT, if is_last { &self.hash } else { &layer.hash }.clone()),
            (labels::LAYER_HASH, layer.hash.clone()),
            (labels::PARENT, parent.to_owned()),
            (labels::BASE, self.base_name.clone()),
            (labels::PACKAGES, wanted(|kind| matches!(kind, LayerKind::Packages(_)))),
            (labels::SYSTEM_PACKAGES, wanted(|kind| kind == LayerKind::System)),
            (labels::STORE, store.to_owned()),
            ("org.opencontainers.image.title", format!("longshore environment {}", &self.hash[..12])),
            ("org.opencontainers.image.base.name", self.base_name.clone()),
            ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION").to_owned()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        for (label, value) in
            [(labels::AS_OF, &self.as_of), (labels::CONSTRAINTS, &self.constraints), (labels::LISTED, &self.listed)]
        {
            if !value.is_empty() {
                labels.insert(label.into(), value.trim_end().into());
            }
        }
        if matches!(layer.kind, LayerKind::Api(_)) {
            labels.insert(labels::AGENT.into(), env!("CARGO_PKG_VERSION").into());
            labels.insert(labels::USERS.into(), USERS.into());
        }
        labels
    }
}

/// Whether the API must be installed in the block's base: in a custom image. Longshore's own have it.
pub(super) fn needs_api(block: &Block) -> bool {
    block.install_api && (block.image.is_some() || block.dockerfile.is_some())
}

/// The name of the image of an environment.
pub(crate) fn image_name(hash: &str) -> String {
    format!("longshore/environment:{hash}")
}

/// The name of the image of a layer.
pub(crate) fn layer_name(hash: &str) -> String {
    format!("longshore/layer:{hash}")
}

impl LayerKind {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Packages(Language::Python) => "python",
            Self::Packages(Language::R) => "r",
            Self::Api(Language::Python) => "python api",
            Self::Api(Language::R) => "r api",
        }
    }
}

/// The sources of a layer's packages, without secrets.
fn sources(kind: LayerKind, settings: &PackageSettings) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |name: &str, value: &str| lines.push(format!("{name}={}", without_user(value)));
    match kind {
        LayerKind::System => {
            settings.debian_mirror.iter().for_each(|mirror| add("debian_mirror", mirror));
        }
        LayerKind::Packages(Language::Python) | LayerKind::Api(Language::Python) => {
            settings.index_url.iter().for_each(|url| add("index_url", url));
            settings.extra_index_urls.iter().for_each(|url| add("extra_index_url", url));
            settings.pip_arguments.iter().for_each(|argument| add("pip_argument", argument));
            if matches!(kind, LayerKind::Packages(_)) {
                lines.extend(bounds::lines(settings));
            }
        }
        LayerKind::Packages(Language::R) => {
            settings.cran.iter().for_each(|url| add("repository", url));
            add("debian_r_packages", &settings.debian_r_packages.to_string());
            settings.debian_mirror.iter().for_each(|mirror| add("debian_mirror", mirror));
        }
        LayerKind::Api(Language::R) => {}
    }
    lines
}

/// A hash of lines, each with its length, so that different lists never give the same input.
pub(super) fn digest<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    hash.update(FORM);
    for line in lines {
        hash.update((line.len() as u64).to_le_bytes());
        hash.update(line);
    }
    hexadecimal(&hash.finalize())[..DIGITS].to_owned()
}
