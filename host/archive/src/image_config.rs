//! The relevant parts of an image's configuration: its platform, its layers and its labels. Other values are not
//! parsed. Its digest is the image's id.

use super::fault::ArchiveFault;
use super::limits::LAYERS_MAX;
use longshore_model::digest::{Digest, is_hash};
use longshore_model::labels;
use longshore_model::platform::Platform;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The parsed parts of a configuration.
#[derive(Debug)]
pub struct ImageConfig {
    /// The platform of the image.
    pub(super) platform: Platform,
    /// The digest of each unpacked layer.
    pub(super) diff_ids: Vec<Digest>,
    /// Its labels. Nothing verifies them.
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Written {
    architecture: String,
    os: String,
    rootfs: RootFs,
    config: Option<Config>,
}

#[derive(Deserialize)]
struct RootFs {
    r#type: String,
    diff_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

impl ImageConfig {
    /// Parses the configuration in `part`.
    pub(super) fn parse(bytes: &[u8], part: &str) -> Result<Self, ArchiveFault> {
        let json = |source| ArchiveFault::Json { part: part.to_owned(), source };
        let written: Written = serde_json::from_slice(bytes).map_err(json)?;
        let value = |what, value: &str, wanted| {
            let value = value.chars().take(100).collect();
            ArchiveFault::Value { part: part.to_owned(), what, value, wanted }
        };
        if written.rootfs.r#type != "layers" {
            return Err(value("the `rootfs.type`", &written.rootfs.r#type, "only `layers` is valid"));
        }
        let digests = written.rootfs.diff_ids.unwrap_or_default();
        if digests.len() > LAYERS_MAX {
            return Err(ArchiveFault::TooManyLayers { layers: digests.len(), max: LAYERS_MAX });
        }
        let wanted = "it must be `sha256:` and 64 digits";
        let diff_id = |text: String| Digest::parse(&text).ok_or_else(|| value("the `diff_id`", &text, wanted));
        Ok(Self {
            platform: Platform { os: written.os, architecture: written.architecture },
            diff_ids: digests.into_iter().map(diff_id).collect::<Result<_, _>>()?,
            labels: written.config.and_then(|config| config.labels).unwrap_or_default(),
        })
    }

    /// Fails for an image that the engine cannot run.
    pub(super) fn runs_on(&self, wanted: &Platform) -> Result<(), ArchiveFault> {
        let shown = |platform: &Platform| format!("{}/{}", platform.os, platform.architecture);
        if self.platform != *wanted {
            return Err(ArchiveFault::Platform { found: shown(&self.platform), wanted: shown(wanted) });
        }
        Ok(())
    }

    /// The hash of the environment in the image's labels, if the labels are consistent.
    pub fn environment(&self) -> Result<&str, ArchiveFault> {
        let missing = |reason| ArchiveFault::NoEnvironment { reason };
        let label = |name: &str| {
            let value = self.labels.get(name).filter(|value| !value.is_empty());
            value.map(String::as_str).ok_or_else(|| missing(format!("it has no label `{name}`")))
        };
        let kind = label(labels::IMAGE_TYPE)?;
        if kind != labels::GENERATED {
            return Err(missing(format!("its label `{}` is `{kind}`", labels::IMAGE_TYPE)));
        }
        for name in [labels::PARENT, labels::BASE] {
            label(name)?;
        }
        let hash = label(labels::ENVIRONMENT)?;
        if !is_hash(hash) {
            return Err(missing(format!("its label `{}` is not a hash", labels::ENVIRONMENT)));
        }
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(labels: serde_json::Value) -> ImageConfig {
        let rootfs = json!({"type": "layers", "diff_ids": null});
        let whole = json!({"architecture": "amd64", "os": "linux", "rootfs": rootfs, "config": {"Labels": labels}});
        ImageConfig::parse(whole.to_string().as_bytes(), "c.json").unwrap()
    }

    #[test]
    fn an_environment_says_all_of_what_it_is() {
        let hash = "0123456789abcdef".repeat(4);
        let fine = json!({"longshore.image-type": "generated", "longshore.environment": hash, "longshore.parent": "sha256:1",
            "longshore.base": "longshore/python:0.1.0"});
        assert_eq!(config(fine.clone()).environment().unwrap(), hash);
        for (label, value, reason) in [
            ("longshore.image-type", "", "it has no label `longshore.image-type`"),
            ("longshore.image-type", "layer", "its label `longshore.image-type` is `layer`"),
            ("longshore.parent", "", "it has no label `longshore.parent`"),
            ("longshore.environment", "../x", "its label `longshore.environment` is not a hash"),
            (
                "longshore.environment",
                "0123456789ABCDEF0123456789ABCDEF",
                "its label `longshore.environment` is not a hash",
            ),
        ] {
            let mut labels = fine.clone();
            labels[label] = value.into();
            let error = config(labels).environment().unwrap_err().to_string();
            assert!(error.ends_with(reason), "{error}");
        }
        assert!(config(serde_json::Value::Null).environment().is_err());
    }

    #[test]
    fn other_machines_are_named() {
        let arm = Platform { os: "linux".into(), architecture: "arm64".into() };
        let error = config(json!({})).runs_on(&arm).unwrap_err();
        assert_eq!(error.to_string(), "the image is for `linux/amd64`, but this engine runs `linux/arm64`");
    }
}
