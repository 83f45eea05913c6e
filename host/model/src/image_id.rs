//! The id of an image in a store.

/// An image that an engine has, by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(pub String);
