//! A column of text, of any Arrow type.

use crate::cast::cast;
use crate::refusal::Refusal;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, LargeStringArray, StringArray};
use arrow_schema::DataType;

/// Text by row. No value contains a NUL or exceeds the length of R's strings.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    Short(StringArray),
    Long(LargeStringArray),
}

impl Text {
    /// Checks the column once, and refuses the first row that R cannot represent.
    pub(crate) fn new(column: &ArrayRef) -> Result<Self, Refusal> {
        let text = match column.data_type() {
            DataType::Utf8 => Self::Short(column.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Self::Long(column.as_string::<i64>().clone()),
            _ => Self::Long(cast(column, &DataType::LargeUtf8)?.as_string::<i64>().clone()),
        };
        if text.has_nul() {
            let with_nul = |row: &usize| text.get(*row).is_some_and(|value| value.contains('\0'));
            if let Some(row) = (0..text.len()).find(with_nul) {
                return Err(Refusal::at(row, "the text has a NUL character, which R's strings cannot hold"));
            }
        }
        let too_long = |row: &usize| text.get(*row).is_some_and(|value| i32::try_from(value.len()).is_err());
        if matches!(&text, Self::Long(long) if long.value_data().len() > i32::MAX as usize)
            && let Some(row) = (0..text.len()).find(too_long)
        {
            return Err(Refusal::at(row, "the text is longer than the 2^31-1 bytes of R's strings"));
        }
        Ok(text)
    }

    /// UUIDs in their usual notation.
    pub(crate) fn of_uuids(values: &FixedSizeBinaryArray) -> Self {
        Self::Long(values.iter().map(|value| value.map(uuid)).collect())
    }

    /// Whether there is a NUL anywhere in the buffer, even outside of this column's values.
    fn has_nul(&self) -> bool {
        let bytes = match self {
            Self::Short(text) => text.value_data(),
            Self::Long(text) => text.value_data(),
        };
        bytes.contains(&0)
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Short(text) => text.len(),
            Self::Long(text) => text.len(),
        }
    }

    /// A row's text; `None` if it is null.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Short(text) => text.is_valid(row).then(|| text.value(row)),
            Self::Long(text) => text.is_valid(row).then(|| text.value(row)),
        }
    }
}

fn uuid(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}
