//! The library's texts name causes; what to type is advice of the command (`host/cli/src/help.rs`), because other
//! programs embed the library. No string of its crates names an option or a command of the program `longshore`, or a
//! target of the Makefile.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod sources;

use sources::{host_sources, root};
use std::collections::BTreeSet;
use syn::buffer::Cursor;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprLit, Field, ItemEnum, Lit, LitStr, Meta, Token};

/// Strings with such a name that are no advice, or not to a caller: the file, a part of the string, and the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("block/src/needs/requirements_txt.rs", "--constraint", "an option of pip"),
    ("block/src/requirements.rs", "--constraint", "an option of pip"),
    ("block/src/needs/dockerfile.rs", "--from", "an option of `COPY`"),
    ("images/src/environment/local/python.rs", "--dry-run", "an argument of uv"),
    ("images/src/environment/packages.rs", "--dry-run", "an argument of uv"),
    ("images/src/environment/pylock.rs", "--format", "an argument of uv"),
    ("images/src/environment/lock.rs", "written by `longshore lock`", "the head of a file that this command writes"),
];

/// The strings of a source, doc comments apart.
struct Strings(Vec<String>);

impl Parse for Strings {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.step(|cursor| {
            let (mut found, mut rest) = (Vec::new(), *cursor);
            collect(rest, &mut found);
            while let Some((_, next)) = rest.token_tree() {
                rest = next;
            }
            Ok((Self(found), rest))
        })
    }
}

fn collect(mut at: Cursor<'_>, found: &mut Vec<String>) {
    while !at.eof() {
        if let Some((literal, next)) = at.literal() {
            found.extend(syn::parse_str::<LitStr>(&literal.to_string()).map(|text| text.value()));
            at = next;
        } else if let Some((inner, _, _, next)) = at.any_group() {
            // A doc comment is the attribute `doc`.
            if inner.ident().is_none_or(|(name, _)| name != "doc") {
                collect(inner, found);
            }
            at = next;
        } else {
            at = at.token_tree().unwrap().1;
        }
    }
}

/// What only this repository's users can type: the options and commands of the program, and targets of the Makefile.
#[derive(Default)]
struct Typed {
    /// Such as `--memory` and `-i`.
    options: BTreeSet<String>,
    /// Such as `longshore lock` and `make images`.
    commands: BTreeSet<String>,
}

impl Typed {
    fn read() -> Self {
        let mut typed = Self::default();
        for (_, text) in host_sources().iter().filter(|(path, _)| path.starts_with("cli")) {
            typed.visit_file(&syn::parse_file(text).unwrap());
        }
        let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
        let targets = makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name);
        let targets = targets.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        typed.commands.extend(targets.map(|name| format!("make {name}")));
        typed
    }

    /// The first of them that a text names.
    fn named_in(&self, text: &str) -> Option<&str> {
        let is_part = |character: char| character.is_alphanumeric() || "-_/:".contains(character);
        let names = |word: &str| {
            text.match_indices(word).any(|(start, _)| {
                let (before, after) = (&text[..start], &text[start + word.len()..]);
                !before.ends_with(is_part) && !after.starts_with(is_part)
            })
        };
        // A letter after a dash is an option of many programs; in our texts it begins a quotation.
        let short = |option: &str| text.contains(&format!("`{option} ")) || text.contains(&format!("`{option}`"));
        let is_named = |word: &&String| if word.len() == 2 { short(word) } else { names(word) };
        self.options.iter().chain(&self.commands).find(is_named).map(String::as_str)
    }
}

impl Visit<'_> for Typed {
    fn visit_field(&mut self, field: &Field) {
        let Some(name) = field.ident.as_ref().map(ToString::to_string) else { return };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("arg")) {
            let settings = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap();
            for setting in settings {
                let given = match &setting {
                    Meta::NameValue(given) => literal(&given.value),
                    _ => None,
                };
                if setting.path().is_ident("long") {
                    self.options.insert(format!("--{}", given.unwrap_or_else(|| name.replace('_', "-"))));
                } else if setting.path().is_ident("short") {
                    self.options.insert(format!("-{}", given.unwrap_or_else(|| name[..1].to_owned())));
                }
            }
        }
    }

    fn visit_item_enum(&mut self, item: &ItemEnum) {
        if item.ident == "Command" {
            self.commands.extend(item.variants.iter().map(|verb| format!("longshore {}", verb.ident).to_lowercase()));
        }
        visit::visit_item_enum(self, item);
    }
}

fn literal(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        Expr::Lit(ExprLit { lit: Lit::Char(character), .. }) => Some(character.value().to_string()),
        _ => None,
    }
}

/// The strings of a source, tests apart, that name what only users of the command can type.
fn advice<'a>(source: &str, typed: &'a Typed) -> Vec<(String, &'a str)> {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap();
    let Strings(strings) = syn::parse_str(code).unwrap();
    strings.into_iter().filter_map(|text| typed.named_in(&text).map(|word| (text.clone(), word))).collect()
}

#[test]
fn the_library_names_no_option_and_no_command() {
    let typed = Typed::read();
    let (mut found, mut unused) = (Vec::new(), EXCEPTIONS.to_vec());
    for (path, source) in host_sources().iter().filter(|(path, _)| !path.starts_with("cli")) {
        for (text, word) in advice(source, &typed) {
            let is_meant = |(file, part, _): &(&str, &str, &str)| path.as_os_str() == *file && text.contains(part);
            match EXCEPTIONS.iter().find(|exception| is_meant(exception)) {
                Some(known) => unused.retain(|exception| exception != known),
                None => found.push(format!("{}: `{word}` in {text:?}", path.display())),
            }
        }
    }
    assert!(found.is_empty(), "give the error a `Remedy`, which `host/cli/src/help.rs` words:\n{}", found.join("\n"));
    assert_eq!(unused, [], "exceptions that nothing needs");
}

#[test]
fn advice_is_found_wherever_it_stands() {
    let typed = Typed::read();
    for (source, word) in [
        ("fn f() { note(\"raise it with `--memory`\"); }", "--memory"),
        ("fn f() -> String { format!(\"add `--format={x}`\") }", "--format"),
        ("#[error(\n\"give `{x}` with \\\n    `-i PATH`\"\n)] struct E;", "-i"),
        ("const WHERE: &str = r#\"`longshore lock` does\"#;", "longshore lock"),
        ("fn f() { vec![(1, \"run make \\\n  images\")]; }", "make images"),
    ] {
        let found = advice(source, &typed);
        assert_eq!(found.iter().map(|(_, word)| *word).collect::<Vec<_>>(), [word], "{source}");
    }
    for source in [
        "/// As `--memory` of `longshore run`.\nfn f() {} // make images",
        "fn f() { arguments(\"--no-deps\", \"--memory-swap\", \"longshore/run\", \"make imagesets\", \"-index\"); }",
        "fn f() {}\n#[cfg(test)]\nmod tests { const X: &str = \"`--memory`\"; }",
    ] {
        assert_eq!(advice(source, &typed), [], "{source}");
    }
}
