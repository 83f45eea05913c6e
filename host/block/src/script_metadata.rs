//! The metadata in a script (PEP 723): a block of comments, from `# /// script` to `# ///`, whose text is TOML. It lists
//! the script's packages, and in `[tool.longshore]` whatever else `block.toml` declares. Scripts in R have the same form.

use super::error::BlockError;
use super::manifest_toml::Manifest;
use super::model::{Block, Language};
use super::needs::requires_python;
use super::python_requirement;
use super::toml_text::TomlText;
use longshore_model::hint::did_you_mean;
use longshore_model::r_requirement::RRequirement;
use pep440_rs::VersionSpecifiers;
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;

/// The type of the comment block that is read.
const TYPE: &str = "script";

/// The top-level keys of the metadata.
const KEYS: [&str; 3] = ["dependencies", "requires-python", "tool"];

/// The characters that begin a line of the metadata.
const COMMENT: &str = "# ";

/// The most packages that a script lists.
const DEPENDENCIES_MAX: usize = 1000;

#[derive(Debug, Deserialize)]
struct Metadata {
    dependencies: Option<Vec<Spanned<String>>>,
    #[serde(rename = "requires-python")]
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    tool: Tools,
}

/// Tables of other tools are ignored.
#[derive(Debug, Default, Deserialize)]
struct Tools {
    longshore: Option<Spanned<Manifest>>,
}

/// The metadata of a script.
#[derive(Debug, Default)]
pub(super) struct ScriptMetadata {
    /// Its packages; `None` if it does not list any.
    pub(super) dependencies: Option<Vec<String>>,
    /// The versions of Python with which it works.
    pub(super) requires_python: Option<VersionSpecifiers>,
    /// Notices that may change how it runs.
    pub(super) warnings: Vec<String>,
    /// The declarations of `[tool.longshore]`, applied to an empty block.
    pub(super) declared: Option<Block>,
}

/// Reads the metadata of the script at `path`; `empty` is the block without it. `None` if the script has none.
pub(super) fn read(path: &Path, source: &[u8], empty: &Block) -> Result<Option<ScriptMetadata>, BlockError> {
    let name = empty.file_name().to_owned();
    let (text, unclosed) = match find(source) {
        Found::None => return Ok(None),
        Found::Twice(first, second) => {
            let reason = format!("the script has its metadata twice: the first `# /// {TYPE}` is in line {first}");
            return Err(BlockError::Line { path: path.to_owned(), line: second, reason });
        }
        Found::NotUtf8(line) => {
            let reason = "the metadata is not UTF-8".into();
            return Err(BlockError::Line { path: path.to_owned(), line, reason });
        }
        Found::Unclosed(line) => (String::new(), Some(line)),
        Found::Block(text) => (text, None),
    };
    if let Some(line) = unclosed {
        let warnings =
            vec![format!("`{name}`, line {line}: the metadata is ignored, as no line `# ///` ends its comments")];
        return Ok(Some(ScriptMetadata { warnings, ..ScriptMetadata::default() }));
    }
    let document = TomlText { path, text: &text, indent: COMMENT.len() };
    let metadata: Metadata = document.read()?;
    let mut read = ScriptMetadata::default();
    let keys: toml::Table = document.read()?;
    for key in keys.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let hint = did_you_mean(key, KEYS);
        read.warnings.push(format!("`{name}`: the metadata has the unknown key `{key}`, which is ignored{hint}"));
    }
    if let Some(listed) = metadata.dependencies {
        read.dependencies = Some(dependencies(listed, empty.language, document)?);
    }
    read.requires_python = metadata.requires_python.map(|versions| requires_python(versions, document)).transpose()?;
    if empty.language == Language::R && read.requires_python.take().is_some() {
        read.warnings.push(format!("`{name}`: `requires-python` is ignored, as the script is in R"));
    }
    if let Some(manifest) = metadata.tool.longshore {
        let offset = manifest.span().start;
        let manifest = manifest.into_inner();
        if let Some(key) = manifest.given_elsewhere() {
            let reason = match key {
                "dependencies" => {
                    "`dependencies` belongs above `[tool.longshore]`, where other tools find it too".into()
                }
                key => format!("`{key}` is for `block.toml`: a script has its own"),
            };
            return Err(document.at(offset, reason));
        }
        read.declared = Some(manifest.declare(empty.clone(), document)?);
    }
    Ok(Some(read))
}

fn dependencies(
    listed: Vec<Spanned<String>>,
    language: Language,
    document: TomlText<'_>,
) -> Result<Vec<String>, BlockError> {
    let mut dependencies = Vec::new();
    for one in listed {
        let offset = one.span().start;
        if dependencies.len() == DEPENDENCIES_MAX {
            return Err(document.at(offset, format!("it lists more than {DEPENDENCIES_MAX} packages")));
        }
        let text = one.into_inner();
        dependencies.push(match language {
            Language::Python => python_requirement::read(&text).map_err(|reason| document.at(offset, reason))?.text,
            Language::R => {
                let read = text.parse::<RRequirement>();
                read.map_err(|error| document.at(offset, format!("`{text}`: {error}")))?.to_string()
            }
        });
    }
    Ok(dependencies)
}

/// The result of a search for metadata. Lines count from 1.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    None,
    /// The TOML, after as many empty lines as precede it in the script.
    Block(String),
    Unclosed(usize),
    Twice(usize, usize),
    NotUtf8(usize),
}

/// Searches for the metadata by the rules of PEP 723. A comment block extends as far as its lines are comments; the last
/// `# ///` among them ends it. Blocks of other types are skipped with their content.
fn find(source: &[u8]) -> Found {
    let source = source.strip_prefix("\u{feff}".as_bytes()).unwrap_or(source);
    let lines: Vec<&[u8]> =
        source.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    let mut found = Found::None;
    let mut first = 0;
    let mut at = 0;
    while at < lines.len() {
        let Some(kind) = opened(lines[at]) else {
            at += 1;
            continue;
        };
        let inside = lines[at + 1..].iter().take_while(|line| **line == b"#" || line.starts_with(COMMENT.as_bytes()));
        let closing = inside.enumerate().filter(|(_, line)| **line == b"# ///").last();
        let is_ours = kind == TYPE.as_bytes();
        match closing {
            // At least one line is between the two.
            Some((length, _)) if length > 0 => {
                if is_ours && matches!(found, Found::Block(_) | Found::NotUtf8(_)) {
                    return Found::Twice(first, at + 1);
                }
                if is_ours {
                    (found, first) = (content(&lines[at + 1..=at + length], at + 1), at + 1);
                }
                at += length + 2;
            }
            _ => {
                if is_ours && found == Found::None {
                    found = Found::Unclosed(at + 1);
                }
                at += 1;
            }
        }
    }
    found
}

/// The type of the comment block that a line opens.
fn opened(line: &[u8]) -> Option<&[u8]> {
    let kind = line.strip_prefix(b"# /// ")?;
    (!kind.is_empty() && kind.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')).then_some(kind)
}

/// The text of comments after `before` other lines.
fn content(lines: &[&[u8]], before: usize) -> Found {
    let mut text = "\n".repeat(before);
    for (number, line) in lines.iter().enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line.strip_prefix(COMMENT).unwrap_or_default()),
            Err(_) => return Found::NotUtf8(before + number + 1),
        }
        text.push('\n');
    }
    Found::Block(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;
    use std::path::PathBuf;

    fn read_as(language: Language, source: &[u8]) -> Result<Option<ScriptMetadata>, BlockError> {
        let script = if language == Language::R { "s.R" } else { "s.py" };
        let empty = Block { script: script.into(), ..Block::empty(PathBuf::new(), language) };
        read(Path::new(script), source, &empty)
    }

    fn python(source: &str) -> ScriptMetadata {
        read_as(Language::Python, source.as_bytes()).unwrap().unwrap()
    }

    fn error(source: &str) -> String {
        read_as(Language::Python, source.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_block_of_comments_is_found_by_the_rules_of_the_standard() {
        let text = |text: &str| Found::Block(text.to_owned());
        for (source, expected) in [
            ("", Found::None),
            ("# /// script\n# a\n# ///", text("\na\n")),
            ("x\n# /// script\n#\n# a\n# ///\ny", text("\n\n\na\n")),
            // Windows, and a mark before the first character.
            ("\u{feff}# /// script\r\n# a\r\n# ///\r\n", text("\na\n")),
            // The last end among the comments counts.
            ("# /// script\n# a\n# ///\n# b\n# ///\n", text("\na\n///\nb\n")),
            ("# /// script\n# a\n# ///\n\n# ///\n", text("\na\n")),
            // A comment without a blank is not part of it, nor is a block without a line.
            ("# /// script\n#a\n# ///", Found::Unclosed(1)),
            ("# /// script\n# ///", Found::Unclosed(1)),
            ("\n# /// script\n# a\nimport x\n", Found::Unclosed(2)),
            // Blocks of other types, also around ours.
            ("# /// other\n# a\n# ///\n# /// script\n# b\n# ///", Found::None),
            ("# /// other\n# a\n# ///\n\n# /// script\n# b\n# ///", text("\n\n\n\n\nb\n")),
            ("# /// other\n# /// script\n# a\n# ///\n", Found::None),
            (" # /// script\n# a\n# ///", Found::None),
            ("# /// script \n# a\n# ///", Found::None),
            ("#/// script\n# a\n# ///", Found::None),
            ("# /// script\n# a\n# ///\n\n# /// script\n# b\n# ///", Found::Twice(1, 5)),
        ] {
            assert_eq!(find(source.as_bytes()), expected, "{source:?}");
        }
        assert_eq!(find(b"# /// script\n# a\n# \xff\n# ///"), Found::NotUtf8(3));
        assert_eq!(find(b"caf\xe9\n# /// script\n# a\n# ///"), text("\n\na\n"));
    }

    #[test]
    fn what_a_script_declares_is_read() {
        let read = python(
            "# /// script\n# requires-python = \">=3.10\"\n# dependencies = [\"a>=1\", \"b\"]\n# [tool.uv]\n# x = 1\n\
             # [tool.longshore]\n# name = \"Name\"\n# mode = \"stream\"\n# system_packages = [\"tree\"]\n\
             # [[tool.longshore.options]]\n# name = \"n\"\n# kind = \"integer\"\n# ///\n",
        );
        assert_eq!(read.dependencies.unwrap(), ["a>=1", "b"]);
        assert_eq!(read.requires_python.unwrap().to_string(), ">=3.10");
        let declared = read.declared.unwrap();
        assert_eq!((declared.name.as_str(), declared.mode, declared.options.len()), ("Name", Mode::Stream, 1));
        assert_eq!((declared.script.as_str(), declared.system_packages.as_slice()), ("s.py", &["tree".to_owned()][..]));
        let none = python("# /// script\n# x = 1\n# ///\n");
        assert_eq!(none.dependencies, None);
        assert_eq!(none.warnings, ["`s.py`: the metadata has the unknown key `x`, which is ignored"]);
        let near = python("# /// script\n# dependancies = []\n# ///\n").warnings;
        assert_eq!(
            near,
            ["`s.py`: the metadata has the unknown key `dependancies`, which is ignored: did you mean `dependencies`?"]
        );
        let unclosed = python("x = 1\n# /// script\n# dependencies = []\n").warnings;
        assert_eq!(unclosed, ["`s.py`, line 2: the metadata is ignored, as no line `# ///` ends its comments"]);
        let r =
            read_as(Language::R, b"# /// script\n# dependencies = [\"data.table\"]\n# requires-python = \"3\"\n# ///");
        assert!(r.is_err());
        let r = read_as(Language::R, b"# /// script\n# dependencies = [\"zoo\"]\n# requires-python = \">3\"\n# ///");
        let r = r.unwrap().unwrap();
        assert_eq!((r.dependencies.unwrap(), r.requires_python), (vec!["zoo".to_owned()], None));
    }

    #[test]
    fn errors_name_the_script_and_the_line() {
        for (lines, expected) in [
            ("dependencies = [\"a\"", "line 2, column 22: unclosed array"),
            ("dependencies = \"a\"", "line 2, column 18: the string \"a\" is not valid here: expected is a list"),
            (
                "dependencies = [\n#   \"a\",\n#   \"-r x\",\n# ]",
                "line 4, column 5: `-r x` is not a package requirement",
            ),
            ("requires-python = \"three\"", "line 2, column 21: `requires-python` is `three`"),
            ("[tool.longshore]\n# dependencies = []", "`dependencies` belongs above `[tool.longshore]`"),
            ("[tool.longshore]\n# script = \"x.py\"", "`script` is for `block.toml`: a script has its own"),
            ("[tool.longshore]\n# mod = \"batch\"", "line 3, column 3: unknown key `mod`: did you mean `mode`?"),
            ("[tool.longshore]\n# mode = \"once\"", "`s.py`: `mode` is `once`, but must be `batch` or `stream`"),
        ] {
            let found = error(&format!("# /// script\n# {lines}\n# ///\n"));
            assert!(found.starts_with("`s.py`") && found.contains(expected), "{found}");
        }
        assert_eq!(
            error("# /// script\n# a = 1\n# ///\n\n# /// script\n# a = 1\n# ///\n"),
            "`s.py`, line 5: the script has its metadata twice: the first `# /// script` is in line 1"
        );
        let not_utf8 = read_as(Language::Python, b"# /// script\n# \xff\n# ///\n").unwrap_err().to_string();
        assert_eq!(not_utf8, "`s.py`, line 2: the metadata is not UTF-8");
    }
}
