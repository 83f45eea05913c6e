//! What a run uses of its host, and shares with the host's other runs. `run.rs` makes it for each run, and the parts of a
//! partitioned run have the same.

use crate::admission::Admission;
use crate::removals::Removals;
use longshore_engine::Engines;

/// What a run uses of its host. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Facilities {
    pub(crate) engines: Engines,
    pub(crate) admission: Admission,
    pub(crate) removals: Removals,
}
