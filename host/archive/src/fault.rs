//! Errors in archives. After each of these, nothing has been loaded.

use longshore_model::remedy::Remedy;
use std::io;
use thiserror::Error;

/// A tar archive is invalid, or would do harm.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TarFault {
    /// It cannot be read or unpacked.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// Its beginning is not that of a tar archive.
    #[error("it is not a tar archive")]
    NoTar,
    /// It ends too early.
    #[error("it is cut off: it ends within {within}")]
    Truncated {
        /// The incomplete part.
        within: String,
    },
    /// A header's checksum is wrong.
    #[error("it is damaged: there is no entry header at byte {offset}")]
    Damaged {
        /// The unpacked offset.
        offset: u64,
    },
    /// Data follows its end.
    #[error("data follows its end")]
    Trailing,
    /// A header has an invalid number or record.
    #[error("the entry at byte {offset} has a header that is not valid: {what}")]
    Header {
        /// The unpacked offset.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A name exceeds the limit of a path.
    #[error("the entry at byte {offset} has a name or attributes of {size} bytes; the limit is {max}")]
    HeaderTooLarge {
        /// The unpacked offset.
        offset: u64,
        /// Its size.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// An entry has a type that is not allowed there.
    #[error("the entry `{name}` is {kind}, which is not allowed there")]
    Kind {
        /// The entry.
        name: String,
        /// The type, such as `a device`.
        kind: String,
    },
    /// A name is absolute.
    #[error("the name `{name}` is absolute")]
    NameAbsolute {
        /// The name.
        name: String,
    },
    /// A name leads out of the folder that the archive is unpacked into.
    #[error("the name `{name}` leads out of its folder")]
    NameEscapes {
        /// The name.
        name: String,
    },
    /// A name contains a byte that no file system allows.
    #[error("the name `{name}` contains a zero byte")]
    NameZero {
        /// The name.
        name: String,
    },
    /// The name of a part is not UTF-8.
    #[error("the name `{name}` is not UTF-8")]
    NameNotText {
        /// The name, as far as it can be displayed.
        name: String,
    },
    /// A link leads out of the archive.
    #[error("the link `{name}` leads out of the archive, to `{target}`")]
    LinkEscapes {
        /// The link.
        name: String,
        /// The target of the link.
        target: String,
    },
    /// A name occurs twice.
    #[error("the name `{name}` occurs twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// It has too many entries.
    #[error("it has more than {max} entries")]
    TooManyEntries {
        /// The limit.
        max: u64,
    },
}

/// An archive does not contain an image that may be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveFault {
    /// It cannot be opened or read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It cannot be unpacked into a temporary file.
    #[error("it cannot be unpacked into a file in `{folder}`")]
    Unpack {
        /// The folder of the temporary file.
        folder: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It exceeds the limit of an image.
    #[error("it is too large: it has {size} bytes; the limit is {max}")]
    TooLarge {
        /// Its size, or that of the image in it.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// The archive itself is invalid.
    #[error("invalid archive")]
    Tar(#[source] TarFault),
    /// It is a tar archive, but not of an image.
    #[error("it holds no image: it has neither a `manifest.json` nor an `index.json`")]
    NoImage,
    /// It contains several images, or none.
    #[error("it holds {count} images, but must hold one: export each separately")]
    Images {
        /// The number of images.
        count: usize,
    },
    /// None of its images has the wanted name.
    #[error("it has no image `{name}`, but {}", listed(.there))]
    NameMissing {
        /// The wanted name.
        name: String,
        /// Some of the names in it.
        there: Vec<String>,
    },
    /// Several of its images have the wanted name.
    #[error("it has several images with the name `{name}`")]
    NameTwice {
        /// The wanted name.
        name: String,
    },
    /// A part that another part names is missing.
    #[error("`{part}` is missing: `{named_by}` names it")]
    Missing {
        /// The part.
        part: String,
        /// The part that names it.
        named_by: String,
    },
    /// A part exceeds its limit.
    #[error("`{part}` is too large: it has {size} bytes; the limit is {max}")]
    PartTooLarge {
        /// The part.
        part: String,
        /// Its size.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// A part is not the expected JSON.
    #[error("cannot parse `{part}`")]
    Json {
        /// The part.
        part: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A part has a value that is not supported.
    #[error("`{part}` has {what} `{value}`, but {wanted}")]
    Value {
        /// The part.
        part: String,
        /// The kind of value, such as `the media type`.
        what: &'static str,
        /// The value.
        value: String,
        /// The valid values.
        wanted: &'static str,
    },
    /// The size of a part differs from the one that another part states.
    #[error("`{part}` has {found} bytes instead of {expected}")]
    Size {
        /// The part.
        part: String,
        /// The stated size.
        expected: u64,
        /// The actual size.
        found: u64,
    },
    /// The digest of a part differs from its name or from the one that another part states.
    #[error("`{part}` is damaged: its digest is `{found}` instead of `{expected}`")]
    Digest {
        /// The part.
        part: String,
        /// The stated digest.
        expected: String,
        /// The actual digest.
        found: String,
    },
    /// The manifest and the configuration have different numbers of layers.
    #[error("the manifest names {layers} layers, but the configuration {digests}")]
    LayerCount {
        /// Layers of the manifest.
        layers: usize,
        /// Digests of the configuration.
        digests: usize,
    },
    /// More layers than the engine can stack.
    #[error("the image has {layers} layers; the limit is {max}")]
    TooManyLayers {
        /// Its layers.
        layers: usize,
        /// The limit.
        max: usize,
    },
    /// A layer is invalid.
    #[error("invalid layer `{part}`")]
    Layer {
        /// The layer.
        part: String,
        /// The cause.
        #[source]
        source: TarFault,
    },
    /// The image is for another platform.
    #[error("the image is for `{found}`, but this engine runs `{wanted}`")]
    Platform {
        /// The image's platform.
        found: String,
        /// The engine's platform.
        wanted: String,
    },
    /// The image should be trusted as an environment, but is not one.
    #[error("cannot trust its labels as those of a block's environment: {reason}")]
    NoEnvironment {
        /// What is wrong with its labels.
        reason: String,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "images without names".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

impl ArchiveFault {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        matches!(self, Self::NoEnvironment { .. }).then_some(Remedy::ImportUntrusted)
    }
}
