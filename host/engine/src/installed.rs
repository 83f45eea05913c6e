//! Whether this machine has an engine that isolates scripts, and why none answers: `auto` depends on it.

use longshore_config::settings::Settings;
use longshore_model::remedy::Remedy;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use tokio::net::UnixStream;

/// Programs that create containers, or ask an engine for them.
const PROGRAMS: [&str; 3] = ["docker", "dockerd", "podman"];

/// Folders of programs that may be missing from `PATH`.
const FOLDERS: [&str; 7] = ["/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin", "/usr/local/sbin", "/sbin", "/snap/bin"];

/// Paths of the sockets of engines.
const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/podman/podman.sock"];

/// Paths of the sockets of users' engines, below `/run/user/UID`.
const USER_SOCKETS: [&str; 2] = ["docker.sock", "podman/podman.sock"];

/// Why no engine answers.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// This user may not connect.
    #[error("this user may not use the container engine at `{socket}`")]
    Denied {
        /// The engine's socket.
        socket: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is no socket.
    #[error("no container engine answers at `{socket}`, where there is no socket")]
    NoSocket {
        /// Its expected path.
        socket: PathBuf,
    },
    /// The socket exists, but nothing answers.
    #[error("no container engine answers at `{socket}`")]
    Silent {
        /// The engine's socket.
        socket: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl NoAnswer {
    /// Finds out why a client could not connect to a socket, or got no answer.
    pub async fn explain(socket: &Path, source: Box<dyn Error + Send + Sync>) -> Self {
        let socket = socket.to_owned();
        match UnixStream::connect(&socket).await {
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => Self::Denied { socket, source },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::NoSocket { socket },
            _ => Self::Silent { socket, source },
        }
    }

    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Denied { .. } => Some(Remedy::JoinEngineGroup),
            Self::NoSocket { .. } | Self::Silent { .. } => Some(Remedy::Diagnose),
        }
    }
}

/// The evidence that this machine has an engine that isolates scripts, even if it does not answer: a configured socket,
/// a socket in a usual place, or a program that creates containers.
pub(crate) fn isolating_engine(settings: &Settings) -> Option<String> {
    let socket = &settings.engine_socket;
    if *socket != Settings::default().engine_socket {
        return Some(format!("`{}` is named as the socket of an engine", socket.display()));
    }
    let own = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
    let sockets = SOCKETS.iter().map(PathBuf::from).chain(USER_SOCKETS.iter().map(|socket| own.join(socket)));
    let folders = std::env::split_paths(&settings.path).chain(FOLDERS.iter().map(PathBuf::from));
    let programs = folders.flat_map(|folder| PROGRAMS.map(|program| folder.join(program)));
    first_there(sockets.chain(programs)).map(|path| format!("`{}` is there", path.display()))
}

/// The first path that exists. A dangling link does not count: removed programs leave such links.
fn first_there(mut paths: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    paths.find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    async fn explained(socket: &Path) -> NoAnswer {
        NoAnswer::explain(socket, "it hung up".into()).await
    }

    #[tokio::test]
    async fn a_missing_socket_is_told_from_a_silent_engine() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        assert!(matches!(explained(&socket).await, NoAnswer::NoSocket { .. }));
        let listener = UnixListener::bind(&socket).unwrap();
        assert!(matches!(explained(&socket).await, NoAnswer::Silent { .. }));
        drop(listener);
        assert!(matches!(explained(&socket).await, NoAnswer::Silent { .. }));
    }

    #[test]
    fn an_engine_is_found_by_a_named_socket_or_a_program_in_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let mut named = Settings::default();
        named.engine_socket = folder.path().join("none.sock");
        assert!(isolating_engine(&named).unwrap().ends_with("none.sock` is named as the socket of an engine"));
        for program in PROGRAMS {
            let path = folder.path().join(program);
            std::fs::write(&path, "").unwrap();
            assert_eq!(first_there([folder.path().join("x"), path.clone()].into_iter()), Some(path.clone()));
            let mut settings = Settings::default();
            settings.path = folder.path().display().to_string();
            assert!(isolating_engine(&settings).is_some());
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink("nowhere", &path).unwrap();
            assert_eq!(first_there([path.clone()].into_iter()), None);
            std::fs::remove_file(path).unwrap();
        }
    }
}
