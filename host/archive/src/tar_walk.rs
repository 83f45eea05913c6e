//! Iterates over the entries of an untrusted tar archive. Nothing is unpacked, memory does not grow with the archive,
//! and every header is read as the engine will read it, or rejected.

use super::entry_name::{normal, shown};
use super::fault::TarFault;
use super::limits::{BYTES_MAX, NAME_MAX, PAX_MAX};
use super::pax::Pax;
use std::io::{self, Read};
use tar::{EntryType, Header};

/// Tar archives consist of blocks of this size.
const BLOCK: usize = 512;

/// Bytes of zeros after the end marker: tape blocks, of 10 KiB by default.
const PADDING_MAX: usize = 1 << 20;

/// The source of an archive's bytes.
pub(super) trait Source: Read {
    /// Skips so many bytes, or as many as there are.
    fn skip(&mut self, bytes: u64) -> io::Result<u64>;
}

/// A source that cannot seek.
pub(super) struct Stream<R>(pub(super) R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Stream<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        io::copy(&mut (&mut self.0).take(bytes), &mut io::sink())
    }
}

/// How an archive must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With the end marker, and nothing after it, so that a truncated archive is never taken for a complete one.
    Marked,
    /// Anywhere between entries: completeness is checked elsewhere.
    Any,
}

/// An entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its normalized name; empty for the folder itself.
    pub(super) name: Vec<u8>,
    /// Its type.
    pub(super) kind: EntryType,
    /// The target of a link, unchanged.
    pub(super) link: Vec<u8>,
    /// Bytes of its content.
    pub(super) size: u64,
    /// The offset of its content.
    pub(super) at: u64,
}

/// An iteration over an archive.
pub(super) struct TarWalk<S> {
    source: S,
    end: End,
    max: u64,
    entries: u64,
    at: u64,
    /// The unread rest of the previous entry, with its padding.
    rest: u64,
    name: String,
}

impl<S: Source> TarWalk<S> {
    /// Starts before the first entry; more than `max` entries are an error.
    pub(super) fn new(source: S, end: End, max: u64) -> Self {
        Self { source, end, max, entries: 0, at: 0, rest: 0, name: String::new() }
    }

    /// The number of entries so far.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Gives the source back, read up to the end marker.
    pub(super) fn into_source(self) -> S {
        self.source
    }

    /// The next entry, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, TarFault> {
        let (mut pax, mut long_name, mut long_link) = (Pax::default(), None, None);
        loop {
            self.finish_entry()?;
            let offset = self.at;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            self.entries += 1;
            if self.entries > self.max {
                return Err(TarFault::TooManyEntries { max: self.max });
            }
            let wrong = |what| TarFault::Header { offset, what };
            let size = header.entry_size().map_err(|_| wrong("its size is not a number"))?;
            match header.entry_type() {
                EntryType::XHeader => pax = Pax::parse(&self.content(size, PAX_MAX)?, offset)?,
                // It belongs to no entry, and the engine ignores it.
                EntryType::XGlobalHeader => drop(self.content(size, PAX_MAX)?),
                EntryType::GNULongName => long_name = Some(text(self.content(size, NAME_MAX)?)),
                EntryType::GNULongLink => long_link = Some(text(self.content(size, NAME_MAX)?)),
                EntryType::GNUSparse => return Err(wrong("it is a sparse file, which layers cannot contain")),
                kind => {
                    let name = long_name.or(pax.path).unwrap_or_else(|| header.path_bytes().into_owned());
                    let link = long_link.or(pax.link);
                    let link = link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
                    let size = pax.size.unwrap_or(size);
                    return self.entry(offset, kind, &name, link.unwrap_or_default(), size, &header).map(Some);
                }
            }
        }
    }

    fn entry(
        &mut self,
        offset: u64,
        kind: EntryType,
        name: &[u8],
        link: Vec<u8>,
        size: u64,
        header: &Header,
    ) -> Result<Entry, TarFault> {
        for (what, length) in [(name.len(), NAME_MAX), (link.len(), NAME_MAX)] {
            if what as u64 > length {
                return Err(TarFault::HeaderTooLarge { offset, size: what as u64, max: length });
            }
        }
        // Archives older than the directory type mark them so.
        let old_folder = header.as_bytes()[156] == 0 && name.ends_with(b"/");
        let kind = if old_folder { EntryType::Directory } else { kind };
        // Some writers set a size for entries without content.
        let has_content = kind.is_file() || !(kind.is_dir() || is_link(kind) || is_device(kind));
        let size = if has_content { size } else { 0 };
        if size > BYTES_MAX {
            return Err(TarFault::Header { offset, what: "its size is beyond all limits" });
        }
        self.name = format!("`{}`", shown(name));
        self.rest = size.next_multiple_of(BLOCK as u64);
        if link.contains(&0) {
            return Err(TarFault::NameZero { name: shown(&link) });
        }
        Ok(Entry { name: normal(name)?, kind, link, size, at: self.at })
    }

    /// A header; `None` at the end.
    fn header(&mut self) -> Result<Option<Header>, TarFault> {
        let offset = self.at;
        let mut header = Header::new_old();
        match (self.block(header.as_mut_bytes())?, self.end) {
            (BLOCK, _) => {}
            (0, End::Any) => return Ok(None),
            (0, End::Marked) if offset > 0 => {
                return Err(TarFault::Truncated { within: "its end marker, which is missing".into() });
            }
            (_, _) if offset == 0 => return Err(TarFault::NoTar),
            (_, _) => return Err(TarFault::Truncated { within: format!("the header at byte {offset}") }),
        }
        if is_zero(header.as_bytes()) {
            return self.end_of_archive(offset).map(|()| None);
        }
        let mut computed = header.clone();
        computed.set_cksum();
        if header.cksum().ok() != computed.cksum().ok() {
            return Err(if offset == 0 { TarFault::NoTar } else { TarFault::Damaged { offset } });
        }
        Ok(Some(header))
    }

    /// The second block of the end marker, and the rest.
    fn end_of_archive(&mut self, offset: u64) -> Result<(), TarFault> {
        let mut block = [0; BLOCK];
        let read = self.block(&mut block)?;
        if !is_zero(&block[..read]) {
            return Err(TarFault::Damaged { offset });
        }
        if self.end == End::Any {
            return Ok(());
        }
        if read < BLOCK {
            return Err(TarFault::Truncated { within: "its end marker".into() });
        }
        for _ in 0..PADDING_MAX / BLOCK {
            match self.block(&mut block)? {
                0 => return Ok(()),
                read if is_zero(&block[..read]) => {}
                _ => return Err(TarFault::Trailing),
            }
        }
        Err(TarFault::Trailing)
    }

    /// The content of the entry whose header was read last.
    fn content(&mut self, size: u64, max: u64) -> Result<Vec<u8>, TarFault> {
        if size > max {
            return Err(TarFault::HeaderTooLarge { offset: self.at - BLOCK as u64, size, max });
        }
        let mut content = Vec::new();
        (&mut self.source).take(size).read_to_end(&mut content).map_err(TarFault::Read)?;
        let read = content.len() as u64;
        self.at += read;
        self.name = format!("the header at byte {}", self.at - read - BLOCK as u64);
        self.rest = size.next_multiple_of(BLOCK as u64) - read;
        if read < size { Err(self.truncated()) } else { Ok(content) }
    }

    fn finish_entry(&mut self) -> Result<(), TarFault> {
        let skipped = self.source.skip(self.rest).map_err(TarFault::Read)?;
        self.at += skipped;
        if skipped < self.rest {
            return Err(self.truncated());
        }
        self.rest = 0;
        Ok(())
    }

    fn truncated(&self) -> TarFault {
        TarFault::Truncated { within: self.name.clone() }
    }

    /// Reads a block, or the rest.
    fn block(&mut self, block: &mut [u8]) -> Result<usize, TarFault> {
        let mut read = 0;
        while read < block.len() {
            match self.source.read(&mut block[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarFault::Read(error)),
            }
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// Whether an entry is a link, of either kind.
pub(super) fn is_link(kind: EntryType) -> bool {
    kind.is_symlink() || kind.is_hard_link()
}

/// Whether an entry is a device or a pipe.
pub(super) fn is_device(kind: EntryType) -> bool {
    kind.is_character_special() || kind.is_block_special() || kind.is_fifo()
}

/// The type of an entry, for display.
pub(super) fn kind_name(kind: EntryType) -> String {
    match kind {
        EntryType::Char | EntryType::Block => "a device".into(),
        EntryType::Fifo => "a pipe".into(),
        EntryType::Symlink | EntryType::Link => "a link".into(),
        EntryType::Directory => "a folder".into(),
        other => format!("of the kind `{}`", char::from(other.as_byte()).escape_debug()),
    }
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// A GNU name ends at its first zero.
fn text(mut content: Vec<u8>) -> Vec<u8> {
    if let Some(end) = content.iter().position(|byte| *byte == 0) {
        content.truncate(end);
    }
    content
}
