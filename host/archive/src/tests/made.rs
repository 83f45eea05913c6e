//! Creates small archives, any part of which can be changed.

use longshore_model::digest::Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tar::{EntryType, Header};

/// A tar archive under construction, of which every byte can be wrong.
#[derive(Default, Clone)]
pub(super) struct Tar(pub(super) Vec<u8>);

impl Tar {
    pub(super) fn entry(mut self, name: &str, kind: EntryType, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        // Bypasses the tar library's own checks.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(super) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, "", content)
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// An image under construction.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) config: Value,
    /// Each layer as stored in the archive.
    pub(super) layers: Vec<Vec<u8>>,
}

impl Image {
    /// With the given unpacked layers.
    pub(super) fn of(layers: &[Vec<u8>]) -> Self {
        let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
        let rootfs = json!({"type": "layers", "diff_ids": diff_ids});
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": null}, "rootfs": rootfs});
        Self { config, layers: layers.to_vec() }
    }

    /// With one layer of one file.
    pub(super) fn small() -> Self {
        Self::of(&[Tar::default().file("etc/hello", b"hello\n").end()])
    }

    pub(super) fn config_bytes(&self) -> Vec<u8> {
        self.config.to_string().into_bytes()
    }

    pub(super) fn config_name(&self) -> String {
        format!("{}.json", Digest::of(&self.config_bytes()).hex())
    }

    pub(super) fn layer_names(&self) -> Vec<String> {
        (0..self.layers.len()).map(|number| format!("{number}/layer.tar")).collect()
    }

    /// The `manifest.json` that older engines write. It names a foreign image, as any archive may.
    pub(super) fn manifest(&self) -> Value {
        let tags = ["longshore/python:0.1.0"];
        json!([{"Config": self.config_name(), "RepoTags": tags, "Layers": self.layer_names()}])
    }

    /// The parts that older engines write, except `manifest.json`.
    pub(super) fn parts(&self) -> Tar {
        let tar = Tar::default().file(&self.config_name(), &self.config_bytes());
        let layers = self.layer_names().into_iter().zip(&self.layers);
        layers.fold(tar, |tar, (name, layer)| tar.file(&name, layer))
    }

    /// The complete archive, as older engines write it.
    pub(super) fn docker(&self) -> Vec<u8> {
        self.parts().file("manifest.json", self.manifest().to_string().as_bytes()).end()
    }

    /// The manifest of an OCI layout.
    pub(super) fn oci_manifest(&self) -> Value {
        let layers = self.layers.iter().map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", layer));
        json!({
            "schemaVersion": 2,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &self.config_bytes()),
            "layers": layers.collect::<Vec<_>>(),
        })
    }

    /// The complete archive as an OCI layout with this manifest.
    pub(super) fn oci(&self, manifest: &Value) -> Vec<u8> {
        let manifest = manifest.to_string().into_bytes();
        let index = json!({"manifests": [descriptor("application/vnd.oci.image.manifest.v1+json", &manifest)]});
        let blobs = [manifest, self.config_bytes()].into_iter().chain(self.layers.iter().cloned());
        let tar = Tar::default()
            .entry("./", EntryType::Directory, "", b"")
            .file("./oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#)
            .file("./index.json", index.to_string().as_bytes());
        let blobs: BTreeMap<Digest, Vec<u8>> = blobs.map(|blob| (Digest::of(&blob), blob)).collect();
        blobs.iter().fold(tar, |tar, (digest, blob)| tar.file(&format!("./blobs/sha256/{}", digest.hex()), blob)).end()
    }
}

pub(super) fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(blob).to_string(), "size": blob.len()})
}

/// Compressed with gzip.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// Compressed with Zstandard.
pub(super) fn zstandard(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}
