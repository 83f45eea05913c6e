//! How a terminal shows each character: unchanged, or as `�` if the terminal would obey it or not show it.

use std::ops::RangeInclusive;

/// The replacement of a character that is not shown.
pub(super) const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Bytes of the parameters of one colour: `38;2;255;255;255;48;2;255;255;255` has 33.
pub(super) const COLOUR_MAX: usize = 64;

/// Consecutive joiners and selectors: an emoji has two (`❤️‍🔥`); more can carry hidden data.
const JOINERS_MAX: u8 = 2;

/// The scripts that join their letters begin here.
const JOINING_FROM: char = '\u{600}';

/// Direction controls, and characters without an appearance. These are Unicode's `Default_Ignorable_Code_Point`, with
/// the Egyptian format controls and the interlinear marks added.
const INVISIBLE: &[RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{13430}'..='\u{1345f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// The appearance of consecutive characters: a joiner's depends on the character before it.
#[derive(Debug, Default)]
pub(super) struct Appearance {
    before: Option<char>,
    joiners: u8,
}

impl Appearance {
    /// The appearance of the next character.
    pub(super) fn of(&mut self, character: char) -> char {
        if !is_invisible(character) {
            self.joiners = 0;
            self.before = Some(character);
            return if character.is_control() { REPLACEMENT } else { character };
        }
        if self.joiners < JOINERS_MAX && self.before.is_some_and(|before| joins(before, character)) {
            self.joiners += 1;
            return character;
        }
        self.before = None;
        REPLACEMENT
    }
}

pub(super) fn is_invisible(character: char) -> bool {
    character >= *INVISIBLE[0].start() && INVISIBLE.iter().any(|range| range.contains(&character))
}

/// Whether a line ends after this character.
pub(super) fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether an invisible character may follow this one: joiners and Mongolian selectors within words of scripts that
/// need them and between emoji, variation selectors after characters that have variants.
fn joins(before: char, character: char) -> bool {
    match character {
        '\u{200c}' | '\u{200d}' | '\u{180b}'..='\u{180d}' | '\u{180f}' => {
            before >= JOINING_FROM && before != REPLACEMENT && !before.is_whitespace()
        }
        '\u{fe00}'..='\u{fe0f}' => {
            before.is_ascii_digit() || matches!(before, '#' | '*') || before > '\u{a0}' && before != REPLACEMENT
        }
        _ => false,
    }
}

/// The length of the escape sequence for a colour (SGR, without private parameters) at the start of a text.
pub(super) fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|character: char| !is_colour_parameter(character))?;
    (end <= COLOUR_MAX && parameters[end..].starts_with('m')).then_some("\u{1b}[".len() + end + 1)
}

pub(super) fn is_colour_parameter(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, ';' | ':')
}
