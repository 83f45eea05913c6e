//! The arguments and environment variables that a caller gives a script, and their check. The interpreter's own variables
//! are in `longshore-engine`.

use super::RequestError;
use std::collections::BTreeMap;

/// Maximum bytes of all arguments and variables: Linux allows 128 KiB for one, and as JSON, where a control character
/// takes six bytes, all of them fit into a message of 1 MiB.
const BYTES_MAX: usize = 128 << 10;

/// Variables that the run itself sets for every script, or for one of a language.
const SET_BY_RUN: [&str; 10] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LANG",
    "PYTHONUTF8",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "R_LIBS",
];

/// Variables with which an interpreter does not find its own files.
const OF_INTERPRETERS: [&str; 2] = ["PYTHONHOME", "R_HOME"];

/// Variables of the dynamic linker and the C library, by prefix.
const OF_LINKER: [&str; 3] = ["LD_", "GCONV_", "GLIBC_"];

/// The checked arguments and variables of a script.
#[derive(Debug, Clone, Default)]
pub(crate) struct Invocation {
    /// The arguments after the script's name.
    pub(crate) arguments: Vec<String>,
    /// The variables; of equal names, the last counts.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Invocation {
    /// Checks what a caller gives.
    pub(super) fn check(arguments: Vec<String>, variables: Vec<(String, String)>) -> Result<Self, RequestError> {
        let refused = |reason: String| Err(RequestError::Arguments { reason });
        if let Some(position) = arguments.iter().position(|argument| argument.contains('\0')) {
            return refused(format!("argument {} contains a NUL byte", position + 1));
        }
        for (name, value) in &variables {
            if let Some(reason) = unfit(name, value) {
                return Err(RequestError::Variable { name: name.clone(), reason });
            }
        }
        let bytes = arguments.iter().map(|argument| argument.len() + 1);
        let bytes = bytes.chain(variables.iter().map(|(name, value)| name.len() + value.len() + 2)).sum::<usize>();
        if bytes > BYTES_MAX {
            return refused(format!(
                "arguments and variables take {bytes} bytes, and the limit is {} KiB: pass long data as an input",
                BYTES_MAX >> 10
            ));
        }
        Ok(Self { arguments, variables: variables.into_iter().collect() })
    }

    /// The names of the variables, for the record.
    pub(crate) fn names(&self) -> Vec<String> {
        self.variables.keys().cloned().collect()
    }
}

/// Why a variable cannot be set.
fn unfit(name: &str, value: &str) -> Option<String> {
    let is_name = name
        .bytes()
        .enumerate()
        .all(|(at, byte)| byte == b'_' || byte.is_ascii_alphabetic() || at > 0 && byte.is_ascii_digit());
    if name.is_empty() || !is_name {
        return Some("a name has letters of ASCII, digits and `_`, and does not begin with a digit".into());
    }
    if value.contains('\0') {
        return Some("its value contains a NUL byte".into());
    }
    if name.starts_with("LONGSHORE_") {
        return Some("names that begin with `LONGSHORE_` are reserved for the run itself".into());
    }
    if SET_BY_RUN.contains(&name) {
        return Some("the run sets this variable itself".into());
    }
    if OF_INTERPRETERS.contains(&name) {
        return Some("the interpreter would not find its own files".into());
    }
    let linker = OF_LINKER.iter().any(|prefix| name.starts_with(prefix));
    linker.then(|| "it controls how programs are loaded, which could keep the interpreter from starting".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> Result<Invocation, String> {
        let checked = Invocation::check(Vec::new(), vec![(name.into(), value.into())]);
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn variables_that_a_script_needs_are_not_replaced() {
        for name in ["TOKEN", "_x9", "http_proxy", "TZ", "LC_ALL", "PYTHONPATH", "R_LIBS_USER", "LDFLAGS"] {
            assert!(variable(name, "a=b c\nü").is_ok(), "{name}");
        }
        for name in SET_BY_RUN {
            assert_eq!(
                variable(name, "x").unwrap_err(),
                format!("cannot set the variable `{name}`: the run sets this variable itself")
            );
        }
        for name in ["LONGSHORE_SOCKET", "LONGSHORE_X", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONHOME", "R_HOME"] {
            assert!(variable(name, "x").is_err(), "{name}");
        }
        for name in ["", "9a", "a-b", "a b", "ü", "a=b", "a\0"] {
            assert!(variable(name, "x").unwrap_err().contains("a name has letters"), "{name:?}");
        }
        assert!(variable("a", "x\0y").unwrap_err().ends_with("its value contains a NUL byte"));
    }

    #[test]
    fn arguments_are_bounded_and_passed_on_unchanged() {
        let check =
            |arguments: Vec<String>| Invocation::check(arguments, Vec::new()).map_err(|error| error.to_string());
        let odd: Vec<String> = ["", " ", "--x", "-e", "a'b\"c\\", "ü\n", "--args"].map(String::from).into();
        assert_eq!(check(odd.clone()).unwrap().arguments, odd);
        assert!(check(vec!["x".repeat((128 << 10) - 1)]).is_ok());
        let long = check(vec!["x".repeat(64 << 10); 2]).unwrap_err();
        assert_eq!(
            long,
            "cannot pass arguments to the script: arguments and variables take 131074 bytes, and the limit is 128 KiB: \
             pass long data as an input"
        );
        assert!(check(vec!["a".into(), "b\0".into()]).unwrap_err().contains("argument 2"));
    }

    #[test]
    fn the_last_of_equal_names_counts() {
        let both = ["1", "2"].map(|value| ("A".to_owned(), value.to_owned())).to_vec();
        let checked = Invocation::check(Vec::new(), both).unwrap();
        assert_eq!((checked.names(), &*checked.variables["A"]), (vec!["A".to_owned()], "2"));
    }
}
