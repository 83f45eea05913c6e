//! The footer of a Parquet file, before its reader sees it: whether it is whole, whether the file is encrypted, and
//! whether it asks for no more memory than it has bytes. It is one structure of Thrift's compact protocol.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// First and last bytes of a file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// The same of a file whose footer is encrypted.
pub(super) const MAGIC_ENCRYPTED: &[u8] = b"PARE";

/// Structures inside each other, at most; the format has seven.
const DEPTH_MAX: usize = 32;

/// The field of the file's metadata that says how columns are encrypted.
const ENCRYPTION: i64 = 8;

/// Checks a file's footer.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(file: &mut File) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let length = file.seek(SeekFrom::End(0)).map_err(text)?;
    let cut = || "it ends without its footer: it is cut short, or was not closed by its writer".to_owned();
    if length < 12 {
        return Err(cut());
    }
    let mut tail = [0; 8];
    file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut tail)).map_err(text)?;
    let encrypted = || Err("it is encrypted, and read only when it is decrypted before".into());
    match &tail[4..] {
        MAGIC => {}
        MAGIC_ENCRYPTED => return encrypted(),
        _ => return Err(cut()),
    }
    let size = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if size > length - 12 {
        return Err(format!("its footer says that it has {size} bytes, more than the file"));
    }
    let mut footer = Vec::with_capacity(usize::try_from(size).map_err(|error| error.to_string())?);
    file.seek(SeekFrom::Start(length - 8 - size)).map_err(text)?;
    file.by_ref().take(size).read_to_end(&mut footer).map_err(text)?;
    let fields = Walk { bytes: &footer, at: 0 }.structure(DEPTH_MAX).ok_or("its footer is damaged")?;
    if fields.contains(&ENCRYPTION) { encrypted() } else { Ok(()) }
}

/// A walk through a structure, which looks at nothing but lengths.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    /// Passes a structure, and says which fields it has. `None` where it is not whole.
    fn structure(&mut self, depth: usize) -> Option<BTreeSet<i64>> {
        let depth = depth.checked_sub(1)?;
        let mut fields = BTreeSet::new();
        let mut field = 0;
        loop {
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == 0 {
                return Some(fields);
            }
            field = match header >> 4 {
                0 => {
                    let number = self.number()?;
                    // Signed numbers are zigzag: 0, -1, 1, -2.
                    i64::try_from(number >> 1).ok()? ^ -i64::try_from(number & 1).ok()?
                }
                step => field + i64::from(step),
            };
            fields.insert(field);
            // A boolean field's value is in its kind.
            if !matches!(kind, 1 | 2) {
                self.value(kind, depth)?;
            }
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.number().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.number()?;
                self.skip(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let header = self.byte()?;
                let count = match header >> 4 {
                    15 => self.number()?,
                    count => u64::from(count),
                };
                self.values(count, &[header & 0x0f], depth)
            }
            11 => match self.number()? {
                0 => Some(()),
                count => {
                    let kinds = self.byte()?;
                    self.values(count, &[kinds >> 4, kinds & 0x0f], depth)
                }
            },
            12 => self.structure(depth).map(drop),
            _ => None,
        }
    }

    fn values(&mut self, count: u64, kinds: &[u8], depth: usize) -> Option<()> {
        // Each takes a byte at least, so that no list is longer than what is left.
        if count > (self.bytes.len() - self.at) as u64 {
            return None;
        }
        for _ in 0..count {
            for kind in kinds {
                self.value(*kind, depth)?;
            }
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at)?;
        self.at += 1;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.at = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        Some(())
    }
}
