//! What the host asks of its machine: files by descriptors, locked folders, mounts and memory

pub mod available;
pub mod folder;
pub mod locked_folder;
pub mod mountinfo;
pub mod publish;
pub mod shared_file;
pub mod small_file;
