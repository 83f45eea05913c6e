//! The limit of open files of this process. Programs start with a low one, so that those that use `select` work; a server
//! raises its own.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit where there is none.
const UNLIMITED: u64 = 1 << 20;

/// Raises this process's limit of open files to the most that it may have, and returns the limit that it has now.
/// Programs that it starts inherit it.
pub fn raise_open_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    limit.unwrap_or(UNLIMITED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_most_that_this_process_may_have() {
        let most = getrlimit(Resource::Nofile).maximum.unwrap_or(UNLIMITED);
        assert_eq!(raise_open_files(), most);
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED), most);
    }
}
