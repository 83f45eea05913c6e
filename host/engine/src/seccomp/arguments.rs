//! Answers that depend on the arguments of a call. Arguments are compared like the kernel reads them, by the lower 32
//! bits: setting higher bits does not evade a comparison.

use super::{Answer, Error, Sockets};

/// A masked comparison of an argument, as engines support it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition {
    /// Which argument, from 0.
    pub(super) argument: u32,
    pub(super) mask: u32,
    /// The expected value of the masked argument.
    pub(super) value: u32,
}

/// An answer, and its conditions, all of which must hold. The cases of a call exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) conditions: Vec<Condition>,
    pub(super) answer: Answer,
}

/// The consequence of a value of an argument.
#[derive(Debug, Clone)]
enum Then {
    Answer(Answer),
    Compare(Box<Comparison>),
}

/// An answer by the lowest bits of an argument.
#[derive(Debug, Clone)]
struct Comparison {
    argument: u32,
    bits: u32,
    listed: Vec<(u32, Then)>,
    /// The answer to all other values. `None`: that of calls without a rule.
    others: Option<Answer>,
}

/// Makes namespaces: `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID`, `NEWNET`.
const NAMESPACES: [u32; 7] = [1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30];

/// Terminal requests that insert input for other processes (`TIOCSTI`, `TIOCLINUX`), or load a kernel module for any
/// new terminal (`TIOCSETD`).
const TERMINALS: [u32; 3] = [0x5412, 0x541c, 0x5423];

/// `PER_LINUX`, which every process has, and the query of the current one. Other values disable protections.
const PERSONALITIES: [u32; 2] = [0, u32::MAX];

const AF_UNIX: u32 = 1;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const AF_NETLINK: u32 = 16;
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_RAW: u32 = 3;

/// Bits that distinguish all families: the kernel itself refuses larger numbers, and has 46 families.
const FAMILY_BITS: u32 = 8;

/// The bits of a socket's type, without its flags.
const KIND_BITS: u32 = 4;

/// Bits that distinguish all protocols of a family: the largest number is 262.
const PROTOCOL_BITS: u32 = 9;

const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;
const NETLINK_ROUTE: u32 = 0;

/// The cases of a call whose answer depends on its arguments.
pub(super) fn cases(name: &str, sockets: Sockets) -> Vec<Case> {
    const REFUSED: Answer = Answer::Refuse(Error::Permission);
    match name {
        // Their order of arguments is the same on x86_64 and aarch64. `clone3` has its flags in memory, where no filter
        // sees them: without it the C library makes threads by this one.
        "clone" => any_of(&NAMESPACES, REFUSED),
        "ioctl" => flat(&equal(1, 32, &TERMINALS, REFUSED, Some(Answer::Allow))),
        "personality" => flat(&equal(0, 32, &PERSONALITIES, Answer::Allow, None)),
        "socketpair" => flat(&equal(0, FAMILY_BITS, &[AF_UNIX], Answer::Allow, Some(Answer::Refuse(Error::Family)))),
        "socket" => flat(&socket(sockets)),
        _ => Vec::new(),
    }
}

/// Allowed families of sockets, with their types and protocols.
fn socket(sockets: Sockets) -> Comparison {
    let protocols = |listed: &[u32]| {
        let others = Some(Answer::Refuse(Error::Protocol));
        Then::Compare(Box::new(equal(2, PROTOCOL_BITS, listed, Answer::Allow, others)))
    };
    let kinds = |listed: Vec<(u32, Then)>| {
        let others = Some(Answer::Refuse(Error::Permission));
        Then::Compare(Box::new(Comparison { argument: 1, bits: KIND_BITS, listed, others }))
    };
    let internet = kinds(vec![(SOCK_STREAM, protocols(&[0, IPPROTO_TCP])), (SOCK_DGRAM, protocols(&[0, IPPROTO_UDP]))]);
    let mut listed = vec![(AF_UNIX, Then::Answer(Answer::Allow)), (AF_INET, internet.clone()), (AF_INET6, internet)];
    if sockets == Sockets::Network {
        let routes = protocols(&[NETLINK_ROUTE]);
        listed.push((AF_NETLINK, kinds(vec![(SOCK_DGRAM, routes.clone()), (SOCK_RAW, routes)])));
    }
    Comparison { argument: 0, bits: FAMILY_BITS, listed, others: Some(Answer::Refuse(Error::Family)) }
}

/// One answer for the listed values, another for all others.
fn equal(argument: u32, bits: u32, listed: &[u32], answer: Answer, others: Option<Answer>) -> Comparison {
    let listed = listed.iter().map(|value| (*value, Then::Answer(answer))).collect();
    Comparison { argument, bits, listed, others }
}

/// An answer if the first argument has any of these flags; other values are allowed.
fn any_of(flags: &[u32], answer: Answer) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut before = 0;
    for flag in flags {
        let mask = before | flag;
        cases.push(Case { conditions: vec![Condition { argument: 0, mask, value: *flag }], answer });
        before = mask;
    }
    let none = Condition { argument: 0, mask: before, value: 0 };
    cases.push(Case { conditions: vec![none], answer: Answer::Allow });
    cases
}

/// The cases of a comparison.
fn flat(comparison: &Comparison) -> Vec<Case> {
    let Comparison { argument, bits, listed, others } = comparison;
    let mask = u32::MAX >> (u32::BITS - bits);
    let mut cases = Vec::new();
    for (value, then) in listed {
        let condition = Condition { argument: *argument, mask, value: *value };
        match then {
            Then::Answer(answer) => cases.push(Case { conditions: vec![condition], answer: *answer }),
            Then::Compare(next) => cases.extend(flat(next).into_iter().map(|mut case| {
                case.conditions.insert(0, condition);
                case
            })),
        }
    }
    if let Some(answer) = *others {
        let values: Vec<u32> = listed.iter().map(|(value, _)| *value).collect();
        let conditions = unlike(&values, *bits).into_iter();
        let conditions = conditions.map(|(mask, value)| Condition { argument: *argument, mask, value });
        cases.extend(conditions.map(|condition| Case { conditions: vec![condition], answer }));
    }
    cases
}

/// All values of so many bits except these, as masks and masked values. Engines compare for equality under a mask, and
/// cannot negate, so the other values are grouped by the first bit in which they differ from all of these.
fn unlike(values: &[u32], bits: u32) -> Vec<(u32, u32)> {
    if values.is_empty() {
        return vec![(0, 0)];
    }
    let Some(bit) = bits.checked_sub(1) else {
        return Vec::new();
    };
    let halves = [0, 1u32 << bit].into_iter().flat_map(|half| {
        let within: Vec<u32> = values.iter().copied().filter(|value| value & (1 << bit) == half).collect();
        unlike(&within, bit).into_iter().map(move |(mask, value)| (mask | (1 << bit), value | half))
    });
    halves.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers to a call, by an independent evaluation of the cases: exactly one if the call is answered.
    fn answers(name: &str, sockets: Sockets, arguments: [u32; 3]) -> Vec<Answer> {
        let holds = |condition: &Condition| {
            arguments[usize::try_from(condition.argument).unwrap()] & condition.mask == condition.value
        };
        let cases = cases(name, sockets).into_iter().filter(|case| case.conditions.iter().all(holds));
        cases.map(|case| case.answer).collect()
    }

    const PERMISSION: Answer = Answer::Refuse(Error::Permission);
    const FAMILY: Answer = Answer::Refuse(Error::Family);
    const PROTOCOL: Answer = Answer::Refuse(Error::Protocol);

    #[test]
    fn each_socket_has_one_answer() {
        for sockets in [Sockets::Loopback, Sockets::Network] {
            for (family, kind, protocol) in (0..48).flat_map(|family| {
                (0..8).flat_map(move |kind| [0, 1, 6, 17, 262].map(|protocol| (family, kind, protocol)))
            }) {
                // With its flags `SOCK_CLOEXEC` and `SOCK_NONBLOCK`.
                let found = answers("socket", sockets, [family, kind | 0o2_004_000, protocol]);
                let expected = match (family, kind, protocol) {
                    (1, ..) | (2 | 10, 1, 0 | 6) | (2 | 10, 2, 0 | 17) => Answer::Allow,
                    (2 | 10, 1 | 2, _) => PROTOCOL,
                    (2 | 10, ..) => PERMISSION,
                    (16, 2 | 3, 0) if sockets == Sockets::Network => Answer::Allow,
                    (16, 2 | 3, _) if sockets == Sockets::Network => PROTOCOL,
                    (16, ..) if sockets == Sockets::Network => PERMISSION,
                    _ => FAMILY,
                };
                assert_eq!(found, [expected], "{sockets:?} {family} {kind} {protocol}");
            }
        }
        assert_eq!(answers("socketpair", Sockets::Network, [1, 1, 0]), [Answer::Allow]);
        assert_eq!(answers("socketpair", Sockets::Network, [30, 1, 0]), [FAMILY]);
    }

    #[test]
    fn each_number_around_those_that_are_refused_has_one_answer() {
        let by = |name, argument: usize, value| {
            let mut arguments = [0; 3];
            arguments[argument] = value;
            answers(name, Sockets::Loopback, arguments)
        };
        for request in (0x5400..0x5430).chain((0..32).map(|bit| 0x5412 ^ (1 << bit))).chain([u32::MAX]) {
            let expected = if TERMINALS.contains(&request) { PERMISSION } else { Answer::Allow };
            assert_eq!(by("ioctl", 1, request), [expected], "{request:#x}");
        }
        // A thread's flags, a fork's, and those with each namespace.
        for flags in [0x3d_0f00, 17, 0x0120_0011] {
            assert_eq!(by("clone", 0, flags), [Answer::Allow]);
            for namespace in NAMESPACES {
                assert_eq!(by("clone", 0, flags | namespace), [PERMISSION]);
                assert_eq!(by("clone", 0, flags | namespace | 1 << 28), [PERMISSION]);
            }
        }
        assert_eq!(by("personality", 0, 0), [Answer::Allow]);
        assert_eq!(by("personality", 0, u32::MAX), [Answer::Allow]);
        assert_eq!(by("personality", 0, 0x0004_0000), []);
    }
}
