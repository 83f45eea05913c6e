//! All settings, in the order of display and documentation: a test compares `docs/settings.md` with this list.
//!
//! The variable of a setting is `LONGSHORE_`, its table and its key; those of `[engine]` omit the table. The engine's
//! socket and the images keep the variables that they had before files were introduced.

use super::admission_list;
use super::bound_list;
use super::pool_list;
use super::run_list;
use super::setting::{PLAIN, Setting, Target};
use super::slot::Slot;
use super::version_list;

const ENGINE: Setting = Setting { table: "engine", ..PLAIN };
const IMAGES: Setting = Setting { table: "images", ..PLAIN };
const BUILD: Setting = Setting { table: "build", ..PLAIN };
const PYTHON: Setting = Setting { table: "python", ..PLAIN };
const R: Setting = Setting { table: "r", ..PLAIN };
const DEBIAN: Setting = Setting { table: "debian", ..PLAIN };
const NETWORK: Setting = Setting { table: "network", ..PLAIN };

/// All settings.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        key: "socket",
        slot: Slot::Socket(|settings| &mut settings.engine_socket),
        leads_to: Target::Socket,
        variable: "DOCKER_HOST",
        about: "the socket of the container engine, Docker's or Podman's",
        default: "that of Docker's current context (`DOCKER_CONTEXT`), else `/var/run/docker.sock`",
        example: r#""/run/podman/podman.sock""#,
        ..ENGINE
    },
    Setting {
        key: "agent",
        slot: Slot::Program(|settings| &mut settings.agent),
        leads_to: Target::File,
        variable: "LONGSHORE_AGENT",
        about: "the agent's executable",
        default: "beside `longshore`, or in `libexec/longshore`",
        example: r#""/opt/longshore/longshore-agent""#,
        ..ENGINE
    },
    Setting {
        key: "python",
        slot: Slot::Program(|settings| &mut settings.python),
        leads_to: Target::File,
        variable: "LONGSHORE_PYTHON",
        about: "the Python of the `process` engine; if it lacks the SDK, an environment with it is created in the cache",
        default: "`python3` in PATH",
        example: r#""/opt/venv/bin/python3""#,
        ..ENGINE
    },
    Setting {
        key: "rscript",
        slot: Slot::Program(|settings| &mut settings.rscript),
        leads_to: Target::File,
        variable: "LONGSHORE_RSCRIPT",
        about: "the `Rscript` of the `process` engine",
        default: "`Rscript` in PATH",
        example: r#""/opt/R/bin/Rscript""#,
        ..ENGINE
    },
    Setting {
        key: "r_library",
        slot: Slot::PathOrNone(|settings| &mut settings.r_library),
        leads_to: Target::Folder,
        variable: "LONGSHORE_R_LIBRARY",
        about: "a library of R packages for the `process` engine, before R's own; if none has the SDK, a library with it is created in the cache",
        default: "none",
        example: r#""/opt/R/library""#,
        ..ENGINE
    },
    Setting {
        key: "uv",
        slot: Slot::Program(|settings| &mut settings.uv),
        leads_to: Target::File,
        variable: "LONGSHORE_UV",
        about: "the `uv` that installs Python environments for the `process` engine",
        default: "`uv` in PATH or beside the interpreter, else one that is installed in the cache",
        example: r#""/opt/bin/uv""#,
        ..ENGINE
    },
    Setting {
        key: "sdk_folder",
        slot: Slot::Path(|settings| &mut settings.sdk_folder),
        leads_to: Target::Folder,
        variable: "LONGSHORE_SDK_FOLDER",
        about: "the wheels and R packages of the SDKs, for images and interpreters that lack them",
        default: "`sdk` beside the agent",
        example: r#""/opt/longshore/sdk""#,
        ..ENGINE
    },
    Setting {
        key: "state_folder",
        slot: Slot::Path(|settings| &mut settings.state_folder),
        variable: "LONGSHORE_STATE_FOLDER",
        about: "state that is kept between runs: last uses of images, pins, locks, run history",
        default: "`longshore` in `$XDG_STATE_HOME`, else in `~/.local/state`",
        example: r#""/srv/longshore/state""#,
        ..ENGINE
    },
    Setting {
        key: "cache_folder",
        slot: Slot::Path(|settings| &mut settings.cache_folder),
        variable: "LONGSHORE_CACHE_FOLDER",
        about: "files that can be rebuilt: the environments of the `process` engine",
        default: "`longshore` in `$XDG_CACHE_HOME`, else in `~/.cache`",
        example: r#""/srv/longshore/cache""#,
        ..ENGINE
    },
    Setting {
        key: "temporary_folder",
        slot: Slot::Path(|settings| &mut settings.temporary_folder),
        leads_to: Target::Folder,
        variable: "LONGSHORE_TEMPORARY_FOLDER",
        about: "temporary files without names: tables from and for pipes, rows of Excel workbooks, archives of images",
        default: "`$TMPDIR`, else `/tmp`",
        example: r#""/srv/longshore/temporary""#,
        ..ENGINE
    },
    Setting {
        key: "script_users",
        slot: Slot::Users(|settings| &mut settings.script_users),
        variable: "LONGSHORE_SCRIPT_USERS",
        about: "the user ids of scripts in containers; simultaneous runs have different ones",
        default: "`43560-43815`, which our images name `longshore`",
        example: r#""50000-50255""#,
        ..ENGINE
    },
    Setting {
        key: "python",
        slot: Slot::Image(|settings| &mut settings.python_image),
        variable: "LONGSHORE_PYTHON_IMAGE",
        about: "the image of Python blocks that name none",
        default: "`longshore/python` of this version",
        example: r#""registry.example.com/team/python:3""#,
        ..IMAGES
    },
    Setting {
        key: "python_pandas2",
        slot: Slot::Image(|settings| &mut settings.python_pandas2_image),
        variable: "LONGSHORE_PYTHON_PANDAS2_IMAGE",
        about: "the image of Python blocks that are written for pandas 2 and name none",
        default: "`longshore/python-pandas2` of this version",
        example: r#""registry.example.com/team/python-pandas2:3""#,
        ..IMAGES
    },
    Setting {
        key: "r",
        slot: Slot::Image(|settings| &mut settings.r_image),
        variable: "LONGSHORE_R_IMAGE",
        about: "the image of R blocks that name none",
        default: "`longshore/r` of this version",
        example: r#""registry.example.com/team/r:3""#,
        ..IMAGES
    },
    version_list::PYTHON_3_13,
    version_list::R_4_5,
    Setting {
        key: "disk_budget",
        slot: Slot::Size(|settings| &mut settings.images.disk_budget),
        variable: "LONGSHORE_IMAGES_DISK_BUDGET",
        about: "the disk budget for the images made for blocks, without their base images",
        default: "`20GB`",
        example: r#""50GB""#,
        ..IMAGES
    },
    Setting {
        key: "low_mark",
        slot: Slot::Share(|settings| &mut settings.images.low_mark),
        variable: "LONGSHORE_IMAGES_LOW_MARK",
        about: "the share of the budget that clean-up reduces usage to",
        default: "`0.8`",
        example: "0.5",
        ..IMAGES
    },
    Setting {
        key: "pull",
        slot: Slot::Pull(|settings| &mut settings.images.pull),
        variable: "LONGSHORE_IMAGES_PULL",
        about: "whether images that blocks name are pulled when this machine lacks them",
        default: "`missing`",
        example: r#""never""#,
        ..IMAGES
    },
    Setting {
        key: "visokio_labels",
        slot: Slot::Switch(|settings| &mut settings.images.visokio_labels),
        variable: "LONGSHORE_IMAGES_VISOKIO_LABELS",
        about: "whether the images made for blocks carry the labels that Omniscope's clean-up uses",
        default: "`false`",
        example: "true",
        ..IMAGES
    },
    Setting {
        key: "store",
        slot: Slot::Name(|settings| &mut settings.images.store),
        variable: "LONGSHORE_IMAGES_STORE",
        about: "the owner of images, where several hosts share an engine: each lists and removes only its own",
        default: "`default`",
        example: r#""staging""#,
        ..IMAGES
    },
    Setting {
        key: "memory",
        slot: Slot::Size(|settings| &mut settings.build.memory_bytes),
        variable: "LONGSHORE_BUILD_MEMORY",
        about: "the memory limit of a build container",
        default: "`8GiB`",
        example: r#""16GiB""#,
        ..BUILD
    },
    Setting {
        key: "processes",
        slot: Slot::Count(|settings| &mut settings.build.pids),
        variable: "LONGSHORE_BUILD_PROCESSES",
        about: "the limit on a build's processes and threads at one time",
        default: "4096",
        example: "16384",
        ..BUILD
    },
    Setting {
        key: "disk",
        slot: Slot::Size(|settings| &mut settings.build.disk_bytes),
        variable: "LONGSHORE_BUILD_DISK",
        about: "the limit on what a build writes to disk",
        default: "`20GB`",
        example: r#""50GB""#,
        ..BUILD
    },
    Setting {
        key: "minutes",
        slot: Slot::Count(|settings| &mut settings.build.minutes),
        variable: "LONGSHORE_BUILD_MINUTES",
        about: "the time limit of a build in minutes, on the `process` engine too",
        default: "60",
        example: "240",
        ..BUILD
    },
    Setting {
        key: "dockerfiles",
        slot: Slot::Switch(|settings| &mut settings.build.dockerfiles),
        variable: "LONGSHORE_BUILD_DOCKERFILES",
        about: "whether the image of a block is built from the `Dockerfile` of its folder, by the engine's own builder",
        default: "`true`",
        example: "false",
        ..BUILD
    },
    Setting {
        key: "index_url",
        slot: Slot::AddressOrNone(|settings| &mut settings.packages.index_url),
        variable: "LONGSHORE_PYTHON_INDEX_URL",
        common: &["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"],
        about: "the index of Python packages",
        default: "none: PyPI",
        example: r#""https://pypi.example.com/simple""#,
        ..PYTHON
    },
    Setting {
        key: "extra_index_urls",
        slot: Slot::Addresses(|settings| &mut settings.packages.extra_index_urls),
        variable: "LONGSHORE_PYTHON_EXTRA_INDEX_URLS",
        common: &["PIP_EXTRA_INDEX_URL"],
        about: "further indexes of Python packages",
        default: "none",
        example: r#"["https://team.example.com/simple", "https://public.example.com/simple"]"#,
        ..PYTHON
    },
    Setting {
        key: "trusted_hosts",
        slot: Slot::Texts(|settings| &mut settings.packages.trusted_hosts),
        variable: "LONGSHORE_PYTHON_TRUSTED_HOSTS",
        common: &["PIP_TRUSTED_HOST"],
        about: "hosts of indexes whose certificates are not checked",
        default: "none",
        example: r#"["pypi.example.com"]"#,
        ..PYTHON
    },
    Setting {
        key: "pip_arguments",
        slot: Slot::Texts(|settings| &mut settings.packages.pip_arguments),
        variable: "LONGSHORE_PYTHON_PIP_ARGUMENTS",
        about: "further arguments for `uv pip install`",
        default: "none",
        example: r#"["--prerelease", "allow"]"#,
        ..PYTHON
    },
    bound_list::CONSTRAINTS,
    bound_list::BLOCK_CONSTRAINTS,
    Setting {
        key: "repositories",
        slot: Slot::Addresses(|settings| &mut settings.packages.cran),
        variable: "LONGSHORE_R_REPOSITORIES",
        about: "repositories of R packages, like CRAN",
        default: "none: those that R is set up with",
        example: r#"["https://cran.example.com"]"#,
        ..R
    },
    bound_list::CRAN_SNAPSHOT,
    Setting {
        key: "debian_packages",
        slot: Slot::Switch(|settings| &mut settings.packages.debian_r_packages),
        variable: "LONGSHORE_R_DEBIAN_PACKAGES",
        about: "whether R packages are installed from Debian, as binaries, where it has them",
        default: "`true`",
        example: "false",
        ..R
    },
    Setting {
        key: "mirror",
        slot: Slot::AddressOrNone(|settings| &mut settings.packages.debian_mirror),
        variable: "LONGSHORE_DEBIAN_MIRROR",
        about: "the mirror of Debian packages",
        default: "none: that of the base image",
        example: r#""http://debian.example.com/debian""#,
        ..DEBIAN
    },
    bound_list::DEBIAN_SNAPSHOT,
    Setting {
        key: "ca_bundle",
        slot: Slot::PathOrNone(|settings| &mut settings.packages.ca_bundle),
        leads_to: Target::File,
        variable: "LONGSHORE_NETWORK_CA_BUNDLE",
        common: &["PIP_CERT", "SSL_CERT_FILE"],
        about: "a PEM file of certificates that builds trust besides those of the base image",
        default: "none",
        example: r#""/etc/ssl/company.pem""#,
        ..NETWORK
    },
    Setting {
        key: "http_proxy",
        slot: Slot::TextOrNone(|settings| &mut settings.packages.http_proxy),
        variable: "LONGSHORE_NETWORK_HTTP_PROXY",
        common: &["HTTP_PROXY", "http_proxy"],
        about: "the proxy of builds for `http`",
        default: "none",
        example: r#""http://proxy.example.com:3128""#,
        ..NETWORK
    },
    Setting {
        key: "https_proxy",
        slot: Slot::TextOrNone(|settings| &mut settings.packages.https_proxy),
        variable: "LONGSHORE_NETWORK_HTTPS_PROXY",
        common: &["HTTPS_PROXY", "https_proxy"],
        about: "the proxy of builds for `https`",
        default: "none",
        example: r#""http://proxy.example.com:3128""#,
        ..NETWORK
    },
    Setting {
        key: "no_proxy",
        slot: Slot::TextOrNone(|settings| &mut settings.packages.no_proxy),
        variable: "LONGSHORE_NETWORK_NO_PROXY",
        common: &["NO_PROXY", "no_proxy"],
        about: "hosts that builds reach without a proxy, separated by commas",
        default: "none",
        example: r#""localhost,.example.com""#,
        ..NETWORK
    },
    run_list::KEEP,
    run_list::LOG_BYTES,
    run_list::TIMEOUT,
    run_list::SERVER,
    run_list::CANCELLED_STATUS,
    admission_list::MEMORY,
    admission_list::CPUS,
    admission_list::QUEUE,
    pool_list::MEMBERS,
    pool_list::MEMORY,
    pool_list::IDLE,
    pool_list::WAIT,
];
