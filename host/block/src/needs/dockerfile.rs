//! A folder's `Dockerfile`: its image is the base of the block's. Only what decides that before a build is read here: the
//! images that it is built from, the files that it copies, and its arguments. The engine reads the rest.

use super::folder_files::FolderFiles;
use super::parsed::cut;
use crate::error::BlockError;
use crate::needed::{BuildFiles, Dockerfile};
use longshore_model::address::masked;
use longshore_os::small_file::WRITTEN_MAX;
use std::collections::BTreeMap;

/// The file.
pub(super) const FILE: &str = "Dockerfile";

/// The stage or image without files.
const SCRATCH: &str = "scratch";

/// The most instructions: images have at most 127 layers.
const INSTRUCTIONS_MAX: usize = 10_000;

/// The most characters of an expanded value: names of images have at most 255.
const VALUE_MAX: usize = 4096;

/// Reads the file; `None` if it does not exist.
pub(super) fn read(files: &FolderFiles) -> Result<Option<Dockerfile>, BlockError> {
    let Some(text) = files.read_text(FILE, WRITTEN_MAX)? else { return Ok(None) };
    let path = files.path(FILE);
    parse(&text).map(Some).map_err(|(line, reason)| BlockError::Line { path, line, reason })
}

/// An error: the line, from 1, and the reason.
type Wrong = (usize, String);

fn parse(text: &str) -> Result<Dockerfile, Wrong> {
    let mut found = Found::default();
    let mut lines = Lines::new(text);
    let mut count = 0;
    while let Some(instruction) = lines.next() {
        count += 1;
        if count > INSTRUCTIONS_MAX {
            return Err((instruction.first, format!("it has more than {INSTRUCTIONS_MAX} instructions")));
        }
        found.take(&instruction, lines.escape).map_err(|reason| (instruction.first, reason))?;
    }
    let Some(base) = found.stages.last().map(|stage| stage.image.clone()) else {
        return Err((1, "it has no `FROM`, which names the image to start from".into()));
    };
    Ok(Dockerfile {
        file: FILE.to_owned(),
        base,
        images: found.images,
        files: found.files,
        arguments: found.arguments,
        text: text.replace("\r\n", "\n"),
        stage_lines: found.stages.iter().map(|stage| stage.last_line).collect(),
    })
}

/// An instruction with its continued lines joined.
struct Instruction {
    /// Its first line, and its last one, from 1.
    first: usize,
    last: usize,
    keyword: String,
    rest: String,
}

/// The instructions of a text.
struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    escape: char,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { lines: text.lines().enumerate(), escape: escape_of(text) }
    }

    fn next(&mut self) -> Option<Instruction> {
        let mut joined = String::new();
        let mut begun = None;
        let mut last = 0;
        for (index, line) in self.lines.by_ref() {
            let line = line.trim();
            // Comments and empty lines within an instruction are left out.
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            begun = begun.or(Some(index + 1));
            last = index + 1;
            match line.strip_suffix(self.escape) {
                Some(start) => joined.push_str(start),
                None => {
                    joined.push_str(line);
                    break;
                }
            }
        }
        let (keyword, rest) = joined.split_once(char::is_whitespace).unwrap_or((&joined, ""));
        let (keyword, rest) = (keyword.to_ascii_uppercase(), rest.trim().to_owned());
        begun.map(|first| Instruction { first, last, keyword, rest })
    }
}

/// The character that continues lines: `# escape=` among the comments at the top can change it.
fn escape_of(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    for (name, value) in directives {
        if name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
            return '`';
        }
    }
    '\\'
}

struct Stage {
    name: Option<String>,
    /// The image at its bottom.
    image: String,
    last_line: usize,
}

#[derive(Default)]
struct Found {
    stages: Vec<Stage>,
    images: Vec<String>,
    files: BuildFiles,
    arguments: Vec<String>,
    /// Arguments before the first stage, with their defaults: the only ones that `FROM` can have.
    defaults: BTreeMap<String, String>,
}

impl Found {
    fn take(&mut self, instruction: &Instruction, escape: char) -> Result<(), String> {
        let rest = instruction.rest.as_str();
        match instruction.keyword.as_str() {
            "FROM" => self.from(rest, instruction.last),
            "ARG" => self.argument(rest),
            "COPY" | "ADD" => self.copied(rest, instruction.keyword == "ADD", escape),
            // It is run by a later stage on this one.
            "ONBUILD" if !self.stages.is_empty() => match rest.split_once(char::is_whitespace) {
                Some((keyword, rest)) if keyword.eq_ignore_ascii_case("ADD") => self.copied(rest.trim(), true, escape),
                Some((keyword, rest)) if keyword.eq_ignore_ascii_case("COPY") => {
                    self.copied(rest.trim(), false, escape)
                }
                _ => Ok(()),
            },
            _ if self.stages.is_empty() => Err(format!("`{}` before the first `FROM`", cut(&instruction.keyword))),
            _ => Ok(()),
        }
    }

    fn from(&mut self, rest: &str, last_line: usize) -> Result<(), String> {
        let mut words = rest.split_whitespace().skip_while(|word| word.starts_with("--"));
        let (named, keyword, name) = (words.next(), words.next(), words.next());
        let named = named.ok_or("`FROM` without an image")?;
        let is_stage = keyword.is_none_or(|keyword| keyword.eq_ignore_ascii_case("as") && name.is_some());
        if !is_stage || words.next().is_some() {
            return Err("expected `FROM IMAGE` or `FROM IMAGE AS NAME`".into());
        }
        let expanded = expand(named, &self.defaults)?;
        if expanded.is_empty() {
            return Err(format!("the image `{}` is empty: give its argument a default with `ARG`", cut(named)));
        }
        let below = self.stage(&expanded).map(|stage| stage.image.clone());
        let image = below.unwrap_or_else(|| expanded.clone());
        self.needs(&image);
        self.stages.push(Stage { name: name.map(str::to_lowercase), image, last_line });
        Ok(())
    }

    /// The stage of a name or a number.
    fn stage(&self, name: &str) -> Option<&Stage> {
        let named = self.stages.iter().find(|stage| stage.name.as_deref() == Some(name.to_lowercase().as_str()));
        named.or_else(|| self.stages.get(name.parse::<usize>().ok()?))
    }

    fn needs(&mut self, image: &str) {
        if image != SCRATCH && !self.images.iter().any(|known| known == image) {
            self.images.push(image.to_owned());
        }
    }

    fn argument(&mut self, rest: &str) -> Result<(), String> {
        for word in rest.split_whitespace() {
            let (name, default) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            if self.stages.is_empty()
                && let Some(default) = default
            {
                let value = expand(default.trim_matches(['"', '\'']), &self.defaults)?;
                self.defaults.insert(name.to_owned(), value);
            }
            if !self.arguments.iter().any(|known| known == name) {
                self.arguments.push(name.to_owned());
            }
        }
        Ok(())
    }

    /// The files that an instruction copies: from the folder, or from another stage or image.
    fn copied(&mut self, rest: &str, may_fetch: bool, escape: char) -> Result<(), String> {
        if self.stages.is_empty() {
            return Err("`COPY` or `ADD` before the first `FROM`".into());
        }
        let mut rest = rest;
        while let Some(option) = rest.split_whitespace().next().filter(|word| word.starts_with("--")) {
            if let Some(from) = option.strip_prefix("--from=") {
                if self.stage(from).is_none() && !from.contains('$') {
                    self.needs(from);
                }
                return Ok(());
            }
            rest = rest[option.len()..].trim_start();
        }
        let words: Vec<String> = match serde_json::from_str(rest) {
            Ok(words) => words,
            Err(_) => rest.split_whitespace().map(str::to_owned).collect(),
        };
        let Some((_, sources)) = words.split_last().filter(|(_, sources)| !sources.is_empty()) else {
            return Err("it needs a source and a destination".into());
        };
        for source in sources {
            if may_fetch {
                check_added(source, escape)?;
            }
            self.source(source, escape)?;
        }
        Ok(())
    }

    fn source(&mut self, source: &str, escape: char) -> Result<(), String> {
        // Which files these are is known only during the build.
        if source.contains(['$', '*', '?', '[', '"', '\'', escape]) {
            self.files = BuildFiles::All;
            return Ok(());
        }
        let mut parts = Vec::new();
        for part in source.split('/').filter(|part| !matches!(*part, "" | ".")) {
            match part {
                ".." if parts.pop().is_none() => {
                    return Err(format!("`{}` is outside of the folder, and only its files are copied", cut(source)));
                }
                ".." => {}
                part => parts.push(part),
            }
        }
        match &mut self.files {
            BuildFiles::Named(named) if !parts.is_empty() => named.push(parts.join("/")),
            files => *files = BuildFiles::All,
        }
        Ok(())
    }
}

/// Refuses a source that is an address: the engine itself would fetch it, and can reach what a build cannot, such as
/// services of the machine.
fn check_added(source: &str, escape: char) -> Result<(), String> {
    if source.contains('$') {
        return Err(format!("`ADD {}` may have an address in its variable: use `COPY`", cut(source)));
    }
    let plain: String =
        source.chars().filter(|character| !matches!(character, '"' | '\'') && *character != escape).collect();
    if plain.contains("://") || plain.starts_with("git@") {
        return Err(format!("`ADD` of the address `{}` is not built: fetch it with `RUN`", cut(&masked(&plain))));
    }
    Ok(())
}

/// A value with its `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` replaced.
fn expand(value: &str, known: &BTreeMap<String, String>) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = value.trim_matches(['"', '\'']);
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let of = |name: &str| known.get(name).map(String::as_str).filter(|value| !value.is_empty());
        if let Some(inner) = rest.strip_prefix('{') {
            let (inner, after) =
                inner.split_once('}').ok_or_else(|| format!("`{}` has a `${{` without `}}`", cut(value)))?;
            rest = after;
            expanded.push_str(match (inner.split_once(":-"), inner.split_once(":+")) {
                (Some((name, default)), _) => of(name).unwrap_or(default),
                (_, Some((name, other))) => of(name).map_or("", |_| other),
                _ => of(inner).unwrap_or_default(),
            });
        } else {
            let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            expanded.push_str(of(name).unwrap_or_default());
        }
        if expanded.len() > VALUE_MAX {
            return Err(format!("a value of more than {VALUE_MAX} characters"));
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Dockerfile {
        parse(text).unwrap_or_else(|(line, reason)| panic!("line {line}: {reason}: {text}"))
    }

    fn named(files: &[&str]) -> BuildFiles {
        BuildFiles::Named(files.iter().map(|&file| file.to_owned()).collect())
    }

    #[test]
    fn images_of_all_stages_are_found() {
        for (text, base, images) in [
            ("FROM python:3.11-slim\n", "python:3.11-slim", &["python:3.11-slim"][..]),
            ("# a\n\nfrom --platform=linux/amd64 \\\n  # why\n  debian:12\nRUN x", "debian:12", &["debian:12"]),
            ("ARG V=3.11\nARG I=python:$V\nFROM ${I}-slim", "python:3.11-slim", &["python:3.11-slim"]),
            ("FROM r-base:${V:-4.2}\n", "r-base:4.2", &["r-base:4.2"]),
            ("FROM a AS Build\nRUN x\nFROM b\nCOPY --from=build /x /x\nCOPY --from=c:1 /y /y", "b", &["a", "b", "c:1"]),
            ("FROM a AS one\nFROM one\nCOPY --from=0 /x /x\n", "a", &["a"]),
            ("FROM scratch\nADD x.tar /\n", "scratch", &[]),
            ("# escape=`\nFROM a `\n  AS b\nRUN c:\\\nRUN d", "a", &["a"]),
        ] {
            let found = read(text);
            assert_eq!(
                (found.base.as_str(), found.images.as_slice()),
                (base, images.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>().as_slice()),
                "{text}"
            );
        }
    }

    #[test]
    fn files_are_those_that_are_copied() {
        for (copy, files) in [
            ("RUN pip install six", named(&[])),
            ("COPY requirements.txt /tmp/", named(&["requirements.txt"])),
            ("COPY --chown=1:1 ./a/ b/../c \\\n /tmp/", named(&["a", "c"])),
            ("COPY [\"a file\", \"/b\", \"/tmp/\"]", named(&["a file", "b"])),
            ("ADD data.tar.gz /", named(&["data.tar.gz"])),
            ("ONBUILD COPY a /a", named(&["a"])),
            ("COPY . /app", BuildFiles::All),
            ("COPY a /a\nCOPY *.txt /b", BuildFiles::All),
            ("COPY $FILE /a\nCOPY a /a", BuildFiles::All),
        ] {
            assert_eq!(read(&format!("FROM x\n{copy}\n")).files, files, "{copy}");
        }
    }

    #[test]
    fn labels_of_ours_follow_each_stage() {
        let found = read("ARG A\r\nFROM a \\\r\n AS b\r\nRUN x\nFROM b");
        assert_eq!(found.with_label("k=v"), "ARG A\nFROM a \\\n AS b\nLABEL k=v\nRUN x\nFROM b\nLABEL k=v\n");
    }

    #[test]
    fn errors_have_their_line() {
        for (text, line, reason) in [
            ("", 1, "it has no `FROM`"),
            ("# only\n", 1, "it has no `FROM`"),
            ("\nRUN x\nFROM a", 2, "`RUN` before the first `FROM`"),
            ("FROM", 1, "`FROM` without an image"),
            ("ARG V\nFROM $V", 2, "the image `$V` is empty"),
            ("FROM a b", 1, "expected `FROM IMAGE`"),
            ("FROM a\nCOPY \\\n ../x /x", 2, "`../x` is outside of the folder"),
            ("FROM a\nCOPY x", 2, "it needs a source"),
            ("FROM ${V", 1, "has a `${` without `}`"),
            ("FROM a\nADD --chown=1 http://127.0.0.1:8080/ /x", 2, "`ADD` of the address"),
            ("FROM a\nADD [\"x\", \"HTTPS://u:secret@h/\", \"/x\"]", 2, "`ADD` of the address `HTTPS://u:***@h/`"),
            ("FROM a\nADD \"http:\\//127.0.0.1/\" /x", 2, "`ADD` of the address"),
            ("FROM a\nARG U=http://h/\nADD $U /x", 3, "use `COPY`"),
            ("FROM a\nONBUILD add http://h/ /x\nFROM 0", 2, "`ADD` of the address"),
        ] {
            let (found, said) = parse(text).unwrap_err();
            assert!(found == line && said.contains(reason), "{text}: line {found}: {said}");
        }
        // Values that grow with each line.
        let grows: String = (0..64).map(|n| format!("ARG A{}=$A{n}$A{n}\n", n + 1)).collect();
        assert!(parse(&format!("ARG A0=0123456789\n{grows}FROM $A64")).is_err());
    }
}
