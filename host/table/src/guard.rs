//! A guard around libraries that read and write untrusted files: their panics become errors with the location, and the
//! panic's text never reaches the terminal. The caller decides what the error becomes.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside a guard.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The process has one panic hook, which is set once to be silent inside a guard.
static HOOK: Once = Once::new();

/// A library panicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// The panic's message.
    pub words: String,
}

/// Runs `work` and catches its panic.
///
/// # Errors
/// [`Panicked`]; the state that `work` was changing must not be used afterwards.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                previous(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.map_err(|payload| Panicked { words: words(payload.as_ref()) })
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    // The first line of an assertion is sufficient.
    text.and_then(|text| text.lines().next()).unwrap_or("its reader gave up").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_words() {
        assert_eq!(guarded(|| 1), Ok(1));
        let panicked = guarded(|| -> i32 { panic!("no {}\nmore", "luck") }).unwrap_err();
        assert_eq!(panicked.words, "no luck");
        assert!(!GUARDED.get());
    }
}
