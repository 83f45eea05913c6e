//! Fingerprints: what is installed in an image, line by line, and one hash over it.
