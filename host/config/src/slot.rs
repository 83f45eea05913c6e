//! The slot of a setting in [`Settings`], which also determines its type: how values are checked, stored and read.

use super::entry::Value;
use super::given::{Given, Surroundings, Unfit, constraints, is_address, is_line, is_word};
use super::time::{format_time, parse_time};
use crate::settings::{Pull, ServerChoice, Settings};
use longshore_model::address::masked;
use longshore_model::constraint::Constraint;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// The value of a setting that has none.
const NONE: &str = "none";

/// The value of a setting that depends on what there is.
const AUTO: &str = "auto";

/// The place of the day in an address.
const DATE: &str = "{date}";

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
    /// An address with `{date}` in it.
    DatedOrNone(At<Option<String>>),
    Constraints(At<Vec<Constraint>>),
    BlockConstraints(At<BTreeMap<String, Vec<Constraint>>>),
    Size(At<u64>),
    Count(At<u64>),
    SizeOrAuto(At<Option<u64>>),
    CountOrAuto(At<Option<u64>>),
    Status(At<u8>),
    Share(At<f64>),
    TimeOrNone(At<Option<Duration>>),
    Time(At<Duration>),
    Users(At<RangeInclusive<u32>>),
    Pull(At<Pull>),
    Server(At<ServerChoice>),
    Switch(At<bool>),
}

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
            Self::DatedOrNone(_) => "address with `{date}`",
            Self::Constraints(_) => "list of constraints",
            Self::BlockConstraints(_) => "table of lists of constraints",
            Self::Size(_) => "size",
            Self::Count(_) => "number",
            Self::SizeOrAuto(_) => "`auto` or a size",
            Self::CountOrAuto(_) => "`auto` or a number",
            Self::Status(_) => "number from 0 to 255",
            Self::Share(_) => "number from 0 to 1",
            Self::TimeOrNone(_) => "time or `none`",
            Self::Time(_) => "time",
            Self::Users(_) => "range of user ids",
            Self::Pull(_) => "`missing` or `never`",
            Self::Server(_) => "`auto`, `none` or a path",
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
            Self::DatedOrNone(_) => "it must be an address with its scheme and with `{date}`",
            Self::Constraints(_) => "it must be a list of packages with their versions",
            Self::BlockConstraints(_) => {
                "it must be a table with a list of packages and versions for each block's name"
            }
            Self::Size(_) => "it must be a size with its unit, or a number of bytes",
            Self::Count(_) => "it must be a whole number",
            Self::SizeOrAuto(_) => "it must be a size with its unit, a number of bytes, or `auto`",
            Self::CountOrAuto(_) => "it must be a whole number or `auto`",
            Self::Status(_) => "it must be a whole number from 0 to 255",
            Self::Share(_) => "it must be a number from 0 to 1",
            Self::TimeOrNone(_) => "it must be a time with its unit, or `none`",
            Self::Time(_) => "it must be a time with its unit",
            Self::Users(_) => "it must be two user ids from 5000 to 65533 with a hyphen between",
            Self::Pull(_) => "it must be `missing` or `never`",
            Self::Server(_) => "it must be `auto`, `none` or the path of a socket",
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
            Self::AddressOrNone(at) | Self::TextOrNone(at) | Self::DatedOrNone(at) if given.is_empty() => {
                *at(settings) = None
            }
            Self::AddressOrNone(at) => {
                let address = given.text().map(|text| given.unnamed(text));
                *at(settings) = Some(address.filter(|text| is_address(text)).ok_or_else(unfit)?.into());
            }
            Self::DatedOrNone(at) => {
                let address = given.text().filter(|text| is_address(text) && text.contains(DATE));
                *at(settings) = Some(address.ok_or_else(unfit)?.into());
            }
            Self::Constraints(at) => *at(settings) = constraints(&given.texts(is_line)?)?,
            Self::BlockConstraints(at) => {
                let lists = given.lists()?;
                let read = |(name, list): (&String, &Vec<String>)| Ok((name.clone(), constraints(list)?));
                *at(settings) = lists.iter().map(read).collect::<Result<_, Unfit>>()?;
            }
            Self::TextOrNone(at) => {
                *at(settings) = Some(given.text().filter(|text| is_line(text)).ok_or_else(unfit)?.into())
            }
            Self::Addresses(at) => *at(settings) = given.texts(is_address)?,
            Self::Texts(at) => *at(settings) = given.texts(|text| is_line(text) && !text.is_empty())?,
            Self::Size(at) => *at(settings) = given.size().ok_or_else(unfit)?,
            Self::Count(at) => *at(settings) = given.count().ok_or_else(unfit)?,
            Self::SizeOrAuto(at) | Self::CountOrAuto(at) if given.text() == Some(AUTO) => *at(settings) = None,
            Self::SizeOrAuto(at) => *at(settings) = Some(given.size().ok_or_else(unfit)?),
            Self::CountOrAuto(at) => *at(settings) = Some(given.count().ok_or_else(unfit)?),
            Self::Status(at) => {
                *at(settings) = given.count().and_then(|status| u8::try_from(status).ok()).ok_or_else(unfit)?;
            }
            Self::Share(at) => {
                let share = given.number().filter(|number| (0.0..=1.0).contains(number));
                *at(settings) = share.ok_or_else(unfit)?;
            }
            Self::Time(at) => {
                *at(settings) = given.text().and_then(|text| parse_time(text).ok()).ok_or_else(unfit)?;
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
            Self::Server(at) => {
                *at(settings) = match given.text() {
                    Some(AUTO) => ServerChoice::Auto,
                    Some(NONE) => ServerChoice::None,
                    _ => ServerChoice::Path(given.path(around).ok_or_else(unfit)?),
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
            Self::AddressOrNone(at) | Self::TextOrNone(at) | Self::DatedOrNone(at) => {
                at(settings).as_ref().map_or(Value::Nothing, |text| Value::Text(masked(text)))
            }
            Self::Addresses(at) | Self::Texts(at) => {
                Value::Texts(at(settings).iter().map(|text| masked(text)).collect())
            }
            Self::Constraints(at) => Value::Texts(at(settings).iter().map(Constraint::to_string).collect()),
            Self::BlockConstraints(at) => {
                let of_block = |(name, list): (&String, &Vec<Constraint>)| {
                    let list: Vec<String> = list.iter().map(Constraint::to_string).collect();
                    format!("{name}: {};", list.join(" "))
                };
                Value::Texts(at(settings).iter().map(of_block).collect())
            }
            Self::Size(at) => Value::Size(*at(settings)),
            Self::Count(at) => Value::Count(*at(settings)),
            Self::SizeOrAuto(at) => at(settings).map_or_else(|| Value::Text(AUTO.into()), Value::Size),
            Self::CountOrAuto(at) => at(settings).map_or_else(|| Value::Text(AUTO.into()), Value::Count),
            Self::Status(at) => Value::Count((*at(settings)).into()),
            Self::Share(at) => Value::Share(*at(settings)),
            Self::TimeOrNone(at) => Value::Text(at(settings).map_or_else(|| NONE.into(), format_time)),
            Self::Time(at) => Value::Text(format_time(*at(settings))),
            Self::Users(at) => {
                let users = at(settings);
                Value::Text(format!("{}-{}", users.start(), users.end()))
            }
            Self::Pull(at) => Value::Text(if *at(settings) == Pull::Never { "never" } else { "missing" }.into()),
            Self::Server(at) => Value::Text(match at(settings) {
                ServerChoice::Auto => AUTO.into(),
                ServerChoice::None => NONE.into(),
                ServerChoice::Path(path) => path.display().to_string(),
            }),
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
