//! Ids of runs, which also name other things that must be unique on a machine.

/// A unique name that sorts by time: microseconds and 32 random bits.
pub fn new_run_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 4];
    let filled = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
    let random = if filled.is_ok() { u32::from_le_bytes(random) } else { std::process::id() };
    format!("{:x}-{random:08x}", now.as_micros())
}
