//! HTTP: a REST API below `/api/v1` and the pages, for those who have a token. `listen` has the connections, `access` lets
//! callers in, `protect` limits what browsers do with answers, `api` has the REST API.

mod access;
mod api;
mod listen;
mod metrics;
mod protect;
mod router;
mod signin;

pub use listen::HttpListening;
pub(crate) use router::router;
