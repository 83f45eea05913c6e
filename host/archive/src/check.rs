//! The complete check of an archive, in the order of cost: the list of its parts, its manifest, its configuration, its
//! platform, and each layer.

use super::contents::Contents;
use super::fault::ArchiveFault;
use super::image_config::ImageConfig;
use super::layer::{Allowance, Layer};
use super::limits::CONFIG_MAX;
use super::manifest::{Parts, Wanted};
use longshore_model::digest::Digest;
use longshore_model::platform::Platform;
use std::fs::File;

/// An image in an archive that was checked completely.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckedImage {
    /// The archive.
    pub(super) contents: Contents,
    /// The digest of its configuration, which is the image's id.
    pub id: Digest,
    /// Its configuration, unchanged.
    pub(super) config_bytes: Vec<u8>,
    /// Its configuration, parsed.
    pub config: ImageConfig,
    /// Its layers, from the lowest to the highest.
    pub(super) layers: Vec<Layer>,
}

impl CheckedImage {
    /// Checks an archive of one image and, if a platform is given, that the image can run there.
    pub fn of(archive: File, platform: Option<&Platform>) -> Result<Self, ArchiveFault> {
        Self::wanted(archive, Wanted::Only, platform)
    }

    /// Checks the image of a name, such as `team/base:3`, in an archive that may have others, and that it can run on a
    /// platform. The others are not checked.
    pub fn named(archive: File, name: &str, platform: &Platform) -> Result<Self, ArchiveFault> {
        Self::wanted(archive, Wanted::Named(name), Some(platform))
    }

    fn wanted(archive: File, wanted: Wanted<'_>, platform: Option<&Platform>) -> Result<Self, ArchiveFault> {
        let contents = Contents::read(archive)?;
        let parts = Parts::find(&contents, wanted)?;
        let config_bytes = contents.bytes(&parts.config, CONFIG_MAX)?;
        let id = Digest::of(&config_bytes);
        if let Some(expected) = parts.config_digest.filter(|expected| *expected != id) {
            let (expected, found) = (expected.to_string(), id.to_string());
            return Err(ArchiveFault::Digest { part: parts.config.name, expected, found });
        }
        let config = ImageConfig::parse(&config_bytes, &parts.config.name)?;
        if config.diff_ids.len() != parts.layers.len() {
            return Err(ArchiveFault::LayerCount { layers: parts.layers.len(), digests: config.diff_ids.len() });
        }
        if let Some(platform) = platform {
            config.runs_on(platform)?;
        }
        let mut allowance = Allowance::new();
        let mut layers = Vec::with_capacity(parts.layers.len());
        for (part, diff_id) in parts.layers.into_iter().zip(&config.diff_ids) {
            layers.push(Layer::check(&contents, part, *diff_id, &mut allowance)?);
        }
        Ok(Self { contents, id, config_bytes, config, layers })
    }

    /// The unpacked size of its layers in bytes.
    pub fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }
}
