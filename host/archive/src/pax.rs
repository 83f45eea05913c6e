//! Extended headers of tar archives, as far as they affect an entry's path and size. They are parsed like in Go,
//! because the engine uses Go; what Go would parse differently is rejected.

use super::fault::TarFault;

/// The values of an extended header that replace those of the next entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

impl Pax {
    /// Parses the records of a header at `offset`: each is `LENGTH KEY=VALUE\n`, and the last one of a key counts.
    pub(super) fn parse(mut records: &[u8], offset: u64) -> Result<Self, TarFault> {
        let wrong = |what| TarFault::Header { offset, what };
        let mut pax = Self::default();
        while !records.is_empty() {
            let (record, rest) = split(records).ok_or_else(|| wrong("a record whose length is wrong"))?;
            records = rest;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(|| wrong("a record without `=`"))?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            if key.starts_with(b"GNU.sparse.") {
                return Err(wrong("it is a sparse file, which layers cannot contain"));
            }
            // An empty value keeps the entry's own.
            let text = (!value.is_empty()).then(|| value.to_vec());
            match key {
                b"path" => pax.path = text,
                b"linkpath" => pax.link = text,
                b"size" => {
                    let digits =
                        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                    pax.size = match digits {
                        Some("") => None,
                        digits => Some(digits.and_then(|text| text.parse().ok()).ok_or_else(|| wrong("its size"))?),
                    };
                }
                _ => {}
            }
        }
        Ok(pax)
    }
}

/// The first record without its length and its end, and the rest.
fn split(records: &[u8]) -> Option<(&[u8], &[u8])> {
    // Longer numbers do not fit into a header.
    const DIGITS_MAX: usize = 7;
    let space = records.iter().take(DIGITS_MAX + 1).position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(&records[..space]).ok()?;
    let length: usize = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (record, rest) = records.split_at_checked(length)?;
    Some((record.get(space + 1..)?.strip_suffix(b"\n")?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let records = b"12 path=abc\n15 linkpath=de\n10 size=7\n21 SCHILY.xattr.a=\n\0\n13 path=defg\n";
        let expected = Pax { path: Some(b"defg".to_vec()), link: Some(b"de".to_vec()), size: Some(7) };
        assert_eq!(Pax::parse(records, 0).unwrap(), expected);
        assert_eq!(Pax::parse(b"", 0).unwrap(), Pax::default());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for records in [
            &b"12 path=ab"[..],
            b"13 path=abc\n",
            b"path=abc\n",
            b"0 \n",
            b"2 \n",
            b"99999999999 path=abc\n",
            b"+2 a=b\n",
            b"8 patha\n",
            b"11 size=-7\n",
            b"11 size=7x\n",
            b"22 GNU.sparse.major=1\n",
        ] {
            let parsed = Pax::parse(records, 512);
            assert!(matches!(parsed, Err(TarFault::Header { offset: 512, .. })), "{parsed:?}");
        }
    }
}
