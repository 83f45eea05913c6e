//! What makes an interpreter wait for its run: the files that are sent to its agent, the variables that lead to them, and
//! the report that it writes before it waits. The report is untrusted: an image may have anything in the interpreter's
//! place, which then runs as the script would.

use super::key::Key;
use crate::program::Command;
use longshore_block::Language;
use longshore_engine::ScriptEnvironment;
use longshore_protocol::Prepare;
use std::collections::BTreeSet;

/// The folder of these files, below the working folder.
const FOLDER: &str = ".longshore-hold";

/// The program for Python, which imports a module of this name at the end of its start.
const OF_PYTHON: (&str, &str) = ("sitecustomize.py", include_str!("hook/sitecustomize.py"));

/// The program for R, which runs the file in `R_TESTS` at the end of its start.
const OF_R: (&str, &str) = ("hold.R", include_str!("hook/hold.R"));

/// The file with what is to be imported, one in a line.
const PRELOAD: &str = "preload";

/// What to send to an agent.
pub(super) struct Holding {
    pub(super) prepare: Prepare,
    /// Paths below the working folder, and contents.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

impl Holding {
    /// For an interpreter in a container.
    pub(super) fn new(key: &Key, script_environment: &ScriptEnvironment) -> Self {
        let Command { program, mut environment } = key.command(script_environment);
        let folder = format!("{}/{FOLDER}", script_environment.folder);
        let (name, text) = match key.base.program.language {
            Language::Python => {
                let path = environment.get("PYTHONPATH").filter(|path| !path.is_empty());
                let path = path.map_or_else(|| folder.clone(), |path| format!("{folder}:{path}"));
                environment.insert("PYTHONPATH".into(), path);
                OF_PYTHON
            }
            Language::R => {
                environment.insert("R_TESTS".into(), format!("{folder}/{}", OF_R.0));
                OF_R
            }
        };
        let preload: String = key.preload.iter().map(|import| format!("{import}\n")).collect();
        let mut files = vec![
            (format!("{FOLDER}/{name}"), text.as_bytes().to_vec()),
            (format!("{FOLDER}/{PRELOAD}"), preload.into_bytes()),
        ];
        if key.base.program.language == Language::R {
            // R opens it when it starts.
            files.push((key.base.program.script.clone(), Vec::new()));
        }
        let prepare = Prepare {
            program,
            environment,
            folder: script_environment.folder.clone(),
            user: script_environment.user,
            open_files: Some(key.base.shape.resources.open_files),
            hold: FOLDER.into(),
        };
        Self { prepare, files }
    }
}

/// What an interpreter reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// The number of the import that failed, from 0, and why.
    pub(super) failed: Option<(usize, String)>,
    /// Whether an import has said something that a script's own import would have said.
    pub(super) printed: bool,
    /// Modules that were looked for, found or not.
    pub(super) modules: BTreeSet<String>,
    /// Variables that were read.
    pub(super) variables: BTreeSet<String>,
}

impl Report {
    pub(super) fn parse(report: &[u8]) -> Self {
        let mut parsed = Self::default();
        for line in String::from_utf8_lossy(report).lines() {
            match line.split_once(' ') {
                Some(("module", name)) => drop(parsed.modules.insert(name.to_owned())),
                Some(("variable", name)) => drop(parsed.variables.insert(name.to_owned())),
                Some(("printed", _)) => parsed.printed = true,
                Some(("failed", rest)) => {
                    let (number, why) = rest.split_once(' ').unwrap_or((rest, ""));
                    parsed.failed = Some((number.parse().unwrap_or(0), why.to_owned()));
                }
                _ => {}
            }
        }
        parsed
    }

    /// Whether one of these variables was read. Whoever lists them all has read each.
    pub(super) fn has_read(&self, variables: &[&str]) -> bool {
        let read = |name: &str| self.variables.contains(name);
        !variables.is_empty() && (read("*") || variables.iter().any(|name| read(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_line_by_line() {
        let report =
            Report::parse(b"module pandas\nmodule numexpr\nvariable HOME\nfailed 2 ImportError: no\nnonsense\n\xff\n");
        assert_eq!(report.failed, Some((2, "ImportError: no".into())));
        assert_eq!(report.modules, BTreeSet::from(["pandas".to_owned(), "numexpr".to_owned()]));
        assert!(report.has_read(&["A", "HOME"]) && !report.has_read(&["A"]) && !report.has_read(&[]));
        assert!(Report::parse(b"variable *\n").has_read(&["A"]));
        assert!(Report::parse(b"printed x\n").printed && !report.printed);
        assert_eq!(Report::parse(b"failed x"), Report { failed: Some((0, String::new())), ..Report::default() });
    }
}
