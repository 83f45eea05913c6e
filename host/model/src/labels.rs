//! The labels of images: ours, and those of others that are honoured.

/// What an image is: `base` for those of `images/Dockerfile`, `generated` for those made of a block's packages, `layer`
/// for what stands between the two.
pub const IMAGE_TYPE: &str = "longshore.image-type";

/// The type of images made for blocks.
pub const GENERATED: &str = "generated";

/// The type of what such images are made on top of, for others to share.
pub const LAYER: &str = "layer";

/// The hash of all that went into a generated image or a layer.
pub const ENVIRONMENT: &str = "longshore.environment";

/// The hash of what is in a layer and all below it, also where the layer is an environment's last.
pub const LAYER_HASH: &str = "longshore.layer";

/// The store that an image belongs to: several hosts of one engine each keep, list and remove their own. An image without
/// this label belongs to the store `default`.
pub const STORE: &str = "longshore.store";

/// The id of the image that it was made on top of.
pub const PARENT: &str = "longshore.parent";

/// The name of the base image, as the block or the settings have it.
pub const BASE: &str = "longshore.base";

/// Packages of the language that were asked for, one in a line.
pub const PACKAGES: &str = "longshore.packages";

/// Debian packages that were asked for, one in a line.
pub const SYSTEM_PACKAGES: &str = "longshore.system-packages";

/// What was installed for them, exactly, one in a line, such as `pip scikit-learn==1.7.2`.
pub const RESOLVED: &str = "longshore.resolved";

/// When an environment is to be made anew, in seconds since 1970: where something that it may do without was not to be had.
pub const EXPIRES: &str = "longshore.expires";

/// The version of the agent that is in the image. An image without this label gets the host's.
pub const AGENT: &str = "longshore.agent";

/// The users that scripts may be in the image: the range that its `/etc/passwd` names, or one id that its files rely on. An
/// image with an agent, and without this label, has an agent that cannot be another user than its script.
pub const USERS: &str = "longshore.users";

/// The labels by which other images say that they may be pruned, with the value [`PRUNE`].
pub const RETENTION: [&str; 2] = ["longshore.image-retention", "visokio-image-retention"];

/// Its value.
pub const PRUNE: &str = "prune-on-cleanup";

/// The label of generated images in Omniscope's words, with its value.
pub const VISOKIO_GENERATED: (&str, &str) = ("visokio-image-type", "custom-block-generated");

/// Digits of a hash that stand in a name. 128 bits keep any two apart.
pub const HASH_SHOWN: usize = 32;

/// What the names of the volumes with downloaded packages begin with.
pub const CACHE_VOLUMES: &str = "longshore-packages";
