//! Omniscope's `manifest.json`, read as it is: what is missing or null has its default, what is unknown is ignored.

use super::error::BlockError;
use super::load::empty;
use super::model::{Block, Language, Loaded, Mode, OutputSpec};
use super::options::{OptionKind, OptionSpec};
use serde_json::Value;
use std::path::Path;

/// Reads the manifest at `path` of the block in `folder`.
pub(super) fn parse(path: &Path, folder: &Path, text: &str) -> Result<Loaded, BlockError> {
    let manifest: Value = serde_json::from_str(text).map_err(|error| BlockError::Syntax {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })?;
    let invalid = |reason: String| BlockError::Invalid { path: path.to_owned(), reason };
    if !manifest.is_object() {
        return Err(invalid("it must be a JSON object".into()));
    }
    let mut warnings = Vec::new();
    let script = text_of(&manifest, "scriptFilename").ok_or_else(|| invalid("`scriptFilename` is missing".into()))?;
    let language = match text_of(&manifest, "language").unwrap_or_default().to_uppercase().as_str() {
        "PYTHON" => Language::Python,
        "R" => Language::R,
        other => return Err(invalid(format!("`language` is `{other}`, but must be `PYTHON` or `R`"))),
    };
    if text_of(&manifest, "schemaType").as_deref() == Some("HEADLESS") {
        return Err(invalid("it is a legacy snippet (`schemaType` is `HEADLESS`), which cannot be run yet".into()));
    }
    let mode = match text_of(&manifest, "apiMode").unwrap_or_default().to_uppercase().as_str() {
        "" | "BATCH" => Mode::Batch,
        "STREAM_TRANSFORM" => Mode::Stream,
        other => return Err(invalid(format!("`apiMode` is `{other}`, but must be `BATCH` or `STREAM_TRANSFORM`"))),
    };
    let options = list(&manifest, "options").iter().map(|value| option(value, &mut warnings)).collect::<Result<_, _>>();
    let outputs = list(&manifest, "blockOutputs");
    let outputs = outputs.iter().enumerate().map(|(index, output)| OutputSpec {
        id: text_of(output, "id").unwrap_or_else(|| index.to_string()),
        name: text_of(output, "displayName"),
    });
    let outputs: Vec<_> = outputs.collect();
    let docker = manifest.get("docker").unwrap_or(&Value::Null);
    let custom = docker.get("useCustomBaseImage").and_then(Value::as_bool).unwrap_or(false);
    let block = Block {
        name: text_of(&manifest, "name").unwrap_or_else(|| "block".into()),
        description: text_of(&manifest, "description"),
        script,
        whole_folder: true,
        mode,
        dependencies: words(&manifest, "dependencies"),
        system_packages: words(docker, "customSystemLibraries"),
        image: if custom { text_of(docker, "customBaseImage") } else { None },
        install_api: docker.get("installVisokioRepLibraries").and_then(Value::as_bool).unwrap_or(true),
        options: options.map_err(invalid)?,
        outputs: (!outputs.is_empty()).then_some(outputs),
        ..empty(folder.to_owned(), language)
    };
    Ok(Loaded { block, warnings })
}

fn option(value: &Value, warnings: &mut Vec<String>) -> Result<OptionSpec, String> {
    let name = text_of(value, "name").ok_or("an option has no `name`")?;
    let visokio = text_of(value, "@visokiotype").unwrap_or_default();
    let kind = visokio.strip_prefix("CustomBlockSchema.").and_then(|kind| kind.strip_suffix("CustomBlockPublicOption"));
    let input = value.get("inputIndex").and_then(Value::as_u64).and_then(|input| usize::try_from(input).ok());
    let number = |key| value.get(key).and_then(Value::as_f64);
    let whole = |key| value.get(key).and_then(Value::as_i64);
    let kind = match kind {
        Some("Text") => OptionKind::Text,
        Some("Password") => OptionKind::Password,
        Some("Integer") => OptionKind::Integer { min: whole("numMin"), max: whole("numMax") },
        Some("Double") => OptionKind::Double { min: number("numMin"), max: number("numMax") },
        Some("Boolean") => OptionKind::Boolean,
        Some("Choice") => {
            let choices = list(value, "choices").iter().filter_map(|choice| text_of(choice, "value"));
            OptionKind::Choice { choices: choices.collect() }
        }
        Some("File") => OptionKind::File { read_only: value.get("readOnly").and_then(Value::as_bool).unwrap_or(true) },
        Some("Field") => OptionKind::Field { input: input.unwrap_or(0) },
        Some("Fields") => OptionKind::Fields { input: input.unwrap_or(0) },
        _ => return Err(format!("option `{name}` has the unknown `@visokiotype` `{visokio}`")),
    };
    let mut spec = OptionSpec {
        name,
        kind,
        default: value.get("defaultValue").filter(|default| !default.is_null()).cloned(),
        mandatory: value.get("mandatory").and_then(Value::as_bool).unwrap_or(false),
        label: text_of(value, "title"),
        description: text_of(value, "description"),
    };
    if let Err(reason) = spec.check_default() {
        spec.default = spec.default.take().and_then(|default| spec.read_text(default.as_str()?).ok());
        let became = spec.default.as_ref().map_or("it is ignored".into(), |default| format!("it is read as {default}"));
        warnings.push(format!("{reason}; {became}"));
    }
    Ok(spec)
}

fn text_of(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Words separated by white space, or a list of them.
fn words(value: &Value, key: &str) -> Vec<String> {
    match value.get(key) {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
