//! Settings from the environment: the one place that reads it.

use longshore::Settings;
use std::env;
use std::path::{Path, PathBuf};

/// Settings of this machine and user.
pub(crate) fn settings() -> Settings {
    let defaults = Settings::default();
    let path = env::var("PATH").unwrap_or_else(|_| defaults.path.clone());
    Settings {
        engine_socket: env::var("DOCKER_HOST")
            .ok()
            .and_then(|host| host.strip_prefix("unix://").map(PathBuf::from))
            .unwrap_or(defaults.engine_socket),
        runtime_folder: runtime_folder().unwrap_or(defaults.runtime_folder),
        work_folder: defaults.work_folder,
        agent: set("LONGSHORE_AGENT").unwrap_or_else(agent),
        python: set("LONGSHORE_PYTHON").or_else(|| find("python3", &path)).unwrap_or(defaults.python),
        path,
        python_image: env::var("LONGSHORE_PYTHON_IMAGE").unwrap_or(defaults.python_image),
    }
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

/// The agent stands beside this program, or where packages put programs that are not for people.
fn agent() -> PathBuf {
    const NAME: &str = "longshore-agent";
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join(NAME)));
    match beside {
        Some(path) if path.exists() => path,
        Some(path) => {
            let packaged = Path::new("/usr/libexec/longshore").join(NAME);
            if packaged.exists() { packaged } else { path }
        }
        None => PathBuf::from(NAME),
    }
}

fn find(program: &str, path: &str) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}
