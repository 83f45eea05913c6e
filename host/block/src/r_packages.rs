//! Finds the packages that an R script names: in `library(x)`, `require(x)`, `requireNamespace("x")`,
//! `loadNamespace("x")` and `x::y`; and the scripts in `source("x.R")`. R's source is split into tokens first, so that comments and strings do not count.
//! Others install the packages.

/// The packages of every R installation, and Longshore's own.
const ALWAYS_THERE: [&str; 16] = [
    "base",
    "compiler",
    "datasets",
    "graphics",
    "grDevices",
    "grid",
    "methods",
    "parallel",
    "splines",
    "stats",
    "stats4",
    "tcltk",
    "tools",
    "utils",
    "longshore",
    "omniscope.api",
];

/// The packages that a script names, each once, in order of appearance.
pub(super) fn named(source: &str) -> Vec<String> {
    let tokens: Vec<Token<'_>> = Tokens(source).collect();
    let mut packages: Vec<String> = Vec::new();
    for at in 0..tokens.len() {
        let found = namespace(&tokens[at..]).or_else(|| attached(&tokens, at));
        let found = found.filter(|name| is_name(name) && !ALWAYS_THERE.contains(name));
        packages.extend(found.filter(|name| !packages.iter().any(|known| known == name)).map(str::to_owned));
    }
    packages
}

/// Most packages that [`leading`] finds: far more than scripts begin with.
const LEADING_MAX: usize = 100;

/// Functions around an attachment that change nothing but what it prints.
const QUIETING: [&str; 3] = ["suppressPackageStartupMessages", "suppressMessages", "suppressWarnings"];

/// The packages that a script attaches by `library(x)` or `require(x)` before any other statement, in order.
pub(super) fn leading(source: &str) -> Vec<String> {
    let tokens: Vec<Token<'_>> = Tokens(source).collect();
    let (mut rest, mut found) = (tokens.as_slice(), Vec::new());
    while found.len() < LEADING_MAX
        && let Some((name, after)) = attachment(rest)
        // An operator would go on with the statement.
        && matches!(after, [] | [Token::Name(_), ..] | [Token::Sign(";"), ..])
    {
        found.push(name.to_owned());
        rest = if let [Token::Sign(";"), after @ ..] = after { after } else { after };
    }
    found
}

/// A whole call that attaches a package, at the start of the tokens, and the tokens after it.
fn attachment<'a, 'b>(tokens: &'b [Token<'a>]) -> Option<(&'a str, &'b [Token<'a>])> {
    match tokens {
        [
            Token::Name("library" | "require"),
            Token::Sign("("),
            Token::Name(name) | Token::Text(name),
            Token::Sign(")"),
            after @ ..,
        ] if is_name(name) => Some((name, after)),
        [Token::Name(quieting), Token::Sign("("), inside @ ..] if QUIETING.contains(quieting) => {
            let (name, after) = attachment(inside)?;
            after.split_first().filter(|(close, _)| **close == Token::Sign(")")).map(|(_, after)| (name, after))
        }
        _ => None,
    }
}

/// The scripts that a script runs by `source("x.R")` and `sys.source("x.R")`, by literal names, in order.
pub(super) fn sourced(source: &str) -> Vec<String> {
    let tokens: Vec<Token<'_>> = Tokens(source).collect();
    let starts = (0..tokens.len()).filter(|at| matches!(tokens[*at], Token::Name("source" | "sys.source")));
    let is_member = |at: usize| at > 0 && matches!(tokens[at - 1], Token::Sign("$" | "@"));
    starts.filter(|at| !is_member(*at)).filter_map(|at| sourced_path(&tokens[at + 1..])).collect()
}

/// The path in `("x.R"`, `(file = "x.R"` and `(file.path("R", "x.R")`.
fn sourced_path(arguments: &[Token<'_>]) -> Option<String> {
    let [Token::Sign("("), arguments @ ..] = arguments else { return None };
    let first = match arguments {
        [Token::Name("file"), Token::Sign("="), rest @ ..] => rest,
        other => other,
    };
    match first {
        [Token::Text(path), Token::Sign("," | ")"), ..] => Some((*path).to_owned()),
        [Token::Name("file.path"), Token::Sign("("), parts @ ..] => {
            let end = parts.iter().position(|token| *token == Token::Sign(")"))?;
            let parts: Option<Vec<&str>> = parts[..end]
                .iter()
                .filter(|token| **token != Token::Sign(","))
                .map(|token| if let Token::Text(part) = token { Some(*part) } else { None })
                .collect();
            Some(parts?.join("/")).filter(|path| !path.is_empty())
        }
        _ => None,
    }
}

/// `x::y` and `x:::y`.
fn namespace<'a>(tokens: &[Token<'a>]) -> Option<&'a str> {
    match tokens {
        [Token::Name(name) | Token::Text(name), Token::Sign("::" | ":::"), ..] => Some(name),
        _ => None,
    }
}

/// `library(x)` and similar calls, by name or, for those that require it, by text.
fn attached<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    // A member of another object with that name is not a call to R's function.
    if at > 0 && matches!(tokens[at - 1], Token::Sign("$" | "@")) {
        return None;
    }
    let quotes_its_name = match tokens[at] {
        Token::Name("library" | "require") => true,
        Token::Name("requireNamespace" | "loadNamespace" | "attachNamespace") => false,
        _ => return None,
    };
    let Token::Sign("(") = tokens.get(at + 1)? else { return None };
    let arguments = &tokens[at + 2..];
    let first = match arguments {
        [Token::Name("package"), Token::Sign("="), rest @ ..] => rest,
        other => other,
    };
    let [package, Token::Sign("," | ")"), ..] = first else { return None };
    match package {
        Token::Text(name) => Some(name),
        Token::Name(name) if quotes_its_name && !by_value(arguments) => Some(name),
        _ => None,
    }
}

/// Whether a call has `character.only = TRUE`: its argument is then a variable.
fn by_value(arguments: &[Token<'_>]) -> bool {
    let mut depth = 0;
    let end = arguments.iter().position(|token| {
        match token {
            Token::Sign("(") => depth += 1,
            Token::Sign(")") => depth -= 1,
            _ => {}
        }
        depth < 0
    });
    let arguments = &arguments[..end.unwrap_or(arguments.len())];
    arguments
        .windows(3)
        .any(|window| matches!(window, [Token::Name("character.only"), Token::Sign("="), Token::Name("TRUE" | "T")]))
}

/// Whether this is a valid package name: letters, digits and dots, a letter first, at least two characters.
fn is_name(name: &str) -> bool {
    let inside = name.chars().all(|character| character.is_ascii_alphanumeric() || character == '.');
    inside && name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// A piece of R's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A name, also one in back quotes, or a number.
    Name(&'a str),
    /// A string, without its quotes.
    Text(&'a str),
    /// Anything else: a sign, or the colons between a package and its member.
    Sign(&'a str),
}

/// The tokens of a source, without white space and comments.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A string that starts with `quote`. A backslash escapes the next character. An unterminated string extends to the
    /// end.
    fn quoted(&mut self, quote: char) -> &'a str {
        let body = &self.0[1..];
        let mut escaped = false;
        let end = body.find(|character| {
            let ends = character == quote && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let end = end.unwrap_or(body.len());
        self.take(end + 2);
        &body[..end]
    }

    /// A raw string, such as `r"---(text)---"`, if one starts here.
    fn raw(&mut self) -> Option<&'a str> {
        let after = self.0.strip_prefix(['r', 'R'])?;
        let quote = after.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let after = &after[1..];
        let dashes = after.len() - after.trim_start_matches('-').len();
        let (open, body) = (after[dashes..].chars().next()?, after.get(dashes + 1..)?);
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            _ => return None,
        };
        let end = format!("{close}{}{quote}", "-".repeat(dashes));
        let length = body.find(&end).unwrap_or(body.len());
        self.0 = body.get(length + end.len()..).unwrap_or_default();
        Some(&body[..length])
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.0 = self.0.trim_start();
            if !self.0.starts_with('#') {
                break;
            }
            self.take(self.0.find('\n').unwrap_or(self.0.len()));
        }
        let first = self.0.chars().next()?;
        if let Some(text) = self.raw() {
            return Some(Token::Text(text));
        }
        Some(match first {
            '"' | '\'' => Token::Text(self.quoted(first)),
            '`' => Token::Name(self.quoted(first)),
            _ if is_part(first) => {
                Token::Name(self.take(self.0.find(|character| !is_part(character)).unwrap_or(self.0.len())))
            }
            ':' => Token::Sign(self.take(self.0.len() - self.0.trim_start_matches(':').len())),
            '=' if self.0.starts_with("==") => Token::Sign(self.take(2)),
            _ => Token::Sign(self.take(first.len_utf8())),
        })
    }
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_count_up_to_the_first_other_statement() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("# a\nlibrary(dplyr); require('data.table')\nx <- 1\nlibrary(zoo)", &["dplyr", "data.table"]),
            ("suppressWarnings(suppressMessages(library(dplyr)))\nlibrary(zoo)", &["dplyr", "zoo"]),
            ("library(dplyr)\nSys.setenv(A = 1)\nlibrary(zoo)", &["dplyr"]),
            ("library(dplyr, lib.loc = 'x')\nlibrary(zoo)", &[]),
            ("library(dplyr) + 1", &[]),
            ("suppressMessages({ library(dplyr) })", &[]),
            ("x <- library(dplyr)", &[]),
            ("suppressMessages(library(dplyr)", &[]),
        ];
        for (source, expected) in cases {
            assert_eq!(leading(source), expected, "{source}");
        }
    }

    #[test]
    fn packages_are_found_where_they_are_named() {
        let source = r#"
            library(dplyr); library("data.table", quietly = TRUE)
            if (!require(tidyr)) stop("no")
            suppressPackageStartupMessages({ library( package = 'survival' ) })
            requireNamespace("jsonlite", quietly = TRUE) && base::library(httr)
            x <- stringr::str_trim(" a ") ; y <- zoo:::rollmean; `plyr`::ply; "lubridate"::ymd
            library(dplyr)
        "#;
        let expected =
            ["dplyr", "data.table", "tidyr", "survival", "jsonlite", "httr", "stringr", "zoo", "plyr", "lubridate"];
        assert_eq!(named(source), expected);
    }

    #[test]
    fn comments_strings_and_variables_name_nothing() {
        let source = r#"
            # library(comment) and comment::call
            cat("library(text)", 'it\'s text::call', "a \" library(quote)")
            raw <- r"(library(raw) ")" ; raw <- R'--[raw::call ]- ]--'
            for (name in c("aa", "bb")) library(name, character.only = TRUE)
            requireNamespace(variable); library(); library(help = "stats")
            tools$library(member); a$require(member)
            library(paste0("x", "y"), character.only = T)
        "#;
        assert_eq!(named(source), Vec::<String>::new());
        assert_eq!(named("library('known', character.only = TRUE)"), ["known"]);
    }

    #[test]
    fn what_every_r_has_and_what_is_ours_is_no_dependency() {
        let source = "library(stats); utils::head(x); library(longshore); library(omniscope.api); library(MASS)";
        assert_eq!(named(source), ["MASS"]);
    }

    #[test]
    fn sourced_scripts_are_found_by_literal_names() {
        let source = "source('a.R'); source(file = \"R/b.R\", local = TRUE); base::source(r\"(c.R)\")\n\
            sys.source('d.R', env); source(file.path('R', \"e.R\"), echo = TRUE)\n\
            # source('no.R')\n'source(\"no.R\")'; x$source('no.R'); source(name); source(paste0('a', 'b')); source()";
        assert_eq!(sourced(source), ["a.R", "R/b.R", "c.R", "d.R", "R/e.R"]);
    }

    /// Pieces from which random sources are made: those on which tokenizers fail.
    const PIECES: [&str; 24] = [
        "library(",
        "source(",
        "file.path(",
        "x",
        "::",
        ")",
        "(",
        ",",
        "\"",
        "'",
        "`",
        "\\",
        "#",
        "\n",
        "r\"(",
        ")\"",
        "R'--[",
        "]--'",
        "=",
        "file",
        "é",
        "$",
        " ",
        "\0",
    ];

    #[test]
    fn any_text_has_an_end_and_texts_in_quotes_never_count() {
        // A linear congruential generator: the same texts in each run.
        let mut state: u64 = 11;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let source: String = (0..next(24)).map(|_| PIECES[next(PIECES.len())]).collect();
            let _ = (named(&source), sourced(&source));
            let inside = source.replace(['"', '\\'], "");
            let text = format!("\"{inside}\"; library(last); source(\"last.R\")");
            assert_eq!((named(&text), sourced(&text)), (vec!["last".into()], vec!["last.R".into()]), "{inside:?}");
            let comments: String = inside.lines().map(|line| format!("# {line}\n")).collect();
            assert_eq!(named(&format!("{comments}library(last)")), ["last"], "{inside:?}");
        }
    }

    #[test]
    fn nonsense_ends() {
        for source in
            ["\"", "'a", "`", "r\"", "r\"(", "r\"--(", "library(", "library(\"", "x::", "::", "#", "é::ü", "\\", "r'é"]
        {
            named(source);
        }
    }
}
