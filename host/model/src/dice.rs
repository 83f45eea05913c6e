//! Numbers for generated texts, from a generator with a fixed seed.

/// The generator.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number from 0 up to, but not including, `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    /// One of several values.
    pub(crate) fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}
