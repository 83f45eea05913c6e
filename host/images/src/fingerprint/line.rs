//! An installed package or program: a line of a fingerprint. Its text is part of the format, so it never changes.

use std::fmt;
use std::str::FromStr;

/// The kind of a line, in the order of display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The processor, in OCI terms.
    Architecture,
    /// The operating system and its version.
    Os,
    /// The Python interpreter of scripts.
    Python,
    /// The R interpreter of scripts.
    R,
    /// A distribution that this Python can import.
    Pip,
    /// A package that this R can attach.
    RPackage,
    /// A package of Debian and its like.
    Deb,
    /// A package of Alpine.
    Apk,
    /// A package of Red Hat and its like.
    Rpm,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Architecture,
        Self::Os,
        Self::Python,
        Self::R,
        Self::Pip,
        Self::RPackage,
        Self::Deb,
        Self::Apk,
        Self::Rpm,
    ];

    /// Its word, the beginning of its lines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Architecture => "architecture",
            Self::Os => "os",
            Self::Python => "python",
            Self::R => "r",
            Self::Pip => "pip",
            Self::RPackage => "r-package",
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
        }
    }

    /// Whether an environment has many of it, each with a name.
    #[must_use]
    pub fn is_package(self) -> bool {
        !matches!(self, Self::Architecture | Self::Os | Self::Python | Self::R)
    }

    /// Whether each has an architecture of its own.
    fn is_system_package(self) -> bool {
        matches!(self, Self::Deb | Self::Apk | Self::Rpm)
    }
}

/// An installed package or program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    pub(super) kind: Kind,
    /// Of a package; empty otherwise.
    pub(super) name: String,
    /// Of a system package; empty otherwise.
    pub(super) architecture: String,
    pub(super) version: String,
}

impl Line {
    /// A line of a kind that occurs once.
    pub(crate) fn single(kind: Kind, version: &str) -> Self {
        Self { kind, name: String::new(), architecture: String::new(), version: version.to_owned() }
    }

    /// A package of a language.
    pub(crate) fn package(kind: Kind, name: &str, version: &str) -> Self {
        Self { kind, name: name.to_owned(), architecture: String::new(), version: version.to_owned() }
    }

    /// A package of the operating system.
    pub(super) fn system_package(kind: Kind, name: &str, version: &str, architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), ..Self::package(kind, name, version) }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name of a package; empty otherwise.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Its text without the kind.
    #[must_use]
    pub fn what(&self) -> String {
        let words = [&self.name, &self.version, &self.architecture].into_iter().map(String::as_str);
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.what())
    }
}

impl FromStr for Line {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let printable = text.chars().all(|character| character == ' ' || character.is_ascii_graphic());
        let (word, rest) = text.split_once(' ').filter(|_| printable).ok_or(())?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or(())?;
        let words: Vec<&str> = rest.split(' ').collect();
        match words[..] {
            _ if words.contains(&"") => Err(()),
            [version] if !kind.is_package() => Ok(Self::single(kind, version)),
            [_, _] if kind == Kind::Os => Ok(Self::single(kind, rest)),
            [name, version] if kind.is_package() && !kind.is_system_package() => Ok(Self::package(kind, name, version)),
            [name, version, architecture] if kind.is_system_package() => {
                Ok(Self::system_package(kind, name, version, architecture))
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_are_written() {
        for text in [
            "architecture amd64",
            "os debian 12.9",
            "os arch",
            "python 3.11.2",
            "r 4.2.2",
            "pip scikit-learn 1.7.2",
            "r-package data.table 1.14.8",
            "deb libc6 2.36-9+deb12u9 amd64",
            "apk musl 1.2.5-r0 x86_64",
            "rpm bash 0:5.1.8-9.el9 x86_64",
        ] {
            assert_eq!(text.parse::<Line>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "pip",
            "pip numpy",
            "pip numpy 1 2",
            "pip  numpy 1",
            "conda numpy 1",
            "deb a 1",
            "python 3 x",
            "pip a\u{1b}[2J 1",
            "pip ä 1",
            "os a b c",
        ] {
            assert!(text.parse::<Line>().is_err(), "{text}");
        }
    }
}
