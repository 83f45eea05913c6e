//! The slot of a setting in [`Settings`], which also determines its type: how values are checked, stored and read.

use super::entry::Value;
use super::time::{format_time, parse_time};
use crate::settings::{Pull, Settings};
use longshore_model::address::{concealed, masked};
use longshore_model::size::parse_size;
use longshore_os::program::find_program;
use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The value of a setting that has none.
const NONE: &str = "none";

/// The valid user ids of scripts: those of ordinary users except the agent's, within the range of user namespaces.
const USERS: RangeInclusive<u32> = 5000..=65_533;

type At<T> = fn(&mut Settings) -> &mut T;

/// The slot of a setting, by its type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// The engine's socket, on this machine.
    Socket(At<PathBuf>),
    /// A program: a path, or a name to look for.
    Program(At<PathBuf>),
    Path(At<PathBuf>),
    PathOrNone(At<Option<PathBuf>>),
    Image(At<String>),
    Name(At<String>),
    AddressOrNone(At<Option<String>>),
    Addresses(At<Vec<String>>),
    TextOrNone(At<Option<String>>),
    Texts(At<Vec<String>>),
    Size(At<u64>),
    Count(At<u64>),
    Status(At<u8>),
    Share(At<f64>),
    TimeOrNone(At<Option<Duration>>),
    Users(At<RangeInclusive<u32>>),
    Pull(At<Pull>),
    Switch(At<bool>),
}

/// A value from a file or a variable.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// A variable, whose text may have any type.
    Variable(OsString),
    Text(String),
    Texts(Vec<String>),
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

impl Slot {
    /// The type, for the documentation.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Socket(_) => "socket",
            Self::Program(_) => "program",
            Self::Path(_) | Self::PathOrNone(_) => "path",
            Self::Image(_) => "image",
            Self::Name(_) => "name",
            Self::AddressOrNone(_) => "address",
            Self::Addresses(_) => "list of addresses",
            Self::TextOrNone(_) => "text",
            Self::Texts(_) => "list of texts",
            Self::Size(_) => "size",
            Self::Count(_) => "number",
            Self::Status(_) => "number from 0 to 255",
            Self::Share(_) => "number from 0 to 1",
            Self::TimeOrNone(_) => "time or `none`",
            Self::Users(_) => "range of user ids",
            Self::Pull(_) => "`missing` or `never`",
            Self::Switch(_) => "`true` or `false`",
        }
    }

    /// The valid values, for errors.
    pub(super) fn right(self) -> &'static str {
        match self {
            // An engine on another machine could not mount the runs' sockets.
            Self::Socket(_) => "containers must run on this machine, so name a socket of it",
            Self::Program(_) => "it must be a program, by its path or by a name that is in PATH",
            Self::Path(_) | Self::PathOrNone(_) => "it must be a path",
            Self::Image(_) => "it must be the name of an image",
            Self::Name(_) => "it must be a name without white space",
            Self::AddressOrNone(_) => "it must be an address with its scheme",
            Self::Addresses(_) => "it must be a list of addresses with their schemes",
            Self::TextOrNone(_) => "it must be a text in one line",
            Self::Texts(_) => "it must be a list of texts, each in one line",
            Self::Size(_) => "it must be a size with its unit, or a number of bytes",
            Self::Count(_) => "it must be a whole number",
            Self::Status(_) => "it must be a whole number from 0 to 255",
            Self::Share(_) => "it must be a number from 0 to 1",
            Self::TimeOrNone(_) => "it must be a time with its unit, or `none`",
            Self::Users(_) => "it must be two user ids from 5000 to 65533 with a hyphen between",
            Self::Pull(_) => "it must be `missing` or `never`",
            Self::Switch(_) => "it must be `true` or `false`",
        }
    }

    /// Stores a value. An empty text removes the value of a lower layer, if a setting may have none.
    pub(super) fn put(self, settings: &mut Settings, given: &Given, around: Surroundings<'_>) -> Result<(), Unfit> {
        let unfit = || Unfit(given.describe());
        match self {
            Self::Socket(at) => *at(settings) = given.socket(around).ok_or_else(unfit)?,
            Self::Program(at) => {
                let path = std::mem::take(&mut settings.path);
                let program = given.program(&path, around);
                settings.path = path;
                *at(settings) = program.ok_or_else(unfit)?;
            }
            Self::Path(at) => *at(settings) = given.path(around).ok_or_else(unfit)?,
            Self::PathOrNone(at) if given.is_empty() => *at(settings) = None,
            Self::PathOrNone(at) => *at(settings) = Some(given.path(around).ok_or_else(unfit)?),
            Self::Image(at) | Self::Name(at) => {
                *at(settings) = given.text().filter(|text| is_word(text)).ok_or_else(unfit)?.into()
            }
            Self::AddressOrNone(at) | Self::TextOrNone(at) if given.is_empty() => *at(settings) = None,
            Self::AddressOrNone(at) => {
                let address = given.text().map(|text| given.unnamed(text));
                *at(settings) = Some(address.filter(|text| is_address(text)).ok_or_else(unfit)?.into());
            }
            Self::TextOrNone(at) => {
                *at(settings) = Some(given.text().filter(|text| is_line(text)).ok_or_else(unfit)?.into())
            }
            Self::Addresses(at) => *at(settings) = given.texts(is_address)?,
            Self::Texts(at) => *at(settings) = given.texts(|text| is_line(text) && !text.is_empty())?,
            Self::Size(at) => *at(settings) = given.size().ok_or_else(unfit)?,
            Self::Count(at) => *at(settings) = given.count().ok_or_else(unfit)?,
            Self::Status(at) => {
                *at(settings) = given.count().and_then(|status| u8::try_from(status).ok()).ok_or_else(unfit)?;
            }
            Self::Share(at) => {
                let share = given.number().filter(|number| (0.0..=1.0).contains(number));
                *at(settings) = share.ok_or_else(unfit)?;
            }
            Self::TimeOrNone(at) => {
                let text = given.text().ok_or_else(unfit)?;
                *at(settings) = if text == NONE { None } else { Some(parse_time(text).map_err(|_| unfit())?) };
            }
            Self::Users(at) => *at(settings) = given.users().ok_or_else(unfit)?,
            Self::Pull(at) => {
                *at(settings) = match given.text() {
                    Some("missing") => Pull::Missing,
                    Some("never") => Pull::Never,
                    _ => return Err(unfit()),
                }
            }
            Self::Switch(at) => *at(settings) = given.switch().ok_or_else(unfit)?,
        }
        Ok(())
    }

    /// The present value, without passwords.
    pub(super) fn value(self, settings: &mut Settings) -> Value {
        match self {
            Self::Socket(at) | Self::Program(at) | Self::Path(at) => Value::Text(at(settings).display().to_string()),
            Self::PathOrNone(at) => {
                at(settings).as_ref().map_or(Value::Nothing, |path| Value::Text(path.display().to_string()))
            }
            Self::Image(at) | Self::Name(at) => Value::Text(at(settings).clone()),
            Self::AddressOrNone(at) | Self::TextOrNone(at) => {
                at(settings).as_ref().map_or(Value::Nothing, |text| Value::Text(masked(text)))
            }
            Self::Addresses(at) | Self::Texts(at) => {
                Value::Texts(at(settings).iter().map(|text| masked(text)).collect())
            }
            Self::Size(at) => Value::Size(*at(settings)),
            Self::Count(at) => Value::Count(*at(settings)),
            Self::Status(at) => Value::Count((*at(settings)).into()),
            Self::Share(at) => Value::Share(*at(settings)),
            Self::TimeOrNone(at) => Value::Text(at(settings).map_or_else(|| NONE.into(), format_time)),
            Self::Users(at) => {
                let users = at(settings);
                Value::Text(format!("{}-{}", users.start(), users.end()))
            }
            Self::Pull(at) => Value::Text(if *at(settings) == Pull::Never { "never" } else { "missing" }.into()),
            Self::Switch(at) => Value::Switch(*at(settings)),
        }
    }

    /// The present path, if the setting is a path.
    pub(super) fn path(self, settings: &mut Settings) -> Option<PathBuf> {
        match self {
            Self::Socket(at) | Self::Program(at) | Self::Path(at) => Some(at(settings).clone()),
            Self::PathOrNone(at) => at(settings).clone(),
            _ => None,
        }
    }
}

impl Given {
    /// The value for display, without passwords.
    fn describe(&self) -> String {
        match self {
            Self::Variable(text) => described(&text.to_string_lossy()),
            Self::Text(text) => described(text),
            Self::Texts(_) => "a list".into(),
            Self::Integer(number) => format!("`{number}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Switch(switch) => format!("`{switch}`"),
            Self::Other(kind) => (*kind).into(),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Variable(text) => text.to_str(),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An address without the name that uv accepts in a variable, as in `internal=https://…`.
    fn unnamed<'a>(&self, text: &'a str) -> &'a str {
        let named = text.split_once('=').filter(|(name, _)| !name.contains("://"));
        named.filter(|_| matches!(self, Self::Variable(_))).map_or(text, |(_, address)| address)
    }

    /// A list whose elements all pass. In variables they are separated by white space.
    fn texts(&self, passes: impl Fn(&str) -> bool) -> Result<Vec<String>, Unfit> {
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

    fn path(&self, around: Surroundings<'_>) -> Option<PathBuf> {
        let text = match self {
            Self::Variable(text) => text.as_os_str(),
            Self::Text(text) => OsStr::new(text),
            _ => return None,
        };
        located(text, around)
    }

    fn program(&self, search: &str, around: Surroundings<'_>) -> Option<PathBuf> {
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
    fn socket(&self, around: Surroundings<'_>) -> Option<PathBuf> {
        let text = self.text()?;
        match (text.strip_prefix("unix://"), self) {
            (Some(path), _) => located(OsStr::new(path), around),
            (None, Self::Text(text)) if !text.contains("://") => self.path(around),
            _ => None,
        }
    }

    fn size(&self) -> Option<u64> {
        match self {
            Self::Integer(bytes) => Some(*bytes),
            _ => parse_size(self.text()?).ok(),
        }
    }

    fn count(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Variable(text) => text.to_str()?.trim().parse().ok(),
            _ => None,
        }
    }

    fn users(&self) -> Option<RangeInclusive<u32>> {
        let (first, last) = self.text()?.split_once('-')?;
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last && USERS.contains(&first) && USERS.contains(&last)).then_some(first..=last)
    }

    #[allow(clippy::cast_precision_loss, reason = "what is not 0 or 1 is refused, rounded or not")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Variable(text) => text.to_str()?.trim().parse().ok(),
            _ => None,
        }
    }

    fn switch(&self) -> Option<bool> {
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

fn is_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && is_line(text) && !text.contains(char::is_whitespace)
}

fn is_address(text: &str) -> bool {
    let has_scheme = |(scheme, rest): (&str, &str)| {
        let known = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        !scheme.is_empty() && scheme.chars().all(known) && !rest.is_empty()
    };
    is_word(text) && text.split_once("://").is_some_and(has_scheme)
}
