//! Casts to Arrow types that can represent all values.

use crate::refusal::Refusal;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// A lossless cast; types without one are refused.
pub(crate) fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    arrow_cast::cast(array, to).map_err(|error| Refusal::whole(error.to_string()))
}
