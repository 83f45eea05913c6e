//! Holds the tests that no single crate can hold; see `tests/`. The library itself is empty.
