//! Addresses without the passwords in them: for what is printed, recorded or hashed.

use std::borrow::Cow;

/// A text in which no address holds a user's name or password: `https://user:word@host` is `https://***@host`.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + "://".len());
        shown.push_str(before);
        let end = after.find(is_outside).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                shown.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// What cannot stand between `://` and the end of a host's name.
fn is_outside(character: char) -> bool {
    character.is_whitespace() || matches!(character, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (text, expected) in [
            ("https://x.example/simple", "https://x.example/simple"),
            ("https://user:word@x.example/simple", "https://***@x.example/simple"),
            ("https://token@x.example", "https://***@x.example"),
            ("http://u:p@ss@x.example:8080/a@b", "http://***@x.example:8080/a@b"),
            ("a `http://u:p@h/x` and http://v:q@i", "a `http://***@h/x` and http://***@i"),
            ("no address, me@x.example", "no address, me@x.example"),
            ("://", "://"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }
}
