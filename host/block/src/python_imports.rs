//! Finds the modules that a Python script imports: by `import` and `from`, at the top and inside of functions, and by
//! `importlib.import_module` with a literal name. The source is split into tokens first, so that comments and strings
//! do not count. Others decide where a module comes from.

mod leading;

pub(crate) use leading::leading;

/// Most imports of one script: generated ones have hundreds.
const IMPORTS_MAX: usize = 10_000;

/// Columns of a tab, as Python counts them.
const TAB: usize = 8;

/// Functions that import the module that their first argument names.
const FUNCTIONS: [&str; 2] = ["import_module", "__import__"];

/// Exceptions whose handler makes an import optional.
const HANDLED: [&str; 2] = ["ImportError", "ModuleNotFoundError"];

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module, as in `a.b`, without the leading dots of a relative import; may then be empty.
    pub module: String,
    /// The number of leading dots; 0 if the import is absolute.
    pub level: usize,
    /// The `b` of `from a import b`, which is a module or a part of one.
    pub name: Option<String>,
    /// Whether the script goes on without it, or only type checkers import it.
    pub optional: bool,
    /// The line, from 1.
    pub line: usize,
}

impl Import {
    /// The name of its top-level package; `None` for a relative import.
    #[must_use]
    pub fn top(&self) -> Option<&str> {
        self.module.split('.').next().filter(|top| self.level == 0 && !top.is_empty())
    }

    /// The longest name of a module that it can mean.
    #[must_use]
    pub fn longest(&self) -> String {
        match &self.name {
            Some(name) if self.module.is_empty() => name.clone(),
            Some(name) => format!("{}.{name}", self.module),
            None => self.module.clone(),
        }
    }
}

/// The imports of a script, in order.
#[must_use]
pub fn imports(source: &str) -> Vec<Import> {
    let mut found = Found::default();
    let mut statement: Vec<Token<'_>> = Vec::new();
    let mut tokens = Tokens::new(source.strip_prefix('\u{feff}').unwrap_or(source));
    while found.imports.len() < IMPORTS_MAX {
        match tokens.next() {
            Some(Token { kind: Kind::End, .. }) => found.logical_line(&std::mem::take(&mut statement)),
            Some(token) => statement.push(token),
            None => break,
        }
    }
    found.logical_line(&statement);
    found.imports
}

/// The imports so far, and the blocks around the current line.
#[derive(Debug, Default)]
struct Found {
    imports: Vec<Import>,
    blocks: Vec<Block>,
}

/// A block of lines that are indented deeper than its head.
#[derive(Debug, Clone, Copy)]
struct Block {
    indent: usize,
    /// For `try`, the number of imports before it; `None` if the imports in the block are optional.
    tried_after: Option<usize>,
}

impl Found {
    /// Takes a logical line, which may contain several statements.
    fn logical_line(&mut self, line: &[Token<'_>]) {
        let Some(first) = line.first() else { return };
        let indent = first.indent;
        let tried = self.blocks.iter().rfind(|block| block.indent == indent).and_then(|block| block.tried_after);
        self.blocks.retain(|block| block.indent < indent);
        match first.kind {
            Kind::Name("try") => self.blocks.push(Block { indent, tried_after: Some(self.imports.len()) }),
            Kind::Name("except") => {
                if line.iter().any(|token| matches!(token.kind, Kind::Name(name) if HANDLED.contains(&name))) {
                    let tried = tried.unwrap_or(self.imports.len());
                    self.imports[tried..].iter_mut().for_each(|import| import.optional = true);
                    self.blocks.push(Block { indent, tried_after: None });
                } else if tried.is_some() {
                    // A further `except` of the same `try` may handle it.
                    self.blocks.push(Block { indent, tried_after: tried });
                }
            }
            Kind::Name("if") if line.iter().any(|token| token.kind == Kind::Name("TYPE_CHECKING")) => {
                self.blocks.push(Block { indent, tried_after: None });
            }
            _ => {}
        }
        let mut starts = true;
        for at in 0..line.len() {
            let rest = &line[at..];
            match rest[0].kind {
                Kind::Name("import") if starts => self.import(&rest[1..]),
                Kind::Name("from") if starts => self.import_from(&rest[1..]),
                Kind::Name(function) if FUNCTIONS.contains(&function) => self.by_function(rest),
                _ => {}
            }
            starts = matches!(rest[0].kind, Kind::Sign(';' | ':'));
        }
    }

    fn add(&mut self, module: String, level: usize, name: Option<&str>, line: usize) {
        if self.imports.len() < IMPORTS_MAX {
            let optional = self.blocks.iter().any(|block| block.tried_after.is_none());
            let name = name.map(str::to_owned);
            self.imports.push(Import { module, level, name, optional, line });
        }
    }

    /// `import a.b as c, d`
    fn import(&mut self, mut rest: &[Token<'_>]) {
        loop {
            let line = rest.first().map_or(0, |token| token.line);
            let (module, after) = dotted(rest);
            if module.is_empty() {
                return;
            }
            self.add(module, 0, None, line);
            rest = match after {
                [Token { kind: Kind::Name("as"), .. }, _, after @ ..] => after,
                other => other,
            };
            match rest {
                [Token { kind: Kind::Sign(','), .. }, after @ ..] => rest = after,
                _ => return,
            }
        }
    }

    /// `from ..a.b import c as d, e`
    fn import_from(&mut self, rest: &[Token<'_>]) {
        let level = rest.iter().take_while(|token| token.kind == Kind::Sign('.')).count();
        let line = rest.first().map_or(0, |token| token.line);
        let (module, after) = dotted(&rest[level..]);
        let [Token { kind: Kind::Name("import"), .. }, names @ ..] = after else { return };
        if module.is_empty() && level == 0 {
            return;
        }
        let before = self.imports.len();
        let mut is_alias = false;
        for token in names {
            match token.kind {
                Kind::Name("as") => is_alias = true,
                Kind::Name(_) if is_alias => is_alias = false,
                Kind::Name(name) => self.add(module.clone(), level, Some(name), line),
                Kind::Sign('(' | ')' | ',') => {}
                _ => break,
            }
        }
        if self.imports.len() == before {
            // `from a import *`
            self.add(module, level, None, line);
        }
    }

    /// `import_module("a.b")`
    fn by_function(&mut self, rest: &[Token<'_>]) {
        let [_, Token { kind: Kind::Sign('('), .. }, Token { kind: Kind::Text(name), line, .. }, after, ..] = rest
        else {
            return;
        };
        let is_module = !name.is_empty() && name.split('.').all(is_identifier);
        if matches!(after.kind, Kind::Sign(',' | ')')) && is_module {
            self.add((*name).to_owned(), 0, None, *line);
        }
    }
}

/// A dotted name at the start of the tokens, and the tokens after it.
fn dotted<'a, 'b>(mut rest: &'b [Token<'a>]) -> (String, &'b [Token<'a>]) {
    let mut name = String::new();
    while let [Token { kind: Kind::Name(part), .. }, after @ ..] = rest {
        if !is_identifier(part) || *part == "import" {
            break;
        }
        name.push_str(part);
        rest = after;
        match rest {
            [Token { kind: Kind::Sign('.'), .. }, after @ ..] => {
                name.push('.');
                rest = after;
            }
            _ => break,
        }
    }
    (name.trim_end_matches('.').to_owned(), rest)
}

/// Whether this is a name in Python.
pub(super) fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|character| character.is_alphanumeric() || character == '_')
}

/// A piece of the source.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind<'a>,
    /// Its line, from 1.
    line: usize,
    /// The columns before the first token of its physical line.
    indent: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    /// A name, a keyword or a number.
    Name(&'a str),
    /// A string without a prefix, without its quotes.
    Text(&'a str),
    /// A string with a prefix, whose value may differ from its text.
    Other,
    /// Any other character.
    Sign(char),
    /// The end of a logical line.
    End,
}

/// The tokens of a source, without white space and comments.
struct Tokens<'a> {
    rest: &'a str,
    line: usize,
    indent: usize,
    at_start: bool,
    /// Open brackets: lines inside of them continue.
    depth: usize,
}

impl<'a> Tokens<'a> {
    fn new(source: &'a str) -> Self {
        Self { rest: source, line: 1, indent: 0, at_start: true, depth: 0 }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
        taken
    }

    /// Skips white space, comments and continued lines. `true` at the end of a logical line.
    fn skip(&mut self) -> bool {
        loop {
            let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\u{c}']).len();
            let skipped = self.take(blank);
            if self.at_start {
                self.indent = skipped.chars().fold(0, |column, blank| match blank {
                    '\t' => (column / TAB + 1) * TAB,
                    ' ' => column + 1,
                    _ => 0,
                });
            }
            match self.rest.as_bytes() {
                [b'#', ..] => {
                    self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
                }
                [b'\\', b'\n', ..] => {
                    self.take(2);
                    self.at_start = false;
                }
                [b'\\', b'\r', b'\n', ..] => {
                    self.take(3);
                    self.at_start = false;
                }
                [b'\n', ..] => {
                    self.take(1);
                    if self.depth == 0 {
                        self.at_start = true;
                        return true;
                    }
                }
                _ => return false,
            }
        }
    }

    /// A string, if one starts here after `prefix` bytes; its text, without the quotes.
    fn string(&mut self, prefix: usize) -> Option<&'a str> {
        let quote = self.rest[prefix..].chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let (marks, is_long) = if self.rest[prefix..].starts_with(&triple) { (3, true) } else { (1, false) };
        let body = &self.rest[prefix + marks..];
        let (mut escaped, mut run) = (false, 0);
        // An unterminated string ends with its line, a long one with the source.
        let mut end = (body.len(), 0);
        for (at, character) in body.char_indices() {
            run = if character == quote && !escaped { run + 1 } else { 0 };
            if run == marks {
                end = (at + 1 - marks, marks);
                break;
            }
            if character == '\n' && !escaped && !is_long {
                end = (at, 0);
                break;
            }
            // The end of a line on Windows is two characters.
            escaped = (character == '\\' && !escaped) || (character == '\r' && escaped);
        }
        self.take(prefix + marks + end.0 + end.1);
        Some(&body[..end.0])
    }

    fn kind(&mut self) -> Option<Kind<'a>> {
        let first = self.rest.chars().next()?;
        if first.is_alphanumeric() || first == '_' {
            let end = self.rest.find(|character: char| !character.is_alphanumeric() && character != '_');
            let length = end.unwrap_or(self.rest.len());
            let is_prefix = length <= 2 && self.rest[..length].chars().all(|letter| "rRbBuUfFtT".contains(letter));
            if is_prefix && self.string(length).is_some() {
                return Some(Kind::Other);
            }
            return Some(Kind::Name(self.take(length)));
        }
        if let Some(text) = self.string(0) {
            return Some(Kind::Text(text));
        }
        self.take(first.len_utf8());
        match first {
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Some(Kind::Sign(first))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let ends = self.skip();
        let (line, indent) = (self.line, self.indent);
        if ends {
            return Some(Token { kind: Kind::End, line, indent });
        }
        self.at_start = false;
        Some(Token { kind: self.kind()?, line, indent })
    }
}

#[cfg(test)]
mod tests;
