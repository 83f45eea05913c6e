//! Walks through structures of Thrift's compact protocol, which Parquet's footer and page headers use, without
//! allocating memory for the lengths that they claim.

use std::collections::{BTreeMap, BTreeSet};

/// Maximum nesting of structures; Parquet has seven levels.
const DEPTH_MAX: usize = 32;

/// The depth of a structure's own fields.
const DEPTH_OUTER: usize = DEPTH_MAX - 1;

/// The depth of the fields of structures in it.
const DEPTH_INNER: usize = DEPTH_MAX - 2;

/// A walk through a structure, which examines only lengths.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Skips a structure, and returns the numbers of its fields. `None` if it is truncated.
    pub(super) fn passed(&mut self) -> Option<BTreeSet<i64>> {
        let mut fields = BTreeSet::new();
        self.structure(DEPTH_MAX, &mut |depth, field, _| {
            if depth == DEPTH_OUTER {
                fields.insert(field);
            }
        })?;
        Some(fields)
    }

    /// Skips a structure, and returns its whole numbers and those of the structures in it, by the field of the outer
    /// structure (0 for its own numbers) and their own field. A boolean that is false has the position of the byte
    /// whose low half contains it. `None` if the structure is truncated.
    pub(super) fn numbers(&mut self) -> Option<BTreeMap<(i64, i64), i64>> {
        let mut numbers = BTreeMap::new();
        let mut outer = 0;
        self.structure(DEPTH_MAX, &mut |depth, field, number| match depth {
            DEPTH_OUTER => {
                outer = field;
                number.map(|number| numbers.insert((0, field), number));
            }
            DEPTH_INNER => {
                number.map(|number| numbers.insert((outer, field), number));
            }
            _ => {}
        })?;
        Some(numbers)
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Walks through a structure. `see` gets the depth of each field, its number, and its value if that is a whole
    /// number, or its position if it is a false boolean; a structure is reported before its content.
    fn structure(&mut self, depth: usize, see: &mut dyn FnMut(usize, i64, Option<i64>)) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let mut field = 0;
        loop {
            let start = self.at;
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == 0 {
                return Some(());
            }
            field = match header >> 4 {
                0 => self.signed()?,
                step => field + i64::from(step),
            };
            match kind {
                // A boolean field's value is in its kind.
                1 => see(depth, field, None),
                2 => see(depth, field, i64::try_from(start).ok()),
                4..=6 => {
                    let number = self.signed()?;
                    see(depth, field, Some(number));
                }
                12 => {
                    see(depth, field, None);
                    self.structure(depth, see)?;
                }
                kind => {
                    see(depth, field, None);
                    self.value(kind, depth)?;
                }
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
            12 => self.structure(depth, &mut |_, _, _| {}),
            _ => None,
        }
    }

    fn values(&mut self, count: u64, kinds: &[u8], depth: usize) -> Option<()> {
        // Each value takes at least a byte, so that no list is longer than the rest.
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

    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at)?;
        self.at += 1;
        Some(*byte)
    }

    /// Signed numbers are zigzag: 0, -1, 1, -2.
    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(super) fn number(&mut self) -> Option<u64> {
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

    pub(super) fn skip(&mut self, length: usize) -> Option<()> {
        self.at = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_walked_to_their_end() {
        // 1: i32 3, 2: i32 -2, 5: {1: i32 150, 3: "ab", 7: false, 8: true}, 9: [i32; 2]
        let bytes = [
            0x15, 0x06, 0x15, 0x03, 0x3c, 0x15, 0xac, 0x02, 0x28, 0x02, b'a', b'b', 0x42, 0x11, 0x00, 0x49, 0x25, 0x02,
            0x04, 0x00,
        ];
        let mut walk = Walk::new(&bytes);
        let numbers = walk.numbers().unwrap();
        assert_eq!(numbers, BTreeMap::from([((0, 1), 3), ((0, 2), -2), ((5, 1), 150), ((5, 7), 12)]));
        assert_eq!(walk.at(), bytes.len());
        assert_eq!(Walk::new(&bytes).passed().unwrap(), BTreeSet::from([1, 2, 5, 9]));
        for length in 0..bytes.len() {
            assert_eq!(Walk::new(&bytes[..length]).passed(), None, "cut at {length}");
        }
        // A list that claims more values than there are bytes.
        assert_eq!(Walk::new(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0x0f, 0x00]).passed(), None);
    }
}
