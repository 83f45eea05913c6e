//! Answers about images that are kept: which, and until when. An answer counts only if nothing changed between its request
//! and its arrival.

use crate::{NamesEvidence, StoredImage};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most answers that are kept: names and ids that blocks, callers and settings use, each of about a kilobyte.
const ANSWERS_MAX: usize = 1024;

/// Answers that are kept of a store.
#[derive(Debug, Default)]
pub(super) struct Lookups(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    /// Counts changes.
    generation: u64,
    /// Whether changes are no longer read: nothing is kept any more.
    has_ended: bool,
    /// The state of the names to which they belong.
    evidence: Option<NamesEvidence>,
    found: HashMap<String, StoredImage>,
}

/// A request whose answer may be kept.
#[derive(Debug)]
pub(super) struct Asked(u64);

/// What is known of an image.
#[derive(Debug)]
pub(super) enum Known {
    /// It was found before.
    Found(StoredImage),
    /// The store must be asked.
    Ask(Asked),
}

impl Lookups {
    /// Looks an image up. `evidence` was taken just before.
    pub(super) fn look(&self, reference: &str, evidence: NamesEvidence) -> Known {
        let mut answers = self.answers();
        if answers.evidence != Some(evidence) {
            answers.forget();
            answers.evidence = Some(evidence);
        }
        match answers.found.get(reference) {
            Some(found) => Known::Found(found.clone()),
            None => Known::Ask(Asked(answers.generation)),
        }
    }

    /// Keeps the answer to a request, unless something has changed since.
    pub(super) fn keep(&self, asked: &Asked, reference: &str, found: &StoredImage) {
        let mut answers = self.answers();
        if answers.has_ended || answers.generation != asked.0 {
            return;
        }
        if answers.found.len() >= ANSWERS_MAX {
            answers.found.clear();
        }
        answers.found.insert(reference.to_owned(), found.clone());
    }

    /// Forgets everything, requests in flight included.
    pub(super) fn forget(&self) {
        self.answers().forget();
    }

    /// Forgets everything, and keeps nothing from now on.
    pub(super) fn end(&self) {
        let mut answers = self.answers();
        answers.has_ended = true;
        answers.forget();
    }

    /// Whether changes are no longer read.
    pub(super) fn has_ended(&self) -> bool {
        self.answers().has_ended
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        // No code that holds this lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    fn forget(&mut self) {
        self.generation += 1;
        self.found.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::image_id::ImageId;

    fn image(id: &str) -> StoredImage {
        StoredImage { id: ImageId(id.into()), ..StoredImage::default() }
    }

    fn ask(lookups: &Lookups, evidence: NamesEvidence) -> Asked {
        match lookups.look("a", evidence) {
            Known::Ask(asked) => asked,
            Known::Found(found) => panic!("{found:?} was kept"),
        }
    }

    #[test]
    fn an_answer_is_kept_until_something_changes() {
        let lookups = Lookups::default();
        lookups.keep(&ask(&lookups, NamesEvidence::Told), "a", &image("1"));
        assert!(matches!(lookups.look("a", NamesEvidence::Told), Known::Found(found) if found == image("1")));
        lookups.forget();
        ask(&lookups, NamesEvidence::Told);
    }

    #[test]
    fn an_answer_that_a_change_overtook_is_not_kept() {
        let lookups = Lookups::default();
        let asked = ask(&lookups, NamesEvidence::Told);
        lookups.forget();
        lookups.keep(&asked, "a", &image("1"));
        ask(&lookups, NamesEvidence::Told);
    }

    #[test]
    fn nothing_is_kept_once_changes_are_no_longer_read() {
        let lookups = Lookups::default();
        let asked = ask(&lookups, NamesEvidence::Told);
        assert!(!lookups.has_ended());
        lookups.end();
        lookups.keep(&asked, "a", &image("1"));
        let asked = ask(&lookups, NamesEvidence::Told);
        lookups.keep(&asked, "a", &image("1"));
        ask(&lookups, NamesEvidence::Told);
        assert!(lookups.has_ended());
    }

    #[test]
    fn answers_belong_to_one_state_of_the_names() {
        let (lookups, seen) = (Lookups::default(), |changed| NamesEvidence::File { device: 1, inode: 2, changed });
        let asked = ask(&lookups, seen(1));
        // Names changed between the request and the answer, and nobody told.
        let later = ask(&lookups, seen(2));
        lookups.keep(&asked, "a", &image("1"));
        ask(&lookups, seen(2));
        lookups.keep(&later, "a", &image("2"));
        assert!(matches!(lookups.look("a", seen(2)), Known::Found(found) if found == image("2")));
        ask(&lookups, seen(1));
    }

    #[test]
    fn the_number_of_answers_is_bounded() {
        let lookups = Lookups::default();
        for number in 0..=ANSWERS_MAX {
            let asked = ask(&lookups, NamesEvidence::Told);
            lookups.keep(&asked, &format!("image-{number}"), &image("1"));
        }
        assert_eq!(lookups.answers().found.len(), 1);
    }
}
