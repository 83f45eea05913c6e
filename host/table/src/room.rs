//! Memory for a piece of a file that states its own length: a batch, a page, a footer. It is requested from a budget of
//! the process first and then from the allocator, so that a number in a file can neither take all memory nor end the
//! process.

use crate::budget;
use longshore_segment::Taken;

/// Bytes of a piece that are not taken from the budget: each reader of a file may hold as many anyway, as much as a row
/// of text.
const PIECE_USUAL: u64 = super::ROW_BYTES_MAX as u64;

/// Bytes that any piece may be decompressed to, however small it is.
const UNPACKED_USUAL: u64 = 1 << 30;

/// Maximum decompressed bytes for each byte of a larger piece: numbers that are nearly all the same reach 50.
const UNPACKED_RATIO: u64 = 200;

/// The message about a piece that needs more memory than is available.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge(String);

impl From<TooLarge> for String {
    fn from(refused: TooLarge) -> Self {
        refused.0
    }
}

/// Memory reserved for a piece, and for the data made from it.
#[derive(Debug, Default)]
pub(super) struct Room(Option<Taken>);

impl Room {
    /// Reserves `bytes` bytes, instead of the previous number.
    ///
    /// # Errors
    /// If fewer are available.
    pub(super) fn hold(&mut self, bytes: u64) -> Result<(), TooLarge> {
        let wanted = if bytes > PIECE_USUAL { bytes } else { 0 };
        let held = match &mut self.0 {
            Some(taken) => taken.resize(wanted),
            None if wanted == 0 => return Ok(()),
            None => budget::pieces().take(wanted).map(|taken| self.0 = Some(taken)),
        };
        held.map_err(|_| too_large(bytes))
    }
}

fn too_large(bytes: u64) -> TooLarge {
    let left = budget::pieces().left();
    let reason =
        format!("a piece of it takes {bytes} bytes of memory, of {left} available: write it again in smaller pieces");
    TooLarge(reason)
}

/// An empty vector with a capacity of `bytes`.
///
/// # Errors
/// If the allocator has too little memory.
pub(super) fn set_aside(bytes: u64) -> Result<Vec<u8>, TooLarge> {
    let mut vector = Vec::new();
    let size = usize::try_from(bytes).map_err(|_| too_large(bytes))?;
    vector.try_reserve_exact(size).map_err(|_| too_large(bytes))?;
    Ok(vector)
}

/// Checks the decompressed size that a piece claims.
///
/// # Errors
/// If it is more than that of any file that was not made to exhaust memory.
pub(super) fn check_unpacked(packed: u64, unpacked: u64) -> Result<(), TooLarge> {
    if unpacked <= UNPACKED_USUAL.saturating_add(packed.saturating_mul(UNPACKED_RATIO)) {
        return Ok(());
    }
    Err(TooLarge(format!(
        "a piece of {packed} bytes claims to hold {unpacked}, more than {UNPACKED_RATIO} times as many: write it again \
         in smaller pieces"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_no_memory_holds_is_refused_and_takes_none() {
        let mut room = Room::default();
        room.hold(PIECE_USUAL).unwrap();
        assert!(room.0.is_none());
        let TooLarge(refused) = room.hold(1 << 60).unwrap_err();
        assert!(refused.starts_with("a piece of it takes 1152921504606846976 bytes of memory, of "), "{refused}");
        assert!(set_aside(1 << 60).is_err() && set_aside(u64::MAX).is_err());
        assert!(set_aside(100).unwrap().capacity() >= 100);
    }

    #[test]
    fn only_large_pieces_have_a_ratio() {
        check_unpacked(10, 1 << 30).unwrap();
        check_unpacked(1 << 30, 200 << 30).unwrap();
        let TooLarge(refused) = check_unpacked(1 << 20, 2 << 30).unwrap_err();
        assert!(refused.contains("of 1048576 bytes claims to hold 2147483648, more than 200 times"), "{refused}");
    }
}
