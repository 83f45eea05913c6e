//! Finding what an address names.

use crate::problem::Problem;
use crate::web::Web;
use longshore::history::HistoryEntry;

/// A run by its id, or by what it begins with.
pub(crate) async fn find(web: &Web, id: &str) -> Result<HistoryEntry, Problem> {
    let id = id.to_owned();
    web.history(move |history| history.find(&id)).await
}
