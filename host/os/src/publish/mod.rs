//! Files of a caller's that appear whole or not at all. What a path leads to is looked at once, and held open
//! ([`Destination`]); a file is written without a name in its folder ([`Unpublished`]) and named last; several are put in place together
//! ([`Together`]), with a journal that the next start finds where the host was killed meanwhile; pipes and devices are
//! written to ([`Stream`]) and never replaced.

mod destination;
mod journal;
mod stream;
mod together;
mod unpublished;

pub use destination::{Destination, Place, Special, folder};
pub use journal::recover;
pub use stream::{Broken, Stream, copy_out};
pub use together::Together;
pub use unpublished::Unpublished;
