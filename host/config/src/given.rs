//! A value from a file or a variable, before it is one of a setting's type: how texts, lists and tables are read.

use longshore_model::address::concealed;
use longshore_model::constraint::Constraint;
use longshore_model::size::parse_size;
use longshore_os::program::find_program;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The valid user ids of scripts: those of ordinary users except the agent's, within the range of user namespaces.
const USERS: RangeInclusive<u32> = 5000..=65_533;

/// A value from a file or a variable.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// A variable, whose text may have any type.
    Variable(OsString),
    Text(String),
    Texts(Vec<String>),
    /// A table of lists.
    Lists(BTreeMap<String, Vec<String>>),
    Integer(u64),
    Number(f64),
    Switch(bool),
    /// A value of a type that no setting has, described.
    Other(&'static str),
}

/// The context in which paths and programs are resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// The base of relative paths; the process's folder if not given.
    pub(super) folder: Option<&'a Path>,
    /// The folder for `~`.
    pub(super) home: Option<&'a Path>,
}

/// A value that does not fit, described.
#[derive(Debug)]
pub(super) struct Unfit(pub(super) String);

impl Given {
    /// The value for display, without passwords.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Variable(text) => described(&text.to_string_lossy()),
            Self::Text(text) => described(text),
            Self::Texts(_) => "a list".into(),
            Self::Lists(_) => "a table".into(),
            Self::Integer(number) => format!("`{number}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Switch(switch) => format!("`{switch}`"),
            Self::Other(kind) => (*kind).into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Variable(text) => text.to_str(),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An address without the name that uv accepts in a variable, as in `internal=https://…`.
    pub(super) fn unnamed<'a>(&self, text: &'a str) -> &'a str {
        let named = text.split_once('=').filter(|(name, _)| !name.contains("://"));
        named.filter(|_| matches!(self, Self::Variable(_))).map_or(text, |(_, address)| address)
    }

    /// A list whose elements all pass. In variables they are separated by white space.
    pub(super) fn texts(&self, passes: impl Fn(&str) -> bool) -> Result<Vec<String>, Unfit> {
        let texts: Vec<&str> = match self {
            Self::Variable(text) => text.to_str().ok_or_else(|| Unfit(self.describe()))?.split_whitespace().collect(),
            Self::Texts(texts) => texts.iter().map(String::as_str).collect(),
            _ => return Err(Unfit(self.describe())),
        };
        match texts.iter().find(|text| !passes(text)) {
            Some(wrong) => Err(Unfit(format!("a list that contains {}", described(wrong)))),
            None => Ok(texts.into_iter().map(str::to_owned).collect()),
        }
    }

    /// A table of lists. In a variable it is written as in a file.
    pub(super) fn lists(&self) -> Result<BTreeMap<String, Vec<String>>, Unfit> {
        let unfit = || Unfit(self.describe());
        match self {
            Self::Lists(lists) => Ok(lists.clone()),
            Self::Variable(text) => {
                let table = format!("table = {}", text.to_str().ok_or_else(unfit)?);
                let mut read: BTreeMap<String, _> = toml::from_str(&table).map_err(|_| unfit())?;
                read.remove("table").filter(|_| read.is_empty()).ok_or_else(unfit)
            }
            _ => Err(unfit()),
        }
    }

    pub(super) fn path(&self, around: Surroundings<'_>) -> Option<PathBuf> {
        let text = match self {
            Self::Variable(text) => text.as_os_str(),
            Self::Text(text) => OsStr::new(text),
            _ => return None,
        };
        located(text, around)
    }

    pub(super) fn program(&self, search: &str, around: Surroundings<'_>) -> Option<PathBuf> {
        let path = match self {
            Self::Variable(text) => Path::new(text),
            Self::Text(text) => Path::new(text),
            _ => return None,
        };
        let is_name = path.components().count() == 1 && !path.as_os_str().as_bytes().contains(&b'/');
        // A name that is not found is kept: starting the program then reports it, and so does `config show`.
        if is_name { Some(find_program(path, search).unwrap_or_else(|| path.to_owned())) } else { self.path(around) }
    }

    /// A socket in the notation of `DOCKER_HOST`; in files a path is enough.
    pub(super) fn socket(&self, around: Surroundings<'_>) -> Option<PathBuf> {
        let text = self.text()?;
        match (text.strip_prefix("unix://"), self) {
            (Some(path), _) => located(OsStr::new(path), around),
            (None, Self::Text(text)) if !text.contains("://") => self.path(around),
            _ => None,
        }
    }

    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Integer(bytes) => Some(*bytes),
            _ => parse_size(self.text()?).ok(),
        }
    }

    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Variable(text) => text.to_str()?.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn users(&self) -> Option<RangeInclusive<u32>> {
        let (first, last) = self.text()?.split_once('-')?;
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last && USERS.contains(&first) && USERS.contains(&last)).then_some(first..=last)
    }

    #[allow(clippy::cast_precision_loss, reason = "what is not 0 or 1 is refused, rounded or not")]
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Variable(text) => text.to_str()?.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn switch(&self) -> Option<bool> {
        match self {
            Self::Switch(switch) => Some(*switch),
            Self::Variable(text) => match text.to_str()? {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Constraints, of which the first that is none is described.
pub(super) fn constraints(texts: &[String]) -> Result<Vec<Constraint>, Unfit> {
    texts.iter().map(|text| text.parse().map_err(|_| Unfit(described(text)))).collect()
}

fn located(text: &OsStr, around: Surroundings<'_>) -> Option<PathBuf> {
    if text.is_empty() || text.as_bytes().contains(&0) {
        return None;
    }
    let path = Path::new(text);
    match (path.strip_prefix("~"), around.home, around.folder) {
        (Ok(below), Some(home), _) => Some(home.join(below)),
        (_, _, Some(folder)) => Some(folder.join(path)),
        // It must also be found from other folders.
        _ => std::path::absolute(path).ok(),
    }
}

fn described(text: &str) -> String {
    if text.is_empty() { "empty".into() } else { format!("`{}`", concealed(text).escape_debug()) }
}

pub(super) fn is_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && is_line(text) && !text.contains(char::is_whitespace)
}

pub(super) fn is_address(text: &str) -> bool {
    let has_scheme = |(scheme, rest): (&str, &str)| {
        let known = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        !scheme.is_empty() && scheme.chars().all(known) && !rest.is_empty()
    };
    is_word(text) && text.split_once("://").is_some_and(has_scheme)
}
