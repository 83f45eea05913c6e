//! Hints for mistakes in a text: what was probably meant, and its line and column.

/// Suggests the nearest of `known`, if one is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Two thirds alike: finds a typing error or a missing ending, and little else.
    const NEAR: f64 = 0.66;
    let distance = |known: &&str| strsim::normalized_damerau_levenshtein(name, known);
    let nearest =
        known.into_iter().filter(|known| distance(known) >= NEAR).max_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.map(|nearest| format!(": did you mean `{nearest}`?")).unwrap_or_default()
}

/// Line and column of an offset in a text, from 1.
pub fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.chars().rev().take_while(|character| *character != '\n').count() + 1)
}

/// What parsers call the kinds of values, and what those who write them do.
const KINDS: [(&str, &str); 15] = [
    ("a sequence", "a list"),
    ("sequence", "a list"),
    ("a map", "keys with values"),
    ("map", "keys with values"),
    ("a boolean", "`true` or `false`"),
    ("a borrowed string", "a string"),
    ("any value", "a value"),
    ("floating point", "the number"),
    ("integer", "the number"),
    ("boolean", "the value"),
    ("string", "the string"),
    ("null", "`null`"),
    ("unit", "`null`"),
    ("u32", "a whole number from 0"),
    ("u64", "a whole number from 0"),
];

/// A kind of value in plain words. What follows its name stays.
fn kind(name: &str) -> String {
    if name.starts_with("struct ") {
        return "keys with values".into();
    }
    let known = KINDS.iter().find_map(|(theirs, ours)| {
        let rest = name.strip_prefix(theirs)?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| format!("{ours}{rest}"))
    });
    known.unwrap_or_else(|| name.to_owned())
}

/// Rewords the message of a parser of JSON, which ends with a place that is told apart from it.
pub fn reword_json(error: &serde_json::Error) -> String {
    let message = error.to_string();
    reword(message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message))
}

/// Rewords a parser's message, with a hint for an unknown key.
pub fn reword(message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join(", ");
    let wrong = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "));
    // The value itself may contain the separator, the kind does not.
    if let Some((found, expected)) = wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        return format!("{} is not valid here: expected is {}", kind(found), kind(expected));
    }
    let Some(rest) = message.strip_prefix("unknown field `") else {
        return message.replace("missing field", "missing key").replace("field", "key");
    };
    let mut names = rest.split('`');
    let unknown = names.next().unwrap_or_default().to_owned();
    let known: Vec<&str> = names.skip(1).step_by(2).collect();
    let hint = did_you_mean(&unknown, known.iter().copied());
    let hint = if hint.is_empty() { format!(": known are {}", known.join(", ")) } else { hint };
    format!("unknown key `{unknown}`{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_values_have_plain_names() {
        for (theirs, ours) in [
            (
                "invalid type: string \"x\", expected a sequence",
                "the string \"x\" is not valid here: expected is a list",
            ),
            (
                "invalid type: string \"a, expected b\", expected a boolean",
                "the string \"a, expected b\" is not valid here: expected is `true` or `false`",
            ),
            (
                "invalid type: integer `3`, expected struct R",
                "the number `3` is not valid here: expected is keys with values",
            ),
            (
                "invalid value: integer `-1`, expected u32",
                "the number `-1` is not valid here: expected is a whole number from 0",
            ),
            ("invalid type: map, expected a string", "keys with values is not valid here: expected is a string"),
            ("missing field `name`", "missing key `name`"),
        ] {
            assert_eq!(reword(theirs), ours);
        }
        let error = serde_json::from_str::<Vec<u32>>("[\n1,\n\"a\"]").unwrap_err();
        assert_eq!(reword_json(&error), "the string \"a\" is not valid here: expected is a whole number from 0");
    }
}
