//! An error and its causes as one line of text, for all crates that report errors.

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
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
}
