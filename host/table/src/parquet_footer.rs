//! Checks the footer of a Parquet file before the library reads it: that it is whole, that the file is not encrypted,
//! and that it requests no more memory than it has bytes.

use super::room::{Room, set_aside};
use super::thrift::Walk;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// First and last bytes of a file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// The same of a file whose footer is encrypted.
pub(super) const MAGIC_ENCRYPTED: &[u8] = b"PARE";

/// The field of the file's metadata for the encryption of columns.
const ENCRYPTION: i64 = 8;

/// Bytes of memory for a byte of a footer: a column's part of it has some 100 bytes, and its structures ten times as
/// many.
const FACTOR: u64 = 10;

/// Checks a file's footer, and reserves the memory that its reader will take.
///
/// # Errors
/// If it is invalid or encrypted, or its reader would take too much memory.
pub(super) fn check(file: &mut File) -> Result<Room, String> {
    let text = |error: std::io::Error| error.to_string();
    let length = file.seek(SeekFrom::End(0)).map_err(text)?;
    let cut = || "it ends without a footer: it was cut short, or its writer did not close it".to_owned();
    if length < 12 {
        return Err(cut());
    }
    let mut tail = [0; 8];
    file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut tail)).map_err(text)?;
    let encrypted = || Err("it is encrypted: decrypt it first".into());
    match &tail[4..] {
        MAGIC => {}
        MAGIC_ENCRYPTED => return encrypted(),
        _ => return Err(cut()),
    }
    let size = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if size > length - 12 {
        return Err(format!("the footer claims {size} bytes, more than the file has"));
    }
    let mut room = Room::default();
    room.hold(size.saturating_mul(FACTOR))?;
    let mut footer = set_aside(size)?;
    file.seek(SeekFrom::Start(length - 8 - size)).map_err(text)?;
    file.by_ref().take(size).read_to_end(&mut footer).map_err(text)?;
    let fields = Walk::new(&footer).passed().ok_or("its footer is damaged")?;
    if fields.contains(&ENCRYPTION) { encrypted() } else { Ok(room) }
}
