//! What must be known of an image to run a script in it: whether our agent is in it, and what its author set.

use super::ImageId;
use crate::store::labels;
use bollard::models::ImageInspect;

/// The agent in images that have it.
pub(super) const AGENT: &str = "/usr/local/bin/longshore-agent";

/// Folders that are looked through for programs where the image does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where our images, and those made on top of others, have their Python.
const PYTHON_FOLDER: &str = "/opt/longshore/python/bin";

/// Variables of an image that scripts do not get: these say who the script is and where, which a run decides.
const OURS: [&str; 4] = ["PATH", "HOME", "USER", "LOGNAME"];

/// Folders that runs have anyway.
const NOT_VOLUMES: [&str; 2] = ["/work", "/tmp"];

/// An image to run a script in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunImage {
    /// Its id.
    pub(crate) id: ImageId,
    /// What it was asked for by, for messages.
    pub(crate) name: String,
    /// Whether our agent is in it.
    pub(crate) has_agent: bool,
    /// Where programs are looked for.
    pub(crate) path: String,
    /// Variables that its author set for what runs in it.
    pub(crate) environment: Vec<(String, String)>,
    /// Folders that its author made volumes of, which would be places on the disk that can be written without limit. A
    /// run has them empty, and in memory.
    pub(crate) volumes: Vec<String>,
}

impl RunImage {
    /// One of which nothing is known but its name.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self::of(name, ImageInspect::default())
    }

    /// The same under the name that it was asked for by.
    pub(crate) fn called(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// Reads what an engine says of an image.
    pub(super) fn of(name: &str, found: ImageInspect) -> Self {
        let config = found.config.unwrap_or_default();
        // Whoever has it as entry point has it, also from before there was a label.
        let has_agent = config.labels.is_some_and(|labels| labels.contains_key(labels::AGENT))
            || config.entrypoint.is_some_and(|entry_point| entry_point == [AGENT]);
        let variables = config.env.unwrap_or_default();
        let variables = variables.iter().filter_map(|variable| variable.split_once('='));
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
        let volumes = config.volumes.unwrap_or_default().into_iter().map(|path| path.trim_end_matches('/').to_owned());
        let volumes = volumes.filter(|path| !path.is_empty() && !NOT_VOLUMES.contains(&path.as_str())).collect();
        let id = ImageId(found.id.unwrap_or_else(|| name.to_owned()));
        Self { id, name: name.to_owned(), has_agent, path, environment, volumes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(config: &str) -> RunImage {
        let json = format!(r#"{{"Id": "sha256:1", "Config": {config}}}"#);
        RunImage::of("team/base:3", serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn the_agent_is_known_by_its_label_or_as_the_entry_point() {
        let has_agent = |config| image(config).has_agent;
        assert!(has_agent(r#"{"Labels": {"longshore.agent": "0.1.0"}}"#));
        assert!(has_agent(r#"{"Entrypoint": ["/usr/local/bin/longshore-agent"]}"#));
        assert!(!has_agent(r#"{"Entrypoint": ["/bin/sh"], "Labels": {"longshore.language": "python"}}"#));
        assert!(!has_agent("{}") && !has_agent("null"));
    }

    #[test]
    fn scripts_get_what_the_author_set_but_for_who_and_where_they_are() {
        let image = image(
            r#"{"Env": ["PATH=/opt/conda/bin:/bin", "HOME=/root", "MODEL=/models/a=b", "LONGSHORE_SOCKET=x", "odd"],
                "Volumes": {"/data/": {}, "/work": {}}}"#,
        );
        assert_eq!(image.path, "/opt/longshore/python/bin:/opt/conda/bin:/bin");
        assert_eq!(image.environment, [("MODEL".to_owned(), "/models/a=b".to_owned())]);
        assert_eq!(image.volumes, ["/data"]);
        assert_eq!((image.id.0.as_str(), image.name.as_str()), ("sha256:1", "team/base:3"));
    }

    #[test]
    fn an_image_that_says_nothing_is_looked_through_where_programs_are() {
        assert_eq!(image("{}").path, format!("{PYTHON_FOLDER}:{PATH}"));
        let ours = format!("{PYTHON_FOLDER}:{PATH}");
        assert_eq!(image(&format!(r#"{{"Env": ["PATH={ours}"]}}"#)).path, ours);
    }
}
