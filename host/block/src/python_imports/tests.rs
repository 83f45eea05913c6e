//! What is an import, what is not, and that any text has an end.

use super::*;

/// Each import as Python would write it: `?` where it is optional.
fn found(source: &str) -> Vec<String> {
    let written = |import: Import| {
        let name = import.name.map(|name| format!(":{name}")).unwrap_or_default();
        let optional = if import.optional { "?" } else { "" };
        format!("{}{}{name}{optional}", ".".repeat(import.level), import.module)
    };
    imports(source).into_iter().map(written).collect()
}

#[test]
fn all_forms_of_imports_are_found() {
    for (source, expected) in [
        ("import a", &["a"][..]),
        ("import a, b.c as d,e", &["a", "b.c", "e"]),
        ("from a import b", &["a:b"]),
        ("from a.b import c as d, e", &["a.b:c", "a.b:e"]),
        ("from a import (b,\n  c, # why\n  d,)\nimport e", &["a:b", "a:c", "a:d", "e"]),
        ("from a import *", &["a"]),
        ("from . import a", &[".:a"]),
        ("from ..a.b import c", &["..a.b:c"]),
        ("from ... import a", &["...:a"]),
        ("from.a import b", &[".a:b"]),
        ("import a; import b;from c import d", &["a", "b", "c:d"]),
        ("import \\\n  a", &["a"]),
        ("from a \\\r\n import b\r\nimport c\r\n", &["a:b", "c"]),
        ("def f():\n\timport a\n    \nclass B: import b", &["a", "b"]),
        ("if x: import a\nelse: import b", &["a", "b"]),
        ("\u{feff}import a", &["a"]),
        ("import größe", &["größe"]),
        ("importlib.import_module('a.b')\n__import__(\"c\", x)", &["a.b", "c"]),
        ("x = {\n 'a': 1,\n}\nimport b", &["b"]),
        ("async def f(): from a import b", &["a:b"]),
        ("@decorated(\n)\ndef f(): ...\nimport a", &["a"]),
    ] {
        assert_eq!(found(source), expected, "{source:?}");
    }
}

#[test]
fn texts_comments_and_other_uses_of_the_words_import_nothing() {
    for source in [
        "# import a\n#from a import b",
        "'import a'; \"import b\"",
        "'''\nimport a\n'''",
        "\"\"\"docs\nfrom a import b\n\"\"\"",
        "r'\\'; import a'",
        "b'''\nimport a\n'''",
        "f\"\"\"\nimport a {b}\n\"\"\"",
        "Rb'\nimport'",
        "'a\\\nimport b'",
        "'a\\\r\nimport b'",
        "yield from a\nraise B from c",
        "x.import_ = 1\nfrom_ = 2\nimportant = 3",
        "import_module(name)\nimport_module(f'a')\nimport_module('../a')\nimport_module('a' + b)",
        "print('it''s', \"import a\")",
        "'\\\\'; x = '''a''' # import b",
        "'''a\\'''\nimport b\n'''",
        "import",
        "from",
        "from import a",
        "from a",
        "import 1",
    ] {
        assert_eq!(found(source), Vec::<String>::new(), "{source:?}");
    }
}

#[test]
fn imports_that_a_script_can_do_without_are_optional() {
    for (source, expected) in [
        ("try:\n  import a\nexcept ImportError:\n  a = None\nimport b", &["a?", "b"][..]),
        ("try:\n  import a\nexcept ImportError:\n  import b", &["a?", "b?"]),
        ("try:\n  import a\nexcept (ValueError, ModuleNotFoundError):\n  pass", &["a?"]),
        ("try:\n  import a\nexcept ValueError:\n  pass\nexcept ImportError:\n  pass", &["a?"]),
        ("try: import a\nexcept ImportError: pass\nimport b", &["a?", "b"]),
        ("try:\n  import a\nexcept Exception as error:\n  raise", &["a"]),
        ("try:\n  import a\nfinally:\n  pass", &["a"]),
        ("try:\n  x()\nexcept ImportError:\n  pass\nimport a\ntry:\n  pass\nexcept ImportError: pass", &["a"]),
        ("if TYPE_CHECKING:\n  import a\nimport b", &["a?", "b"]),
        ("if typing.TYPE_CHECKING:\n  from a import (\n b\n)\nelse:\n  c", &["a:b?"]),
        ("def f():\n    try:\n        import a\n    except ImportError:\n        raise\n    import b", &["a?", "b"]),
    ] {
        assert_eq!(found(source), expected, "{source:?}");
    }
}

#[test]
fn lines_and_names_are_those_of_the_import() {
    let all = imports("'''\n\n'''\nimport a.b\n\nfrom c import (\n  d)\n");
    assert_eq!(all.iter().map(|import| import.line).collect::<Vec<_>>(), [4, 6]);
    assert_eq!(all.iter().map(Import::longest).collect::<Vec<_>>(), ["a.b", "c.d"]);
    assert_eq!(all.iter().map(Import::top).collect::<Vec<_>>(), [Some("a"), Some("c")]);
    assert_eq!(imports("from . import a")[0].top(), None);
}

/// Pieces from which random sources are made: those on which tokenizers fail.
const PIECES: [&str; 36] = [
    "import ",
    "from ",
    "a",
    ".",
    "..",
    "b",
    " as ",
    ",",
    "(",
    ")",
    "[",
    "}",
    "\n",
    "\r\n",
    "\\",
    "\\\n",
    ";",
    ":",
    "#",
    "'",
    "\"",
    "'''",
    "\"\"\"",
    "r",
    "f",
    "b'",
    "try",
    "except ImportError",
    "\t",
    "    ",
    "é",
    "import_module(",
    "*",
    "\u{feff}",
    "if TYPE_CHECKING",
    "\0",
];

#[test]
fn any_text_has_an_end_and_texts_in_quotes_never_count() {
    // A linear congruential generator: the same texts in each run.
    let mut state: u64 = 7;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..20_000 {
        let source: String = (0..next(24)).map(|_| PIECES[next(PIECES.len())]).collect();
        let _ = imports(&source);
        // The same text in a string, with what would end it taken out, and in comments.
        let inside = source.replace(['\'', '\\'], "");
        assert_eq!(found(&format!("'''{inside}'''\nimport last")), ["last"], "{inside:?}");
        let comments: String = inside.lines().map(|line| format!("# {line}\n")).collect();
        assert_eq!(found(&format!("{}import last", comments.replace('\r', ""))), ["last"], "{inside:?}");
    }
}

#[test]
fn the_number_of_imports_is_bounded() {
    let many = "import a\n".repeat(IMPORTS_MAX + 5);
    assert_eq!(imports(&many).len(), IMPORTS_MAX);
    let one = format!("import a{}", ", b".repeat(IMPORTS_MAX + 5));
    assert_eq!(imports(&one).len(), IMPORTS_MAX);
}
