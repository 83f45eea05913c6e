//! What the host asks of its machine: files by descriptors, locked folders, mounts and memory

pub mod available;
pub mod control_group;
pub mod disk_use;
pub mod folder;
pub mod locked_folder;
pub mod mountinfo;
pub mod presence;
pub mod program;
pub mod publish;
pub mod shared_file;
pub mod small_file;
