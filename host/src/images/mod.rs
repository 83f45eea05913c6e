//! The images of this machine as operators see them: which there are, why, how large, and which may go.
