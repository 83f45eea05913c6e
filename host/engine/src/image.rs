//! Facts about an image that a run needs: whether the Longshore agent is in it, and the defaults that its author set.

use super::identity::SCRIPT_USER;
use super::store::StoredImage;
use longshore_model::image_id::ImageId;
use longshore_model::labels;

/// Path of the agent in images that have it.
pub const AGENT: &str = "/usr/local/bin/longshore-agent";

/// Folders that are searched for programs if the image does not set `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Folder of Python in Longshore's images, and in those built on them.
const PYTHON_FOLDER: &str = "/opt/longshore/python/bin";

/// Variables of an image that scripts do not get: the run sets the script's user and folders.
const OURS: [&str; 4] = ["PATH", "HOME", "USER", "LOGNAME"];

/// Folders that every run has.
const NOT_VOLUMES: [&str; 2] = ["/work", "/tmp"];

/// The users that scripts may have in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum ImageUsers {
    /// Any user: each run has one of its own.
    #[default]
    Any,
    /// One fixed script user for all runs: files of the image belong to it.
    Fixed,
    /// The fixed script user, which its old agent must share.
    Before,
}

/// An image in which a script runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RunImage {
    /// Its id.
    pub id: ImageId,
    /// The name by which it was requested, for messages.
    pub name: String,
    /// Whether the Longshore agent is in it.
    pub has_agent: bool,
    /// The users that scripts may have in it.
    pub(crate) users: ImageUsers,
    /// The folders that are searched for programs.
    pub path: String,
    /// Variables that its author set.
    pub environment: Vec<(String, String)>,
    /// Folders that its author declared as volumes. As volumes they would be unlimited writable places on the disk: a
    /// run has them empty, and in memory.
    pub volumes: Vec<String>,
}

impl RunImage {
    /// Reads the facts of an image that was inspected by itself, and requested as `name`.
    pub fn of(name: &str, found: StoredImage) -> Self {
        let StoredImage { id, labels, defaults, .. } = found;
        // The entry point identifies images with the agent that are older than the label.
        let has_agent = labels.contains_key(labels::AGENT) || defaults.entry_point == [AGENT];
        let users = match labels.get(labels::USERS) {
            Some(users) if *users == SCRIPT_USER.uid.to_string() => ImageUsers::Fixed,
            None if has_agent => ImageUsers::Before,
            Some(_) | None => ImageUsers::Any,
        };
        let variables = defaults.environment.iter().filter_map(|variable| variable.split_once('='));
        let (mut path, mut environment) = (PATH.to_owned(), Vec::new());
        for (key, value) in variables {
            if key == "PATH" && !value.is_empty() {
                path = value.to_owned();
            } else if !OURS.contains(&key) && !key.starts_with("LONGSHORE_") {
                environment.push((key.to_owned(), value.to_owned()));
            }
        }
        if !path.split(':').any(|folder| folder == PYTHON_FOLDER) {
            path = format!("{PYTHON_FOLDER}:{path}");
        }
        let volumes = defaults.volumes.into_iter().map(|path| path.trim_end_matches('/').to_owned());
        let volumes = volumes.filter(|path| !path.is_empty() && !NOT_VOLUMES.contains(&path.as_str())).collect();
        Self { id, name: name.to_owned(), has_agent, users, path, environment, volumes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContainerDefaults;

    fn image(defaults: ContainerDefaults, labels: &[&str]) -> RunImage {
        let labels = labels.iter().map(|&label| (label.to_owned(), "0.1.0".to_owned())).collect();
        let id = ImageId("sha256:1".into());
        RunImage::of("team/base:3", StoredImage { id, labels, defaults, ..StoredImage::default() })
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn the_agent_is_known_by_its_label_or_as_the_entry_point() {
        let has_agent = |entry_point: &[&str], labels: &[&str]| {
            image(ContainerDefaults { entry_point: texts(entry_point), ..ContainerDefaults::default() }, labels)
                .has_agent
        };
        assert!(has_agent(&[], &["longshore.agent"]));
        assert!(has_agent(&["/usr/local/bin/longshore-agent"], &[]));
        assert!(!has_agent(&["/bin/sh"], &["longshore.language"]));
        assert!(!has_agent(&[], &[]));
    }

    #[test]
    fn who_scripts_may_be_is_known_by_the_labels() {
        let users = |labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
            RunImage::of("x", StoredImage { labels, ..StoredImage::default() }).users
        };
        let agent = ("longshore.agent", "0.1.0");
        assert_eq!(users(&[]), ImageUsers::Any);
        assert_eq!(users(&[agent]), ImageUsers::Before);
        assert_eq!(users(&[agent, ("longshore.users", "43560-43815")]), ImageUsers::Any);
        assert_eq!(users(&[("longshore.users", "4356")]), ImageUsers::Fixed);
        // No image makes its scripts root.
        assert_eq!(users(&[("longshore.users", "0")]), ImageUsers::Any);
    }

    #[test]
    fn scripts_get_what_the_author_set_but_for_who_and_where_they_are() {
        let variables = ["PATH=/opt/conda/bin:/bin", "HOME=/root", "MODEL=/models/a=b", "LONGSHORE_SOCKET=x", "odd"];
        let volumes = texts(&["/data/", "/work"]);
        let image =
            image(ContainerDefaults { environment: texts(&variables), volumes, ..ContainerDefaults::default() }, &[]);
        assert_eq!(image.path, "/opt/longshore/python/bin:/opt/conda/bin:/bin");
        assert_eq!(image.environment, [("MODEL".to_owned(), "/models/a=b".to_owned())]);
        assert_eq!(image.volumes, ["/data"]);
        assert_eq!((image.id.0.as_str(), image.name.as_str()), ("sha256:1", "team/base:3"));
    }

    #[test]
    fn an_image_that_says_nothing_is_looked_through_where_programs_are() {
        let path = |environment: &[&str]| {
            image(ContainerDefaults { environment: texts(environment), ..ContainerDefaults::default() }, &[]).path
        };
        let ours = format!("{PYTHON_FOLDER}:{PATH}");
        assert_eq!(path(&[]), ours);
        assert_eq!(path(&[&format!("PATH={ours}")]), ours);
    }
}
