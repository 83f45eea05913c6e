//! What can be wrong with an archive. Each of these means that nothing was loaded.

use std::io;
use thiserror::Error;

/// A tar archive is not as it should be, or would do harm.
#[derive(Debug, Error)]
pub enum TarFault {
    /// It cannot be read or unpacked.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// Its beginning is nothing like a tar archive.
    #[error("it is not a tar archive")]
    NoTar,
    /// It ends too early.
    #[error("it is cut off: it ends within {within}")]
    Truncated {
        /// What is not complete.
        within: String,
    },
    /// A header has another checksum than it says.
    #[error("it is damaged: there is no entry header at byte {offset}")]
    Damaged {
        /// Where, once unpacked.
        offset: u64,
    },
    /// There is something after its end.
    #[error("data follows its end")]
    Trailing,
    /// A header holds a number or a record that cannot be understood.
    #[error("the entry at byte {offset} has a header that is not valid: {what}")]
    Header {
        /// Where, once unpacked.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A name is longer than a path may be.
    #[error(
        "the entry at byte {offset} has a name or attributes of {size} bytes, more than the {max} that are allowed"
    )]
    HeaderTooLarge {
        /// Where, once unpacked.
        offset: u64,
        /// Its size.
        size: u64,
        /// What is allowed.
        max: u64,
    },
    /// An entry has a kind that does not belong there.
    #[error("the entry `{name}` is {kind}, which is not allowed there")]
    Kind {
        /// The entry.
        name: String,
        /// Such as `a device`.
        kind: String,
    },
    /// A name begins at the root.
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
    /// A name holds what no file system can.
    #[error("the name `{name}` contains a zero byte")]
    NameZero {
        /// The name.
        name: String,
    },
    /// A name of a part is not text.
    #[error("the name `{name}` is not UTF-8")]
    NameNotText {
        /// The name, as far as it can be shown.
        name: String,
    },
    /// A link leads out of the archive.
    #[error("the link `{name}` leads out of the archive, to `{target}`")]
    LinkEscapes {
        /// The link.
        name: String,
        /// Where it leads.
        target: String,
    },
    /// A name stands there twice.
    #[error("the name `{name}` occurs twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// It has more entries than are allowed.
    #[error("it has more than {max} entries")]
    TooManyEntries {
        /// What is allowed.
        max: u64,
    },
}

/// An archive does not hold an image that may be loaded.
#[derive(Debug, Error)]
pub enum ArchiveFault {
    /// It cannot be opened or read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It cannot be unpacked into a temporary file.
    #[error("it cannot be unpacked into a file in `{folder}`")]
    Unpack {
        /// Where that file was to be.
        folder: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It is larger than any image.
    #[error("it is too large: it has {size} bytes, and {max} are allowed")]
    TooLarge {
        /// Its size, or that of the image in it.
        size: u64,
        /// What is allowed.
        max: u64,
    },
    /// The archive itself is wrong.
    #[error("invalid archive")]
    Tar(#[source] TarFault),
    /// It is a tar archive, but not of an image.
    #[error("it holds no image: it has neither a `manifest.json` nor an `index.json`")]
    NoImage,
    /// It holds more than one image, or none.
    #[error("it holds {count} images, but must hold one: export each separately")]
    Images {
        /// How many.
        count: usize,
    },
    /// A part that others name is missing.
    #[error("`{part}` is missing, which `{named_by}` names")]
    Missing {
        /// The part.
        part: String,
        /// What names it.
        named_by: String,
    },
    /// A part is larger than such a part can be.
    #[error("`{part}` is too large: it has {size} bytes, and {max} are allowed")]
    PartTooLarge {
        /// The part.
        part: String,
        /// Its size.
        size: u64,
        /// What is allowed.
        max: u64,
    },
    /// A part is not the JSON that it should be.
    #[error("cannot parse `{part}`")]
    Json {
        /// The part.
        part: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A part has a value that means nothing here.
    #[error("`{part}` has {what} `{value}`, and {wanted}")]
    Value {
        /// The part.
        part: String,
        /// Such as `the media type`.
        what: &'static str,
        /// The value.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// A part has another size than another says.
    #[error("`{part}` has {found} bytes, and should have {expected}")]
    Size {
        /// The part.
        part: String,
        /// As it should be.
        expected: u64,
        /// As it is.
        found: u64,
    },
    /// A part is not what its name or another part says.
    #[error("`{part}` is damaged: its digest is `{found}`, and should be `{expected}`")]
    Digest {
        /// The part.
        part: String,
        /// As it should be.
        expected: String,
        /// As it is.
        found: String,
    },
    /// Manifest and configuration have different layers.
    #[error("the manifest names {layers} layers, and the configuration {digests}")]
    LayerCount {
        /// Layers of the manifest.
        layers: usize,
        /// Digests of the configuration.
        digests: usize,
    },
    /// More layers than the engine can stack.
    #[error("the image has {layers} layers, and {max} are allowed")]
    TooManyLayers {
        /// Its layers.
        layers: usize,
        /// What is allowed.
        max: usize,
    },
    /// A layer is wrong.
    #[error("invalid layer `{part}`")]
    Layer {
        /// The layer.
        part: String,
        /// The cause.
        #[source]
        source: TarFault,
    },
    /// The image is for another kind of machine.
    #[error("the image is for `{found}`, and this engine runs `{wanted}`")]
    Platform {
        /// What the image is for.
        found: String,
        /// What the engine runs.
        wanted: String,
    },
    /// The image is to be trusted as an environment, and is none.
    #[error("`--trust` is for images that Longshore made for a block, but this is not one: {reason}")]
    NoEnvironment {
        /// What its labels lack.
        reason: String,
    },
}
