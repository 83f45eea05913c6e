//! The common properties of the cells of a column, seen one by one. A column has the narrowest type that holds every
//! one of its cells, over the whole file, to the last digit; if no type does, or if its cells can be read in two ways,
//! it is text, and the reason is kept.

mod join;

use super::cell::{Kind, Unit, trimmed};
use super::days::Dates;
use super::marks::Marks;
use super::number::is_exact_double;
use super::time::Instant;
use super::verdict::{Example, Hints, Reason, Style, Verdict};
use longshore_model::table::{ColumnType, Order};

/// Number of text cells from which a column is text, whatever the others are.
const PLAINLY_TEXT: u64 = 64;

/// A few cells that make a column text are at most one in this many of its cells.
const FEW: u64 = 5;

/// The kind of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Boolean,
    Integer,
    Decimal,
    Marked,
    Date,
    Time,
    Ordered,
    Text,
}

/// Values that exclude each other in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Boolean,
    Number,
    Time,
    Text,
}

impl Group {
    fn nouns(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Number => "numbers",
            Self::Time => "dates or times",
            Self::Text => "text",
        }
    }
}

/// Cells of one group.
#[derive(Debug, Clone, Default)]
struct Found {
    count: u64,
    first: Option<Example>,
}

/// Numbers read with one set of marks.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    possible: bool,
    decimal: bool,
    beyond_doubles: bool,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { possible: true, decimal: false, beyond_doubles: false }
    }
}

/// The marks that are tried.
const MARKS: [Marks; 2] = [Marks::COMMA_THOUSANDS, Marks::DECIMAL_COMMA];

/// The common properties of the cells of a column, seen one by one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    last: Option<Class>,
    groups: [Found; 4],
    integer: bool,
    decimal: bool,
    /// A whole number that a double would round.
    beyond_doubles: bool,
    /// A number with a point that is not between thousands.
    point: bool,
    marked: [Numbers; 2],
    first_marked: Option<Example>,
    date: bool,
    naive: bool,
    zoned: bool,
    /// A time with fractions of a microsecond.
    needs_nanos: bool,
    /// A date or time that nanoseconds cannot count to.
    beyond_nanos: bool,
    /// Whether some are in the form of ISO 8601.
    iso: bool,
    /// Orders that do not fit.
    orders_out: [bool; 3],
    /// Whether the orders that fit result in different days.
    orders_differ: bool,
    /// Whether a date in another order has something else than points in it.
    undotted: bool,
    first_ordered: Option<Example>,
}

impl Seen {
    /// Adds a cell of a text in which only machine-written forms are recognized.
    pub(crate) fn note(&mut self, cell: &str) {
        self.note_in(cell, 0, &Hints::default());
    }

    /// Adds a cell. Returns whether it had a value that was examined.
    pub(crate) fn note_in(&mut self, cell: &str, line: u64, hints: &Hints) -> bool {
        if self.is_plainly_text() {
            return false;
        }
        let cell = trimmed(cell);
        if hints.words.is_missing(cell) {
            return false;
        }
        // The likeliest first: a column usually continues as it began.
        let classes =
            [Class::Boolean, Class::Integer, Class::Decimal, Class::Date, Class::Time, Class::Marked, Class::Ordered];
        let dates = || [Class::Date, Class::Time].into_iter().filter(|_| hints.is_dates);
        let found = self.last.filter(|class| self.take(*class, cell, line, hints));
        let found = found.or_else(|| dates().find(|class| self.take(*class, cell, line, hints)));
        let class = found
            .or_else(|| classes.into_iter().find(|class| self.take(*class, cell, line, hints)))
            .unwrap_or(Class::Text);
        self.last = Some(class);
        let group = match class {
            Class::Boolean => Group::Boolean,
            Class::Integer | Class::Decimal | Class::Marked => Group::Number,
            Class::Date | Class::Time | Class::Ordered => Group::Time,
            Class::Text => Group::Text,
        };
        self.add(group, cell, line);
        true
    }

    fn add(&mut self, group: Group, cell: &str, line: u64) {
        let found = &mut self.groups[group as usize];
        found.count += 1;
        if found.first.is_none() {
            found.first = Some(Example::new(line, cell));
        }
    }

    /// Adds a text as text, whatever else it could be read as.
    pub(crate) fn note_text(&mut self) {
        self.groups[Group::Text as usize].count += 1;
    }

    /// Whether so many cells were text that no further cell is examined.
    pub(crate) fn is_plainly_text(&self) -> bool {
        let text = self.groups[Group::Text as usize].count;
        text >= PLAINLY_TEXT && text * FEW >= self.groups.iter().map(|found| found.count).sum()
    }

    fn take(&mut self, class: Class, cell: &str, line: u64, hints: &Hints) -> bool {
        let marks = hints.marks.unwrap_or(Marks::PLAIN);
        let iso = Dates::Iso;
        let dates = hints.dates.as_ref().unwrap_or(&iso);
        match class {
            Class::Boolean => hints.words.boolean(cell).is_some(),
            Class::Integer => match marks.integer(cell) {
                Some(number) => {
                    self.integer = true;
                    self.beyond_doubles |= !is_exact_double(number);
                    true
                }
                None => false,
            },
            // A whole number is an integer, also after a decimal.
            Class::Decimal if self.last == Some(Class::Decimal) && self.take(Class::Integer, cell, line, hints) => true,
            Class::Decimal => {
                let is_one = marks.decimal(cell).is_some();
                self.decimal |= is_one;
                if is_one && !self.point {
                    self.point = Marks::DECIMAL_COMMA.integer(cell).is_none();
                }
                is_one
            }
            Class::Marked => hints.look && hints.marks.is_none() && self.take_marked(cell, line),
            Class::Date => match dates.date(cell) {
                Some(days) => {
                    (self.date, self.iso) = (true, true);
                    self.take_days(days);
                    true
                }
                None => false,
            },
            Class::Time => {
                let time = dates.timestamp(cell);
                self.iso |= time.is_some();
                time.map(|time| self.take_time(time)).is_some()
            }
            Class::Ordered => hints.look && hints.dates.is_none() && self.take_ordered(cell, line),
            Class::Text => false,
        }
    }

    fn take_days(&mut self, days: i32) {
        self.beyond_nanos |= i64::from(days).checked_mul(86_400_000_000_000).is_none();
    }

    fn take_time(&mut self, time: Instant) {
        self.naive |= !time.zoned;
        self.zoned |= time.zoned;
        self.needs_nanos |= time.micros().is_none();
        self.beyond_nanos |= time.nanos().is_none();
    }

    fn take_marked(&mut self, cell: &str, line: u64) -> bool {
        if !cell.contains(',') && !cell.contains('.') {
            return false;
        }
        let mut any = false;
        for (marks, numbers) in MARKS.into_iter().zip(&mut self.marked) {
            let whole = marks.integer(cell);
            let fits = whole.is_some() || marks.decimal(cell).is_some();
            any |= fits;
            numbers.possible &= fits;
            numbers.decimal |= whole.is_none();
            numbers.beyond_doubles |= whole.is_some_and(|number| !is_exact_double(number));
        }
        if any && self.first_marked.is_none() {
            self.first_marked = Some(Example::new(line, cell));
        }
        any
    }

    fn take_ordered(&mut self, cell: &str, line: u64) -> bool {
        let styles = Order::ALL.map(Dates::Ordered);
        let days = styles.each_ref().map(|style| style.date(cell));
        let times =
            styles.each_ref().map(|style| if days.iter().any(Option::is_some) { None } else { style.timestamp(cell) });
        let seconds = |at: usize| {
            days[at].map(|days| i64::from(days) * 86_400).or_else(|| times[at].map(|time: Instant| time.seconds))
        };
        let found: Vec<i64> = (0..3).filter_map(seconds).collect();
        let Some(first) = found.first() else { return false };
        for at in 0..3 {
            self.orders_out[at] |= seconds(at).is_none();
        }
        self.orders_differ |= found.iter().any(|other| other != first);
        self.undotted |= !cell.contains('.') || cell.contains('/');
        self.date |= days.iter().any(Option::is_some);
        days.iter().flatten().for_each(|days| self.take_days(*days));
        times.iter().flatten().for_each(|time| self.take_time(*time));
        if self.first_ordered.is_none() {
            self.first_ordered = Some(Example::new(line, cell));
        }
        true
    }

    /// Whether the last cell with a value is of this type.
    pub(crate) fn last_is(&self, wanted: &ColumnType) -> bool {
        match (wanted, self.last) {
            (_, None) | (ColumnType::Text, _) => true,
            (ColumnType::Boolean, Some(class)) => class == Class::Boolean,
            (ColumnType::Integer, Some(class)) => matches!(class, Class::Integer | Class::Marked),
            (ColumnType::Number, Some(class)) => matches!(class, Class::Integer | Class::Decimal | Class::Marked),
            (ColumnType::Date(_), Some(class)) => matches!(class, Class::Date | Class::Ordered),
            (ColumnType::Time(_), Some(class)) => matches!(class, Class::Date | Class::Time | Class::Ordered),
        }
    }

    /// Whether doubles hold every one of these numbers.
    pub(crate) fn fits_doubles(&self) -> bool {
        self.groups[Group::Text as usize].count == 0 && !self.beyond_doubles
    }

    /// The type of a column of these cells, in a text in which only machine-written forms are recognized.
    pub(crate) fn kind(&self) -> Kind {
        self.verdict(&Hints::default(), &Style::default()).kind
    }

    /// The type of a column of these cells. `others` is the style of other columns of the same text.
    pub(crate) fn verdict(&self, hints: &Hints, others: &Style) -> Verdict {
        let groups = [Group::Boolean, Group::Number, Group::Time, Group::Text];
        let mut present = groups.into_iter().filter(|group| self.groups[*group as usize].count > 0);
        match (present.next(), present.next()) {
            (None, _) => Verdict::default(),
            (Some(Group::Boolean), None) => Verdict { kind: Kind::Boolean, ..Verdict::default() },
            (Some(Group::Number), None) => self.numbers(hints, others),
            (Some(Group::Time), None) => self.times(hints, others),
            (Some(Group::Text), None) => text(None),
            _ => text(self.mixed(groups)),
        }
    }

    fn mixed(&self, groups: [Group; 4]) -> Option<Reason> {
        let count = |group: Group| self.groups[group as usize].count;
        let main = groups[..3].iter().copied().max_by_key(|group| count(*group))?;
        let all: u64 = groups.iter().map(|group| count(*group)).sum();
        if (all - count(main)) * FEW > all {
            return None;
        }
        let others = groups.into_iter().filter(|group| *group != main);
        let first =
            others.filter_map(|group| self.groups[group as usize].first.clone()).min_by_key(|first| first.line)?;
        Some(Reason::Mixed { example: first, others: main.nouns() })
    }

    fn numbers(&self, hints: &Hints, others: &Style) -> Verdict {
        let number = |marks: Marks, decimal: bool, beyond: bool| match (decimal, beyond) {
            (false, _) => Verdict { kind: Kind::Integer, style: Style { marks, ..Style::default() }, reason: None },
            (true, false) => Verdict { kind: Kind::Decimal, style: Style { marks, ..Style::default() }, reason: None },
            (true, true) => text(None),
        };
        let Some(example) = &self.first_marked else {
            // In the notation of the other columns, 1.234 is 1234.
            let doubtful = hints.marks.is_none() && others.marks == Marks::DECIMAL_COMMA && self.decimal && !self.point;
            if let (true, Some(first)) = (doubtful, &self.groups[Group::Number as usize].first) {
                return text(Some(Reason::Marks(first.clone())));
            }
            return number(hints.marks.unwrap_or(Marks::PLAIN), self.decimal, self.beyond_doubles);
        };
        let mut possible = [self.marked[0].possible, self.marked[1].possible && !(self.decimal && self.point)];
        if possible == [true; 2] {
            possible = MARKS.map(|marks| marks == others.marks);
        }
        match possible {
            [true, _] => {
                let [found, _] = self.marked;
                number(MARKS[0], found.decimal || self.decimal, found.beyond_doubles || self.beyond_doubles)
            }
            [_, true] => {
                let [_, found] = self.marked;
                number(MARKS[1], found.decimal, found.beyond_doubles || self.beyond_doubles)
            }
            _ => text(Some(Reason::Marks(example.clone()))),
        }
    }

    fn times(&self, hints: &Hints, others: &Style) -> Verdict {
        let unit = match (self.needs_nanos, self.beyond_nanos) {
            (false, _) => Some(Unit::Micros),
            (true, false) => Some(Unit::Nanos),
            (true, true) => None,
        };
        let kind = match (self.date, self.naive, self.zoned) {
            (true, false, false) => Kind::Date,
            (_, true, false) => unit.map_or(Kind::Text, Kind::Naive),
            (false, false, true) => unit.map_or(Kind::Text, Kind::Zoned),
            _ => Kind::Text,
        };
        let dates = match &self.first_ordered {
            None => hints.dates.clone().unwrap_or_default(),
            Some(example) => {
                let fits = |order: Order| !self.iso || order == Order::YearMonthDay;
                let possible = Order::ALL.into_iter().zip(self.orders_out).filter(|(order, out)| !out && fits(*order));
                let possible: Vec<Order> = possible.map(|(order, _)| order).collect();
                match possible.as_slice() {
                    [] => return text(Some(Reason::Order(example.clone()))),
                    [order] => Dates::Ordered(*order),
                    [order, ..] if !self.orders_differ => Dates::Ordered(*order),
                    // No notation has the month first with points.
                    _ if !self.undotted => Dates::Ordered(Order::DayMonthYear),
                    several => match &others.dates {
                        Dates::Ordered(order) if several.contains(order) => Dates::Ordered(*order),
                        _ => return text(Some(Reason::Order(example.clone()))),
                    },
                }
            }
        };
        Verdict { kind, style: Style { dates, ..Style::default() }, reason: None }
    }
}

fn text(reason: Option<Reason>) -> Verdict {
    Verdict { kind: Kind::Text, style: Style::default(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str]) -> Kind {
        let kind_of = |cells: &mut dyn Iterator<Item = &&str>| {
            let mut seen = Seen::default();
            cells.for_each(|cell| seen.note(cell));
            seen.kind()
        };
        let forward = kind_of(&mut cells.iter());
        assert_eq!(kind_of(&mut cells.iter().rev()), forward, "the order of cells says nothing: {cells:?}");
        forward
    }

    #[test]
    fn columns_are_of_the_narrowest_type_that_holds_every_cell() {
        assert_eq!(kind(&["", "NA"]), Kind::Nothing);
        assert_eq!(kind(&["1", "", "-20"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.5", "1e3", "NA"]), Kind::Decimal);
        assert_eq!(kind(&["true", "FALSE", ""]), Kind::Boolean);
        assert_eq!(kind(&["true", "1"]), Kind::Text);
        assert_eq!(kind(&["007", "008"]), Kind::Text);
        assert_eq!(kind(&["0", "0.5"]), Kind::Decimal);
        assert_eq!(kind(&["2024-01-31", ""]), Kind::Date);
        assert_eq!(kind(&["2024-01-31", "2024-01-31T12:30:00"]), Kind::Naive(Unit::Micros));
        assert_eq!(kind(&["2024-01-31 12:30:00.25", "2024-02-01"]), Kind::Naive(Unit::Micros));
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31T12:30:00+02:00"]), Kind::Zoned(Unit::Micros));
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31T12:30:00"]), Kind::Text);
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31"]), Kind::Text);
        assert_eq!(kind(&["2024-01-31", "5"]), Kind::Text);
        assert_eq!(kind(&["2024-13-31"]), Kind::Text);
        assert_eq!(kind(&["1-2"]), Kind::Text);
    }

    #[test]
    fn what_no_type_holds_to_its_last_digit_is_text() {
        assert_eq!(kind(&["12345678901234567890"]), Kind::Text);
        assert_eq!(kind(&["9007199254740993"]), Kind::Integer);
        assert_eq!(kind(&["9007199254740993", "0.5"]), Kind::Text);
        assert_eq!(kind(&["9007199254740994", "0.5"]), Kind::Decimal);
        assert_eq!(kind(&["0.1234567890123456789"]), Kind::Text);
        assert_eq!(kind(&["1e400", "1"]), Kind::Text);
        assert_eq!(kind(&["2024-01-01T00:00:00.123456789"]), Kind::Naive(Unit::Nanos));
        assert_eq!(kind(&["2024-01-01T00:00:00.123456789Z", "1970-01-01 00:00Z"]), Kind::Zoned(Unit::Nanos));
        assert_eq!(kind(&["2024-01-01T00:00:00.123456789", "9999-12-31"]), Kind::Text);
        assert_eq!(kind(&["2024-01-01T00:00:00", "9999-12-31 23:59:59"]), Kind::Naive(Unit::Micros));
        assert_eq!(kind(&["2024-01-01T00:00:00.1234567891"]), Kind::Text);
    }
}
