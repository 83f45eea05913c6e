//! A column of text, of whichever Arrow type.

use crate::failure::Failure;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray};
use arrow_schema::DataType;

/// Text by row. No value holds a NUL, since R's strings cannot, nor is longer than R's may be.
pub(crate) enum Text {
    Short(StringArray),
    Long(LargeStringArray),
}

impl Text {
    /// Looks the column through once, and says which row R could not hold.
    pub(crate) fn new(name: &str, column: &ArrayRef) -> Result<Self, Failure> {
        let text = match column.data_type() {
            DataType::Utf8 => Self::Short(column.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Self::Long(column.as_string::<i64>().clone()),
            _ => match arrow_cast::cast(column, &DataType::LargeUtf8) {
                Ok(cast) => Self::Long(cast.as_string::<i64>().clone()),
                Err(error) => return Err(Failure::data(format!("column `{name}`: {error}"))),
            },
        };
        if text.has_nul() {
            let with_nul = |row: &usize| text.get(*row).is_some_and(|value| value.contains('\0'));
            if let Some(row) = (0..text.len()).find(with_nul) {
                return Err(Failure::data(format!(
                    "column `{name}`, row {}: the text has a NUL character, which R's strings cannot hold",
                    row + 1
                )));
            }
        }
        let too_long = |row: &usize| text.get(*row).is_some_and(|value| i32::try_from(value.len()).is_err());
        if matches!(&text, Self::Long(long) if long.value_data().len() > i32::MAX as usize)
            && let Some(row) = (0..text.len()).find(too_long)
        {
            let reason = "the text is longer than the 2^31-1 bytes of R's strings";
            return Err(Failure::data(format!("column `{name}`, row {}: {reason}", row + 1)));
        }
        Ok(text)
    }

    /// Whether a NUL is anywhere in the memory, be it between this column's values or those of its neighbours.
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

    /// A row's text; nothing where it is null.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Short(text) => text.is_valid(row).then(|| text.value(row)),
            Self::Long(text) => text.is_valid(row).then(|| text.value(row)),
        }
    }
}
