//! Inputs by number or by declared name: finding the number of a name. The host provides the names.

use std::fmt;
use thiserror::Error;

/// An input by position or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputName {
    /// Position, from 0.
    Number(u32),
    /// The name that the block declares.
    Name(String),
}

impl InputName {
    /// The input's number. `names` are those of the declared inputs, in order; `None` if the host does not send them.
    pub(crate) fn number(&self, names: Option<&[String]>) -> Result<u32, UnknownInput> {
        let name = match self {
            Self::Number(number) => return Ok(*number),
            Self::Name(name) => name,
        };
        let unknown = |reason: String| UnknownInput { name: name.clone(), reason };
        let Some(names) = names else {
            let reason = "the host is too old for names of inputs: read it by its number, or update longshore there";
            return Err(unknown(reason.into()));
        };
        if names.is_empty() {
            let reason = "the block declares none: read it by its number, or declare it as `[[inputs]]` in block.toml";
            return Err(unknown(reason.into()));
        }
        let position = names.iter().position(|known| known == name).and_then(|position| u32::try_from(position).ok());
        position.ok_or_else(|| unknown(format!("the block has {}{}", names.join(", "), hint(name, names))))
    }
}

impl fmt::Display for InputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

/// The block has no input of this name.
#[derive(Debug, Error)]
#[error("there is no input `{name}`: {reason}")]
pub struct UnknownInput {
    /// The name.
    pub name: String,
    /// The inputs that the block has.
    pub reason: String,
}

/// A suggestion: a name that differs only in case or ending.
pub(crate) fn hint(name: &str, known: &[String]) -> String {
    let plain = |name: &str| name.to_lowercase().replace(['-', '.', ' '], "_");
    let wanted = plain(name);
    let is_near = |known: &&String| {
        let known = plain(known);
        let ending = known.strip_prefix(&wanted).or_else(|| wanted.strip_prefix(&known));
        !wanted.is_empty() && !known.is_empty() && ending.is_some()
    };
    known.iter().find(is_near).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str, names: Option<&[&str]>) -> Result<u32, String> {
        let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        InputName::Name(name.into()).number(names.as_deref()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_is_one_that_the_block_declares() {
        let names = Some(["sales", "exchange_rates"].as_slice());
        assert_eq!(number("exchange_rates", names), Ok(1));
        for near in ["Sales", "sale", "sales_2024"] {
            let error =
                format!("there is no input `{near}`: the block has sales, exchange_rates: did you mean `sales`?");
            assert_eq!(number(near, names), Err(error));
        }
        for far in ["", "0", "rates"] {
            let error = format!("there is no input `{far}`: the block has sales, exchange_rates");
            assert_eq!(number(far, names), Err(error));
        }
        let none = number("sales", Some(&[])).unwrap_err();
        assert!(none.starts_with("there is no input `sales`: the block declares none"), "{none}");
        let older = number("sales", None).unwrap_err();
        assert!(older.starts_with("there is no input `sales`: the host is too old for names"), "{older}");
        assert_eq!(InputName::Number(7).number(None).map_err(|error| error.to_string()), Ok(7));
    }
}
