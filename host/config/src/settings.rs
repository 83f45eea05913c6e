//! The settings of the host. The command line fills them from the environment, once; the libraries do not read the
//! environment.

use longshore_model::constraint::Constraint;
use longshore_model::day::Day;
use longshore_model::image_kind::ImageKind;
use longshore_model::outcome::Outcome;
use longshore_model::redact::Secrets;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// The user ids of scripts: 256, as many as the simultaneous runs of a large machine. Below 65,536, where the ids of
/// user namespaces end, and far from the ids that systems assign to people and services. The images' `/etc/passwd`
/// names them.
const SCRIPT_USERS: RangeInclusive<u32> = 43_560..=43_815;

/// The folder of temporary files unless the settings name another.
pub const TEMPORARY_FOLDER: &str = "/tmp";

/// Settings of the machine, apart from any one run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The Engine API's socket: Docker's or Podman's.
    pub engine_socket: PathBuf,
    /// The folder for the sockets of runs, such as a service's own below `/run`. It must allow Unix sockets, belong to
    /// this user or root, and be writable by no other user. Runs use only its subfolder `runs`, which they create if it
    /// is missing.
    pub runtime_folder: PathBuf,
    /// The folder for the `process` engine's working folders.
    pub work_folder: PathBuf,
    /// The folder for temporary files, which have no names: tables that are read from a pipe or handed over, rows of
    /// Excel workbooks, and archives of images. It needs room for the largest of them.
    pub temporary_folder: PathBuf,
    /// The agent's binary, for the `process` engine and for images without an agent.
    pub agent: PathBuf,
    /// The Python interpreter of the `process` engine. If it lacks the SDK, an environment with it is created from
    /// [`Settings::sdk_folder`] in the cache.
    pub python: PathBuf,
    /// The `Rscript` of the `process` engine.
    pub rscript: PathBuf,
    /// A library of R packages for the `process` engine, before R's own. If none of them has the SDK, a library with it
    /// is created in the cache.
    pub r_library: Option<PathBuf>,
    /// The `uv` that installs Python environments for the `process` engine.
    pub uv: PathBuf,
    /// `PATH` of scripts on the `process` engine.
    pub path: String,
    /// The image of Python blocks that name none.
    pub python_image: String,
    /// The image of Python blocks that are written for pandas 2 and name none.
    pub python_pandas2_image: String,
    /// The image of R blocks that name none.
    pub r_image: String,
    /// The image of Python blocks that need Python 3.13.
    pub python_3_13_image: String,
    /// The image of R blocks that need R 4.5.
    pub r_4_5_image: String,
    /// The wheels and R packages of the SDKs, for images and interpreters that lack them.
    pub sdk_folder: PathBuf,
    /// The folder for state that is kept between runs: last uses of images, pins, locks, and run history. Nothing else
    /// depends on it.
    pub state_folder: PathBuf,
    /// The folder for files that can be rebuilt: the environments of the `process` engine.
    pub cache_folder: PathBuf,
    /// The Docker configuration file, with credentials for registries. Without it there are no credentials.
    pub docker_config: PathBuf,
    /// The user ids of scripts in containers; simultaneous runs have different ones.
    pub script_users: RangeInclusive<u32>,
    /// Settings for building and keeping images.
    pub images: ImageSettings,
    /// Limits of builds.
    pub build: BuildSettings,
    /// Sources of packages.
    pub packages: PackageSettings,
    /// Settings for the run history.
    pub runs: RunSettings,
    /// What runs may take together.
    pub admission: AdmissionSettings,
    /// Interpreters that wait for runs in a resident host.
    pub pool: PoolSettings,
    /// The resident host that runs go through. Only programs that are callers use it.
    pub server: ServerChoice,
}

/// The resident host that runs go through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ServerChoice {
    /// The user's own, if one listens.
    #[default]
    Auto,
    /// None.
    None,
    /// The one that listens on this socket.
    Path(PathBuf),
}

/// Settings for the run history and for the outcome of runs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RunSettings {
    /// How many of the newest runs are kept; 0 for none.
    pub keep: u64,
    /// Bytes of a script's output that are kept, half from its beginning and half from its end.
    pub log_bytes: u64,
    /// The command line's exit status for a run that its script cancelled.
    pub cancelled_status: u8,
    /// The time limit of a script without one of its own; streams have no such limit.
    pub timeout: Option<Duration>,
}

impl RunSettings {
    /// The command line's exit status for a run with this outcome.
    #[must_use]
    pub fn exit_status(&self, outcome: Outcome) -> u8 {
        match outcome {
            Outcome::Cancelled => self.cancelled_status,
            outcome => outcome.exit_status(),
        }
    }
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            // 200 MB at most, plus 1 MB during a run.
            keep: 200,
            log_bytes: 1_000_000,
            cancelled_status: Outcome::Cancelled.exit_status(),
            // Far longer than a script that a user waits for, and shorter than a night in which a hung one would occupy
            // its memory.
            timeout: Some(Duration::from_secs(3600)),
        }
    }
}

/// What the runs of a host may take of its machine together, and how many may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Bytes of memory; `None` for a part of the machine's, 0 for no bound.
    pub memory_bytes: Option<u64>,
    /// Processors; `None` for a multiple of the machine's, 0 for no bound.
    pub cpus: Option<u64>,
    /// Runs that may wait.
    pub queue: u64,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        // Some 500 MB of waiting runs, which a machine with two processors works off in an hour if they are short.
        Self { memory_bytes: None, cpus: None, queue: 10_000 }
    }
}

/// Settings for interpreters that wait for runs in a resident host.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PoolSettings {
    /// How many wait at most; 0 for none.
    pub members: u64,
    /// Bytes of memory that all of them may take which no file backs.
    pub memory_bytes: u64,
    /// How long one waits for a run.
    pub idle: Duration,
    /// Whether a run waits until there is one, instead of starting its own.
    pub wait: bool,
}

impl Default for PoolSettings {
    fn default() -> Self {
        // Eight interpreters with pandas take 400 MB; a person who edits a script runs it again within ten minutes.
        Self { members: 8, memory_bytes: 1 << 30, idle: Duration::from_secs(600), wait: false }
    }
}

/// Settings for building and keeping images.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImageSettings {
    /// Bytes that the images built here may use beyond their base images: the high mark of pruning.
    pub disk_budget: u64,
    /// The share of the budget that pruning reduces usage to.
    pub low_mark: f64,
    /// When images that blocks name are pulled.
    pub pull: Pull,
    /// Whether generated images carry the labels that Omniscope's clean-up uses.
    pub visokio_labels: bool,
    /// The owner of images, where several hosts share an engine.
    pub store: String,
}

/// Limits of builds. On the `process` engine only the time is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildSettings {
    /// Bytes of memory, without swap.
    pub memory_bytes: u64,
    /// Processes and threads at one time.
    pub pids: u64,
    /// Bytes that a build writes to disk.
    pub disk_bytes: u64,
    /// The time limit of a whole build in minutes.
    pub minutes: u64,
    /// Whether the `Dockerfile` of a block's folder is built.
    pub dockerfiles: bool,
}

impl BuildSettings {
    /// The time limit.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.minutes.saturating_mul(60))
    }
}

impl Default for BuildSettings {
    fn default() -> Self {
        // A C++ compiler takes up to 1 GB per processor, on machines with 8; the largest environments for deep learning
        // have 10 GB, and twice that during unpacking.
        Self { memory_bytes: 8 << 30, pids: 4096, disk_bytes: 20_000_000_000, minutes: 60, dockerfiles: true }
    }
}

/// When images are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pull {
    /// If this machine does not have them.
    Missing,
    /// Never.
    Never,
}

/// Sources of packages. Addresses may contain passwords, which appear in no image and no output.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PackageSettings {
    /// The index of Python packages; PyPI if not set.
    pub index_url: Option<String>,
    /// Further indexes of Python packages.
    pub extra_index_urls: Vec<String>,
    /// Hosts of indexes whose certificates are not checked.
    pub trusted_hosts: Vec<String>,
    /// Further arguments for `uv pip install`.
    pub pip_arguments: Vec<String>,
    /// Constraints on the versions of Python packages, for all blocks.
    pub constraints: Vec<Constraint>,
    /// Further constraints, by the name of a block.
    pub block_constraints: BTreeMap<String, Vec<Constraint>>,
    /// The day as of which packages are chosen. It is a block's or a caller's, and no file sets it.
    pub as_of: Option<Day>,
    /// Repositories of R packages, like CRAN; R's own setting if empty.
    pub cran: Vec<String>,
    /// The repository of R packages as it was on a day, with `{date}` in the place of the day.
    pub cran_snapshot: Option<String>,
    /// Whether R packages are installed from Debian, as binaries, where it has them.
    pub debian_r_packages: bool,
    /// The mirror of Debian; that of the base image if not set.
    pub debian_mirror: Option<String>,
    /// The mirror of Debian as it was on a day, with `{date}` in the place of the day.
    pub debian_snapshot: Option<String>,
    /// A bundle of certificates that builds trust in addition to those of the base image.
    pub ca_bundle: Option<PathBuf>,
    /// The proxy for `http`.
    pub http_proxy: Option<String>,
    /// The proxy for `https`.
    pub https_proxy: Option<String>,
    /// Hosts that are reached without a proxy.
    pub no_proxy: Option<String>,
}

impl Default for ImageSettings {
    fn default() -> Self {
        // A dozen environments for data science need 20 GB; four fifths leave room for the next build.
        Self {
            disk_budget: 20_000_000_000,
            low_mark: 0.8,
            pull: Pull::Missing,
            visokio_labels: false,
            store: "default".into(),
        }
    }
}

impl Default for PackageSettings {
    fn default() -> Self {
        Self {
            index_url: None,
            extra_index_urls: Vec::new(),
            trusted_hosts: Vec::new(),
            pip_arguments: Vec::new(),
            constraints: Vec::new(),
            block_constraints: BTreeMap::new(),
            as_of: None,
            cran: Vec::new(),
            cran_snapshot: None,
            debian_r_packages: true,
            debian_mirror: None,
            debian_snapshot: None,
            ca_bundle: None,
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
        }
    }
}

impl Settings {
    /// The socket of the user's own resident host.
    #[must_use]
    pub fn server_socket(&self) -> PathBuf {
        self.runtime_folder.join("server.sock")
    }

    /// The image of blocks of a kind that name none.
    #[must_use]
    pub fn image(&self, kind: ImageKind) -> &str {
        match kind {
            ImageKind::Python => &self.python_image,
            ImageKind::PythonPandas2 => &self.python_pandas2_image,
            ImageKind::R => &self.r_image,
            ImageKind::Python313 => &self.python_3_13_image,
            ImageKind::R45 => &self.r_4_5_image,
        }
    }

    /// The images of blocks that name none.
    #[must_use]
    pub fn base_images(&self) -> [&str; 5] {
        use ImageKind::{Python, Python313, PythonPandas2, R, R45};
        [Python, PythonPandas2, R, Python313, R45].map(|kind| self.image(kind))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine_socket: PathBuf::from("/var/run/docker.sock"),
            runtime_folder: PathBuf::from("/run/longshore"),
            work_folder: PathBuf::from(TEMPORARY_FOLDER),
            temporary_folder: PathBuf::from(TEMPORARY_FOLDER),
            agent: PathBuf::from("longshore-agent"),
            python: PathBuf::from("python3"),
            rscript: PathBuf::from("Rscript"),
            r_library: None,
            uv: PathBuf::from("uv"),
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            python_image: concat!("longshore/python:", env!("CARGO_PKG_VERSION")).into(),
            python_pandas2_image: concat!("longshore/python-pandas2:", env!("CARGO_PKG_VERSION")).into(),
            r_image: concat!("longshore/r:", env!("CARGO_PKG_VERSION")).into(),
            python_3_13_image: concat!("longshore/python-3.13:", env!("CARGO_PKG_VERSION")).into(),
            r_4_5_image: concat!("longshore/r-4.5:", env!("CARGO_PKG_VERSION")).into(),
            sdk_folder: PathBuf::from("sdk"),
            state_folder: PathBuf::from("/var/lib/longshore"),
            cache_folder: PathBuf::from("/var/cache/longshore"),
            docker_config: PathBuf::new(),
            script_users: SCRIPT_USERS,
            images: ImageSettings::default(),
            build: BuildSettings::default(),
            packages: PackageSettings::default(),
            runs: RunSettings::default(),
            admission: AdmissionSettings::default(),
            pool: PoolSettings::default(),
            server: ServerChoice::default(),
        }
    }
}

impl PackageSettings {
    /// The passwords and tokens in the addresses of settings.
    pub fn secrets(&self) -> Secrets {
        let addresses = self.index_url.iter().chain(&self.extra_index_urls).chain(&self.cran);
        let addresses = addresses.chain(&self.cran_snapshot).chain(&self.debian_mirror).chain(&self.debian_snapshot);
        let addresses = addresses.chain(&self.http_proxy);
        let users = addresses.chain(&self.https_proxy).filter_map(|address| {
            let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
            Some(rest.rsplit_once('@')?.0)
        });
        Secrets::new(users.map(|user| user.split_once(':').map_or(user, |(_, password)| password).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_passwords_and_tokens() {
        let settings = PackageSettings {
            index_url: Some("https://ada:s3cret@packages.example/simple".into()),
            extra_index_urls: vec!["https://token1@other.example".into(), "https://plain.example/a@b".into()],
            http_proxy: Some("user:w0rd@proxy:3128".into()),
            ..PackageSettings::default()
        };
        let shown = settings.secrets().masked("s3cret of ada, token1, w0rd of user");
        assert_eq!(shown, "*** of ada, ***, *** of user");
    }
}
