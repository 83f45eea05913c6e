//! Numbers for generated texts, from a generator with a fixed seed.

/// The generator.
pub(in crate::table) struct Dice(pub(in crate::table) u64);

impl Dice {
    /// A number from 0, below that of the sides.
    pub(in crate::table) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    /// One of some.
    pub(in crate::table) fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}
