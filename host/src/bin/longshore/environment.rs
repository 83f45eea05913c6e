//! Settings from the environment: the one place that reads it.

use longshore::Settings;
use std::env;
use std::path::{Path, PathBuf};

/// Settings of this machine and user, or what is wrong with them.
pub(crate) fn settings() -> Result<Settings, String> {
    let defaults = Settings::default();
    let path = env::var("PATH").unwrap_or_else(|_| defaults.path.clone());
    Ok(Settings {
        engine_socket: engine_socket()?.unwrap_or(defaults.engine_socket),
        runtime_folder: runtime_folder().unwrap_or(defaults.runtime_folder),
        work_folder: defaults.work_folder,
        agent: set("LONGSHORE_AGENT").unwrap_or_else(agent),
        python: set("LONGSHORE_PYTHON").or_else(|| find("python3", &path)).unwrap_or(defaults.python),
        rscript: set("LONGSHORE_RSCRIPT").or_else(|| find("Rscript", &path)).unwrap_or(defaults.rscript),
        r_library: set("LONGSHORE_R_LIBRARY"),
        path,
        python_image: env::var("LONGSHORE_PYTHON_IMAGE").unwrap_or(defaults.python_image),
        python_pandas2_image: env::var("LONGSHORE_PYTHON_PANDAS2_IMAGE").unwrap_or(defaults.python_pandas2_image),
        r_image: env::var("LONGSHORE_R_IMAGE").unwrap_or(defaults.r_image),
        sdk_folder: set("LONGSHORE_SDK_FOLDER").unwrap_or_else(sdk_folder),
        state_folder: data_folder("XDG_STATE_HOME", ".local/state").unwrap_or(defaults.state_folder),
        cache_folder: data_folder("XDG_CACHE_HOME", ".cache").unwrap_or(defaults.cache_folder),
        docker_config: docker_config().unwrap_or(defaults.docker_config),
        images: defaults.images,
        packages: defaults.packages,
    })
}

/// The socket that `DOCKER_HOST` names. An engine of another machine could not mount the runs' sockets.
fn engine_socket() -> Result<Option<PathBuf>, String> {
    let host = env::var("DOCKER_HOST").unwrap_or_default();
    match host.strip_prefix("unix://") {
        Some(path) => Ok(Some(PathBuf::from(path))),
        None if host.is_empty() => Ok(None),
        None => Err(format!(
            "DOCKER_HOST is `{host}`: containers must run on this machine, so name a socket of it, as in `unix:///var/run/docker.sock`"
        )),
    }
}

/// The Docker configuration file: in the folder that `DOCKER_CONFIG` names, else below the home folder.
fn docker_config() -> Option<PathBuf> {
    let folder = set("DOCKER_CONFIG").or_else(|| env::home_dir().map(|home| home.join(".docker")))?;
    Some(folder.join("config.json"))
}

fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A folder that only this user may enter: below `XDG_RUNTIME_DIR`, for root below `/run`.
fn runtime_folder() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return None;
    }
    let folder = set("XDG_RUNTIME_DIR").unwrap_or_else(env::temp_dir);
    Some(folder.join(format!("longshore-{}", rustix::process::geteuid().as_raw())))
}

/// The agent stands beside this program, or where `make install` puts programs that are not for people.
fn agent() -> PathBuf {
    const NAME: &str = "longshore-agent";
    let own = env::current_exe().unwrap_or_default();
    let folder = own.parent().unwrap_or(Path::new(""));
    let installed = folder.with_file_name("libexec").join("longshore").join(NAME);
    if installed.exists() { installed } else { folder.join(NAME) }
}

/// The SDKs that are put into images stand in a folder beside the agent.
fn sdk_folder() -> PathBuf {
    agent().with_file_name("sdk")
}

/// A folder of ours below one that a variable names, else below the home folder.
fn data_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let parent = set(variable).or_else(|| env::home_dir().map(|home| home.join(below_home)))?;
    Some(parent.join("longshore"))
}

fn find(program: &str, path: &str) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}
