//! Settings from the environment, and the only reader of it. `longshore::config` defines the variables' meaning.

use longshore::Settings;
use longshore::config::{self, Config, ConfigError, FILE_NAME, Places};
use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How long the path of the folder above the runtime folder may be: the address of a socket has 107 bytes, of which
/// `/longshore-4294967295`, `/runs`, `/`, a run's id (22) and `/shared/host.sock` take 66.
const RUNTIME_FOLDER_BYTES: usize = 41;

/// Settings of this machine, user and project.
pub(crate) fn config() -> Result<Config, ConfigError> {
    let places = Places {
        user: data_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join(FILE_NAME)),
        current: env::current_dir().ok(),
        named: set("LONGSHORE_CONFIG"),
        ..Places::default()
    };
    let variables = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let variables = variables.filter(|(name, _)| config::counts(name)).collect();
    config::load(places.files()?, &variables, defaults())
}

/// Values that apply where no file and no variable sets one; most of them depend on the machine and the user.
fn defaults() -> Settings {
    let mut settings = Settings::default();
    let path = env::var("PATH").unwrap_or_else(|_| settings.path.clone());
    let replace = |value: &mut PathBuf, found: Option<PathBuf>| found.into_iter().for_each(|found| *value = found);
    replace(&mut settings.runtime_folder, runtime_folder());
    replace(&mut settings.python, longshore::find_program("python3", &path));
    replace(&mut settings.rscript, longshore::find_program("Rscript", &path));
    replace(&mut settings.uv, longshore::find_program("uv", &path));
    replace(&mut settings.state_folder, data_folder("XDG_STATE_HOME", ".local/state"));
    replace(&mut settings.cache_folder, data_folder("XDG_CACHE_HOME", ".cache"));
    replace(&mut settings.work_folder, set("TMPDIR"));
    replace(&mut settings.temporary_folder, set("TMPDIR"));
    settings.agent = agent();
    settings.sdk_folder = sdk_folder();
    settings.docker_config = docker_config().unwrap_or_default();
    settings.path = path;
    settings
}

/// The Docker configuration file: in the folder that `DOCKER_CONFIG` names, else below the home folder.
fn docker_config() -> Option<PathBuf> {
    let folder = set("DOCKER_CONFIG").or_else(|| env::home_dir().map(|home| home.join(".docker")))?;
    Some(folder.join("config.json"))
}

/// The value of a variable, or why it has none.
pub(crate) fn variable(name: &str) -> Result<String, &'static str> {
    env::var(name).map_err(|error| match error {
        env::VarError::NotPresent => "is not set",
        env::VarError::NotUnicode(_) => "is not UTF-8",
    })
}

fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A folder that only this user may enter: for root below `/run`, for others below the first usual folder that exists,
/// is writable, and is short enough for the addresses of sockets. Under `su`, under cron or in a container,
/// `XDG_RUNTIME_DIR` is often unset, or names another user's folder.
fn runtime_folder() -> Option<PathBuf> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return None;
    }
    let own = |folder: &PathBuf| std::fs::metadata(folder).is_ok_and(|found| found.uid() == user.as_raw());
    let named = set("XDG_RUNTIME_DIR").filter(own);
    let usual = Some(PathBuf::from(format!("/run/user/{}", user.as_raw()))).filter(own);
    let candidates = [named, usual, set("TMPDIR"), Some(PathBuf::from("/tmp"))];
    let mut folders = candidates.into_iter().flatten().filter(|folder| {
        folder.as_os_str().len() <= RUNTIME_FOLDER_BYTES
            && rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
    });
    Some(folders.next()?.join(format!("longshore-{}", user.as_raw())))
}

/// The agent's path: beside this program, or in `libexec`, where `make install` puts it.
fn agent() -> PathBuf {
    const NAME: &str = "longshore-agent";
    let own = env::current_exe().unwrap_or_default();
    let folder = own.parent().unwrap_or(Path::new(""));
    let installed = folder.with_file_name("libexec").join("longshore").join(NAME);
    if installed.exists() { installed } else { folder.join(NAME) }
}

/// The folder beside the agent with the SDKs that are copied into images.
fn sdk_folder() -> PathBuf {
    agent().with_file_name("sdk")
}

/// Longshore's folder below the folder that a variable names, else below the home folder.
fn data_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let parent = set(variable).or_else(|| env::home_dir().map(|home| home.join(below_home)))?;
    Some(parent.join("longshore"))
}
