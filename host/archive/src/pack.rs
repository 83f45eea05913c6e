//! Writes the archive of a checked image. The same image gives the same bytes: parts in the order of their names,
//! without times and owners, layers uncompressed.

use super::check::CheckedImage;
use super::form::Form;
use super::layer::Layer;
use longshore_model::digest::Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use tar::{Builder, EntryType, Header};

/// The content of a part of an archive.
#[derive(Debug)]
enum Content<'a> {
    Bytes(Vec<u8>),
    Layer(&'a Layer),
}

/// An image to be written.
#[derive(Debug)]
pub struct Packing<'a> {
    image: &'a CheckedImage,
    parts: BTreeMap<String, Content<'a>>,
    manifest: Digest,
}

impl<'a> Packing<'a> {
    /// Prepares an archive of an image, with or without a name. `Form::Docker` is also an OCI layout, as written by
    /// newer engines: engines of any age load it.
    pub fn new(image: &'a CheckedImage, name: Option<&str>, form: Form) -> Self {
        let mut parts = BTreeMap::new();
        let config = blob(&image.id);
        parts.insert(config.clone(), Content::Bytes(image.config_bytes.clone()));
        for layer in &image.layers {
            parts.insert(blob(&layer.diff_id), Content::Layer(layer));
        }
        let layers = image
            .layers
            .iter()
            .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", &layer.diff_id, layer.size));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &image.id, image.config_bytes.len() as u64),
            "layers": layers.collect::<Vec<_>>(),
        });
        let manifest = manifest.to_string().into_bytes();
        let manifest_digest = Digest::of(&manifest);
        let mut listed =
            descriptor("application/vnd.oci.image.manifest.v1+json", &manifest_digest, manifest.len() as u64);
        listed["platform"] =
            json!({"architecture": image.config.platform.architecture, "os": image.config.platform.os});
        if let Some(name) = name {
            let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
            listed["annotations"] =
                json!({"io.containerd.image.name": whole_name(name), "org.opencontainers.image.ref.name": tag});
        }
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [listed],
        });
        parts.insert(blob(&manifest_digest), Content::Bytes(manifest));
        parts.insert("index.json".into(), Content::Bytes(index.to_string().into_bytes()));
        parts.insert("oci-layout".into(), Content::Bytes(json!({"imageLayoutVersion": "1.0.0"}).to_string().into()));
        if form == Form::Docker {
            let layers: Vec<String> = image.layers.iter().map(|layer| blob(&layer.diff_id)).collect();
            let images = json!([{"Config": config, "RepoTags": name.map(|name| [name]), "Layers": layers}]);
            parts.insert("manifest.json".into(), Content::Bytes(images.to_string().into_bytes()));
        }
        Self { image, parts, manifest: manifest_digest }
    }

    /// The ids that an engine may give the image: the digest of its configuration or, in engines that keep images as
    /// registries store them, of its manifest.
    pub fn ids(&self) -> [String; 2] {
        [self.image.id.to_string(), self.manifest.to_string()]
    }

    /// Writes the archive.
    pub fn write<W: Write>(&self, out: W) -> io::Result<W> {
        let mut builder = Builder::new(out);
        for (name, content) in &self.parts {
            match content {
                Content::Bytes(bytes) => append(&mut builder, name, bytes.len() as u64, bytes.as_slice())?,
                Content::Layer(layer) => append(&mut builder, name, layer.size, layer.open(&self.image.contents)?)?,
            }
        }
        builder.into_inner()
    }
}

fn append<W: Write>(builder: &mut Builder<W>, name: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    builder.append_data(&mut header, name, content)
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Value {
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
}

/// A name with its registry added, if missing.
fn whole_name(name: &str) -> String {
    match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_registry() {
        for (name, whole) in [
            ("debian:12", "docker.io/library/debian:12"),
            ("longshore/environment:00ff", "docker.io/longshore/environment:00ff"),
            ("localhost/a:1", "localhost/a:1"),
            ("r.example.org:5000/a:1", "r.example.org:5000/a:1"),
        ] {
            assert_eq!(whole_name(name), whole);
        }
    }
}
