//! Settings of a read: which vectors columns may become. The R side passes them with every call.

use extendr_api::prelude::*;

/// How columns are made.
#[derive(Debug, Clone)]
pub(crate) struct How {
    /// Whether columns may be views.
    pub(crate) lazy: bool,
    /// Whether integers beyond 2^53 may be those of the package bit64.
    pub(crate) bit64: bool,
    /// The folder of the time zones that R knows.
    pub(crate) zones: String,
}

impl How {
    /// From R's list of the three settings.
    pub(crate) fn new(list: &List) -> Self {
        let part = |index| list.elt(index).unwrap_or_default();
        Self {
            lazy: part(0).as_bool().unwrap_or(true),
            bit64: part(1).as_bool().unwrap_or(false),
            zones: part(2).as_str().unwrap_or_default().to_owned(),
        }
    }
}
