//! A caller's files, written completely or not at all. A path is resolved once and its target held open
//! ([`Destination`]); a file is written without a name in its folder ([`Unpublished`]) and named last; several are
//! published together ([`Together`]), with a journal for the next start in case the host is killed; pipes and devices
//! are written to ([`Stream`]) and never replaced.

mod destination;
mod journal;
mod stream;
mod together;
mod unpublished;

pub use destination::{Destination, Place, Special, folder};
pub use journal::{is_publishing, recover};
pub use stream::{Broken, Stream, copy_out};
pub use together::Together;
pub use unpublished::Unpublished;
