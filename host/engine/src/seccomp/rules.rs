//! The profile as the document that engines receive with a container. Docker and Podman convert it with libseccomp to a
//! filter, which skips unknown names: those calls are answered like calls without a rule.

use super::arguments::{Case, cases};
use super::calls::{Rule, calls};
use super::{Answer, Error, Sockets};
use serde::Serialize;

/// The document. 32-bit and x32 calls are refused on every machine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// The answer to calls without a rule.
    default_action: Action,
    /// Engines before 22 ignore this, and answer `EPERM`.
    default_errno_ret: u32,
    /// The architectures of the table's calls. If the machine's own is listed, runc answers `ENOSYS` to all calls newer
    /// than the newest one that it knows of this document, whatever the engine ignored.
    arch_map: [Machine; 2],
    syscalls: Vec<Calls>,
}

/// An architecture, and others whose programs it runs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    architecture: &'static str,
    sub_architectures: [&'static str; 0],
}

/// Calls with the same answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Calls {
    names: Vec<&'static str>,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno_ret: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<Argument>,
}

#[derive(Debug, Clone, Copy, Serialize)]
enum Action {
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
}

/// A comparison; all comparisons of a rule must hold.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    index: u32,
    /// The mask.
    value: u32,
    /// The masked value.
    value_two: u32,
    op: &'static str,
}

/// The document of a profile.
pub(super) fn document(sockets: Sockets) -> String {
    let always = [Answer::Allow, Answer::Refuse(Error::Permission), Answer::Refuse(Error::NoSuchCall)].map(|answer| {
        let names = calls().filter(|call| call.rule == Rule::Always(answer)).map(|call| call.name).collect();
        answered(names, answer, Vec::new())
    });
    let by_arguments = calls().filter(|call| call.rule == Rule::ByArguments).flat_map(|call| {
        cases(call.name, sockets).into_iter().map(move |Case { conditions, answer }| {
            let compared = conditions.into_iter().map(|condition| Argument {
                index: condition.argument,
                value: condition.mask,
                value_two: condition.value,
                op: "SCMP_CMP_MASKED_EQ",
            });
            answered(vec![call.name], answer, compared.collect())
        })
    });
    let document = Document {
        default_action: Action::Errno,
        default_errno_ret: Error::NoSuchCall as u32,
        arch_map: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"]
            .map(|architecture| Machine { architecture, sub_architectures: [] }),
        syscalls: always.into_iter().chain(by_arguments).collect(),
    };
    serde_json::to_string(&document).expect("a document of names and numbers can be written")
}

fn answered(names: Vec<&'static str>, answer: Answer, args: Vec<Argument>) -> Calls {
    match answer {
        Answer::Allow => Calls { names, action: Action::Allow, errno_ret: None, args },
        Answer::Refuse(error) => Calls { names, action: Action::Errno, errno_ret: Some(error as u32), args },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SeccompProfile, profile};
    use super::*;

    #[test]
    fn calls_by_arguments_have_cases() {
        for call in calls().filter(|call| call.rule == Rule::ByArguments) {
            assert!(!cases(call.name, Sockets::Loopback).is_empty(), "{}", call.name);
        }
    }

    #[test]
    fn a_document_names_each_call_and_is_the_same_text_each_time() {
        let SeccompProfile { text, hash } = profile(Sockets::Loopback);
        assert_eq!(profile(Sockets::Loopback), SeccompProfile { text: text.clone(), hash: hash.clone() });
        assert_ne!(profile(Sockets::Network).hash, hash);
        assert_eq!(hash.len(), 64);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["defaultAction"], "SCMP_ACT_ERRNO");
        assert_eq!(document["defaultErrnoRet"], 38);
        let rules = document["syscalls"].as_array().unwrap();
        let names = rules.iter().flat_map(|rule| rule["names"].as_array().unwrap()).map(|name| name.as_str().unwrap());
        let named: std::collections::BTreeSet<&str> = names.collect();
        assert_eq!(named, calls().map(|call| call.name).collect());
        let clone = rules.iter().find(|rule| rule["names"][0] == "clone").unwrap();
        let argument =
            serde_json::json!({"index": 0, "value": 131_072, "valueTwo": 131_072, "op": "SCMP_CMP_MASKED_EQ"});
        assert_eq!(clone["args"][0], argument);
        assert_eq!((&clone["action"], &clone["errnoRet"]), (&"SCMP_ACT_ERRNO".into(), &1.into()));
        // Sent with each container, and converted to a filter at each start: the kernel accepts 4096 instructions.
        assert!(text.len() < 40_000, "{}", text.len());
    }
}
