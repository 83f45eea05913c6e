//! Where the host finds things. The command line fills it from the environment, once; nothing below reads the
//! environment.

use longshore_model::image_kind::ImageKind;
use longshore_model::outcome::Outcome;
use longshore_model::redact::Secrets;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// The users of scripts: 256, as many runs as a large machine has at a time. Below 65,536, where the ids of user namespaces
/// end, and far from those that systems give to people and services. The images name them.
const SCRIPT_USERS: RangeInclusive<u32> = 43_560..=43_815;

/// Settings of the machine, apart from any one run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Engine API's socket: Docker's or Podman's.
    pub engine_socket: PathBuf,
    /// The folder for the sockets of runs, such as a service's own below `/run`. It must allow Unix sockets, and be this
    /// user's or root's, with nobody else allowed to write to it. Runs keep to `runs` in it, which they make where it is
    /// missing; nothing else of it is touched.
    pub runtime_folder: PathBuf,
    /// The folder for the `process` engine's working folders.
    pub work_folder: PathBuf,
    /// The agent's binary, for the `process` engine and for images without an agent.
    pub agent: PathBuf,
    /// The Python interpreter of the `process` engine; it must have the SDK.
    pub python: PathBuf,
    /// The `Rscript` of the `process` engine.
    pub rscript: PathBuf,
    /// A library of R packages for the `process` engine, before R's own; the SDK must be in one of them.
    pub r_library: Option<PathBuf>,
    /// The `uv` that makes Python environments for the `process` engine.
    pub uv: PathBuf,
    /// `PATH` of scripts on the `process` engine.
    pub path: String,
    /// The image of Python blocks that name none.
    pub python_image: String,
    /// The image of Python blocks that are written for pandas 2, and name none.
    pub python_pandas2_image: String,
    /// The image of R blocks that name none.
    pub r_image: String,
    /// What is put into images that lack it: the agent, the wheels and R packages of the SDKs.
    pub sdk_folder: PathBuf,
    /// The folder for what must be known between runs: last uses of images, pins, locks, and the history of runs. Without
    /// it nothing is lost but that.
    pub state_folder: PathBuf,
    /// The folder for what can be made again: the environments of the `process` engine.
    pub cache_folder: PathBuf,
    /// The Docker configuration file, with credentials for registries. Without it there are none.
    pub docker_config: PathBuf,
    /// The users that scripts in containers run as, a different one for each run at a time.
    pub script_users: RangeInclusive<u32>,
    /// How images are made and kept.
    pub images: ImageSettings,
    /// What making an environment may use.
    pub build: BuildSettings,
    /// Where packages come from.
    pub packages: PackageSettings,
    /// What is kept of runs that were.
    pub runs: RunSettings,
}

/// What is kept of runs that were, and what is said of them.
#[derive(Debug, Clone, Copy)]
pub struct RunSettings {
    /// Runs whose records are kept, the newest; 0 for none.
    pub keep: u64,
    /// Bytes that are kept of what a script prints, half of them its beginning and half its end.
    pub log_bytes: u64,
    /// The command line's exit status for a run that its script cancelled.
    pub cancelled_status: u8,
    /// How long a script may take where its run does not say; streams have no such limit.
    pub timeout: Option<Duration>,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            // 200 MB at the most, and 1 MB while a run goes on.
            keep: 200,
            log_bytes: 1_000_000,
            cancelled_status: Outcome::Cancelled.exit_status(),
            // Far beyond a script that somebody waits for, and short of a night that a hung one holds its memory.
            timeout: Some(Duration::from_secs(3600)),
        }
    }
}

/// How images are made and kept.
#[derive(Debug, Clone)]
pub struct ImageSettings {
    /// Bytes that the images made here may take beyond their bases: the high mark of pruning.
    pub disk_budget: u64,
    /// The share of the budget that pruning goes down to.
    pub low_mark: f64,
    /// When images that blocks name are pulled.
    pub pull: Pull,
    /// Whether generated images carry the labels that Omniscope's own clean-up goes by.
    pub visokio_labels: bool,
    /// Which images of the engine are this host's, where several have one engine.
    pub store: String,
}

/// What making an environment may use. On the `process` engine only the time has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildSettings {
    /// Bytes of memory, without swap.
    pub memory_bytes: u64,
    /// Processes and threads at the same time.
    pub pids: u64,
    /// Bytes that it writes to disk.
    pub disk_bytes: u64,
    /// Minutes that all of it takes.
    pub minutes: u64,
}

impl BuildSettings {
    /// How long it may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.minutes.saturating_mul(60))
    }
}

impl Default for BuildSettings {
    fn default() -> Self {
        // A C++ compiler takes 1 GB for each processor at the worst, on machines with 8; the largest environments of
        // deep learning have 10 GB, twice that while they are unpacked.
        Self { memory_bytes: 8 << 30, pids: 4096, disk_bytes: 20_000_000_000, minutes: 60 }
    }
}

/// When images are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// Where this machine does not have them.
    Missing,
    /// Never.
    Never,
}

/// Where packages come from, and how. Addresses may hold passwords, which are in no image and nothing that is printed.
#[derive(Debug, Clone)]
pub struct PackageSettings {
    /// The index of Python packages; PyPI where there is none.
    pub index_url: Option<String>,
    /// Further indexes of Python packages.
    pub extra_index_urls: Vec<String>,
    /// Hosts of indexes whose certificates are not looked at.
    pub trusted_hosts: Vec<String>,
    /// Further arguments for `uv pip install`.
    pub pip_arguments: Vec<String>,
    /// Repositories of R packages, like CRAN; those that R itself is set up with where there are none.
    pub cran: Vec<String>,
    /// Whether R packages come from Debian where it has them, as binaries.
    pub debian_r_packages: bool,
    /// The mirror of Debian; that of the base image where there is none.
    pub debian_mirror: Option<String>,
    /// A bundle of certificates that builds trust, besides those of the base image.
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
        // 20 GB is what a dozen environments of data science take; four fifths leave room for the next build.
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
            cran: Vec::new(),
            debian_r_packages: true,
            debian_mirror: None,
            ca_bundle: None,
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
        }
    }
}

impl Settings {
    /// The image of blocks of a kind that name none.
    #[must_use]
    pub fn image(&self, kind: ImageKind) -> &str {
        match kind {
            ImageKind::Python => &self.python_image,
            ImageKind::PythonPandas2 => &self.python_pandas2_image,
            ImageKind::R => &self.r_image,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine_socket: PathBuf::from("/var/run/docker.sock"),
            runtime_folder: PathBuf::from("/run/longshore"),
            work_folder: std::env::temp_dir(),
            agent: PathBuf::from("longshore-agent"),
            python: PathBuf::from("python3"),
            rscript: PathBuf::from("Rscript"),
            r_library: None,
            uv: PathBuf::from("uv"),
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            python_image: concat!("longshore/python:", env!("CARGO_PKG_VERSION")).into(),
            python_pandas2_image: concat!("longshore/python-pandas2:", env!("CARGO_PKG_VERSION")).into(),
            r_image: concat!("longshore/r:", env!("CARGO_PKG_VERSION")).into(),
            sdk_folder: PathBuf::from("sdk"),
            state_folder: PathBuf::from("/var/lib/longshore"),
            cache_folder: PathBuf::from("/var/cache/longshore"),
            docker_config: PathBuf::new(),
            script_users: SCRIPT_USERS,
            images: ImageSettings::default(),
            build: BuildSettings::default(),
            packages: PackageSettings::default(),
            runs: RunSettings::default(),
        }
    }
}

impl PackageSettings {
    /// The passwords and tokens in the addresses of settings.
    pub fn secrets(&self) -> Secrets {
        let addresses = self.index_url.iter().chain(&self.extra_index_urls).chain(&self.cran);
        let addresses = addresses.chain(&self.debian_mirror).chain(&self.http_proxy);
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
