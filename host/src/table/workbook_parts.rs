//! The parts of a workbook, before its reader sees them: it holds all texts of a workbook, and each cell whole, so that what
//! they unpack to is bounded by what they have in the file.

use super::error::TableError;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::ZipArchive;

/// What a byte of a workbook's part unpacks to, at most: sheets of one number over and over come to 50.
const RATIO_MAX: u64 = 200;

/// Bytes that each part may unpack to, however short it is.
const PART_USUAL: u64 = 64 << 20;

/// Looks at how much they unpack to.
///
/// # Errors
/// Which is more than that of any workbook.
pub(super) fn check_parts(path: &Path, file: &File) -> Result<(), TableError> {
    // What is wrong with the archive, its reader says.
    let Ok(mut archive) = ZipArchive::new(BufReader::new(file)) else { return Ok(()) };
    for index in 0..archive.len() {
        let Ok(part) = archive.by_index(index) else { return Ok(()) };
        let name = part.name().map(Cow::into_owned).unwrap_or_default();
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue;
        }
        let most = PART_USUAL.saturating_add(part.compressed_size().saturating_mul(RATIO_MAX));
        // What a part says of its length need not be so.
        let read = std::io::copy(&mut part.take(most + 1), &mut std::io::sink());
        if read.is_ok_and(|read| read > most) {
            let reason =
                format!("its part `{name}` unpacks to more than {RATIO_MAX} times its bytes, as no workbook does");
            return Err(TableError::Unreadable { path: path.to_owned(), reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    fn check(name: &str, bytes: usize) -> Result<(), String> {
        let file = tempfile::tempfile().unwrap();
        let mut archive = zip::ZipWriter::new(file.try_clone().unwrap());
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        let spaces = vec![b' '; 1 << 20];
        (0..bytes >> 20).for_each(|_| archive.write_all(&spaces).unwrap());
        archive.finish().unwrap();
        check_parts(Path::new("x.xlsx"), &file).map_err(|error| error.to_string())
    }

    #[test]
    fn a_part_that_unpacks_to_anything_is_refused() {
        check("xl/sharedStrings.xml", 32 << 20).unwrap();
        check("xl/media/picture.bin", 128 << 20).unwrap();
        let error = check("xl/sharedStrings.xml", 128 << 20).unwrap_err();
        assert!(error.contains("`xl/sharedStrings.xml` unpacks to more than 200 times its bytes"), "{error}");
    }
}
