//! Settings in layers: files of the system, the user and the project, and environment variables.
