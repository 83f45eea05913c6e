//! Image labels: Longshore's own, and labels of other tools that it honours.

/// The type of an image: `base` for those of `images/Dockerfile`, `generated` for those made for a block's packages,
/// `layer` for those in between.
pub const IMAGE_TYPE: &str = "longshore.image-type";

/// The type of base images.
pub const BASE_TYPE: &str = "base";

/// The type of images made for blocks.
pub const GENERATED: &str = "generated";

/// The type of the images below those, which several can share.
pub const LAYER: &str = "layer";

/// The type of images built from the `Dockerfile` of a block.
pub const DOCKERFILE: &str = "dockerfile";

/// The hash of everything that determines a generated image or a layer.
pub const ENVIRONMENT: &str = "longshore.environment";

/// The hash of a layer and everything below it, also if the layer is an environment's last.
pub const LAYER_HASH: &str = "longshore.layer";

/// The store that an image belongs to: several hosts of one engine each list and remove only their own. An image
/// without this label belongs to the store `default`.
pub const STORE: &str = "longshore.store";

/// The id of the image that it was built on.
pub const PARENT: &str = "longshore.parent";

/// The hash of base and package sources, on images whose packages another environment may be built on.
pub const ORIGIN: &str = "longshore.origin";

/// The hashes of these packages, one per line.
pub const PARTS: &str = "longshore.parts";

/// The number of environments below it that it was built on.
pub const DEPTH: &str = "longshore.depth";

/// The name of the base image, as in the block or the settings.
pub const BASE: &str = "longshore.base";

/// The requested packages of the language, one per line.
pub const PACKAGES: &str = "longshore.packages";

/// The requested Debian packages, one per line.
pub const SYSTEM_PACKAGES: &str = "longshore.system-packages";

/// Where the block that an image was made for lists its packages, one per line: the kind and text of the package, a tab,
/// and the place.
pub const LISTED: &str = "longshore.listed";

/// The exact packages that were installed for them, one per line, such as `pip scikit-learn==1.7.2`.
pub const RESOLVED: &str = "longshore.resolved";

/// The day as of which the packages were chosen, if one was given.
pub const AS_OF: &str = "longshore.as-of";

/// The constraints on versions, one per line, if there were any.
pub const CONSTRAINTS: &str = "longshore.constraints";

/// When an environment must be rebuilt, in seconds since 1970: set if an optional part of it was unavailable.
pub const EXPIRES: &str = "longshore.expires";

/// The version of the agent in the image. An image without this label gets the host's.
pub const AGENT: &str = "longshore.agent";

/// The language of the scripts of a base image.
pub const LANGUAGE: &str = "longshore.language";

/// The user ids that scripts may have in the image: the range that its `/etc/passwd` names, or one id that its files
/// rely on. If an image has an agent but not this label, its agent cannot run as another user than its script.
pub const USERS: &str = "longshore.users";

/// The labels by which other images declare that they may be pruned, with the value [`PRUNE`].
pub const RETENTION: [&str; 2] = ["longshore.image-retention", "visokio-image-retention"];

/// The value of these labels.
pub const PRUNE: &str = "prune-on-cleanup";

/// Omniscope's label of generated images, with its value.
pub const VISOKIO_GENERATED: (&str, &str) = ("visokio-image-type", "custom-block-generated");

/// Digits of a hash in a name: 128 bits, enough to avoid collisions.
pub const HASH_SHOWN: usize = 32;

/// The prefix of the names of the volumes with downloaded packages.
pub const CACHE_VOLUMES: &str = "longshore-packages";
