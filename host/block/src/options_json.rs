//! The options of an Omniscope `manifest.json`. An unusable option is reported and left out, and so is a default that
//! its own option would reject: neither prevents the block from running.

use super::entry::{Entry, Notices};
use super::model::DECLARED_MAX;
use super::options::{OptionKind, OptionSpec};
use longshore_model::table::ColumnType;
use serde_json::Value;

/// The keys of an option.
pub(super) const OPTION_KEYS: [&str; 13] = [
    "@visokiotype",
    "name",
    "displayName",
    "title",
    "description",
    "mandatory",
    "defaultValue",
    "numMin",
    "numMax",
    "choices",
    "readOnly",
    "inputIndex",
    "fieldTypes",
];

/// The keys of a choice.
pub(super) const CHOICE_KEYS: [&str; 4] = ["@visokiotype", "value", "displayName", "name"];

/// The most choices of an option: lists of all countries and cities are shorter. Each is compared with all before it.
const CHOICES_MAX: usize = 5000;

/// The options of a manifest.
pub(super) fn read(manifest: &Entry<'_>, notices: &mut Notices) -> Vec<OptionSpec> {
    let mut options: Vec<OptionSpec> = Vec::new();
    let given = manifest.list("options");
    if given.len() > DECLARED_MAX {
        notices.warnings.push(format!("only the first {DECLARED_MAX} of its {} options are used", given.len()));
    }
    for (index, value) in given.into_iter().take(DECLARED_MAX).enumerate() {
        let Some(option) = option(index, value, notices) else { continue };
        if options.iter().any(|known| known.name == option.name) {
            notices.warnings.push(format!("the option `{}` is declared twice: the first one is used", option.name));
            continue;
        }
        options.push(option);
    }
    options
}

fn option(index: usize, value: &Value, notices: &mut Notices) -> Option<OptionSpec> {
    let Some(name) = value.get("name").filter(|_| value.is_object()).and_then(name_of) else {
        let what = if value.is_object() { "has no `name`".into() } else { not_an_object(value) };
        notices.warnings.push(format!("option {index} {what}: it is ignored"));
        return None;
    };
    let entry = Entry::new(value, format!("option `{name}`: "), &OPTION_KEYS, notices);
    let mut spec = OptionSpec {
        kind: kind(&name, &entry, notices),
        default: None,
        mandatory: entry.flag("mandatory", notices).unwrap_or(false),
        label: entry.text("displayName", notices).or_else(|| entry.text("title", notices)),
        description: entry.text("description", notices),
        name,
    };
    spec.default = entry.value("defaultValue").and_then(|given| default(&spec, given, notices));
    Some(spec)
}

fn name_of(value: &Value) -> Option<String> {
    let name = match value {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    (!name.trim().is_empty()).then_some(name)
}

fn not_an_object(value: &Value) -> String {
    format!("is {}, but must be an object", super::values::type_of(value))
}

fn kind(name: &str, entry: &Entry<'_>, notices: &mut Notices) -> OptionKind {
    let given = entry.text("@visokiotype", notices).unwrap_or_default();
    let kind = given.rsplit('.').next().unwrap_or_default();
    let kind = kind.strip_suffix("CustomBlockPublicOption").unwrap_or(kind);
    match kind {
        "Text" => OptionKind::Text,
        "Password" => OptionKind::Password,
        "Integer" => {
            let (min, max) = (entry.whole("numMin", notices), entry.whole("numMax", notices));
            let (min, max) = in_order(name, min, max, notices);
            OptionKind::Integer { min, max }
        }
        "Double" => {
            let (min, max) = (entry.number("numMin", notices), entry.number("numMax", notices));
            let (min, max) = in_order(name, min, max, notices);
            OptionKind::Double { min, max }
        }
        "Boolean" => OptionKind::Boolean,
        "Choice" => choice(name, entry, notices),
        "File" => OptionKind::File { read_only: entry.flag("readOnly", notices).unwrap_or(true) },
        "Field" => OptionKind::Field { input: input(entry, notices), field_types: field_types(name, entry, notices) },
        "Fields" => OptionKind::Fields { input: input(entry, notices), field_types: field_types(name, entry, notices) },
        _ => {
            let what = if given.is_empty() {
                "has no `@visokiotype`".into()
            } else {
                format!("has the unknown `@visokiotype` `{given}`")
            };
            notices.warnings.push(format!("option `{name}` {what}: taken for text"));
            let kind = if kind.is_empty() { "none" } else { kind };
            if !notices.unknown_kinds.iter().any(|known| known == kind) {
                notices.unknown_kinds.push(kind.to_owned());
            }
            OptionKind::Text
        }
    }
}

/// Bounds that no value can satisfy are ignored.
fn in_order<T: PartialOrd + std::fmt::Display>(
    name: &str,
    min: Option<T>,
    max: Option<T>,
    notices: &mut Notices,
) -> (Option<T>, Option<T>) {
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            let bounds = format!("a `numMin` of {min} above its `numMax` of {max}");
            notices.warnings.push(format!("option `{name}` has {bounds}: both are ignored"));
            (None, None)
        }
        bounds => bounds,
    }
}

/// Choices are objects with a value, or plain values.
fn choice(name: &str, entry: &Entry<'_>, notices: &mut Notices) -> OptionKind {
    let mut choices: Vec<String> = Vec::new();
    let given = entry.list("choices");
    if given.len() > CHOICES_MAX {
        notices.warnings.push(format!("option `{name}` has {} choices: the first {CHOICES_MAX} count", given.len()));
    }
    for (index, value) in given.into_iter().take(CHOICES_MAX).enumerate() {
        let given = match value {
            Value::Object(_) => {
                let place = format!("option `{name}`: choice {index}: ");
                let entry = Entry::new(value, place, &CHOICE_KEYS, notices);
                entry.value("value").or_else(|| entry.value("name"))
            }
            plain => Some(plain),
        };
        let text = match given {
            Some(Value::String(text)) => Some(text.clone()),
            Some(plain @ (Value::Number(_) | Value::Bool(_))) => Some(plain.to_string()),
            Some(other) => entry.ignored("choices", other, "a list of texts or objects", notices),
            None => None,
        };
        choices.extend(text.filter(|choice| !choice.is_empty() && !choices.contains(choice)));
    }
    if choices.is_empty() {
        notices.warnings.push(format!("option `{name}` is a choice without `choices`: taken for text"));
        return OptionKind::Text;
    }
    OptionKind::Choice { choices }
}

fn input(entry: &Entry<'_>, notices: &mut Notices) -> usize {
    let given = entry.whole("inputIndex", notices).unwrap_or(0);
    usize::try_from(given).unwrap_or_else(|_| {
        let value = Value::from(given);
        entry.ignored("inputIndex", &value, "0 or more", notices).unwrap_or(0)
    })
}

/// The allowed types of a field, in Omniscope's terms. Since the meaning of an unknown word is not known, a list with
/// one allows any type.
fn field_types(name: &str, entry: &Entry<'_>, notices: &mut Notices) -> Vec<ColumnType> {
    let mut types = Vec::new();
    for value in entry.list("fieldTypes") {
        let word = value.as_str().unwrap_or_default().trim().to_uppercase();
        let named = match word.as_str() {
            "TEXT" | "STRING" | "CATEGORY" => vec![ColumnType::Text],
            "INTEGER" => vec![ColumnType::Integer],
            "DECIMAL" | "NUMERIC" | "NUMBER" | "DOUBLE" => vec![ColumnType::Number],
            "BOOLEAN" => vec![ColumnType::Boolean],
            "DATE" | "DATE_TIME" | "DATETIME" | "TIME" => vec![ColumnType::Date(None), ColumnType::Time(None)],
            _ => {
                let reason = format!("the unknown word {value} in its `fieldTypes`: they are not checked");
                notices.remarks.push(format!("option `{name}` has {reason}"));
                return Vec::new();
            }
        };
        types.extend(named.into_iter().filter(|one| !types.contains(one)).collect::<Vec<_>>());
    }
    types
}

/// Converts a default to a value of the option: unchanged, or from the text that it would be on the command line.
fn default(spec: &OptionSpec, given: &Value, notices: &mut Notices) -> Option<Value> {
    let reason = match spec.read_json(given) {
        Ok(value) => return Some(value).filter(|value| !value.is_null()),
        Err(reason) => reason,
    };
    let text = match given {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(given.to_string()),
        _ => None,
    };
    let name = &spec.name;
    match text.and_then(|text| spec.read_text(&text).ok()) {
        Some(value) => {
            if !value.is_null() && spec.kind != OptionKind::Password {
                notices.remarks.push(format!("option `{name}`: its default {given} is read as {value}"));
            }
            Some(value).filter(|value| !value.is_null())
        }
        None => {
            notices.warnings.push(format!("option `{name}` has a wrong default: {reason}: it is ignored"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(options: Value) -> (Vec<OptionSpec>, Notices) {
        let manifest = json!({ "options": options });
        let mut notices = Notices::default();
        let entry = Entry::new(&manifest, String::new(), &["options"], &mut notices);
        let options = read(&entry, &mut notices);
        (options, notices)
    }

    fn typed(kind: &str, keys: Value) -> Value {
        let mut option =
            json!({"@visokiotype": format!("CustomBlockSchema.{kind}CustomBlockPublicOption"), "name": "o"});
        let known = option.as_object_mut().unwrap();
        known.extend(keys.as_object().unwrap().clone());
        option
    }

    fn one(kind: &str, keys: Value) -> (OptionKind, Option<Value>, Vec<String>) {
        let (options, notices) = options(json!([typed(kind, keys)]));
        (options[0].kind.clone(), options[0].default.clone(), notices.warnings)
    }

    #[test]
    fn all_nine_kinds_are_read() {
        let texts = OptionKind::Choice { choices: vec!["x".into(), "2".into(), "true".into()] };
        let expected = [
            ("Text", json!({"defaultValue": "a"}), OptionKind::Text, Some(json!("a"))),
            ("Text", json!({"defaultValue": 4.5}), OptionKind::Text, Some(json!("4.5"))),
            ("Text", json!({"defaultValue": " "}), OptionKind::Text, None),
            ("Password", json!({}), OptionKind::Password, None),
            ("Integer", json!({"numMin": 1, "numMax": null}), OptionKind::Integer { min: Some(1), max: None }, None),
            (
                "Integer",
                json!({"numMin": "1", "numMax": 9.0, "defaultValue": "4"}),
                OptionKind::Integer { min: Some(1), max: Some(9) },
                Some(json!(4)),
            ),
            ("Integer", json!({"defaultValue": "4.0"}), OptionKind::Integer { min: None, max: None }, Some(json!(4))),
            (
                "Double",
                json!({"numMin": "0.5", "defaultValue": 1}),
                OptionKind::Double { min: Some(0.5), max: None },
                Some(json!(1.0)),
            ),
            ("Boolean", json!({"defaultValue": "TRUE"}), OptionKind::Boolean, Some(json!(true))),
            ("Boolean", json!({"defaultValue": 0}), OptionKind::Boolean, Some(json!(false))),
            ("Choice", json!({"choices": ["x", 2, true]}), texts.clone(), None),
            (
                "Choice",
                json!({"choices": [{"value": "x"}, {"value": 2}, {"value": true}], "defaultValue": 2}),
                texts,
                Some(json!("2")),
            ),
            (
                "Choice",
                json!({"choices": [";", "\t", "", null, {"name": "n"}, {}], "defaultValue": "\t"}),
                OptionKind::Choice { choices: vec![";".into(), "\t".into(), "n".into()] },
                Some(json!("\t")),
            ),
            ("File", json!({}), OptionKind::File { read_only: true }, None),
            ("File", json!({"readOnly": "false"}), OptionKind::File { read_only: false }, None),
            (
                "Field",
                json!({"inputIndex": "1", "fieldTypes": ["TEXT"]}),
                OptionKind::Field { input: 1, field_types: vec![ColumnType::Text] },
                None,
            ),
            (
                "Fields",
                json!({"inputIndex": null, "defaultValue": "a, b"}),
                OptionKind::Fields { input: 0, field_types: Vec::new() },
                Some(json!(["a", "b"])),
            ),
            (
                "Fields",
                json!({"defaultValue": [], "fieldTypes": "date_time"}),
                OptionKind::Fields { input: 0, field_types: vec![ColumnType::Date(None), ColumnType::Time(None)] },
                None,
            ),
        ];
        for (kind, keys, expected, default) in expected {
            assert_eq!(one(kind, keys.clone()), (expected, default, vec![]), "{kind} {keys}");
        }
    }

    #[test]
    fn wrong_defaults_and_bounds_are_told_and_left_out() {
        let warnings = |kind, keys| one(kind, keys).2;
        assert_eq!(
            warnings("Integer", json!({"defaultValue": "many"})),
            ["option `o` has a wrong default: \"many\" is text, but must be a whole number: it is ignored"]
        );
        assert_eq!(
            warnings("Integer", json!({"defaultValue": 12, "numMax": 9})),
            ["option `o` has a wrong default: 12 is out of range, it must be 9 or less: it is ignored"]
        );
        assert_eq!(
            warnings("Integer", json!({"numMin": 9, "numMax": 1})),
            ["option `o` has a `numMin` of 9 above its `numMax` of 1: both are ignored"]
        );
        assert_eq!(
            warnings("Integer", json!({"numMin": 1.5, "numMax": "x"})),
            [
                "option `o`: `numMin` is 1.5, a number, but must be a whole number: it is ignored",
                "option `o`: `numMax` is \"x\", text, but must be a number: it is ignored"
            ]
        );
        assert_eq!(
            warnings("Boolean", json!({"defaultValue": {"a": 1}, "mandatory": "perhaps"})),
            [
                "option `o`: `mandatory` is \"perhaps\", text, but must be true or false: it is ignored",
                "option `o` has a wrong default: {\"a\":1} is an object, but must be true or false: it is ignored"
            ]
        );
        assert_eq!(
            warnings("Choice", json!({"choices": ["x"], "defaultValue": "y"})),
            ["option `o` has a wrong default: `y` is not among its choices (x): it is ignored"]
        );
        assert_eq!(
            warnings("Choice", json!({"choices": null})),
            ["option `o` is a choice without `choices`: taken for text"]
        );
        assert_eq!(
            warnings("Field", json!({"inputIndex": -1})),
            ["option `o`: `inputIndex` is -1, a number, but must be 0 or more: it is ignored"]
        );
    }

    #[test]
    fn an_unknown_type_of_a_field_is_told_and_allows_anything() {
        let (found, notices) = options(json!([typed("Field", json!({"fieldTypes": ["INTEGER", "GEO", "TEXT"]}))]));
        assert_eq!(found[0].kind, OptionKind::Field { input: 0, field_types: Vec::new() });
        let remark = "option `o` has the unknown word \"GEO\" in its `fieldTypes`: they are not checked";
        assert_eq!(notices.remarks, [remark]);
    }

    #[test]
    fn options_that_cannot_be_used_are_told_and_left_out() {
        let (found, notices) = options(json!([
            null, {"name": " "}, 3, {"name": "a"}, {"name": "a", "@visokiotype": "Other"}, {"name": "b", "@visokiotype": "Other"}
        ]));
        assert_eq!(found.iter().map(|option| option.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            notices.warnings,
            [
                "option 0 has no `name`: it is ignored",
                "option 1 is a number, but must be an object: it is ignored",
                "option `a` has no `@visokiotype`: taken for text",
                "option `a` has the unknown `@visokiotype` `Other`: taken for text",
                "the option `a` is declared twice: the first one is used",
                "option `b` has the unknown `@visokiotype` `Other`: taken for text",
            ]
        );
        let (found, notices) = options(json!([typed("Password", json!({"defaultValue": 1234}))]));
        assert_eq!(found[0].default, Some(json!("1234")));
        assert!(!format!("{notices:?}").contains("1234"));
    }
}
