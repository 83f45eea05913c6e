//! Texts in blocks of lines, on all cores: cut at the ends of lines, worked on side by side, with results in the
//! order of the blocks. What stands in a block is its reader's.

mod cells;
mod cut;
mod made;
mod workers;

pub(super) use cells::{CellMarks, Cells};
pub(super) use cut::{Cutter, Sizes, changed, last_end};
pub(super) use made::{Keeper, Kept, Made, MadeBatches, flat, ranges};
pub(super) use workers::InOrder;
