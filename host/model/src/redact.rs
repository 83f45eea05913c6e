//! Removes secrets from shown or kept text: the passwords in settings' addresses, and the values of password options.
//! They are searched in all output of programs and scripts: verbatim, and as JSON and addresses encode them.

use crate::address::{MASK, masked};
use std::collections::BTreeSet;

/// The fewest letters of a secret that is masked: shorter ones occur in any text.
pub const LENGTH_MIN: usize = 4;

/// The secrets, in all their forms, the longest first.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Takes secrets, without those that are too short to mask.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let long = secrets.into_iter().filter(|secret| secret.len() >= LENGTH_MIN);
        let forms: BTreeSet<String> = long.flat_map(forms).collect();
        let mut forms: Vec<String> = forms.into_iter().collect();
        // Of two with the same beginning the longer one is matched, so that no part of it remains.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self(forms)
    }

    /// A text with the secrets masked.
    pub fn masked(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.scan(text.as_bytes(), true).0).into_owned()
    }

    /// A line of a program's output with the secrets masked, and also the passwords in addresses that are not known as
    /// secrets.
    pub fn masked_line(&self, line: &str) -> String {
        self.masked(&masked(line))
    }

    /// Masks bytes, and returns how many were processed: the rest may be the beginning of a secret, unless this is the
    /// end.
    fn scan(&self, bytes: &[u8], is_end: bool) -> (Vec<u8>, usize) {
        let (mut shown, mut at, mut plain) = (Vec::with_capacity(bytes.len()), 0, 0);
        while at < bytes.len() {
            let rest = &bytes[at..];
            let begins = |secret: &&String| secret.as_bytes()[0] == rest[0];
            let found = self.0.iter().filter(begins).map(String::as_bytes).find(|secret| {
                rest.starts_with(secret) || (!is_end && rest.len() < secret.len() && secret.starts_with(rest))
            });
            match found {
                None => at += 1,
                Some(secret) if rest.len() < secret.len() => break,
                Some(secret) => {
                    shown.extend_from_slice(&bytes[plain..at]);
                    shown.extend_from_slice(MASK.as_bytes());
                    at += secret.len();
                    plain = at;
                }
            }
        }
        shown.extend_from_slice(&bytes[plain..at]);
        (shown, at)
    }
}

/// A secret verbatim, as a JSON string, and as addresses and forms encode it.
fn forms(secret: String) -> [String; 4] {
    let quoted = serde_json::Value::from(secret.as_str()).to_string();
    let json = quoted[1..quoted.len() - 1].to_owned();
    let percent: String = secret.bytes().map(|byte| escaped(byte, "%20")).collect();
    let form = secret.bytes().map(|byte| escaped(byte, "+")).collect();
    [secret, json, percent, form]
}

fn escaped(byte: u8, space: &str) -> String {
    match byte {
        b' ' => space.to_owned(),
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// Masks secrets in a stream of bytes, however it is divided. Bytes that may begin a secret are held back until that is
/// decided.
#[derive(Debug)]
pub struct Masking {
    secrets: Secrets,
    held: Vec<u8>,
}

impl Masking {
    /// A masker for these secrets, at the start of a stream.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, held: Vec::new() }
    }

    /// Takes the next piece, and gives the bytes that can be shown.
    pub fn take(&mut self, piece: Vec<u8>) -> Vec<u8> {
        if self.secrets.0.is_empty() {
            return piece;
        }
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(&piece);
        let (shown, seen) = self.secrets.scan(&bytes, false);
        self.held = bytes.split_off(seen);
        shown
    }

    /// Gives the bytes that were held back, at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        self.secrets.scan(&std::mem::take(&mut self.held), true).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets::new(texts.iter().map(|&text| text.to_owned()))
    }

    #[test]
    fn secrets_are_nowhere_in_what_is_shown() {
        let secrets = secrets(&["hunter2", "abc", "my hunter2!"]);
        assert_eq!(secrets.masked("hunter2, abc, hunter2, my hunter2!"), "***, abc, ***, ***");
        assert_eq!(secrets.scan(b"\xffhunter2\xffhunter", true).0, b"\xff***\xffhunter");
    }

    #[test]
    fn a_line_has_no_passwords_of_addresses_either() {
        let secrets = secrets(&["hunter2"]);
        assert_eq!(secrets.masked_line("hunter2 of https://u:other@h/x?k=hunter2"), "*** of https://u:***@h/x?k=***");
    }

    #[test]
    fn json_and_addresses_have_forms_of_their_own() {
        let secrets = secrets(&["a\"b c&ü"]);
        for form in ["a\"b c&ü", "a\\\"b c&ü", "a%22b%20c%26%C3%BC", "a%22b+c%26%C3%BC"] {
            assert_eq!(secrets.masked(&format!("<{form}>")), "<***>", "{form}");
        }
    }

    #[test]
    fn pieces_are_masked_wherever_they_are_cut() {
        let text = b"it is hunter2, huhunter2 and hunter\nhunter2!, abab";
        for length in 1..=text.len() {
            let mut masking = Masking::new(secrets(&["hunter2", "hunter2!", "hunted", "abab"]));
            let mut shown = Vec::new();
            for piece in text.chunks(length) {
                shown.extend(masking.take(piece.to_vec()));
            }
            shown.extend(masking.finish());
            assert_eq!(String::from_utf8(shown).unwrap(), "it is ***, hu*** and hunter\n***, ***", "{length}");
        }
    }

    #[test]
    fn only_what_may_begin_a_secret_is_held_back() {
        let mut masking = Masking::new(secrets(&["hunter2"]));
        assert_eq!(masking.take(b"a line\n".to_vec()), b"a line\n");
        assert_eq!(masking.take(b"the hunt".to_vec()), b"the ");
        assert_eq!(masking.take(b" is on".to_vec()), b"hunt is on");
        assert_eq!(masking.finish(), b"");
    }
}
