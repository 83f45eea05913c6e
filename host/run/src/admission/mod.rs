//! Admission: runs start only while there is memory and room on processors for them; others wait for their turn, fairly
//! between callers. `demand` counts, `queue` decides, `waiting` has the tasks that wait. A host has one [`Admission`],
//! which each run asks just before it starts its container (`single/mod.rs`).

mod demand;
mod queue;
mod waiting;

pub use queue::Turn;
pub(crate) use waiting::Place;
pub use waiting::{Admission, Load, QueueFull, Seat};
