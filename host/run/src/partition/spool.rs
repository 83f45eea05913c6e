//! The outputs of a run's parts: one unnamed file for each output, to which each part is added when it ends, in any
//! order. Only parts that run at the same time need descriptors.

use crate::output::{Finished, Pending};
use arrow_array::ArrayRef;
use longshore_os::temporary::{TemporaryFile, failure};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The outputs of all parts, by number.
#[derive(Debug)]
pub(super) struct Spools {
    spools: Vec<Option<Spool>>,
    temporary_folder: PathBuf,
}

/// One output of all parts.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    length: u64,
    written: Vec<Written>,
}

/// One part of an output: an Arrow stream in a range of the file.
#[derive(Debug)]
pub(super) struct Written {
    position: usize,
    /// The part's name.
    pub(super) part: String,
    /// The part's value, as a column of one row.
    pub(super) value: ArrayRef,
    start: u64,
    length: u64,
}

impl Spools {
    /// No outputs yet. Their files are in this folder.
    pub(super) fn new(temporary_folder: &Path) -> Self {
        Self { spools: Vec::new(), temporary_folder: temporary_folder.to_owned() }
    }

    /// Adds a part's outputs, and closes its files. Blocks.
    pub(super) fn add(
        &mut self,
        position: usize,
        part: &str,
        value: &ArrayRef,
        finished: Vec<Finished>,
    ) -> std::io::Result<()> {
        for output in finished {
            let (Some(Pending::Kept(mut file)), Ok(number)) = (output.file, usize::try_from(output.index)) else {
                continue;
            };
            if self.spools.len() <= number {
                self.spools.resize_with(number + 1, || None);
            }
            let spool = match &mut self.spools[number] {
                Some(spool) => spool,
                none => {
                    let file = TemporaryFile::new_in(&self.temporary_folder)?.into_file();
                    none.insert(Spool { file, length: 0, written: Vec::new() })
                }
            };
            file.rewind()?;
            // The incomplete rest of a failed copy is overwritten.
            spool.file.seek(SeekFrom::Start(spool.length))?;
            let copied = std::io::copy(&mut file, &mut spool.file);
            let length = copied.map_err(|source| failure(&self.temporary_folder, source))?;
            let (part, value) = (part.to_owned(), value.clone());
            spool.written.push(Written { position, part, value, start: spool.length, length });
            spool.length += length;
        }
        Ok(())
    }

    /// Takes one output, with its parts in order.
    pub(super) fn take(&mut self, number: usize) -> Option<Spool> {
        let mut spool = self.spools.get_mut(number)?.take()?;
        spool.written.sort_by_key(|written| written.position);
        Some(spool)
    }
}

impl Spool {
    /// The parts, in order.
    pub(super) fn parts(&self) -> &[Written] {
        &self.written
    }

    /// A reader of a part's data.
    pub(super) fn read(&self, part: &Written) -> std::io::Result<impl Read + '_> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(part.start))?;
        Ok(file.take(part.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;
    use std::io::Write;
    use std::sync::Arc;

    fn finished(index: u32, text: &str) -> Finished {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let file = Some(Pending::Kept(file));
        Finished {
            index,
            rows: 1,
            bytes: 1,
            notes: Vec::new(),
            file,
            preview: None,
            changed: Vec::new(),
            spoiled: None,
        }
    }

    #[test]
    fn parts_are_read_in_their_order_however_they_ended() {
        let value: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let mut spools = Spools::new(&std::env::temp_dir());
        spools.add(2, "c", &value, vec![finished(1, "third")]).unwrap();
        spools.add(0, "a", &value, vec![finished(1, "first"), finished(0, "other")]).unwrap();
        spools.add(1, "b", &value, vec![finished(1, "")]).unwrap();
        assert!(spools.take(2).is_none());
        let spool = spools.take(1).unwrap();
        let read = |part: &Written| std::io::read_to_string(spool.read(part).unwrap()).unwrap();
        let texts: Vec<_> = spool.parts().iter().map(|part| (part.part.as_str(), read(part))).collect();
        assert_eq!(texts, [("a", "first".to_owned()), ("b", String::new()), ("c", "third".to_owned())]);
        assert_eq!(spools.take(0).unwrap().parts().len(), 1);
    }
}
