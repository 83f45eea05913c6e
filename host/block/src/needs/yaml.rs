//! YAML as far as lists of packages use it: texts, lists and maps, each with its line. Aliases are refused, so that a text
//! is never larger than its file.

use saphyr_parser::{Event, Parser};
use std::borrow::Cow;

/// The deepest nesting: lists of packages have three levels.
const DEPTH_MAX: usize = 20;

/// The most values of a file: long ones have about 1,000.
const VALUES_MAX: usize = 100_000;

/// A value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Yaml {
    /// Its line, from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

/// An error in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) reason: String,
}

impl Yaml {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads the first document of a text; `None` if it is empty.
pub(super) fn read(text: &str) -> Result<Option<Yaml>, YamlError> {
    let mut events = Events { parser: Parser::new_from_str(text), values: 0 };
    loop {
        let (event, line) = events.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(None),
            event => return events.value(event, line, 0).map(Some),
        }
    }
}

struct Events<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    values: usize,
}

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(YamlError { line: error.marker().line(), reason: error.info().to_owned() }),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn value(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Yaml, YamlError> {
        let wrong = |reason: String| Err(YamlError { line, reason });
        self.values += 1;
        if self.values > VALUES_MAX {
            return wrong(format!("it has more than {VALUES_MAX} values"));
        }
        if depth > DEPTH_MAX {
            return wrong(format!("its values are nested more than {DEPTH_MAX} times"));
        }
        let value = match event {
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, line) => list.push(self.value(event, line, depth + 1)?),
                    }
                }
                Value::List(list)
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, _) => break,
                        (Event::Scalar(key, ..), _) => Cow::into_owned(key),
                        (_, line) => return Err(YamlError { line, reason: "a key is not a text".into() }),
                    };
                    let (event, line) = self.next()?;
                    entries.push((key, self.value(event, line, depth + 1)?));
                }
                Value::Map(entries)
            }
            Event::Alias(_) => return wrong("aliases are not read: write the value".into()),
            _ => return wrong("the text ends too early".into()),
        };
        Ok(Yaml { line, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_lines_and_aliases_are_refused() {
        let read_ok = |text: &str| read(text).unwrap().unwrap();
        let file = read_ok("# x\nname: a\ndependencies:\n  - b=1\n  - pip:\n    - c\n");
        assert_eq!(file.get("name").unwrap().text(), Some("a"));
        let Value::List(list) = &file.get("dependencies").unwrap().value else { panic!("{file:?}") };
        assert_eq!((list[0].line, list[0].text()), (4, Some("b=1")));
        assert_eq!(list[1].get("pip").unwrap().line, 6);
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("a: &x 1\nb: *x\n").unwrap_err().line, 2);
        assert_eq!(read("a: [1\n").map(|_| ()).unwrap_err().line, 2);
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"- ".repeat(100_000)).is_err());
    }
}
