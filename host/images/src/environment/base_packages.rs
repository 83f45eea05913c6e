//! The packages of Longshore's Python images, as their requirements name them: the environment of the `process` engine is
//! made of the same, and bounds of versions hold for them too.

/// The packages of the image `python`.
pub(super) const PANDAS_3: &str = include_str!("../../../../images/python-requirements.txt");

/// The packages of the image `python-pandas2`.
pub(super) const PANDAS_2: &str = include_str!("../../../../images/python-pandas2-requirements.txt");

/// The requirements of an image, such as `numpy==2.4.6`.
pub(super) fn requirements(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The names of the packages that scripts use without naming them, the same in each image.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    requirements(PANDAS_3).map(|line| line.split("==").next().unwrap_or(line))
}
