//! Texts in blocks of lines, on all cores: cut at the ends of lines, processed in parallel, with results in the order
//! of the blocks. The reader of the blocks interprets their content.

mod cells;
mod cut;
mod made;
mod workers;

pub(super) use cells::{CellMarks, Cells};
pub(super) use cut::{Cutter, Sizes, changed, last_end};
pub(super) use made::{Keeper, Kept, Made, MadeBatches, flat, ranges};
pub(super) use workers::InOrder;
