//! Values of options: the caller's, else the default, else the kind's empty value. All are checked, and all errors are
//! reported at once.

use super::error::{OptionError, OptionProblem};
use super::model::Block;
use super::options::{OptionKind, OptionSpec, alternatives};
use longshore_model::hint::did_you_mean;
use longshore_model::redact::LENGTH_MIN;
use longshore_model::table::{Column, ColumnType};
use rustix::fs::Access;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A value from the caller.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenValue {
    /// Text, from the command line.
    Text(String),
    /// JSON, from a file.
    Json(Value),
}

/// A file named by an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionFile {
    /// The option.
    pub option: String,
    /// The file or folder, absolute and without links.
    pub path: PathBuf,
    /// Whether the script may only read it.
    pub read_only: bool,
}

/// The values of all options of a block.
#[derive(Clone, Default)]
pub struct OptionValues {
    values: Map<String, Value>,
    secrets: Vec<String>,
    files: Vec<OptionFile>,
}

impl std::fmt::Debug for OptionValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OptionValues").field(&self.for_record()).finish()
    }
}

impl OptionValues {
    /// Determines the value of every option of a block. `inputs` are the columns of the inputs, where known.
    ///
    /// # Errors
    /// [`OptionError`] with all errors.
    pub fn resolve(
        block: &Block,
        given: &[(String, GivenValue)],
        inputs: &[Option<Vec<Column>>],
    ) -> Result<Self, OptionError> {
        let mut resolved = Self::default();
        let mut problems = unknown_or_repeated(block, given);
        for option in &block.options {
            let value = given.iter().find(|(name, _)| *name == option.name).map(|(_, value)| value);
            match option.settle(value, inputs, &block.folder) {
                Ok(value) => resolved.add(option, value),
                Err(reason) => problems.push(OptionProblem { option: option.name.clone(), reason }),
            }
        }
        if problems.is_empty() { Ok(resolved) } else { Err(OptionError { problems }) }
    }

    /// The values for the script. They may be secret.
    #[must_use]
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// The files named by options.
    #[must_use]
    pub fn files(&self) -> &[OptionFile] {
        &self.files
    }

    /// The values with secrets masked.
    #[must_use]
    pub fn for_record(&self) -> Value {
        let masked = self.values.iter().map(|(name, value)| {
            let secret = self.secrets.contains(name) && !value.is_null();
            (name.clone(), if secret { json!("***") } else { value.clone() })
        });
        Value::Object(masked.collect())
    }

    /// The secrets themselves.
    pub fn secrets(&self) -> Vec<String> {
        let secret = |name: &String| self.values.get(name)?.as_str().map(str::to_owned);
        self.secrets.iter().filter_map(secret).collect()
    }

    /// Notes about secrets that are too short to mask.
    pub fn unmasked(&self) -> Vec<String> {
        let is_short = |name: &&String| {
            let value = self.values.get(*name).and_then(Value::as_str);
            value.is_some_and(|value| (1..LENGTH_MIN).contains(&value.len()))
        };
        let note = |name: &String| {
            format!(
                "the option `{name}` has fewer than {LENGTH_MIN} letters, so it is not masked where the script prints it"
            )
        };
        self.secrets.iter().filter(is_short).map(note).collect()
    }

    fn add(&mut self, option: &OptionSpec, value: Value) {
        match (&option.kind, &value) {
            (OptionKind::Password, _) => self.secrets.push(option.name.clone()),
            (OptionKind::File { read_only }, Value::String(path)) => self.files.push(OptionFile {
                option: option.name.clone(),
                path: PathBuf::from(path),
                read_only: *read_only,
            }),
            _ => {}
        }
        self.values.insert(option.name.clone(), value);
    }
}

fn unknown_or_repeated(block: &Block, given: &[(String, GivenValue)]) -> Vec<OptionProblem> {
    let known: Vec<&str> = block.options.iter().map(|option| option.name.as_str()).collect();
    let problem = |(index, (name, _)): (usize, &(String, GivenValue))| {
        let reason = if !known.contains(&name.as_str()) {
            let hint = did_you_mean(name, known.iter().copied());
            let names = if known.is_empty() { "it has none".into() } else { format!("it has {}", known.join(", ")) };
            if hint.is_empty() {
                format!("the block has no such option ({names})")
            } else {
                format!("the block has no such option{hint}")
            }
        } else if given[..index].iter().any(|(before, _)| before == name) {
            "it is given twice".into()
        } else {
            return None;
        };
        Some(OptionProblem { option: name.clone(), reason })
    };
    given.iter().enumerate().filter_map(problem).collect()
}

impl OptionSpec {
    /// The default must be a valid value.
    pub(super) fn check_default(&self) -> Result<(), String> {
        match &self.default {
            Some(default) => self
                .read_json(default)
                .map(drop)
                .map_err(|reason| format!("option `{}` has a wrong default: {reason}", self.name)),
            None => Ok(()),
        }
    }

    fn settle(
        &self,
        given: Option<&GivenValue>,
        inputs: &[Option<Vec<Column>>],
        folder: &Path,
    ) -> Result<Value, String> {
        let value = match given {
            Some(GivenValue::Text(text)) => self.read_text(text)?,
            Some(GivenValue::Json(value)) => self.read_json(value)?,
            None => Value::Null,
        };
        let value = if value.is_null() { self.settled_default(folder)? } else { value };
        match (&self.kind, value) {
            (OptionKind::Boolean, Value::Null) => Ok(Value::Bool(false)),
            (_, Value::Null) if self.mandatory => Err("it is mandatory, and has no value".into()),
            (OptionKind::Field { input, field_types }, Value::String(field)) => {
                check_field(&field, *input, inputs)?;
                check_type(&field, *input, field_types, inputs).map(|()| Value::String(field))
            }
            (OptionKind::Fields { input, field_types }, Value::Array(fields)) => {
                for field in fields.iter().filter_map(Value::as_str) {
                    check_field(field, *input, inputs)?;
                    check_type(field, *input, field_types, inputs)?;
                }
                Ok(Value::Array(fields))
            }
            (OptionKind::File { read_only }, Value::String(path)) => real_path(&path, *read_only),
            (_, value) => Ok(value),
        }
    }

    /// The default. A file is the block's own, so its path is relative to the block's folder.
    fn settled_default(&self, folder: &Path) -> Result<Value, String> {
        let Some(default) = &self.default else { return Ok(Value::Null) };
        match (&self.kind, self.read_json(default)?) {
            (OptionKind::File { .. }, Value::String(path)) => Ok(json!(folder.join(path).to_string_lossy())),
            (_, value) => Ok(value),
        }
    }

    /// Parses a value from the command line; blank text is unset.
    pub(super) fn read_text(&self, text: &str) -> Result<Value, String> {
        if self.is_blank(text) {
            return Ok(Value::Null);
        }
        let value = match &self.kind {
            OptionKind::Integer { .. } => {
                let number = text.trim().parse::<i64>().ok();
                // Some write every number with a fraction.
                let number = number.or_else(|| whole(&json!(text.trim().parse::<f64>().ok()?)));
                json!(number.ok_or_else(|| format!("`{text}` is not a whole number"))?)
            }
            OptionKind::Double { .. } => {
                let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                json!(number.ok_or_else(|| format!("`{text}` is not a number"))?)
            }
            OptionKind::Boolean => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "1" => json!(true),
                "false" | "no" | "0" => json!(false),
                _ => return Err(format!("`{text}` is neither true nor false")),
            },
            OptionKind::Fields { .. } if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).map_err(|error| format!("`{text}` is not a JSON array: {error}"))?
            }
            OptionKind::Fields { .. } => json!(text.split(',').map(str::trim).collect::<Vec<_>>()),
            _ => json!(text),
        };
        self.read_json(&value)
    }

    /// Checks a value's type and bounds; null and blank text are unset.
    pub(super) fn read_json(&self, value: &Value) -> Result<Value, String> {
        if value.is_null() || value.as_str().is_some_and(|text| self.is_blank(text)) {
            return Ok(Value::Null);
        }
        let wrong = |expected: &str| match self.kind {
            OptionKind::Password => format!("it is {}, but must be {expected}", type_of(value)),
            _ => format!("{value} is {}, but must be {expected}", type_of(value)),
        };
        match &self.kind {
            OptionKind::Integer { min, max } => {
                let number = whole(value).ok_or_else(|| wrong("a whole number"))?;
                let inside = min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max);
                if inside { Ok(json!(number)) } else { Err(self.out_of_range(&number.to_string())) }
            }
            OptionKind::Double { min, max } => {
                let number = value.as_f64().ok_or_else(|| wrong("a number"))?;
                let inside = min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max);
                if inside { Ok(json!(number)) } else { Err(self.out_of_range(&number.to_string())) }
            }
            OptionKind::Boolean => value.as_bool().map(Value::Bool).ok_or_else(|| wrong("true or false")),
            OptionKind::Choice { choices } => {
                let choice = value.as_str().ok_or_else(|| wrong("text"))?;
                if choices.iter().any(|known| known == choice) {
                    return Ok(value.clone());
                }
                let hint = did_you_mean(choice, choices.iter().map(String::as_str));
                Err(format!("`{choice}` is not among its choices ({}){hint}", choices.join(", ")))
            }
            OptionKind::Fields { .. } => {
                let fields = value.as_array().filter(|fields| fields.iter().all(Value::is_string));
                let fields = fields.ok_or_else(|| wrong("a list of texts"))?;
                Ok(if fields.is_empty() { Value::Null } else { value.clone() })
            }
            OptionKind::Text | OptionKind::Password | OptionKind::File { .. } | OptionKind::Field { .. } => {
                value.as_str().map(|_| value.clone()).ok_or_else(|| wrong("text"))
            }
        }
    }

    /// Whether a text counts as unset. A choice may be a blank, such as one of several separators.
    fn is_blank(&self, text: &str) -> bool {
        let chosen =
            matches!(&self.kind, OptionKind::Choice { choices } if choices.iter().any(|choice| choice == text));
        text.trim().is_empty() && (text.is_empty() || !chosen)
    }

    fn out_of_range(&self, number: &str) -> String {
        format!("{number} is out of range, it must be {}", self.kind.allows())
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the number is checked to be whole and within 53 bits first")]
fn whole(value: &Value) -> Option<i64> {
    let float = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    value.as_i64().or_else(|| float().map(|number| number as i64))
}

pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Checks that an input has a field, if its columns are known.
pub fn check_field(field: &str, input: usize, inputs: &[Option<Vec<Column>>]) -> Result<(), String> {
    let Some(Some(columns)) = inputs.get(input) else {
        return Ok(());
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if names.contains(&field) {
        return Ok(());
    }
    let hint = did_you_mean(field, names.iter().copied());
    let hint = if hint.is_empty() { format!(" (it has {})", names.join(", ")) } else { hint };
    Err(format!("input {input} has no field `{field}`{hint}"))
}

/// Checks that a field has one of the types that an option allows, if its input's columns are known.
fn check_type(field: &str, input: usize, types: &[ColumnType], inputs: &[Option<Vec<Column>>]) -> Result<(), String> {
    let mut columns = inputs.get(input).and_then(Option::as_ref).into_iter().flatten();
    let Some(known) = columns.find(|column| column.name == field) else { return Ok(()) };
    if types.is_empty() || types.iter().any(|wanted| wanted.holds(known.kind)) {
        return Ok(());
    }
    let (found, wanted) = (&known.type_in_words, alternatives(types));
    Err(format!("the field `{field}` of input {input} is {found}, but must be {wanted}"))
}

/// The path without links of a file that the caller may read, and also write if the script may.
fn real_path(path: &str, read_only: bool) -> Result<Value, String> {
    let unusable = |error: std::io::Error| format!("`{path}` cannot be used: {error}");
    let real = std::fs::canonicalize(Path::new(path)).map_err(unusable)?;
    if !real.is_file() && !real.is_dir() {
        return Err(format!("`{path}` is neither a file nor a folder"));
    }
    let wanted = if read_only { Access::READ_OK } else { Access::READ_OK | Access::WRITE_OK };
    rustix::fs::access(&real, wanted).map_err(|errno| unusable(errno.into()))?;
    let text = real.to_str().ok_or_else(|| format!("`{path}` is not UTF-8"))?;
    Ok(json!(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;
    use longshore_model::table::ColumnKind;

    fn spec(name: &str, kind: OptionKind, default: Option<Value>, mandatory: bool) -> OptionSpec {
        OptionSpec { name: name.into(), kind, default, mandatory, label: None, description: None }
    }

    fn block() -> Block {
        let choices = vec!["mean".to_owned(), "median".to_owned()];
        Block {
            options: vec![
                spec("k", OptionKind::Integer { min: Some(1), max: Some(9) }, Some(json!(4)), true),
                spec("rate", OptionKind::Double { min: None, max: Some(1.0) }, None, false),
                spec("on", OptionKind::Boolean, None, false),
                spec("how", OptionKind::Choice { choices }, None, false),
                spec("fields", OptionKind::Fields { input: 0, field_types: vec![ColumnType::Number] }, None, true),
                spec("secret", OptionKind::Password, None, false),
            ],
            ..crate::Block::empty(PathBuf::new(), Language::Python)
        }
    }

    fn column(name: &str, kind: ColumnKind) -> Column {
        Column { name: name.into(), kind, type_in_words: format!("{kind} (as Arrow says it)") }
    }

    fn resolve(given: &[(&str, &str)]) -> Result<OptionValues, String> {
        let given: Vec<_> =
            given.iter().map(|(name, text)| ((*name).to_owned(), GivenValue::Text((*text).to_owned()))).collect();
        let columns = [("mass", ColumnKind::Integer), ("sex", ColumnKind::Text), ("gap", ColumnKind::Nothing)];
        let columns = columns.map(|(name, kind)| column(name, kind)).to_vec();
        OptionValues::resolve(&block(), &given, &[Some(columns)]).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_typed_and_defaulted() {
        let values = resolve(&[("fields", "mass"), ("rate", "0.5"), ("secret", "s3cret")]).unwrap();
        assert_eq!(
            Value::Object(values.values().clone()),
            json!({"k": 4, "rate": 0.5, "on": false, "how": null, "fields": ["mass"], "secret": "s3cret"})
        );
        assert!(!format!("{values:?}").contains("s3cret"));
        assert_eq!(values.for_record()["secret"], json!("***"));
        assert!(values.unmasked().is_empty());
        let short = resolve(&[("fields", "mass"), ("secret", "123")]).unwrap();
        assert_eq!(
            short.unmasked(),
            ["the option `secret` has fewer than 4 letters, so it is not masked where the script prints it"]
        );
    }

    #[test]
    fn a_field_is_of_a_type_that_its_option_takes() {
        let fields = |names: &str| resolve(&[("fields", names)]).map(drop);
        assert_eq!(fields("mass,gap"), Ok(()));
        assert_eq!(
            fields("mass,sex").unwrap_err(),
            "option `fields`: the field `sex` of input 0 is text (as Arrow says it), but must be number"
        );
        let types = vec![ColumnType::Date(None), ColumnType::Time(None)];
        let by = spec("by", OptionKind::Field { input: 1, field_types: types }, None, false);
        let block = Block { options: vec![by], ..block() };
        let given = [("by".to_owned(), GivenValue::Text("when".into()))];
        let resolve = |kind: ColumnKind| {
            OptionValues::resolve(&block, &given, &[None, Some(vec![column("when", kind)])])
                .map(drop)
                .map_err(|error| error.to_string())
        };
        assert_eq!(resolve(ColumnKind::Date), Ok(()));
        assert_eq!(
            resolve(ColumnKind::Text).unwrap_err(),
            "option `by`: the field `when` of input 1 is text (as Arrow says it), but must be date or time"
        );
        assert!(OptionValues::resolve(&block, &given, &[]).is_ok());
    }

    #[test]
    fn blank_text_is_unset_but_where_it_is_a_choice() {
        let blank = |kind: OptionKind, value: Value| spec("o", kind, None, false).read_json(&value).unwrap();
        let bounded = OptionKind::Integer { min: Some(1), max: None };
        let fields = OptionKind::Fields { input: 0, field_types: Vec::new() };
        for kind in [OptionKind::Text, OptionKind::Password, OptionKind::Boolean, bounded, fields] {
            assert_eq!(blank(kind.clone(), json!(" \t")), Value::Null, "{kind:?}");
            assert_eq!(blank(kind.clone(), json!("")), Value::Null, "{kind:?}");
        }
        let separators = OptionKind::Choice { choices: vec![",".into(), "\t".into()] };
        assert_eq!(blank(separators.clone(), json!("\t")), json!("\t"));
        assert_eq!(blank(separators.clone(), json!(" ")), Value::Null);
        assert_eq!(spec("o", separators, None, false).read_text("\t"), Ok(json!("\t")));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let error = resolve(&[
            ("k", "12"),
            ("rate", "x"),
            ("on", "maybe"),
            ("how", "medan"),
            ("fields", "mas"),
            ("kk", "1"),
            ("k", "3"),
        ]);
        assert_eq!(
            error.unwrap_err(),
            "option `kk`: the block has no such option (it has k, rate, on, how, fields, secret)\n\
             option `k`: it is given twice\n\
             option `k`: 12 is out of range, it must be 1 to 9\n\
             option `rate`: `x` is not a number\n\
             option `on`: `maybe` is neither true nor false\n\
             option `how`: `medan` is not among its choices (mean, median): did you mean `median`?\n\
             option `fields`: input 0 has no field `mas`: did you mean `mass`?"
        );
        assert_eq!(resolve(&[]).unwrap_err(), "option `fields`: it is mandatory, and has no value");
        let secret =
            [("fields".to_owned(), GivenValue::Text("mass".into())), ("secret".into(), GivenValue::Json(json!(12345)))];
        assert_eq!(
            OptionValues::resolve(&block(), &secret, &[]).unwrap_err().to_string(),
            "option `secret`: it is a number, but must be text"
        );
        let json = [("k".to_owned(), GivenValue::Json(json!(4.5))), ("fields".into(), GivenValue::Json(json!("a")))];
        assert_eq!(
            OptionValues::resolve(&block(), &json, &[]).unwrap_err().to_string(),
            "option `k`: 4.5 is a number, but must be a whole number\n\
             option `fields`: \"a\" is text, but must be a list of texts"
        );
    }
}
