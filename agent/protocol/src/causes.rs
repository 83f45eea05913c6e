//! An error and its causes as text, for all crates that report errors.

use std::error::Error;

/// What an error and its causes say, each once: many errors repeat the text of their cause.
pub fn texts(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        next = cause.source();
        if !texts.last().is_some_and(|last| last.contains(&text)) {
            texts.push(text);
        }
    }
    texts
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    texts(error).join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectionError, ProtocolError};

    #[test]
    fn every_cause_is_in_the_line() {
        assert_eq!(chain(&ProtocolError::MissingDescriptor), "frame announces a descriptor, but none was passed");
        let cause = std::io::Error::other(ProtocolError::ReservedBytes);
        let error = ConnectionError::Io { doing: "reading from", source: cause };
        let reason = "reading from the connection failed: reserved header bytes are not zero";
        assert_eq!(chain(&error), reason);
        assert_eq!(
            chain(&ConnectionError::Protocol(ProtocolError::ReservedBytes)),
            "the other side broke the protocol: reserved header bytes are not zero"
        );
    }

    #[test]
    fn a_cause_that_its_error_repeats_is_not_said_again() {
        #[derive(Debug)]
        struct Of(&'static str, Option<Box<Of>>);
        impl std::fmt::Display for Of {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        impl Error for Of {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                self.1.as_deref().map(|cause| cause as _)
            }
        }
        let away = Of("the disk is away", None);
        let error = Of("cannot read it: gone", Some(Box::new(Of("gone", Some(Box::new(away))))));
        assert_eq!(texts(&error), ["cannot read it: gone", "the disk is away"]);
        assert_eq!(chain(&error), "cannot read it: gone: the disk is away");
    }
}
