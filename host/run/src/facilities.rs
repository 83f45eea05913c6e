//! What a run uses of its host, and shares with the host's other runs. It is made for each run or chain, and the steps of a
//! chain and the parts of a partitioned run have the same.

use crate::admission::Admission;
use crate::pool::Pool;
use crate::removals::Removals;
use longshore_engine::Engines;
use longshore_model::activity::Activities;

/// What runs use of a host that stays.
#[derive(Debug, Clone, Copy)]
pub struct Resident<'a> {
    /// Its activities: removals of containers are counted among them.
    pub activities: &'a Activities,
    /// The interpreters that wait in it.
    pub pool: Option<&'a Pool>,
}

/// What a run uses of its host. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Facilities {
    pub(crate) engines: Engines,
    pub(crate) admission: Admission,
    pub(crate) removals: Removals,
    /// The interpreters that wait, if the host has any.
    pub(crate) pool: Option<Pool>,
}

impl Facilities {
    /// Of a host, which may be one that stays.
    pub(crate) fn of(engines: &Engines, admission: &Admission, resident: Option<Resident<'_>>) -> Self {
        Self {
            engines: engines.clone(),
            admission: admission.clone(),
            removals: Removals::counted_in(resident.map(|resident| resident.activities)),
            pool: resident.and_then(|resident| resident.pool.cloned()),
        }
    }
}
