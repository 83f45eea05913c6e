//! What the host uses of its machine: files and folders by descriptors, publishing files together, folders that are
//! locked while their creator lives, mounts, memory, programs in `PATH`. All of it blocks: asynchronous callers must
//! run it on a thread.

pub mod available;
pub mod control_group;
pub mod disk_use;
pub mod folder;
pub mod locked_folder;
pub mod mountinfo;
pub mod open_files;
pub mod presence;
pub mod program;
pub mod publish;
pub mod shared_file;
pub mod small_file;
pub mod temporary;
