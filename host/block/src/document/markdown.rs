//! R Markdown and Quarto: the chunks of code between fences, and the engine that the document asks for. Text and options
//! of chunks are left to the engine.

use super::Document;
use crate::error::BlockError;
use crate::model::{Form, Language};
use std::path::Path;

/// A chunk of code.
#[derive(Debug, PartialEq, Eq)]
struct Chunk<'a> {
    language: &'a str,
    /// The line of its first fence, from 1.
    line: usize,
    code: Vec<&'a str>,
}

/// Reads a document.
pub(super) fn read(path: &Path, text: &str) -> Result<Document, BlockError> {
    let invalid = |reason: String| BlockError::Invalid { path: path.to_owned(), reason };
    let chunks = chunks(text).map_err(|line| BlockError::Syntax {
        path: path.to_owned(),
        line,
        column: 1,
        reason: "this chunk of code has no end: close it with the same number of backticks".into(),
    })?;
    let form = form(path, text, &chunks).map_err(|(reason, line)| match line {
        Some(line) => BlockError::Syntax { path: path.to_owned(), line, column: 1, reason },
        None => invalid(reason),
    })?;
    let language = if form == Form::Notebook { Language::Python } else { Language::R };
    let own = if language == Language::R { "r" } else { "python" };
    let code = chunks.iter().filter(|chunk| chunk.language.eq_ignore_ascii_case(own)).flat_map(|chunk| &chunk.code);
    Ok(Document { language, form, code: code.copied().collect::<Vec<_>>().join("\n") })
}

/// How the document is executed: by knitr, or, a Quarto document in Python, as a notebook.
fn form(path: &Path, text: &str, chunks: &[Chunk<'_>]) -> Result<Form, (String, Option<usize>)> {
    let has = |name: &str| chunks.iter().find(|chunk| chunk.language.eq_ignore_ascii_case(name));
    let is_quarto = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("qmd"));
    let engine = is_quarto.then(|| engine(text)).flatten();
    let knitr = match &engine {
        Some(Engine::Knitr) => true,
        Some(Engine::Python) => false,
        Some(Engine::Other(name)) => {
            return Err((
                format!("its engine is `{name}`: supported are knitr, and jupyter with the kernel python3"),
                None,
            ));
        }
        None => !is_quarto || has("r").is_some() || has("python").is_none(),
    };
    let (other, advice) = match knitr {
        true => ("python", "a document in R cannot have chunks in Python: put them into a document of their own"),
        false => ("r", "a document in Python cannot have chunks in R: put them into a document of their own"),
    };
    for (language, reason) in [(other, advice), ("julia", "Julia is not supported: write the chunk in Python or R")] {
        if let Some(chunk) = has(language) {
            return Err((reason.into(), Some(chunk.line)));
        }
    }
    Ok(if knitr { Form::Document } else { Form::Notebook })
}

/// The engine that a Quarto document names.
#[derive(Debug, PartialEq, Eq)]
enum Engine {
    Knitr,
    Python,
    Other(String),
}

/// The engine in the document's head, between two lines `---`.
fn engine(text: &str) -> Option<Engine> {
    let mut lines = text.lines().map(str::trim_end);
    lines.find(|line| !line.is_empty()).filter(|line| *line == "---")?;
    let head = lines.take_while(|line| *line != "---" && *line != "...");
    head.filter_map(|line| line.split_once(':')).find_map(|(key, value)| {
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        let is_python = value.is_empty() || value == "true" || value.to_lowercase().starts_with("python");
        match (key, value) {
            ("engine", "knitr") => Some(Engine::Knitr),
            ("engine", "jupyter") => Some(Engine::Python),
            ("jupyter", _) if is_python => Some(Engine::Python),
            ("engine" | "jupyter", other) => Some(Engine::Other(other.to_owned())),
            _ => None,
        }
    })
}

/// The chunks that are executed; the line of one that has no end.
fn chunks(text: &str) -> Result<Vec<Chunk<'_>>, usize> {
    let mut chunks: Vec<Chunk<'_>> = Vec::new();
    // The fence that is open, and whether it is a chunk's.
    let mut open: Option<(&str, bool)> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        match open {
            Some((fence, is_chunk)) => {
                if trimmed.len() >= fence.len() && trimmed.starts_with(fence) && is_all(trimmed, fence) {
                    open = None;
                } else if let Some(chunk) = chunks.last_mut().filter(|_| is_chunk) {
                    chunk.code.push(line);
                }
            }
            None => {
                let Some(fence) = fence(trimmed) else { continue };
                let language = language(&trimmed[fence.len()..]);
                open = Some((fence, language.is_some()));
                chunks.extend(language.map(|language| Chunk { language, line: index + 1, code: Vec::new() }));
            }
        }
    }
    match open {
        Some((_, true)) => Err(chunks.last().map_or(1, |chunk| chunk.line)),
        _ => Ok(chunks),
    }
}

/// The backticks or tildes at the start of a line that begins a block of code.
fn fence(line: &str) -> Option<&str> {
    let sign = line.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
    let rest = line.trim_start_matches(sign);
    let fence = &line[..line.len() - rest.len()];
    // Code within a line is no fence.
    (fence.len() >= 3 && !(sign == '`' && rest.contains('`'))).then_some(fence)
}

fn is_all(line: &str, fence: &str) -> bool {
    line.chars().all(|sign| fence.starts_with(sign))
}

/// The language of a chunk that is executed, `{r label, echo=FALSE}`; `None` for other blocks of code.
fn language(info: &str) -> Option<&str> {
    let inner = info.trim().strip_prefix('{')?.strip_suffix('}')?;
    let end = inner.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(inner.len());
    let language = &inner[..end];
    language.starts_with(|sign: char| sign.is_ascii_alphabetic()).then_some(language)
}

#[cfg(test)]
mod tests {
    use super::super::dice::Dice;
    use super::*;

    fn of(name: &str, text: &str) -> Result<(Language, Form, String), String> {
        let read = read(Path::new(name), text).map_err(|error| error.to_string())?;
        Ok((read.language, read.form, read.code))
    }

    #[test]
    fn chunks_of_the_documents_language_are_its_code() {
        let r = "---\ntitle: A\n---\n\nText `code`\n\n```{r setup, include=FALSE}\nlibrary(dplyr)\n```\n\n```r\nshown()\n```\n\
            ````{r}\nx <- \"```\"\n```\n````\n\n```{bash}\nls\n```\n";
        let code = "library(dplyr)\nx <- \"```\"\n```";
        assert_eq!(of("a.Rmd", r), Ok((Language::R, Form::Document, code.into())));
        assert_eq!(of("a.qmd", r), Ok((Language::R, Form::Document, code.into())));
        let python =
            "---\njupyter: python3\n---\n```{python}\n#| echo: false\nimport x\n```\n```{mermaid}\nflow\n```\n";
        let code = "#| echo: false\nimport x";
        assert_eq!(of("a.qmd", python), Ok((Language::Python, Form::Notebook, code.into())));
        assert_eq!(of("a.qmd", &python.replace("jupyter: python3", "title: x")).unwrap().1, Form::Notebook);
        assert_eq!(of("a.qmd", "---\nengine: knitr\n---\n"), Ok((Language::R, Form::Document, String::new())));
        assert_eq!(of("a.rmd", "```{{r}}\nnot run\n```\n").unwrap().2, "");
    }

    #[test]
    fn what_is_not_supported_is_named_with_its_line() {
        assert_eq!(
            of("a.Rmd", "text\n\n```{r}\nx <- 1\n"),
            Err("`a.Rmd`, line 3, column 1: this chunk of code has no end: close it with the same number of backticks"
                .into())
        );
        assert_eq!(
            of("a.Rmd", "```{r}\n```\n```{python}\n```\n"),
            Err("`a.Rmd`, line 3, column 1: a document in R cannot have chunks in Python: put them into a document of their own"
                .into())
        );
        assert!(
            of("a.qmd", "---\njupyter: python3\n---\n```{r}\n```\n")
                .unwrap_err()
                .contains("line 4, column 1: a document in Python")
        );
        assert!(of("a.qmd", "```{julia}\n```\n").unwrap_err().contains("Julia is not supported"));
        assert_eq!(
            of("a.qmd", "---\njupyter: julia-1.9\n---\n"),
            Err("`a.qmd`: its engine is `julia-1.9`: supported are knitr, and jupyter with the kernel python3".into())
        );
    }

    #[test]
    fn any_text_is_read_or_named() {
        let mut dice = Dice(3);
        let parts = [
            "```",
            "````",
            "~~~",
            "{r}",
            "{python",
            "}",
            "\n",
            "---\n",
            "engine: knitr\n",
            "é",
            " ",
            "`",
            "jupyter:",
            "\r\n",
            "x <- 1",
        ];
        for _ in 0..4000 {
            let text: String = (0..dice.roll(30)).map(|_| dice.one(&parts)).collect();
            if let Err(error) = of("a.qmd", &text) {
                assert!(error.starts_with("`a.qmd`"), "{error}");
            }
        }
    }
}
