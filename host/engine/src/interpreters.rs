//! How the interpreters of scripts are set up in every engine: the programs, their arguments and their variables. Runs,
//! `doctor` and fingerprints start them in the same way, so that all see the same packages.

use super::RunImage;
use longshore_config::settings::Settings;
use std::path::{Path, PathBuf};

/// Arguments of R: no profiles, no files with variables, no saved workspaces.
const R_ARGUMENTS: [&str; 1] = ["--vanilla"];

/// Variables of Python scripts: text is UTF-8, output is unbuffered, and no compiled file is written.
const PYTHON_VARIABLES: [(&str, &str); 3] =
    [("PYTHONUTF8", "1"), ("PYTHONUNBUFFERED", "1"), ("PYTHONDONTWRITEBYTECODE", "1")];

/// The interpreters and their environment.
#[derive(Debug, Clone, Default)]
pub struct Interpreters {
    /// The Python interpreter; empty if it is not needed.
    pub python: String,
    /// R's interpreter of scripts; empty if it is not needed.
    pub rscript: String,
    /// A library of R packages besides R's own.
    pub r_library: Option<String>,
    /// `PATH`.
    pub path: String,
    /// Variables that the image's author set.
    pub environment: Vec<(String, String)>,
}

/// How an interpreter is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started<'a> {
    /// The program and its own arguments; the caller appends the script's.
    pub command: Vec<&'a str>,
    /// Its variables besides the user's and the folders; of equal names, the last counts.
    pub variables: Vec<(&'a str, &'a str)>,
}

impl Interpreters {
    /// The interpreters in an image: its author may choose which is first in `PATH`, but not their names.
    pub fn of_image(image: &RunImage) -> Self {
        Self {
            python: "python3".into(),
            rscript: "Rscript".into(),
            r_library: None,
            path: image.path.clone(),
            environment: image.environment.clone(),
        }
    }

    /// The interpreters of this machine, from the settings.
    pub fn of_machine(settings: &Settings) -> Self {
        Self {
            python: settings.python.to_string_lossy().into_owned(),
            rscript: settings.rscript.to_string_lossy().into_owned(),
            r_library: settings.r_library.as_ref().map(|library| library.to_string_lossy().into_owned()),
            path: settings.path.clone(),
            environment: Vec::new(),
        }
    }

    /// The same with another Python, if one is given, and with these libraries before the others of R.
    #[must_use]
    pub fn with(self, python: Option<&Path>, r_libraries: &[PathBuf]) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let libraries = r_libraries.iter().map(|library| text(library)).chain(self.r_library);
        let libraries = libraries.collect::<Vec<_>>().join(":");
        Self {
            python: python.map_or(self.python, text),
            r_library: Some(libraries).filter(|libraries| !libraries.is_empty()),
            ..self
        }
    }

    /// How Python is started.
    pub fn start_python(&self) -> Started<'_> {
        Started { command: vec![&self.python], variables: self.variables(PYTHON_VARIABLES) }
    }

    /// How R is started.
    pub fn start_r(&self) -> Started<'_> {
        let command = std::iter::once(self.rscript.as_str()).chain(R_ARGUMENTS).collect();
        let library = self.r_library.as_deref().map(|library| ("R_LIBS", library));
        Started { command, variables: self.variables(library) }
    }

    /// The image's variables, those of every script, and those of a language.
    fn variables<'a>(&'a self, language: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
        let image = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        image.chain([("PATH", self.path.as_str()), ("LANG", "C.UTF-8")]).chain(language).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_own_arguments_and_variables() {
        let mut settings = Settings::default();
        settings.r_library = Some("/srv/r".into());
        settings.rscript = "/bin/Rscript".into();
        let machine = Interpreters::of_machine(&settings);
        let r = machine.start_r();
        let both = [("PATH", settings.path.as_str()), ("LANG", "C.UTF-8")];
        assert_eq!(r.command, ["/bin/Rscript", "--vanilla"]);
        assert_eq!(r.variables, [both[0], both[1], ("R_LIBS", "/srv/r")]);
        let added = machine.clone().with(None, &["/a".into(), "/b".into()]);
        assert_eq!((added.python.as_str(), added.r_library.as_deref()), (&*machine.python, Some("/a:/b:/srv/r")));
        let own = Interpreters { r_library: None, ..added }.with(Some(Path::new("/c/python")), &[]);
        assert_eq!((own.python.as_str(), own.r_library), ("/c/python", None));
        let python = machine.start_python();
        assert_eq!(python.command, [&*settings.python.to_string_lossy()]);
        assert_eq!(python.variables, both.into_iter().chain(PYTHON_VARIABLES).collect::<Vec<_>>());
    }
}
