//! SHA-256 digests, which name images and their parts: parsed from text, and computed while bytes pass.

use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;

/// The prefix of a digest's text.
const ALGORITHM: &str = "sha256:";

/// Digits of an environment's hash: at least 128 bits of SHA-256, at most all 256.
const HASH_DIGITS: RangeInclusive<usize> = 32..=64;

/// The fewest digits that identify a hash: among 1,000 hashes, the chance that six digits match two is 1 in 30.
const PREFIX_MIN: usize = 6;

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Parses `sha256:` and 64 digits. Other algorithms are rejected: no engine uses them.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_hex(text.strip_prefix(ALGORITHM)?)
    }

    /// Parses 64 lower-case hexadecimal digits.
    pub fn parse_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hexadecimal(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", self.hex())
    }
}

/// A reader that counts and digests the bytes that pass.
#[derive(Debug)]
pub struct Digesting<T> {
    inner: T,
    sha: Sha256,
    count: u64,
}

impl<T> Digesting<T> {
    /// A reader that has counted no bytes yet.
    pub fn new(inner: T) -> Self {
        Self { inner, sha: Sha256::new(), count: 0 }
    }

    /// The digest of the bytes that have passed, and their number.
    pub fn finish(self) -> (Digest, u64) {
        (Digest(self.sha.finalize().into()), self.count)
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.count += bytes.len() as u64;
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.pass(&buffer[..read]);
        Ok(read)
    }
}

/// A reader that yields exactly the expected bytes, or an error before its end.
#[derive(Debug)]
pub struct Verified<R> {
    inner: Option<Digesting<R>>,
    digest: Digest,
    size: u64,
}

impl<R: Read> Verified<R> {
    /// Expects `size` bytes with this digest.
    pub fn new(inner: R, digest: Digest, size: u64) -> Self {
        Self { inner: Some(Digesting::new(inner)), digest, size }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let changed = || io::Error::new(io::ErrorKind::InvalidData, "the archive was changed while it was read");
        let Some(inner) = &mut self.inner else { return Ok(0) };
        let read = inner.read(buffer)?;
        if inner.count > self.size {
            return Err(changed());
        }
        if read == 0 && !buffer.is_empty() {
            let ended = self.inner.take().map(Digesting::finish);
            if ended != Some((self.digest, self.size)) {
                return Err(changed());
            }
        }
        Ok(read)
    }
}

/// A writer that counts the bytes that pass.
#[derive(Debug)]
pub struct Counting<W> {
    inner: W,
    count: u64,
}

impl<W: Write> Counting<W> {
    /// A writer that has counted no bytes yet.
    pub fn new(inner: W) -> Self {
        Self { inner, count: 0 }
    }

    /// The number of bytes that have passed.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a text consists of one or more digits as [`hexadecimal`] writes them.
pub fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a text is the hash of an environment. Needed because labels and folder names can contain anything.
pub fn is_hash(text: &str) -> bool {
    HASH_DIGITS.contains(&text.len()) && is_hexadecimal(text)
}

/// The digits of an image's id, which engines write with or without the algorithm.
pub fn digits(id: &str) -> &str {
    id.strip_prefix(ALGORITHM).unwrap_or(id)
}

/// The prefix of a hash or an id as a user writes it, converted to lower case; `None` if it is not hexadecimal or is
/// too short.
pub fn prefix(text: &str) -> Option<String> {
    let digits = digits(text).to_ascii_lowercase();
    (digits.len() >= PREFIX_MIN && is_hexadecimal(&digits)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_and_written() {
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), text);
        assert_eq!(Digest::parse(text), Some(Digest::of(b"")));
        for wrong in ["", "sha256:", "sha512:00", &text[..70], &text.replace('e', "E"), &text.replace('e', "g")] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hashes_are_told_from_other_words() {
        let hex = Digest::of(b"").hex();
        assert!(is_hash(&hex) && is_hash(&hex[..32]));
        for wrong in ["", &hex[..31], &format!("{hex}0"), &hex.to_uppercase(), "../../../../../../../../../etc/passwd"]
        {
            assert!(!is_hash(wrong), "{wrong}");
        }
        assert_eq!((digits(&Digest::of(b"").to_string()), digits(&hex)), (&*hex, &*hex));
    }

    #[test]
    fn people_write_the_beginning_of_a_hash_as_they_like() {
        for text in ["e3b0c4", "E3B0C4", "sha256:e3b0c4"] {
            assert_eq!(prefix(text).as_deref(), Some("e3b0c4"), "{text}");
        }
        for wrong in ["", "e3b0c", "sha256:", "sha512:e3b0c4", "e3b0cg", "é3b0c44"] {
            assert_eq!(prefix(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn other_bytes_than_expected_are_an_error() {
        let read = |bytes: &[u8], size| {
            let mut out = Vec::new();
            Verified::new(bytes, Digest::of(b"abc"), size).read_to_end(&mut out).map_err(|error| error.to_string())
        };
        assert_eq!(read(b"abc", 3), Ok(3));
        for (bytes, size) in [(&b"abd"[..], 3), (b"ab", 3), (b"abcd", 3), (b"abc", 4)] {
            assert_eq!(read(bytes, size), Err("the archive was changed while it was read".into()));
        }
    }
}
