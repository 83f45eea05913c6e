//! Checks the parts of a workbook before its reader sees them: the reader holds all texts of a workbook, and each cell
//! whole, so their unpacked size is bounded by their size in the file.

use super::ROW_BYTES_MAX;
use super::error::TableError;
use super::room::Room;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use zip::ZipArchive;

/// Maximum decompressed bytes for each byte of a part: sheets that repeat one number reach 50.
const RATIO_MAX: u64 = 200;

/// Bytes that each part may be decompressed to, however small it is.
const PART_USUAL: u64 = 64 << 20;

/// Maximum bytes between two tags: a text, or a tag itself, which is held as a whole.
const STRETCH_MAX: usize = ROW_BYTES_MAX;

/// Bytes of memory for each byte of a part that is held as a whole, such as the texts: an empty text of 5 bytes is a
/// string of 24.
const FACTOR: u64 = 6;

/// Checks the decompressed sizes, and reserves the memory that the reader will take.
///
/// # Errors
/// If a part is larger than that of any workbook.
pub(super) fn check_parts(path: &Path, file: &File) -> Result<Room, TableError> {
    let unreadable = |reason: String| TableError::Unreadable { path: path.to_owned(), reason };
    let mut room = Room::default();
    // The archive's reader reports any error.
    let Ok(mut archive) = ZipArchive::new(BufReader::new(file)) else { return Ok(room) };
    let mut left = file.metadata().map_or(0, |metadata| metadata.len());
    let mut whole = 0_u64;
    for index in 0..archive.len() {
        let Ok(part) = archive.by_index(index) else { return Ok(room) };
        let name = part.name().map(Cow::into_owned).unwrap_or_default();
        // Each part is read once, and so is each byte of the file, unless two parts overlap.
        let Some(rest) = left.checked_sub(part.compressed_size()) else {
            return Err(unreadable("its parts have more bytes than the file: some of them overlap".into()));
        };
        left = rest;
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue;
        }
        let most = PART_USUAL.saturating_add(part.compressed_size().saturating_mul(RATIO_MAX));
        // The length that a part claims may be wrong.
        let mut stretches = Stretches::default();
        let read = std::io::copy(&mut part.take(most + 1), &mut stretches);
        if stretches.longest > STRETCH_MAX {
            let most = STRETCH_MAX >> 20;
            return Err(unreadable(format!("its part `{name}` has a text or a tag of more than {most} MiB")));
        }
        let read = read.unwrap_or_default();
        if read > most {
            return Err(unreadable(format!(
                "its part `{name}` unpacks to more than {RATIO_MAX} times its bytes, as no workbook does"
            )));
        }
        // Sheets are read cell by cell.
        if !name.starts_with("xl/worksheets/") {
            whole = whole.saturating_add(read);
            room.hold(whole.saturating_mul(FACTOR)).map_err(|refused| unreadable(refused.into()))?;
        }
    }
    Ok(room)
}

/// Counts the bytes between two tags, up to the limit.
#[derive(Debug, Default)]
struct Stretches {
    current: usize,
    longest: usize,
}

impl Write for Stretches {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for (place, stretch) in bytes.split(|byte| *byte == b'<').enumerate() {
            self.current = if place == 0 { self.current + stretch.len() } else { stretch.len() };
            self.longest = self.longest.max(self.current);
        }
        if self.longest > STRETCH_MAX { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zip::write::SimpleFileOptions;

    fn check(name: &str, piece: &[u8], bytes: usize) -> Result<(), String> {
        let file = tempfile::tempfile().unwrap();
        let mut archive = zip::ZipWriter::new(file.try_clone().unwrap());
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        let pieces = piece.repeat((1 << 20) / piece.len());
        (0..bytes >> 20).for_each(|_| archive.write_all(&pieces).unwrap());
        archive.finish().unwrap();
        check_parts(Path::new("x.xlsx"), &file).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_part_that_unpacks_to_anything_is_refused() {
        check("xl/sharedStrings.xml", b" ", 32 << 20).unwrap();
        check("xl/media/picture.bin", b" ", 128 << 20).unwrap();
        let tag = [&b"<"[..], &[b' '; 65_535]].concat();
        let error = check("xl/sharedStrings.xml", &tag, 128 << 20).unwrap_err();
        assert!(error.contains("`xl/sharedStrings.xml` unpacks to more than 200 times its bytes"), "{error}");
        let error = check("xl/worksheets/sheet1.xml", b" ", 65 << 20).unwrap_err();
        assert!(error.contains("`xl/worksheets/sheet1.xml` has a text or a tag of more than 64 MiB"), "{error}");
    }

    #[test]
    fn parts_in_one_place_are_refused() {
        let name = |number: u8| format!("xl/{number}.xml");
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for number in [1, 2, 3] {
            let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            archive.start_file(name(number), stored).unwrap();
            archive.write_all(&[b' '; 4000]).unwrap();
        }
        let mut bytes = archive.finish().unwrap().into_inner();
        // The directory's records contain the position of each part; all are set to that of the first.
        let marks = |mark: &[u8]| (0..bytes.len()).filter(|at| bytes[*at..].starts_with(mark)).collect::<Vec<_>>();
        let (parts, records) = (marks(b"PK\x03\x04"), marks(b"PK\x01\x02"));
        for at in &records {
            bytes[at + 42..at + 46].fill(0);
        }
        bytes.drain(parts[1]..records[0]);
        let moved = u32::try_from(records[0] - parts[1]).unwrap();
        let end = bytes.len() - 6;
        let start = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) - moved;
        bytes[end..end + 4].copy_from_slice(&start.to_le_bytes());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let error = check_parts(Path::new("x.xlsx"), &file).unwrap_err().to_string();
        assert!(error.contains("its parts have more bytes than the file"), "{error}");
    }
}
