//! The check of a partitioned run: its parts are found in input 0.

use super::RequestError;
use crate::cut::{Cut, PartitionSpec};
use crate::input::Inputs;
use longshore_block::{Mode, check_field};
use longshore_table::columns;

/// The parts of a run.
pub(super) fn cut(inputs: &Inputs, spec: &PartitionSpec, mode: Mode) -> Result<Cut, RequestError> {
    if mode == Mode::Stream {
        return Err(RequestError::PartitionedStream);
    }
    let Some(Some(first)) = inputs.feeds().next() else {
        return Err(RequestError::PartitionedNothing { field: spec.field.clone() });
    };
    check_field(&spec.field, 0, &[Some(columns(&first.schema()))])
        .map_err(|reason| RequestError::PartitionField { field: spec.field.clone(), reason })?;
    Cut::new(inputs, spec).map_err(|(number, source)| RequestError::Partition {
        number,
        field: spec.field.clone(),
        source: Box::new(source),
    })
}
