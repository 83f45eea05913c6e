//! Joins the observations of one column by several workers. All workers continue from the state after its first cells,
//! and their results are joined in order. For cells of one group the result is that of a single worker.

use super::{Group, Seen};
use crate::cell::{Kind, Unit};

impl Seen {
    /// Whether cells that [`Column::push_plain`](crate::text_columns::Column::push_plain) adds to a column of a kind
    /// would add no information.
    pub(crate) fn knows(&self, kind: Kind) -> bool {
        match kind {
            Kind::Integer => self.groups[Group::Number as usize].count > 0,
            Kind::Decimal => self.decimal && self.point,
            Kind::Date => self.date && self.iso,
            Kind::Naive(Unit::Micros) => self.naive && self.iso,
            _ => false,
        }
    }

    /// The state for workers that continue in parallel: only their own texts make a column text.
    pub(crate) fn onward(&self) -> Self {
        let mut onward = self.clone();
        onward.groups[Group::Text as usize].count = 0;
        onward
    }

    /// Adds the observations of a worker that continued from this state.
    pub(crate) fn join(&mut self, later: &Self) {
        self.last = later.last.or(self.last);
        for (found, later) in self.groups.iter_mut().zip(&later.groups) {
            found.count = found.count.saturating_add(later.count);
            found.first = found.first.take().or_else(|| later.first.clone());
        }
        for (numbers, later) in self.marked.iter_mut().zip(later.marked) {
            numbers.possible &= later.possible;
            numbers.decimal |= later.decimal;
            numbers.beyond_doubles |= later.beyond_doubles;
        }
        self.first_marked = self.first_marked.take().or_else(|| later.first_marked.clone());
        self.first_ordered = self.first_ordered.take().or_else(|| later.first_ordered.clone());
        for (out, later) in self.orders_out.iter_mut().zip(later.orders_out) {
            *out |= later;
        }
        self.integer |= later.integer;
        self.decimal |= later.decimal;
        self.beyond_doubles |= later.beyond_doubles;
        self.point |= later.point;
        self.date |= later.date;
        self.naive |= later.naive;
        self.zoned |= later.zoned;
        self.needs_nanos |= later.needs_nanos;
        self.beyond_nanos |= later.beyond_nanos;
        self.iso |= later.iso;
        self.orders_differ |= later.orders_differ;
        self.undotted |= later.undotted;
    }

    /// Whether all cells are of one group, so that their order and number do not matter.
    pub(crate) fn is_of_one_group(&self) -> bool {
        self.groups.iter().filter(|found| found.count > 0).count() <= 1
    }
}
