//! Formats by suffix and by name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;

/// An unknown or unsuitable format.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// The suffix is missing or unknown.
    #[error(
        "unknown format suffix in `{path}`: known are .csv, .tsv, .txt, .dat, .json, .ndjson, .parquet, .arrow, .feather, .arrows \
         and .xlsx; those of text and .arrows also with .gz, .zst, .bz2 or .zip, and .zip with one of them in it"
    )]
    UnknownSuffix {
        /// The file.
        path: PathBuf,
    },
    /// A format's name is unknown.
    #[error(
        "unknown format `{name}`: known are csv, tsv, json, ndjson, parquet, arrow, arrows and xlsx, the text formats and arrows also as csv.gz, csv.zst, csv.bz2 and csv.zip"
    )]
    UnknownFormat {
        /// The name.
        name: String,
    },
    /// The format can only be read.
    #[error(
        "{format} can be read but not written: use .csv, .tsv, .ndjson or .arrows, also with .gz or .zst, .parquet, .arrow or .xlsx"
    )]
    NotWritten {
        /// The format, such as `JSON`.
        format: String,
    },
}

/// The format of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header, RFC 4180.
    Csv,
    /// The same with tabs.
    Tsv,
    /// An array of JSON objects, or consecutive objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// The Arrow IPC file format, also known as Feather version 2.
    ArrowFile,
    /// The Arrow IPC stream format.
    ArrowStream,
    /// A workbook of Excel 2007 and newer, Office Open XML.
    Xlsx,
}

impl Format {
    /// Whether its reader seeks in the file, which therefore cannot be compressed as a whole.
    #[must_use]
    pub fn is_sought(self) -> bool {
        matches!(self, Self::Parquet | Self::ArrowFile | Self::Xlsx)
    }
}

/// How the whole file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not compressed.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
    /// The only file of a ZIP archive.
    Zip,
}

/// A format and the compression around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFormat {
    /// The format.
    pub format: Format,
    /// The compression around it.
    pub compression: Compression,
}

impl FileFormat {
    /// The format of a path's suffix.
    ///
    /// # Errors
    /// [`FormatError::UnknownSuffix`].
    pub fn from_path(path: &Path) -> Result<Self, FormatError> {
        let unknown = || FormatError::UnknownSuffix { path: path.to_owned() };
        let name = path.file_name().ok_or_else(unknown)?.to_string_lossy().to_lowercase();
        let (stem, suffix) = name.rsplit_once('.').ok_or_else(unknown)?;
        let known = match suffix {
            "gz" | "zst" | "bz2" | "zip" => stem.rsplit_once('.').and_then(|(_, inner)| parse(inner, Some(suffix))),
            suffix => parse(suffix, None),
        };
        known.ok_or_else(unknown)
    }
}

impl FileFormat {
    /// Checks that tables can be written in this format.
    ///
    /// # Errors
    /// [`FormatError::NotWritten`].
    pub fn to_write(self) -> Result<Self, FormatError> {
        let is_read_only =
            self.format == Format::Json || matches!(self.compression, Compression::Bzip2 | Compression::Zip);
        if is_read_only { Err(FormatError::NotWritten { format: self.to_string() }) } else { Ok(self) }
    }
}

impl FileFormat {
    /// Its name, from which it is parsed: `csv`, `tsv.gz`.
    #[must_use]
    pub fn name(self) -> String {
        let inner = match self.format {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::ArrowFile => "arrow",
            Format::ArrowStream => "arrows",
            Format::Xlsx => "xlsx",
        };
        let outer = match self.compression {
            Compression::None => return inner.to_owned(),
            Compression::Gzip => "gz",
            Compression::Zstd => "zst",
            Compression::Bzip2 => "bz2",
            Compression::Zip => "zip",
        };
        format!("{inner}.{outer}")
    }
}

impl Format {
    /// Whether it is text with cells separated by a delimiter.
    #[must_use]
    pub fn is_delimited(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }

    /// Whether options set the types of its columns. Other formats contain them.
    #[must_use]
    pub fn takes_types(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Json | Self::Ndjson | Self::Xlsx)
    }
}

impl FromStr for FileFormat {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let lower = name.to_lowercase();
        let known = match lower.split_once('.') {
            Some((inner, outer)) => parse(inner, Some(outer)),
            None => parse(&lower, None),
        };
        known.ok_or_else(|| FormatError::UnknownFormat { name: name.into() })
    }
}

fn parse(inner: &str, outer: Option<&str>) -> Option<FileFormat> {
    let format = match inner {
        "csv" | "txt" | "dat" => Format::Csv,
        "tsv" => Format::Tsv,
        "json" => Format::Json,
        "ndjson" | "jsonl" => Format::Ndjson,
        "parquet" => Format::Parquet,
        "arrow" | "feather" => Format::ArrowFile,
        "arrows" => Format::ArrowStream,
        "xlsx" | "xlsm" => Format::Xlsx,
        _ => return None,
    };
    let compression = match (outer, format) {
        (None, _) => Compression::None,
        // These formats are compressed internally.
        (Some(_), format) if format.is_sought() => return None,
        (Some("gz"), _) => Compression::Gzip,
        (Some("zst"), _) => Compression::Zstd,
        (Some("bz2"), _) => Compression::Bzip2,
        (Some("zip"), _) => Compression::Zip,
        (Some(_), _) => return None,
    };
    Some(FileFormat { format, compression })
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Json => "JSON",
            Self::Ndjson => "NDJSON",
            Self::Parquet => "Parquet",
            Self::ArrowFile => "an Arrow file",
            Self::ArrowStream => "an Arrow stream",
            Self::Xlsx => "an Excel workbook",
        })
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.compression {
            Compression::None => self.format.fmt(f),
            Compression::Gzip => write!(f, "{} in gzip", self.format),
            Compression::Zstd => write!(f, "{} in Zstandard", self.format),
            Compression::Bzip2 => write!(f, "{} in bzip2", self.format),
            Compression::Zip => write!(f, "{} in a ZIP archive", self.format),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_name_formats() {
        let of = |path: &str| FileFormat::from_path(Path::new(path)).map(|format| format.to_string()).ok();
        assert_eq!(of("a/b.CSV").as_deref(), Some("CSV"));
        assert_eq!(of("b.tsv.gz").as_deref(), Some("TSV in gzip"));
        assert_eq!(of("b.c.arrows.zst").as_deref(), Some("an Arrow stream in Zstandard"));
        assert_eq!(of("b.feather").as_deref(), Some("an Arrow file"));
        assert_eq!(of("b.parquet.gz"), None);
        assert_eq!(of("b.csv.zip").as_deref(), Some("CSV in a ZIP archive"));
        assert_eq!(of("b.xlsx").as_deref(), Some("an Excel workbook"));
        assert_eq!((of("b.xlsx.gz"), of("b.xls")), (None, None));
        assert_eq!(of("csv"), None);
        assert!("ndjson.zst".parse::<FileFormat>().is_ok() && "xml".parse::<FileFormat>().is_err());
    }
}
