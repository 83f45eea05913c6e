//! The imports at the beginning of a Python script, before any other statement: no code of the script runs before them,
//! so that they can be done before the script is known, with the same result.

use super::{Kind, Token, Tokens, dotted};

/// Most imports that are found: far more than scripts begin with.
const IMPORTS_MAX: usize = 100;

/// The imports at the beginning of a script, in order: `a.b` for `import a.b`, and `a:b,c` for `from a import b, c`.
pub(crate) fn leading(source: &str) -> Vec<String> {
    let mut tokens = Tokens::new(source.strip_prefix('\u{feff}').unwrap_or(source));
    let (mut found, mut line) = (Vec::new(), Vec::new());
    while found.len() < IMPORTS_MAX {
        let token = tokens.next();
        let is_last = token.is_none();
        match token {
            Some(token) if token.kind != Kind::End => line.push(token),
            _ => {
                if !take_line(&line, &mut found) || is_last {
                    break;
                }
                line.clear();
            }
        }
    }
    found
}

/// Takes a logical line. Returns whether it has nothing but imports and texts.
fn take_line(line: &[Token<'_>], found: &mut Vec<String>) -> bool {
    line.split(|token| token.kind == Kind::Sign(';')).all(|statement| match statement {
        [] | [Token { kind: Kind::Text(_), .. }] => true,
        [Token { kind: Kind::Name("import"), .. }, rest @ ..] => import(rest, found),
        [Token { kind: Kind::Name("from"), .. }, rest @ ..] => from(rest, found),
        _ => false,
    })
}

/// `a.b as c, d`
fn import(mut rest: &[Token<'_>], found: &mut Vec<String>) -> bool {
    loop {
        let (module, after) = dotted(rest);
        if module.is_empty() {
            return false;
        }
        rest = match after {
            [Token { kind: Kind::Name("as"), .. }, Token { kind: Kind::Name(_), .. }, after @ ..] => after,
            other => other,
        };
        found.push(module);
        match rest {
            [] => return true,
            [Token { kind: Kind::Sign(','), .. }, after @ ..] => rest = after,
            _ => return false,
        }
    }
}

/// `a.b import c as d, (e)`
fn from(rest: &[Token<'_>], found: &mut Vec<String>) -> bool {
    let (module, after) = dotted(rest);
    let [Token { kind: Kind::Name("import"), .. }, names @ ..] = after else { return false };
    let (mut imported, mut is_alias) = (Vec::new(), false);
    for token in names {
        match token.kind {
            Kind::Name("as") => is_alias = true,
            Kind::Name(_) if is_alias => is_alias = false,
            Kind::Name(name) => imported.push(name),
            Kind::Sign('(' | ')' | ',') => {}
            // `*` binds whatever the module has.
            _ => return false,
        }
    }
    if module.is_empty() || imported.is_empty() {
        return false;
    }
    if module != "__future__" {
        found.push(format!("{module}:{}", imported.join(",")));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::leading;

    #[test]
    fn imports_count_up_to_the_first_other_statement() {
        let cases: [(&str, &[&str]); 15] = [
            ("", &[]),
            ("import pandas as pd\n", &["pandas"]),
            ("import pandas as pd", &["pandas"]),
            (
                "#!/usr/bin/env python3\n# a\n\"\"\"Text.\n\nimport no\n\"\"\"\nimport a.b, c as d\nx = 1\nimport e",
                &["a.b", "c"],
            ),
            ("from __future__ import annotations\nfrom a.b import (\n    c as d,\n    e,\n)\n", &["a.b:c,e"]),
            ("import os; import sys; x = 1; import a\n", &["os", "sys"]),
            ("import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport numpy\n", &["os"]),
            ("import a\nif True:\n    import b\n", &["a"]),
            ("import a\ntry:\n    import b\nexcept ImportError:\n    pass\n", &["a"]),
            ("from a import *\nimport b", &[]),
            ("from . import a\nimport b", &[]),
            ("from .a import b", &[]),
            ("import a \\\n    as b\nimport c", &["a", "c"]),
            ("print(1)\nimport a", &[]),
            ("import a if b else c", &["a"]),
        ];
        for (source, expected) in cases {
            assert_eq!(leading(source), expected, "{source}");
        }
    }

    #[test]
    fn whatever_the_source_is_it_is_read_to_an_end() {
        for end in 0.."import a\nfrom b import (c, d)\n'''x'''\nimport e".len() {
            let source = &"import a\nfrom b import (c, d)\n'''x'''\nimport e"[..end];
            assert!(leading(source).len() <= 3, "{source}");
        }
        assert_eq!(leading(&"import a\n".repeat(1000)).len(), super::IMPORTS_MAX);
    }
}
