//! The JSON schema of `block.toml`, for editors and other tools.

use super::options::OptionKind;
use serde_json::{Value, json};

/// The schema, in JSON Schema's version 2020-12.
#[must_use]
pub fn schema() -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let texts = |about: &str| json!({"type": "array", "items": {"type": "string"}, "description": about});
    let yes_no = |about: &str, default: bool| json!({"type": "boolean", "default": default, "description": about});
    let option = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "kind"],
        "properties": {
            "name": text("the name by which scripts get it and callers give it"),
            "kind": {"enum": OptionKind::NAMES, "description": "what values it takes"},
            "label": text("a label for people"),
            "description": text("a description for people"),
            "default": {"description": "its value where the caller gives none"},
            "mandatory": yes_no("whether it must have a value", false),
            "min": {"type": "number", "description": "the least value of an integer or double"},
            "max": {"type": "number", "description": "the greatest value of an integer or double"},
            "choices": texts("the values of a choice"),
            "input": {"type": "integer", "minimum": 0, "default": 0, "description": "the input of a field or fields, from 0"},
            "read_only": yes_no("whether the script may only read a file", true),
        },
    });
    let output = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": {"id": text("its id"), "name": text("its name, for people")},
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "block.toml",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "language", "script"],
        "properties": {
            "name": text("the block's name, for people"),
            "language": {"enum": ["python", "r"], "description": "the script's language"},
            "script": text("the script, relative to the block's folder"),
            "mode": {"enum": ["batch", "stream"], "default": "batch", "description": "how the script takes its input"},
            "description": text("what the block does, for people"),
            "dependencies": texts("pip requirement strings; for R package names"),
            "pandas": {"enum": [2, 3], "default": 3, "description": "the pandas that a script in Python is written for"},
            "system_packages": texts("Debian packages"),
            "image": text("a base image of its own"),
            "install_api": yes_no("whether SDK and agent are put into that image", true),
            "network": yes_no("whether it asks for a network", false),
            "options": {"type": "array", "items": option},
            "outputs": {"type": "array", "items": output},
        },
    })
}
