//! The environment variables that a caller gives a script. The library checks their names.

use crate::environment;

/// Reads `NAME=VALUE`, and `NAME` for a variable of this command.
pub(crate) fn given(texts: &[String]) -> Result<Vec<(String, String)>, String> {
    texts.iter().map(|text| variable(text)).collect()
}

fn variable(text: &str) -> Result<(String, String), String> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let value = environment::variable(text)
        .map_err(|reason| format!("`--env {text}`: the variable `{text}` {reason} here: set it, or give it a value"))?;
    Ok((text.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_given_or_taken_from_here() {
        let given = |text: &str| variable(text);
        assert_eq!(given("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(given("A="), Ok(("A".into(), String::new())));
        assert_eq!(given("PATH").unwrap().0, "PATH");
        assert_eq!(
            given("NO_SUCH_VARIABLE").unwrap_err(),
            "`--env NO_SUCH_VARIABLE`: the variable `NO_SUCH_VARIABLE` is not set here: set it, or give it a value"
        );
        assert!(given("").is_err());
    }
}
