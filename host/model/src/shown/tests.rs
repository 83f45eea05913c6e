//! Nothing unsafe passes: all characters, many sequences, and pieces cut anywhere.

use super::character::{is_invisible, is_line_end};
use super::*;
use crate::dice::Dice;

/// Direction controls, which pass only if the table in `character.rs` is wrong: Unicode's Bidi_Control.
const DIRECTIONS: &[char] = &[
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
    '\u{2067}', '\u{2068}', '\u{2069}',
];

/// What a terminal obeys, or what looks like something else.
const HOSTILE: &[&str] = &[
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;ZXZpbA==\u{1b}\\",
    "\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}]1337;File=:AA==\u{7}",
    "\u{1b}Pq#0;2;0;0;0#0~~\u{1b}\\",
    "\u{1b}_Gf=100;AAAA\u{1b}\\",
    "\u{1b}^private\u{1b}\\",
    "\u{1b}Xstring\u{1b}\\",
    "\u{1b}[2J",
    "\u{1b}[H",
    "\u{1b}[3A\u{1b}[2K",
    "\u{1b}[6n",
    "\u{1b}[c",
    "\u{1b}[?1049h",
    "\u{1b}[?25l",
    "\u{1b}[>4;1m",
    "\u{1b}[?4m",
    "\u{1b}[4 q",
    "\u{1b}[20;1t",
    "\u{1b}[1;2\u{1b}[3m",
    "\u{1b}c",
    "\u{1b}(0",
    "\u{1b}#8",
    "\u{1b}%G",
    "\u{1b}7\u{1b}8",
    "\u{1b}M",
    "\u{9b}2J",
    "\u{9b}31m",
    "\u{9d}0;title\u{9c}",
    "\u{90}q\u{9c}",
    "\u{9f}G\u{9c}",
    "\u{85}",
    "\u{8d}",
    "\u{7f}",
    "\u{0}\u{7}\u{e}\u{f}\u{11}\u{13}",
    "a\u{202e}b\u{2066}c\u{2069}",
    "\u{200b}\u{feff}\u{ad}\u{2060}",
    "\u{e0041}\u{e0042}",
    "\u{1b}",
    "\u{1b}[",
    "\u{1b}[31",
    "\u{1b}]52;c;",
];

/// Imitations of the host's lines.
const FORGED: &[&str] = &["✓ output 0: 999 rows", "error: no", "note: trust me", "  × wrong", "$ "];

/// Line breaks.
const BREAKS: &[&str] = &["\n", "\r", "\r\n", "\n\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}", "\n\n\n"];

/// Asserts that a text has nothing that a terminal obeys; only `\n` ends lines.
fn harmless(text: &str) {
    let mut before = None;
    for character in text.chars() {
        assert!(character == '\n' || !character.is_control(), "{character:?} in {text:?}");
        assert!(!DIRECTIONS.contains(&character), "{character:?} in {text:?}");
        // A joiner has something to join, a selector something that has variants.
        let has_variants = |before: char| !before.is_ascii() || before.is_ascii_digit() || "#*".contains(before);
        assert!(!is_invisible(character) || before.is_some_and(has_variants), "{character:?} in {text:?}");
        before = Some(character);
    }
}

/// Asserts that bytes for a terminal are text, colours, and movements within a line. Gives the text without colours.
fn only_colours(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character == '\u{1b}' {
            let end = rest.find('m').unwrap_or_else(|| panic!("an open sequence in {text:?}"));
            let parameters = rest[..end].strip_prefix("\u{1b}[").unwrap_or_else(|| panic!("no colour in {text:?}"));
            assert!(parameters.bytes().all(|byte| byte.is_ascii_digit() || b";:".contains(&byte)), "{text:?}");
            rest = &rest[end + 1..];
            continue;
        }
        plain.push(character);
        rest = &rest[character.len_utf8()..];
    }
    harmless(&plain.replace(['\r', '\t', '\u{8}'], ""));
    plain
}

/// A text of hostile pieces, forged lines and characters of all planes.
fn generated(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.roll(12) {
        let pieces = [HOSTILE, FORGED, BREAKS, &["word", "\u{1b}[31m", "\u{1b}[0m", "é日\u{301}", "\t"]];
        let pieces = dice.one(&pieces);
        text.push_str(dice.one(pieces));
        text.extend(char::from_u32(u32::try_from(dice.roll(0x11_0000)).unwrap()));
    }
    text
}

#[test]
fn no_character_is_obeyed() {
    // All planes with characters; of the private ones only the ends.
    let all = (0..0x4_0000).chain(0xe_0000..0xe_1000).chain(0xf_fff0..0x10_0010).chain(0x10_fff0..0x11_0000);
    let characters: Vec<char> = all.filter_map(char::from_u32).collect();
    // As many as the lines that are shown of one text.
    for characters in characters.chunks(LINES_MAX) {
        let text = characters.iter().map(|character| format!("日{character}{character}b\n")).collect::<String>();
        harmless(Shown::line(&text).as_str());
        harmless(&escaped(&text));
        only_colours(&LogFilter::default().pass(text.as_bytes()));
    }
}

#[test]
fn what_people_write_stays_as_it_is() {
    let texts =
        ["naïve", "日本語", "नमस्ते क्‍ष", "می‌خواهم", "❤️‍🔥 1️⃣ 👩‍👩‍👧", "Tiếng Việt", "שָׁלוֹם", "a\u{a0}b", "→ ✓ «»", "{}[];'\"\\"];
    for text in texts {
        assert_eq!(Shown::line(text).as_str(), format!("{text}\n"));
        assert_eq!(Word::of(text).as_str(), text);
        assert_eq!(LogFilter::default().pass(text.as_bytes()), text.as_bytes());
    }
}

#[test]
fn a_joiner_stays_where_it_joins_and_nowhere_else() {
    assert_eq!(Word::of("ad\u{200d}min").as_str(), "ad�min");
    assert_eq!(Word::of("\u{200d}क").as_str(), "�क");
    // Selectors in a row could carry hidden bits.
    assert_eq!(Word::of("❤\u{fe0f}\u{fe0e}\u{fe0f}\u{fe0e}").as_str(), "❤\u{fe0f}\u{fe0e}��");
    assert_eq!(Word::of(&format!("e{}", "\u{301}".repeat(50))).as_str(), format!("e{}", "\u{301}".repeat(MARKS_MAX)));
}

#[test]
fn no_line_is_a_strangers() {
    for forged in FORGED {
        for line_break in BREAKS {
            let shown = Shown::line(format!("error: {line_break}{forged}{line_break}{forged}"));
            for line in shown.as_str().lines().skip(1).filter(|line| !line.is_empty()) {
                assert!(line.starts_with(INDENT), "{shown:?}");
            }
            assert!(shown.as_str().starts_with("error: "), "{shown:?}");
            let word = Word::of(&format!("{line_break}{forged}"));
            assert!(!word.as_str().contains(is_line_end), "{word:?}");
        }
    }
    assert_eq!(Shown::line("one\r\ntwo\rthree\n\nfour\n\n").as_str(), "one\n  two\n  three\n\n  four\n");
    let mut two = Shown::line("a\nb");
    two.push("c");
    assert_eq!(two.indented().as_str(), "  a\n    b\n  c\n");
}

#[test]
fn generated_texts_are_harmless_and_stay_so() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let text = generated(&mut dice);
        let shown = Shown::line(format!("error: {text}"));
        harmless(shown.as_str());
        for line in shown.as_str().lines().skip(1) {
            assert!(line.is_empty() || line.starts_with(INDENT), "{text:?} is {shown:?}");
        }
        let word = Word::of(&text);
        harmless(word.as_str());
        assert_eq!(Word::of(word.as_str()), word, "{text:?}");
        let columns = dice.roll(20) + 1;
        let cut = Word::cut(&text, columns);
        assert!(cut.width() <= columns, "{text:?} in {columns} is {cut:?}");
        let json = escaped(&serde_json::to_string_pretty(&[&text]).unwrap());
        harmless(&json);
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
    }
}

#[test]
fn a_log_keeps_its_text_and_its_colours() {
    let pass = |text: &str| String::from_utf8(LogFilter::default().pass(text.as_bytes())).unwrap();
    assert_eq!(pass("a\tb\r50 %\u{8}\n"), "a\tb\r50 %\u{8}\n");
    assert_eq!(pass("\u{1b}[1;38:2:1:2:3mred\u{1b}[0m\n"), "\u{1b}[1;38:2:1:2:3mred\u{1b}[0m\n");
    // The colours end before a line of the host.
    assert_eq!(pass("\u{1b}[8mhidden"), "\u{1b}[8mhidden\u{1b}[0m");
    for hostile in HOSTILE {
        let passed = pass(&format!("before{hostile}\nafter\n"));
        let text = only_colours(passed.as_bytes());
        assert!(text.starts_with("before") && text.ends_with("\nafter\n"), "{hostile:?} is {passed:?}");
    }
    assert_eq!(pass("x\u{1b}]52;c;ZXZpbA==\u{7}y"), "xy");
    assert_eq!(pass("x\u{1b}[>4;1my\u{1b}[?4mz"), "xyz");
    assert_eq!(pass("a\u{202e}b"), "a�b");
    // A sequence within another is a separate one.
    assert_eq!(pass("\u{1b}[2\u{1b}[31mx"), "\u{1b}[31mx\u{1b}[0m");
}

#[test]
fn colours_go_on_in_the_next_piece() {
    let mut filter = LogFilter::default();
    assert_eq!(filter.pass(b"\x1b[31mred\n"), b"\x1b[31mred\n\x1b[0m");
    assert_eq!(filter.pass(b"still\n"), b"\x1b[31mstill\n\x1b[0m");
    assert_eq!(filter.pass(b"\x1b[mplain\n"), b"\x1b[31m\x1b[mplain\n");
    assert_eq!(filter.pass(b"plain\n"), b"plain\n");
    // However many are set, few are kept.
    filter.pass("\u{1b}[31mx\u{1b}[32my".repeat(10_000).as_bytes());
    assert!(filter.pass(b"z").len() < 600);
}

#[test]
fn a_sequence_without_an_end_ends_at_its_line_or_after_a_while() {
    for start in ["\u{1b}]0;", "\u{1b}P", "\u{1b}_", "\u{1b}[1", "\u{9d}", "\u{1b}("] {
        let pass = |text: String| String::from_utf8(LogFilter::default().pass(text.as_bytes())).unwrap();
        assert!(pass(format!("{start}111\nnext\n")).ends_with("\nnext\n"), "{start:?}");
        let long = pass(format!("{start}{}", "1".repeat(100_000)));
        assert!(long.len() > 90_000, "{start:?}: {} bytes", long.len());
        only_colours(long.as_bytes());
    }
}

#[test]
fn pieces_may_be_cut_anywhere() {
    let mut dice = Dice(42);
    for _ in 0..3_000 {
        let mut bytes = generated(&mut dice).into_bytes();
        for _ in 0..dice.roll(4) {
            let at = dice.roll(bytes.len() + 1);
            bytes.insert(at, u8::try_from(0x80 + dice.roll(0x80)).unwrap());
        }
        let whole = only_colours(&LogFilter::default().pass(&bytes));
        let mut filter = LogFilter::default();
        let mut pieces = String::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + dice.roll(rest.len().min(7)));
            pieces.push_str(&only_colours(&filter.pass(piece)));
            rest = after;
        }
        assert_eq!(whole, pieces, "{bytes:?}");
    }
}

#[test]
fn long_texts_are_cut() {
    let line = Shown::line("x".repeat(COLUMNS_MAX * 10));
    assert!(line.as_str().len() < COLUMNS_MAX + 100, "{}", line.as_str().len());
    let lines = Shown::line("y\n".repeat(1_000_000));
    assert_eq!(lines.as_str().lines().count(), LINES_MAX + 1);
    assert!(lines.as_str().ends_with("  … and 1999599 more bytes\n"), "{:?}", lines.as_str().lines().last());
    // A wide character that does not fit completely is left out.
    assert_eq!(Word::cut("日本語", 6).as_str(), "日本語");
    assert_eq!(Word::cut("日本語", 5).as_str(), "日本…");
    assert_eq!(Word::cut("日本語", 4).as_str(), "日…");
    assert_eq!(Word::cut("pandas", 6).as_str(), "pandas");
    assert_eq!(Word::cut("scikit-learn", 6).as_str(), "sciki…");
    assert_eq!(Word::cut("a\u{1b}[31mb\n", 9).as_str(), "a�[31mb ");
    assert_eq!(Word::message("a\u{1b}[31mb\n", 9).as_str(), "ab ");
}

#[test]
fn texts_of_pages_have_no_character_that_is_not_shown() {
    let rows = [
        ("plain\n\ttext <b>", "plain\n\ttext <b>"),
        ("\u{1b}[31mred\u{1b}[0m and \u{1b}[2Jnot", "red and �[2Jnot"),
        ("a\u{202e}b\u{200b}c\r\0", "a�b�c��"),
        ("日本 ❤️", "日本 ❤️"),
    ];
    for (text, expected) in rows {
        assert_eq!(visible(text), expected);
    }
    assert_eq!(visible(&format!("a{}", "\u{301}".repeat(1000))).chars().count(), 1 + MARKS_MAX);
}
