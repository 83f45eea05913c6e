//! A script's output on its way to a terminal: text and colours, and nothing else that a terminal obeys. Bytes arrive
//! in arbitrary pieces; what is kept between them is bounded.

use super::character::{Appearance, COLOUR_MAX, is_colour_parameter};

/// Bytes of one escape sequence that are removed. A longer one is taken as unterminated, and its text is shown.
const SEQUENCE_MAX: usize = 4 << 10;

/// Bytes of the active colours, each set by its own sequence; beyond that, only the last one is kept.
const COLOURS_MAX: usize = 4 * COLOUR_MAX;

/// Resets to the terminal's own colours.
const RESET: &[u8] = b"\x1b[0m";

/// The position of the stream in an escape sequence.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and intermediates, such as `ESC ( `.
    Intermediate,
    /// In a control sequence (CSI).
    Control,
    /// In a string for the terminal: OSC, DCS, APC, PM, SOS.
    Command,
}

/// A filter of one stream, standard output or standard error.
#[derive(Debug, Default)]
pub struct LogFilter {
    state: State,
    /// The first bytes of an incomplete character.
    partial: Vec<u8>,
    /// Parameters of a control sequence that may be a colour.
    parameters: String,
    /// Bytes of the escape sequence so far.
    sequence: usize,
    /// The active colours, as the sequences that set them.
    colours: Vec<u8>,
    appearance: Appearance,
}

impl LogFilter {
    /// Filters bytes for a terminal. The result begins and ends with the terminal's own colours, so that the host's
    /// lines can be printed between two pieces.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let before = self.colours.clone();
        let mut passed = Vec::with_capacity(bytes.len());
        let joined;
        let bytes = if self.partial.is_empty() {
            bytes
        } else {
            joined = [&std::mem::take(&mut self.partial)[..], bytes].concat();
            &joined[..]
        };
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(|character| self.take(character, &mut passed));
            let invalid = chunk.invalid();
            let is_cut = chunks.peek().is_none() && is_beginning(invalid);
            if is_cut {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.take(char::REPLACEMENT_CHARACTER, &mut passed);
            }
        }
        if passed.is_empty() {
            return passed;
        }
        if !self.colours.is_empty() {
            passed.extend_from_slice(RESET);
        }
        [before, passed].concat()
    }

    fn take(&mut self, character: char, passed: &mut Vec<u8>) {
        self.sequence += 1;
        let is_endless = self.sequence > SEQUENCE_MAX;
        match (self.state, character) {
            // The start of a sequence, also within another.
            (_, '\u{1b}') => self.begin(State::Escape),
            (_, '\u{9b}') => self.begin(State::Control),
            (_, '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => self.begin(State::Command),
            (State::Text, character) => self.show(character, passed),
            // The end of a line ends every sequence, terminated or not.
            (_, '\n') => self.end_and_show(character, passed),
            (_, character) if is_endless => self.end_and_show(character, passed),
            (State::Command, '\u{7}' | '\u{9c}' | '\u{18}' | '\u{1a}') => self.state = State::Text,
            (State::Command, _) => {}
            (State::Escape, '[') => self.begin(State::Control),
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => self.begin(State::Command),
            (State::Escape | State::Intermediate, ' '..='/') => self.state = State::Intermediate,
            (State::Escape | State::Intermediate, '0'..='~') => self.state = State::Text,
            (State::Control, ' '..='?') => {
                // A sequence that exceeds the limit is not a colour.
                if self.parameters.len() <= COLOUR_MAX {
                    self.parameters.push(character);
                }
            }
            (State::Control, 'm') => {
                self.state = State::Text;
                self.colour(passed);
            }
            (State::Control, '@'..='~') => self.state = State::Text,
            (_, character) => self.end_and_show(character, passed),
        }
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.sequence = 0;
        self.parameters.clear();
    }

    fn end_and_show(&mut self, character: char, passed: &mut Vec<u8>) {
        self.state = State::Text;
        self.show(character, passed);
    }

    fn show(&mut self, character: char, passed: &mut Vec<u8>) {
        let shown = match character {
            '\n' | '\r' | '\t' | '\u{8}' => {
                self.appearance = Appearance::default();
                character
            }
            // A bell, a NUL, a form feed: a terminal shows nothing for them either.
            character if character.is_control() => return,
            character => self.appearance.of(character),
        };
        passed.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn colour(&mut self, passed: &mut Vec<u8>) {
        let parameters = std::mem::take(&mut self.parameters);
        if parameters.len() > COLOUR_MAX || !parameters.chars().all(is_colour_parameter) {
            return;
        }
        let sequence = format!("\u{1b}[{parameters}m").into_bytes();
        let resets = parameters.chars().all(|character| matches!(character, '0' | ';' | ':'));
        if resets {
            self.colours.clear();
        } else {
            if self.colours.len() + sequence.len() > COLOURS_MAX {
                self.colours.clear();
                passed.extend_from_slice(RESET);
            }
            self.colours.extend_from_slice(&sequence);
        }
        passed.extend_from_slice(&sequence);
    }
}

/// Whether incomplete bytes may become a character with those that follow.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
