//! Settings from the environment, and the only reader of it. `longshore::config` defines the variables' meaning.

use crate::docker_context;
use longshore::Settings;
use longshore::config::{self, Config, ConfigError, FILE_NAME, Places};
use std::env;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Variables of this project that are not settings: the settings file, scripts' own, and those of its builds and tests.
const OTHER_VARIABLES: [&str; 7] = [
    "LONGSHORE_CONFIG",
    "LONGSHORE_DRY_RUN",
    "LONGSHORE_SOCKET",
    "LONGSHORE_BIN",
    "LONGSHORE_CA_BUNDLE",
    "LONGSHORE_WRITE_DOCS",
    "LONGSHORE",
];

/// The settings, and what is wrong around them.
pub(crate) struct Found {
    pub(crate) config: Config,
    /// Why the settings file of the current folder is ignored.
    pub(crate) ignored: Option<ConfigError>,
}

impl Found {
    /// What the user should know whatever the command does.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let ignored = self.ignored.iter().map(|error| format!("settings of this folder are ignored: {error}"));
        // A name that is like no other may be another program's.
        let misspelt = unknown_variables().into_iter().filter(|(_, hint)| !hint.is_empty());
        ignored.chain(misspelt.map(|(name, hint)| format!("`{name}` is not a setting{hint}"))).collect()
    }
}

/// Settings of this machine, user and project. The project's file may be ignored if it belongs to another user.
pub(crate) fn find(needs_no_project: bool) -> Result<Found, ConfigError> {
    let mut places = Places {
        user: data_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join(FILE_NAME)),
        current: current_folder(),
        named: set("LONGSHORE_CONFIG"),
        ..Places::default()
    };
    let (files, ignored) = match places.files() {
        Err(error @ ConfigError::Foreign { .. }) if needs_no_project => {
            places.current = None;
            (places.files()?, Some(error))
        }
        files => (files?, None),
    };
    let variables = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let variables = variables.filter(|(name, _)| config::counts(name)).collect();
    Ok(Found { config: config::load(files, &variables, defaults())?, ignored })
}

/// Variables that are named like settings and are none, each with the hint at the one that was probably meant.
pub(crate) fn unknown_variables() -> Vec<(String, String)> {
    let names = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let named = names.filter(|(name, value)| name.starts_with("LONGSHORE_") && !value.is_empty());
    let unknown = named.filter(|(name, _)| !config::counts(name) && !OTHER_VARIABLES.contains(&name.as_str()));
    let mut unknown: Vec<_> = unknown.map(|(name, _)| (config::similar(&name, &OTHER_VARIABLES), name)).collect();
    unknown.sort_by(|a, b| a.1.cmp(&b.1));
    unknown.into_iter().map(|(hint, name)| (name, hint)).collect()
}

/// The current folder.
pub(crate) fn current_folder() -> Option<PathBuf> {
    env::current_dir().ok()
}

/// Values that apply where no file and no variable sets one; most of them depend on the machine and the user.
fn defaults() -> Settings {
    let mut settings = Settings::default();
    let path = env::var("PATH").unwrap_or_else(|_| settings.path.clone());
    let replace = |value: &mut PathBuf, found: Option<PathBuf>| found.into_iter().for_each(|found| *value = found);
    replace(&mut settings.runtime_folder, longshore_caller::runtime_folder(set("XDG_RUNTIME_DIR"), set("TMPDIR")));
    replace(
        &mut settings.engine_socket,
        docker_config().and_then(|file| docker_context::socket(&file, set_text("DOCKER_CONTEXT"))),
    );
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

/// Whether a variable is set and not empty.
pub(crate) fn is_set(name: &str) -> bool {
    set(name).is_some()
}

fn set_text(variable: &str) -> Option<String> {
    set(variable)?.into_os_string().into_string().ok()
}

fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The socket that systemd made for this process.
pub(crate) fn given_listener() -> Option<UnixListener> {
    listenfd::ListenFd::from_env().take_unix_listener(0).ok().flatten()
}

/// The folder of systemd's units: the user's own, or the machine's for root.
pub(crate) fn unit_folder() -> Option<PathBuf> {
    if is_root() {
        return Some("/etc/systemd/system".into());
    }
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(env::home_dir()?.join(".config")))?;
    Some(folder.join("systemd/user"))
}

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The path of this program.
pub(crate) fn own_program() -> Option<PathBuf> {
    env::current_exe().ok()
}

/// The agent's path: beside this program, or in `libexec`, where `make install` puts it.
fn agent() -> PathBuf {
    const NAME: &str = "longshore-agent";
    let own = env::current_exe().unwrap_or_default();
    let folder = own.parent().unwrap_or(Path::new(""));
    let installed = folder.with_file_name("libexec").join("longshore").join(NAME);
    if installed.exists() { installed } else { folder.join(NAME) }
}

/// The files and folders of the installation that this program is in; `None` if it is in a folder of builds.
pub(crate) fn installed_files() -> Option<Vec<PathBuf>> {
    let own = env::current_exe().ok()?;
    let prefix = own.parent()?.parent()?;
    let libexec = prefix.join("libexec/longshore");
    if !libexec.is_dir() {
        return None;
    }
    let share = prefix.join("share");
    let pages = std::fs::read_dir(share.join("man/man1")).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_ours = |page: &PathBuf| {
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("longshore.1") || name.starts_with("longshore-")
    };
    let shared = [
        "bash-completion/completions/longshore",
        "zsh/site-functions/_longshore",
        "fish/vendor_completions.d/longshore.fish",
        // Documents and units, of an archive that was unpacked there.
        "doc/longshore",
        "longshore",
    ];
    let shared = shared.into_iter().map(|path| share.join(path)).filter(|path| path.exists());
    let mut pages: Vec<PathBuf> = pages.filter(is_ours).collect();
    pages.sort();
    Some([own.clone(), libexec].into_iter().chain(shared).chain(pages).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_look_for_the_host_where_it_listens() {
        let found = longshore_caller::usual_socket(set("XDG_RUNTIME_DIR"), set("TMPDIR"));
        assert_eq!(found, defaults().server_socket());
    }
}
