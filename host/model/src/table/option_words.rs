//! Options as words of a command line, parsed and formatted.

use serde_json::Value;
use std::fmt;

/// Parses options of a command line with their values: `KEY=VALUE`, separated by blanks, with quotes around values that
/// contain blanks.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |word: String| match word.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("`{word}` is not an option: write KEY=VALUE, such as `delimiter=;`")),
    };
    words(text)?.into_iter().map(pair).collect()
}

/// Splits a text into words at blanks; quotes hold blanks together.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        // `quote='` is taken literally.
        let is_alone = characters.peek().is_none_or(|next| next.is_whitespace())
            && word.as_deref().is_some_and(|word| word.ends_with('='));
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '\'') if !is_alone => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err(format!("a quote in `{text}` is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// Formats an option as such a word.
pub(super) fn word(key: &str, value: &Value) -> String {
    let value = match value {
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let word = format!("{key}={value}");
    let quote = if word.contains('"') { '\'' } else { '"' };
    let is_special = |character: char| character.is_whitespace() || matches!(character, '"' | '\'');
    if word.contains(is_special) || value.is_empty() { format!("{quote}{word}{quote}") } else { word }
}

/// Formats options as on a command line.
#[derive(Debug)]
pub struct Words<I>(pub I);

impl<'a, I: Iterator<Item = (&'a str, &'a str)> + Clone> fmt::Display for Words<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, value)) in self.0.clone().enumerate() {
            let blank = if position > 0 { " " } else { "" };
            let quote = if value.contains([' ', '\t']) { "'" } else { "" };
            write!(f, "{blank}{key}={quote}{value}{quote}")?;
        }
        Ok(())
    }
}
