//! The JSON schema of `block.toml`, for editors and other tools.

use super::options::OptionKind;
use longshore_model::table::ColumnType;
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
            "input": {
                "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}],
                "default": 0,
                "description": "the input of a field or fields, from 0, or its name",
            },
            "field_types": {
                "type": "array",
                "items": {"enum": ColumnType::NAMES},
                "description": "what the columns of a field or fields may be; anything without it",
            },
            "read_only": yes_no("whether the script may only read a file", true),
        },
    });
    let read = json!({
        "type": "object",
        "additionalProperties": false,
        "description": "how its text is read, where that is not to be looked for",
        "properties": {
            "format": text("the format, where the suffix does not say it"),
            "delimiter": text("what separates cells: a character, some, `tab`, or `blanks` for any number of them"),
            "quote": text("what stands around cells that have a delimiter in them, or `none`"),
            "escape": text("what stands before a character that is meant as itself, or `none`"),
            "comment": text("what a line begins with that is no row"),
            "skip": {"type": "integer", "minimum": 0, "description": "lines above the table"},
            "footer": {"type": "integer", "minimum": 0, "description": "rows below the table"},
            "header": {"type": ["boolean", "integer"], "minimum": 0, "description": "whether the first row has the names of the columns, or how many rows have"},
            "row_names": {"type": "boolean", "description": "whether the header has no name for the first column"},
            "trim": {"type": "boolean", "description": "whether blanks before a cell are none of it"},
            "trailing": {"type": "boolean", "description": "whether every row ends with a delimiter that the header does not end with"},
            "stray": {"enum": ["error", "text"], "description": "what happens to quotes that stand neither around a cell nor doubled in one"},
            "encoding": text("the encoding, by a name that browsers know"),
            "decimal": text("the mark before decimals"),
            "thousands": text("the mark between thousands, or `none`"),
            "dates": text("dmy, mdy, ymd, or a format in the letters of strftime"),
            "times": text("a format of dates with a time of day, in the letters of strftime"),
            "missing": texts("words for a missing value"),
            "true": texts("words for true"),
            "false": texts("words for false"),
            "ragged": {"enum": ["error", "fill", "cut", "skip"], "description": "what happens to rows of other lengths"},
            "rows": {"type": "integer", "minimum": 0, "description": "so many rows and no more"},
            "columns": texts("these columns and no more"),
            "bad_rows": {"enum": ["fail", "skip", "keep"], "description": "what becomes of rows that are wrong"},
            "later": {"enum": ["fail", "ignore", "keep"], "description": "what becomes of fields that the first rows of a stream of NDJSON do not have"},
            "path": text("of JSON, the fields that lead to the list of rows"),
            "sheet": text("of a workbook, the sheet: its name, or its number from 1"),
            "types": {"type": "object", "additionalProperties": {"type": "string"}, "description": "what columns are, by name"},
        },
    });
    let input = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": text("the name by which callers give it and scripts read it"),
            "description": text("a description for people"),
            "mandatory": yes_no("whether it must be given", false),
            "read": read,
            "columns": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "what columns are, by name: text, integer, number, boolean, date, time, date:FORMAT, time:FORMAT",
            },
        },
    });
    let write = json!({
        "type": "object",
        "additionalProperties": false,
        "description": "how it is written where it is CSV or TSV, and the caller says nothing else",
        "properties": {
            "delimiter": text("what separates cells: a character, some, or `tab`"),
            "quote": {"enum": ["needed", "all", "text", "none"], "description": "which cells stand in quotes"},
            "header": {"type": "boolean", "description": "whether the first row has the names of the columns"},
            "encoding": text("utf-8, utf-16, or an encoding of a byte a character such as windows-1252"),
            "bom": {"type": "boolean", "description": "whether a byte order mark says that it is Unicode"},
            "decimal": {"enum": [".", ","], "description": "the mark before decimals"},
            "dates": text("a format of dates, in the letters of strftime"),
            "times": text("a format of dates with a time of day, in the letters of strftime"),
            "missing": text("the word for a missing value"),
            "true": text("the word for true"),
            "false": text("the word for false"),
            "line": {"enum": ["lf", "crlf"], "description": "what ends a line"},
        },
    });
    let output = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": {"id": text("its id"), "name": text("its name, for people"), "write": write},
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
            "inputs": {"type": "array", "items": input},
            "outputs": {"type": "array", "items": output},
        },
    })
}
