//! The JSON schema of `block.toml`, for editors and other tools.

use super::options::OptionKind;
use longshore_model::image_kind::{PYTHON_VERSIONS, R_VERSIONS};
use longshore_model::table::ColumnType;
use serde_json::{Value, json};

/// The schema, in JSON Schema 2020-12.
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
            "name": text("the name that scripts and callers use"),
            "kind": {"enum": OptionKind::NAMES, "description": "the kind of its values"},
            "label": text("a label to display"),
            "description": text("a description to display"),
            "default": {"description": "its value if the caller gives none"},
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
                "description": "the allowed types of the columns; without it any type",
            },
            "read_only": yes_no("whether the script may only read a file", true),
        },
    });
    let read = json!({
        "type": "object",
        "additionalProperties": false,
        "description": "how the file is read; what is left out is detected",
        "properties": {
            "format": text("the format, if the suffix does not determine it"),
            "delimiter": text("the separator of cells: characters, `tab`, or `blanks` for any number of blanks"),
            "quote": text("the quote around cells that contain a delimiter, or `none`"),
            "escape": text("the escape before a character to be taken literally, or `none`"),
            "comment": text("the beginning of lines that are comments"),
            "skip": {"type": "integer", "minimum": 0, "description": "lines above the table"},
            "footer": {"type": "integer", "minimum": 0, "description": "rows below the table"},
            "header": {"type": ["boolean", "integer"], "minimum": 0, "description": "whether the first row has the column names, or the number of rows that have them"},
            "row_names": {"type": "boolean", "description": "whether the header has no name for the first column"},
            "trim": {"type": "boolean", "description": "whether blanks before a cell are removed"},
            "trailing": {"type": "boolean", "description": "whether rows, but not the header, end with a delimiter"},
            "stray": {"enum": ["error", "text"], "description": "the treatment of quotes inside a cell that are not doubled"},
            "encoding": text("the encoding, by its WHATWG name"),
            "decimal": text("the decimal mark"),
            "thousands": text("the thousands mark, or `none`"),
            "dates": text("dmy, mdy, ymd, or a strftime format"),
            "times": text("a strftime format of dates with a time of day"),
            "missing": texts("words for a missing value"),
            "true": texts("words for true"),
            "false": texts("words for false"),
            "ragged": {"enum": ["error", "fill", "cut", "skip"], "description": "the treatment of rows with too few or too many cells"},
            "rows": {"type": "integer", "minimum": 0, "description": "the most rows to read"},
            "columns": texts("the columns to read"),
            "bad_rows": {"enum": ["fail", "skip", "keep"], "description": "the treatment of invalid rows"},
            "later": {"enum": ["fail", "ignore", "keep"], "description": "the treatment of fields that the first rows of an NDJSON stream lack"},
            "path": text("for JSON, the path of fields to the list of rows"),
            "sheet": text("for a workbook, the sheet: its name, or its number from 1"),
            "types": {"type": "object", "additionalProperties": {"type": "string"}, "description": "the types of columns, by name"},
        },
    });
    let input = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": text("the name that callers and scripts use"),
            "description": text("a description to display"),
            "mandatory": yes_no("whether it must be given", false),
            "read": read,
            "columns": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "the types of columns, by name: text, integer, number, boolean, date, time, date:FORMAT, time:FORMAT",
            },
        },
    });
    let write = json!({
        "type": "object",
        "additionalProperties": false,
        "description": "how CSV and TSV are written, unless the caller specifies otherwise",
        "properties": {
            "delimiter": text("the separator of cells: one or more characters, or `tab`"),
            "quote": {"enum": ["needed", "all", "text", "none"], "description": "which cells are quoted"},
            "header": {"type": "boolean", "description": "whether the first row has the column names"},
            "encoding": text("utf-8, utf-16, or a single-byte encoding such as windows-1252"),
            "bom": {"type": "boolean", "description": "whether the file begins with a byte order mark"},
            "decimal": {"enum": [".", ","], "description": "the decimal mark"},
            "dates": text("a strftime format of dates"),
            "times": text("a strftime format of dates with a time of day"),
            "missing": text("the word for a missing value"),
            "true": text("the word for true"),
            "false": text("the word for false"),
            "line": {"enum": ["lf", "crlf"], "description": "the end of a line"},
        },
    });
    let output = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": {"id": text("its id"), "name": text("its display name"), "write": write},
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "block.toml",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "language", "script"],
        "properties": {
            "name": text("the block's display name"),
            "language": {"enum": ["python", "r"], "description": "the script's language"},
            "script": text("the script, relative to the block's folder"),
            "mode": {"enum": ["batch", "stream"], "default": "batch", "description": "how the script takes its input"},
            "description": text("a description of the block to display"),
            "dependencies": texts("pip requirements; for R, packages as in `dplyr>=1.1`"),
            "pandas": {"enum": [2, 3], "default": 3, "description": "the pandas version of a Python script"},
            "system_packages": texts("Debian packages"),
            "python": {"enum": PYTHON_VERSIONS, "description": "the version of Python; that of the usual image without it"},
            "r": {"enum": R_VERSIONS, "description": "the version of R; that of the usual image without it"},
            "as_of": {
                "anyOf": [{"type": "string", "format": "date"}, {"const": "manifest"}],
                "description": "the day as of which packages are chosen: nothing that was published later is installed; \
                                `manifest` is the day of the script's last commit or change",
            },
            "image": text("a custom base image"),
            "install_api": yes_no("whether SDK and agent are added to that image", true),
            "network": yes_no("whether the block needs a network", false),
            "options": {"type": "array", "items": option},
            "inputs": {"type": "array", "items": input},
            "outputs": {"type": "array", "items": output},
        },
    })
}
