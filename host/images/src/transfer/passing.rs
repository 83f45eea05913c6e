//! Names of images on their way into an engine. Several users may load the same image at once, each with a state folder of
//! its own, so no lock keeps them apart: each load has a name that no other one has or removes, until its image has its own.

use longshore_engine::{ImageStore, StoreError};
use longshore_model::digest::digits;
use longshore_model::labels::HASH_SHOWN;
use longshore_model::run_id::new_run_id;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The repository of these images.
pub(crate) const INCOMING: &str = "longshore/incoming";

/// The age at which a name is one that a killed host left: an archive of 10 GB takes an hour at 3 MB/s.
const ABANDONED: Duration = Duration::from_secs(6 * 3600);

/// A new name for an image with this id: the beginning of its digest, and a time and number that no other load has.
pub(crate) fn passing_name(id: &str) -> String {
    let digits: String = digits(id).chars().take(HASH_SHOWN).collect();
    format!("{INCOMING}:{digits}-{}", new_run_id())
}

/// Removes the names that killed hosts left, with what has no other.
pub(crate) async fn sweep(store: &dyn ImageStore) -> Result<(), StoreError> {
    let now = SystemTime::now();
    for name in store.list(None).await?.into_iter().flat_map(|image| image.names) {
        if is_abandoned(&name, now) {
            // Another host may remove it at the same time.
            let _ = store.remove(&name).await;
        }
    }
    Ok(())
}

/// Whether a name is of a load that cannot be going on. One without a time is of an earlier version.
fn is_abandoned(name: &str, now: SystemTime) -> bool {
    let Some(tag) = name.strip_prefix(INCOMING).and_then(|rest| rest.strip_prefix(':')) else { return false };
    let begun = tag.split('-').nth(1).and_then(|time| u64::from_str_radix(time, 16).ok());
    let begun = UNIX_EPOCH + Duration::from_micros(begun.unwrap_or_default());
    // A time in the future is that of another clock.
    now.duration_since(begun).is_ok_and(|age| age > ABANDONED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_loads_that_ended_long_ago_are_removed() {
        let now = SystemTime::now();
        let digest = format!("sha256:{}", "ab".repeat(32));
        let (name, other) = (passing_name(&digest), passing_name(&digest));
        assert_ne!(name, other);
        assert!(name.starts_with("longshore/incoming:abab"), "{name}");
        for (name, later, abandoned) in [
            (name.as_str(), 0, false),
            (&name, 5 * 3600, false),
            (&name, 7 * 3600, true),
            ("longshore/incoming:abababababab", 0, true),
            ("longshore/incoming:ab-zz-1", 0, true),
            ("longshore/incoming:ab-ffffffffffffffff-1", 0, false),
            ("longshore/incoming:", 0, true),
            ("longshore/incomings:ab", 0, false),
            ("longshore/python:0.1.0", 0, false),
        ] {
            assert_eq!(is_abandoned(name, now + Duration::from_secs(later)), abandoned, "{name}");
        }
    }
}
