//! Finds the parts of an archive's image: through `manifest.json`, as `docker save` writes it, or through the
//! `index.json` of an OCI layout. Newer engines write both, and `manifest.json` takes precedence, as it does for
//! engines. The names in the archive choose one of several images, and mean nothing else.

use super::contents::{Contents, Part};
use super::fault::ArchiveFault;
use super::limits::{BYTES_MAX, LAYERS_MAX, MANIFEST_MAX};
use longshore_model::digest::{Digest, Digesting};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io;

/// The image of an archive that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// The only one.
    Only,
    /// The one of this name, with its tag.
    Named(&'a str),
}

/// The parts of an image.
#[derive(Debug)]
pub(super) struct Parts {
    /// Its configuration.
    pub(super) config: Part,
    /// The digest that the configuration must have, if one is stated.
    pub(super) config_digest: Option<Digest>,
    /// Its layers, from the lowest to the highest.
    pub(super) layers: Vec<Part>,
}

const DOCKER: &str = "manifest.json";
const INDEX: &str = "index.json";
const LAYOUT: &str = "oci-layout";

/// The names in an error about a name that is not there, and their length: enough to see what kind of archive it is.
const NAMES_SHOWN: usize = 8;
const NAME_SHOWN: usize = 100;

/// The annotations of an OCI layout that name an image: with its registry, and as podman writes it.
const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/// Nested indexes: one for the layout, one for the platforms.
const INDEX_DEPTH: usize = 2;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl DockerImage {
    fn names(&self) -> Vec<&str> {
        self.repo_tags.iter().flatten().map(String::as_str).collect()
    }
}

impl Descriptor {
    fn names(&self) -> Vec<&str> {
        NAMES.iter().filter_map(|name| self.annotations.get(*name)).map(String::as_str).collect()
    }
}

impl Parts {
    /// Finds the parts of an image, and checks the digest of each part that is named by its digest.
    pub(super) fn find(contents: &Contents, wanted: Wanted<'_>) -> Result<Self, ArchiveFault> {
        if contents.has(DOCKER) {
            Self::of_docker(contents, wanted)
        } else if contents.has(INDEX) {
            Self::of_layout(contents, wanted)
        } else {
            Err(ArchiveFault::NoImage)
        }
    }

    fn of_docker(contents: &Contents, wanted: Wanted<'_>) -> Result<Self, ArchiveFault> {
        let images: Vec<DockerImage> = json(contents, &contents.part(DOCKER, DOCKER)?)?;
        let image = wanted.of(&images, DockerImage::names)?;
        let names = image.layers.as_deref().unwrap_or_default();
        few_enough(names.len())?;
        let config = contents.part(&image.config, DOCKER)?;
        let layers = names.iter().map(|name| contents.part(name, DOCKER)).collect::<Result<Vec<_>, _>>()?;
        small_enough(layers.iter().map(|layer| layer.size))?;
        for layer in &layers {
            if let Some(digest) = blob_digest(&layer.name) {
                is_blob(contents, layer, digest)?;
            }
        }
        let stem = config.name.strip_suffix(".json").unwrap_or(&config.name);
        let config_digest = Digest::parse_hex(stem).or_else(|| blob_digest(&config.name));
        Ok(Self { config_digest, config, layers })
    }

    fn of_layout(contents: &Contents, mut wanted: Wanted<'_>) -> Result<Self, ArchiveFault> {
        let layout = contents.part(LAYOUT, INDEX)?;
        let version = json::<Layout>(contents, &layout)?.image_layout_version;
        if !version.starts_with("1.") {
            let (what, wanted) = ("the version", "only version 1 is supported");
            return Err(ArchiveFault::Value { part: layout.name, what, value: version, wanted });
        }
        let mut index = contents.part(INDEX, INDEX)?;
        for _ in 0..INDEX_DEPTH {
            let mut found = json::<Index>(contents, &index)?.manifests;
            found.retain(|manifest| !is_attestation(manifest));
            let manifest = wanted.of(&found, Descriptor::names)?;
            // An index below has a manifest for each platform, without names.
            wanted = Wanted::Only;
            let part = blob(contents, manifest, &index.name)?;
            match manifest.media_type.as_str() {
                "application/vnd.oci.image.index.v1+json"
                | "application/vnd.docker.distribution.manifest.list.v2+json" => index = part,
                "application/vnd.oci.image.manifest.v1+json"
                | "application/vnd.docker.distribution.manifest.v2+json" => return Self::of_manifest(contents, &part),
                other => return Err(media_type(&index, other, "it must be that of an image's manifest or index")),
            }
        }
        Err(ArchiveFault::Images { count: 0 })
    }

    fn of_manifest(contents: &Contents, part: &Part) -> Result<Self, ArchiveFault> {
        let manifest: Manifest = json(contents, part)?;
        few_enough(manifest.layers.len())?;
        small_enough(manifest.layers.iter().map(|layer| layer.size))?;
        match manifest.config.media_type.as_str() {
            "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json" => {}
            other => return Err(media_type(part, other, "it must be that of an image's configuration")),
        }
        let config = blob(contents, &manifest.config, &part.name)?;
        let mut layers = Vec::with_capacity(manifest.layers.len());
        for layer in &manifest.layers {
            let kinds = ["application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"];
            if !kinds.iter().any(|kind| layer.media_type.starts_with(kind)) {
                return Err(media_type(
                    part,
                    &layer.media_type,
                    "it must be that of a layer, not encrypted or foreign",
                ));
            }
            layers.push(blob(contents, layer, &part.name)?);
        }
        Ok(Self { config_digest: Digest::parse(&manifest.config.digest), config, layers })
    }
}

impl Wanted<'_> {
    /// The wanted one of an archive's images.
    fn of<Image>(self, images: &[Image], names: impl Fn(&Image) -> Vec<&str>) -> Result<&Image, ArchiveFault> {
        let Self::Named(wanted) = self else {
            let [image] = images else { return Err(ArchiveFault::Images { count: images.len() }) };
            return Ok(image);
        };
        // podman writes the registry that it adds to a name.
        let is_wanted = |name: &&str| {
            let short = ["docker.io/", "localhost/"].iter().find_map(|registry| name.strip_prefix(registry));
            short.unwrap_or(name) == wanted
        };
        let mut named = images.iter().filter(|&image| names(image).iter().any(is_wanted));
        match (named.next(), named.next()) {
            (Some(image), None) => Ok(image),
            (Some(_), Some(_)) => Err(ArchiveFault::NameTwice { name: wanted.to_owned() }),
            (None, _) => {
                let shown = |name: &str| name.chars().take(NAME_SHOWN).collect();
                let there = images.iter().flat_map(&names).take(NAMES_SHOWN).map(shown).collect();
                Err(ArchiveFault::NameMissing { name: wanted.to_owned(), there })
            }
        }
    }
}

/// Builders store attestations about an image's build beside it, in the form of an image.
fn is_attestation(manifest: &Descriptor) -> bool {
    manifest.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
}

fn few_enough(layers: usize) -> Result<(), ArchiveFault> {
    if layers > LAYERS_MAX { Err(ArchiveFault::TooManyLayers { layers, max: LAYERS_MAX }) } else { Ok(()) }
}

/// A part that is named as several layers is read once for each.
fn small_enough(sizes: impl Iterator<Item = u64>) -> Result<(), ArchiveFault> {
    let size = sizes.fold(0, u64::saturating_add);
    if size > BYTES_MAX { Err(ArchiveFault::TooLarge { size, max: BYTES_MAX }) } else { Ok(()) }
}

fn media_type(part: &Part, value: &str, wanted: &'static str) -> ArchiveFault {
    let value = value.chars().take(100).collect();
    ArchiveFault::Value { part: part.name.clone(), what: "the media type", value, wanted }
}

fn json<T: DeserializeOwned>(contents: &Contents, part: &Part) -> Result<T, ArchiveFault> {
    let bytes = contents.bytes(part, MANIFEST_MAX)?;
    serde_json::from_slice(&bytes).map_err(|source| ArchiveFault::Json { part: part.name.clone(), source })
}

/// The digest in the name of a blob.
fn blob_digest(name: &str) -> Option<Digest> {
    Digest::parse_hex(name.strip_prefix("blobs/sha256/")?)
}

/// Finds a blob, and checks it against its descriptor.
fn blob(contents: &Contents, descriptor: &Descriptor, named_by: &str) -> Result<Part, ArchiveFault> {
    let Some(digest) = Digest::parse(&descriptor.digest) else {
        let value = descriptor.digest.chars().take(100).collect();
        let wanted = "it must be `sha256:` and 64 digits";
        return Err(ArchiveFault::Value { part: named_by.to_owned(), what: "the digest", value, wanted });
    };
    let part = contents.part(&format!("blobs/sha256/{}", digest.hex()), named_by)?;
    if part.size != descriptor.size {
        return Err(ArchiveFault::Size { part: part.name, expected: descriptor.size, found: part.size });
    }
    is_blob(contents, &part, digest)?;
    Ok(part)
}

fn is_blob(contents: &Contents, part: &Part, digest: Digest) -> Result<(), ArchiveFault> {
    let mut digesting = Digesting::new(contents.open(part));
    io::copy(&mut digesting, &mut io::sink()).map_err(ArchiveFault::Read)?;
    let (found, _) = digesting.finish();
    if found != digest {
        let (expected, found) = (digest.to_string(), found.to_string());
        return Err(ArchiveFault::Digest { part: part.name.clone(), expected, found });
    }
    Ok(())
}
