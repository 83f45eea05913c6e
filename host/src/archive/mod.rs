//! Environments as files: an image as one tar archive, written and read.
