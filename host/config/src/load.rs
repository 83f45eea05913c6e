//! Combines the layers of settings.

use super::entry::{Entry, Source};
use super::error::ConfigError;
use super::file;
use super::given::{Given, Surroundings};
use super::list::SETTINGS;
use super::names::{tables, variable_hint};
use super::setting::Setting;
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable with the folder for `~`.
const HOME: &str = "HOME";

/// Environment variables, collected by the caller. An empty one counts as unset.
pub type Variables = BTreeMap<String, OsString>;

/// Whether a variable is relevant for settings: a setting's, or one whose name could only be a setting's.
#[must_use]
pub fn counts(variable: &str) -> bool {
    variable == HOME || is_known(variable) || is_of_table(variable)
}

fn is_known(variable: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.variable == variable || setting.common.contains(&variable))
}

/// Whether a variable's name has the form of a setting's.
fn is_of_table(variable: &str) -> bool {
    tables().into_iter().any(|table| variable.starts_with(&format!("LONGSHORE_{}_", table.to_uppercase())))
}

/// The settings, and the source of each.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    settings: Settings,
    /// The source of each setting of the list.
    sources: Vec<Source>,
    files: Vec<PathBuf>,
}

/// Lays files over defaults, later ones over earlier ones, and variables over all; variables of other programs count
/// only if nothing else sets a value.
///
/// # Errors
///
/// The file and line, or the variable, that is wrong, and the valid values.
pub fn load(files: Vec<PathBuf>, variables: &Variables, defaults: Settings) -> Result<Config, ConfigError> {
    let mut config = Config { settings: defaults, sources: vec![Source::Default; SETTINGS.len()], files };
    let home = given(variables, HOME).map(Path::new);
    for path in config.files.clone() {
        let around = Surroundings { folder: path.parent(), home };
        for assignment in file::read(&path)? {
            let setting = &SETTINGS[assignment.setting];
            setting.slot.put(&mut config.settings, &assignment.given, around).map_err(|unfit| ConfigError::Value {
                path: path.clone(),
                line: assignment.line,
                key: setting.name(),
                found: unfit.0,
                right: setting.right(true),
            })?;
            config.sources[assignment.setting] = Source::File(path.clone());
        }
    }
    let unknown = |(name, value): &(&String, &OsString)| !value.is_empty() && !is_known(name) && is_of_table(name);
    if let Some((name, _)) = variables.iter().find(unknown) {
        return Err(ConfigError::UnknownVariable { variable: name.clone(), hint: variable_hint(name) });
    }
    let around = Surroundings { folder: None, home };
    for (setting, source) in SETTINGS.iter().zip(&mut config.sources) {
        let own = given(variables, setting.variable).map(|text| (setting.variable, text));
        let mut common = setting.common.iter().filter_map(|name| Some((*name, given(variables, name)?)));
        let decisive = own.or_else(|| if *source == Source::Default { common.next() } else { None });
        let Some((name, text)) = decisive else { continue };
        let value = Given::Variable(text.clone());
        setting.slot.put(&mut config.settings, &value, around).map_err(|unfit| ConfigError::Variable {
            variable: name.to_owned(),
            found: unfit.0,
            right: setting.right(false),
        })?;
        *source = Source::Variable(name);
    }
    Ok(config)
}

fn given<'a>(variables: &'a Variables, name: &str) -> Option<&'a OsString> {
    variables.get(name).filter(|value| !value.is_empty())
}

impl Config {
    /// The resulting settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The files that were read, the strongest last.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Every setting with its value and source, in the order of the documentation.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut settings = self.settings.clone();
        let mut entry = |(setting, source): (&Setting, &Source)| Entry {
            key: setting.name(),
            value: setting.slot.value(&mut settings),
            source: source.clone(),
            // Not everything at a built-in path is needed; `longshore doctor` checks those paths.
            problem: setting.problem(&mut settings).filter(|_| *source != Source::Default),
        };
        SETTINGS.iter().zip(&self.sources).map(&mut entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;
    use std::collections::BTreeSet;
    use tempfile::TempDir;

    fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn variable(name: &str, value: &str) -> Variables {
        BTreeMap::from([(name.to_owned(), OsString::from(value))])
    }

    fn entry(config: &Config, key: &str) -> (Value, String) {
        let entry = config.entries().into_iter().find(|entry| entry.key == key).unwrap();
        (entry.value, entry.source.to_string())
    }

    /// The error for a file, without the file's folder.
    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "longshore.toml", text);
        let error = load(vec![path], &Variables::new(), Settings::default()).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    }

    fn variable_refused(name: &str, value: &str) -> String {
        load(Vec::new(), &variable(name, value), Settings::default()).unwrap_err().to_string()
    }

    #[test]
    fn later_layers_win_setting_by_setting() {
        let folder = tempfile::tempdir().unwrap();
        let system = write(&folder, "a.toml", "[images]\npull = \"never\"\nlow_mark = 0.1\ndisk_budget = 5\n");
        let user = write(&folder, "b.toml", "[images]\nlow_mark = 0.2\ndisk_budget = \"6GB\"\n");
        let config = |variables: &Variables| load(vec![system.clone(), user.clone()], variables, Settings::default());
        let plain = config(&Variables::new()).unwrap();
        let shown = |path: &Path| path.display().to_string();
        assert_eq!(entry(&plain, "images.pull"), (Value::Text("never".into()), shown(&system)));
        assert_eq!(entry(&plain, "images.low_mark"), (Value::Share(0.2), shown(&user)));
        assert_eq!(entry(&plain, "images.disk_budget"), (Value::Size(6_000_000_000), shown(&user)));
        assert_eq!(entry(&plain, "images.visokio_labels"), (Value::Switch(false), "default".into()));
        assert_eq!(plain.files(), [system.clone(), user.clone()]);
        let over = config(&variable("LONGSHORE_IMAGES_LOW_MARK", "0.3")).unwrap();
        assert_eq!(entry(&over, "images.low_mark"), (Value::Share(0.3), "LONGSHORE_IMAGES_LOW_MARK".into()));
        assert!((over.settings().images.low_mark - 0.3).abs() < 1e-9);
        // An empty variable counts as unset.
        let empty = config(&variable("LONGSHORE_IMAGES_LOW_MARK", "")).unwrap();
        assert_eq!(entry(&empty, "images.low_mark").0, Value::Share(0.2));
    }

    #[test]
    fn variables_of_other_programs_count_below_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(&folder, "a.toml", "[python]\nindex_url = \"https://file/\"\n");
        let index = |files, variables: &Variables| {
            entry(&load(files, variables, Settings::default()).unwrap(), "python.index_url")
        };
        let mut variables = variable("PIP_INDEX_URL", "https://u:secret@pip/");
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(index(vec![], &variables), (text("https://u:***@pip/"), "PIP_INDEX_URL".into()));
        assert_eq!(index(vec![file.clone()], &variables), (text("https://file/"), file.display().to_string()));
        variables.insert("LONGSHORE_PYTHON_INDEX_URL".into(), "https://own/".into());
        assert_eq!(index(vec![file], &variables), (text("https://own/"), "LONGSHORE_PYTHON_INDEX_URL".into()));
        // uv accepts a name before an index.
        let named = variable("UV_DEFAULT_INDEX", "team=https://uv/?a=b");
        assert_eq!(index(vec![], &named), (text("https://uv/?a=b"), "UV_DEFAULT_INDEX".into()));
        // A wrong value does not matter if another source overrides it.
        let mut wrong = variable("PIP_INDEX_URL", "/srv");
        wrong.insert("LONGSHORE_PYTHON_INDEX_URL".into(), "file:///x".into());
        assert_eq!(index(vec![], &wrong).0, text("file:///x"));
    }

    #[test]
    fn an_empty_text_takes_away_what_a_weaker_layer_says() {
        let folder = tempfile::tempdir().unwrap();
        let first = "[network]\nhttp_proxy = \"http://p\"\nca_bundle = \"x\"\n[r]\nrepositories = [\"https://r\"]\n";
        let first = write(&folder, "a.toml", first);
        let second = "[network]\nhttp_proxy = \"\"\nca_bundle = \"\"\n[r]\nrepositories = []\n";
        let second = write(&folder, "b.toml", second);
        let config =
            load(vec![first, second.clone()], &variable("HTTP_PROXY", "http://q"), Settings::default()).unwrap();
        assert_eq!(entry(&config, "network.http_proxy"), (Value::Nothing, second.display().to_string()));
        assert_eq!(config.settings().packages.ca_bundle, None);
        assert!(config.settings().packages.cran.is_empty());
    }

    #[test]
    fn paths_start_from_the_files_folder_and_programs_are_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let program = write(&folder, "bin/python-of-the-test", "");
        let text = "[engine]\nagent = \"bin/agent\"\npython = \"python-of-the-test\"\nuv = \"nowhere-to-be-found\"\n\
                    cache_folder = \"~/cache\"\nsocket = \"unix://engine.sock\"\n[network]\nca_bundle = \"../ca.pem\"\n";
        let file = write(&folder, "a.toml", text);
        let defaults = Settings { path: folder.path().join("bin").display().to_string(), ..Settings::default() };
        let mut variables = variable("HOME", "/home/somebody");
        variables.insert("LONGSHORE_STATE_FOLDER".into(), "state".into());
        let config = load(vec![file], &variables, defaults).unwrap();
        let settings = config.settings();
        assert_eq!(settings.agent, folder.path().join("bin/agent"));
        assert_eq!(settings.python, program);
        assert_eq!(settings.uv, Path::new("nowhere-to-be-found"));
        assert_eq!(settings.engine_socket, folder.path().join("engine.sock"));
        assert_eq!(settings.cache_folder, Path::new("/home/somebody/cache"));
        assert_eq!(settings.packages.ca_bundle, Some(folder.path().join("../ca.pem")));
        assert_eq!(settings.state_folder, std::path::absolute("state").unwrap());
        let problems = config.entries().into_iter().filter_map(|entry| Some((entry.key, entry.problem?)));
        let problems: Vec<String> = problems.map(|(key, problem)| format!("{key}: {problem}")).collect();
        assert_eq!(
            problems,
            [
                "engine.socket: no such socket",
                "engine.agent: no such file",
                "engine.uv: not in PATH",
                "network.ca_bundle: no such file"
            ]
        );
    }

    #[test]
    fn every_setting_takes_its_example_from_a_file_and_from_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = BTreeSet::new();
        for setting in SETTINGS {
            let text = format!("[{}]\n{} = {}\n", setting.table, setting.key, setting.example);
            let from_file =
                load(vec![write(&folder, "a.toml", &text)], &Variables::new(), Settings::default()).unwrap();
            let example = setting.variable_example();
            let (name, value) = example.split_once('=').unwrap();
            assert!(name == setting.variable && names.insert(name.to_owned()), "{name} is there twice");
            let variables = variable(setting.variable, value.trim_matches(['"', '\'']));
            let from_variable = load(Vec::new(), &variables, Settings::default()).unwrap();
            let default = load(Vec::new(), &Variables::new(), Settings::default()).unwrap();
            assert_eq!(entry(&from_file, &setting.name()).0, entry(&from_variable, &setting.name()).0);
            assert_ne!(entry(&from_file, &setting.name()).0, entry(&default, &setting.name()).0, "{}", setting.name());
            // A default in backticks is a value; the others are descriptions.
            let words = setting.default.strip_prefix('`').and_then(|words| words.strip_suffix('`'));
            if let Some(words) = words.filter(|words| !words.contains('`')) {
                assert_eq!(entry(&default, &setting.name()).0.to_string(), words);
            }
        }
    }

    #[test]
    fn mistakes_in_files_name_line_key_and_what_is_right() {
        for (text, said) in [
            ("[engine", "`longshore.toml`, line 1, column 8: unclosed table, expected `]`"),
            ("[images]\npull = 1\npull = 2", "`longshore.toml`, line 3, column 1: duplicate key"),
            (
                "[images]\n\nzzz = 1",
                "`longshore.toml`, line 3: unknown key `images.zzz`: known are python, \
              python_pandas2, r, python_3_13, r_4_5, disk_budget, low_mark, pull, visokio_labels, store",
            ),
            (
                "[zzz]",
                "`longshore.toml`, line 1: unknown table `[zzz]`: known are `[admission]`, `[build]`, `[debian]`, `[engine]`, `[images]`, \
              `[network]`, `[pool]`, `[python]`, `[r]`, `[runs]`",
            ),
            (
                "zzz = 1",
                "`longshore.toml`, line 1: unknown key `zzz`: known are `[admission]`, `[build]`, `[debian]`, `[engine]`, `[images]`, \
              `[network]`, `[pool]`, `[python]`, `[r]`, `[runs]`",
            ),
            (
                "images = 1",
                "`longshore.toml`, line 1: `images` is an integer: it must be a table, `[images]`, with its \
              keys below",
            ),
            (
                "images.pull = \"maybe\"",
                "`longshore.toml`, line 1: `images.pull` is `maybe`: it must be `missing` or \
              `never`, as in `pull = \"never\"`",
            ),
            (
                "[images]\ndisk_budget = -1",
                "`longshore.toml`, line 2: `images.disk_budget` is an integer below 0 or \
              beyond 64 bits: it must be a size with its unit, or a number of bytes, as in `disk_budget = \"50GB\"`",
            ),
            (
                "[images]\nlow_mark = nan",
                "`longshore.toml`, line 2: `images.low_mark` is `NaN`: it must be a number from \
              0 to 1, as in `low_mark = 0.5`",
            ),
            (
                "[images]\nr = \"a b\"",
                "`longshore.toml`, line 2: `images.r` is `a b`: it must be the name of an image, \
              as in `r = \"registry.example.com/team/r:3\"`",
            ),
            (
                "[r]\ndebian_packages = \"true\"",
                "`longshore.toml`, line 2: `r.debian_packages` is `true`: it must be \
              `true` or `false`, as in `debian_packages = false`",
            ),
            (
                "[r]\nrepositories = [1]",
                "`longshore.toml`, line 2: `r.repositories` is a list that contains values other \
              than texts: it must be a list of addresses with their schemes, as in \
              `repositories = [\"https://cran.example.com\"]`",
            ),
            (
                "[r]\nrepositories = [\"https://u:secret@x y\"]",
                "`longshore.toml`, line 2: `r.repositories` is a list \
              that contains `https://***@x y`: it must be a list of addresses with their schemes, as in \
              `repositories = [\"https://cran.example.com\"]`",
            ),
            (
                "[engine]\nsocket = \"tcp://x\"",
                "`longshore.toml`, line 2: `engine.socket` is `tcp://x`: containers \
              must run on this machine, so name a socket of it, as in `socket = \"/run/podman/podman.sock\"`",
            ),
            (
                "[engine]\nagent = \"\"",
                "`longshore.toml`, line 2: `engine.agent` is empty: it must be a program, by its \
              path or by a name that is in PATH, as in `agent = \"/opt/longshore/longshore-agent\"`",
            ),
            (
                "[network]\nno_proxy = \"a\\nb\"",
                "`longshore.toml`, line 2: `network.no_proxy` is `a\\nb`: it must be a \
              text in one line, as in `no_proxy = \"localhost,.example.com\"`",
            ),
            (
                "[network.ca_bundle]",
                "`longshore.toml`, line 1: `network.ca_bundle` is a table: it must be a path, as in \
              `ca_bundle = \"/etc/ssl/company.pem\"`",
            ),
        ] {
            assert_eq!(refused(text), said, "{text}");
        }
    }

    #[test]
    fn the_page_on_settings_says_what_is_said_of_mistakes() {
        let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
        let page = std::fs::read_to_string(own.join("../../docs/settings.md")).unwrap();
        let (_, table) = page.split_once("<!-- mistakes -->\n").unwrap();
        let rows: Vec<&str> = table.split("<!-- end -->").next().unwrap().lines().skip(2).collect();
        assert!(rows.len() > 5);
        for row in rows {
            let (written, said) = row.trim_matches(['|', ' ']).split_once(" | ").unwrap();
            assert_eq!(refused(&written.replace("` `", "\n").replace('`', "")), format!("`longshore.toml`, {said}"));
        }
    }

    #[test]
    fn mistakes_in_variables_name_the_variable() {
        for (name, value, said) in [
            (
                "DOCKER_HOST",
                "tcp://192.0.2.1:2375",
                "DOCKER_HOST is `tcp://192.0.2.1:2375`: containers must run on this \
              machine, so name a socket of it, as in `DOCKER_HOST=unix:///run/podman/podman.sock`",
            ),
            (
                "DOCKER_HOST",
                "unix://",
                "DOCKER_HOST is `unix://`: containers must run on this machine, so name a socket \
              of it, as in `DOCKER_HOST=unix:///run/podman/podman.sock`",
            ),
            (
                "LONGSHORE_IMAGES_DISK_BUDGET",
                "lots",
                "LONGSHORE_IMAGES_DISK_BUDGET is `lots`: it must be a size with its \
              unit, or a number of bytes, as in `LONGSHORE_IMAGES_DISK_BUDGET=50GB`",
            ),
            (
                "LONGSHORE_IMAGES_VISOKIO_LABELS",
                "yes",
                "LONGSHORE_IMAGES_VISOKIO_LABELS is `yes`: it must be `true` or \
              `false`, as in `LONGSHORE_IMAGES_VISOKIO_LABELS=true`",
            ),
            (
                "PIP_EXTRA_INDEX_URL",
                "https://a /srv",
                "PIP_EXTRA_INDEX_URL is a list that contains `/srv`: it must be a list \
              of addresses with their schemes, as in \
              `LONGSHORE_PYTHON_EXTRA_INDEX_URLS=\"https://team.example.com/simple https://public.example.com/simple\"`",
            ),
        ] {
            assert_eq!(variable_refused(name, value), said);
        }
    }

    #[test]
    fn variables_that_only_a_setting_could_have_are_known_or_refused() {
        for (name, said) in [
            ("LONGSHORE_IMAGES_DISK_BUGDET", ": did you mean `LONGSHORE_IMAGES_DISK_BUDGET`?"),
            ("LONGSHORE_ENGINE_STATE_FOLDER", ": did you mean `LONGSHORE_STATE_FOLDER`?"),
            ("LONGSHORE_IMAGES_R", ": did you mean `LONGSHORE_R_IMAGE`?"),
            ("LONGSHORE_ENGINE_SOCKET", ": did you mean `DOCKER_HOST`?"),
            ("LONGSHORE_NETWORK_X", "; docs/settings.md lists them"),
        ] {
            assert!(counts(name));
            assert_eq!(variable_refused(name, "1"), format!("unknown settings variable {name}{said}"));
            assert!(load(Vec::new(), &variable(name, ""), Settings::default()).is_ok());
        }
        assert!(counts("HOME") && counts("PIP_CERT") && counts("DOCKER_HOST"));
        assert!(!counts("LONGSHORE_SOCKET") && !counts("LONGSHORE_DRY_RUN") && !counts("PATH"));
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let load = |path: PathBuf| load(vec![path], &Variables::new(), Settings::default()).unwrap_err();
        assert!(matches!(load(folder.path().into()), ConfigError::Read { .. }));
        assert!(matches!(load(folder.path().join("none")), ConfigError::Read { .. }));
        let long = write(&folder, "long", &"#".repeat((1 << 20) + 1));
        let ConfigError::Read { source, .. } = load(long) else { panic!("it is too long to be read") };
        assert_eq!(source.kind(), std::io::ErrorKind::FileTooLarge);
        std::fs::write(folder.path().join("latin"), b"\xff").unwrap();
        assert!(matches!(load(folder.path().join("latin")), ConfigError::Read { .. }));
    }
}
