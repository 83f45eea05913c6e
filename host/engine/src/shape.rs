//! The parameters of a container: its shape, which is known before a run, and the instance, which belongs to one run.
//! Containers of equal shapes are interchangeable.

use super::image::RunImage;
use super::run_directory::RunDirectory;
use super::script_user::ScriptUser;
use longshore_model::limits::Limits;
use longshore_model::network::Network;
use longshore_os::shared_file::SharedFile;
use std::path::PathBuf;

/// The shape of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The image; `None` if the engine has none.
    pub image: Option<RunImage>,
    /// Its resource limits.
    pub resources: Resources,
    /// Its network.
    pub network: Network,
    /// Files of this machine in it; compared again before an engine receives a path.
    pub mounts: Vec<SharedFile>,
    /// A Python interpreter instead of the engine's own, if the engine runs on this machine.
    pub python: Option<PathBuf>,
    /// Libraries of R packages before the engine's own, likewise.
    pub r_libraries: Vec<PathBuf>,
}

/// Resource limits of a container: those limits of a run that apply to its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Billionths of a processor; `None` for all processors.
    pub nano_cpus: Option<u64>,
    /// Processes and threads.
    pub pids: u32,
    /// Files that each process may have open.
    pub open_files: u64,
}

/// One container of a shape.
#[derive(Debug)]
pub struct Instance<'a> {
    /// Its name, which identifies it if its host is killed.
    pub name: &'a str,
    /// The directory with the run's socket.
    pub directory: &'a RunDirectory,
    /// The script's user, if it is not the host's own.
    pub user: Option<&'a ScriptUser>,
}

impl From<&Limits> for Resources {
    fn from(limits: &Limits) -> Self {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "processors are positive, and far below 2^63 billionths"
        )]
        let nano = |cpus: f64| (cpus * 1e9).round() as u64;
        Self {
            memory_bytes: limits.memory_bytes,
            nano_cpus: limits.cpus.map(nano),
            pids: limits.pids,
            open_files: limits.open_files,
        }
    }
}

impl Resources {
    /// Processors; `None` for all of them.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        reason = "no machine has 2^53 billionths of a processor, which are nine million"
    )]
    pub fn cpus(&self) -> Option<f64> {
        self.nano_cpus.map(|nano| nano as f64 / 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn shape() -> Shape {
        Shape {
            image: Some(RunImage::default()),
            resources: (&Limits::default()).into(),
            network: Network::None,
            mounts: Vec::new(),
            python: None,
            r_libraries: Vec::new(),
        }
    }

    #[test]
    fn whatever_shapes_a_container_tells_shapes_apart_and_what_is_a_runs_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, "").unwrap();
        let mounted = |writable| vec![SharedFile::open(file.clone(), writable).unwrap().unwrap()];
        let limits = |change: fn(&mut Limits)| {
            let mut limits = Limits::default();
            change(&mut limits);
            Shape { resources: (&limits).into(), ..shape() }
        };
        let (first, again) = (mounted(false), mounted(false));
        assert_eq!(Shape { mounts: first.clone(), ..shape() }, Shape { mounts: again, ..shape() });
        // Another file at the same path is another mount: while the first is open, no other file has its inode number.
        std::fs::rename(&file, folder.path().join("b")).unwrap();
        std::fs::write(&file, "").unwrap();
        let differing = [
            shape(),
            Shape { mounts: first, ..shape() },
            Shape { mounts: mounted(false), ..shape() },
            Shape { mounts: mounted(true), ..shape() },
            Shape { image: None, ..shape() },
            Shape { image: Some(RunImage { has_agent: true, ..RunImage::default() }), ..shape() },
            Shape { network: Network::Bridge, ..shape() },
            Shape { python: Some("/venv/bin/python".into()), ..shape() },
            Shape { r_libraries: vec!["/library".into()], ..shape() },
            limits(|limits| limits.memory_bytes += 1),
            limits(|limits| limits.cpus = Some(0.5)),
            limits(|limits| limits.pids += 1),
            limits(|limits| limits.open_files += 1),
        ];
        let count = differing.len();
        assert_eq!(HashSet::from(differing).len(), count);
        let alike = [
            limits(|limits| limits.output_bytes += 1),
            limits(|limits| limits.log_bytes += 1),
            limits(|limits| limits.timeout = longshore_model::limits::TimeLimit::None),
            shape(),
        ];
        assert_eq!(HashSet::from(alike).len(), 1);
    }

    #[test]
    fn processors_come_back_as_they_were_given() {
        for cpus in [0.01, 0.3, 0.5, 1.0, 1.5, 64.0] {
            let mut limits = Limits::default();
            limits.cpus = Some(cpus);
            let resources = Resources::from(&limits);
            assert_eq!(resources.cpus(), Some(cpus));
        }
    }
}
