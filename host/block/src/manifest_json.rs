//! Omniscope's `manifest.json`, read leniently: missing or null keys have their defaults, unknown keys are ignored, and
//! it is an error only if nothing can be run. Its options are read in `options_json.rs`.

use super::entry::{Entry, Notices};
use super::error::BlockError;
use super::model::{Block, DECLARED_MAX, Form, Language, Loaded, Mode, OutputSpec, Pandas};
use super::{options_json, requirements};
use longshore_model::table::WriteOptions;
use serde_json::Value;
use std::path::Path;

/// The keys of a manifest that are used, or that are only for people and editors.
pub(super) const KEYS: [&str; 18] = [
    "@visokiotype",
    "name",
    "description",
    "scriptFilename",
    "language",
    "schemaType",
    "apiMode",
    "dependencies",
    "pandasVersion",
    "options",
    "blockOutputs",
    "docker",
    "showPartitioning",
    "category",
    "subcategory",
    "tags",
    "icon",
    "version",
];

/// The keys of `docker`.
pub(super) const DOCKER_KEYS: [&str; 5] =
    ["@visokiotype", "useCustomBaseImage", "customBaseImage", "customSystemLibraries", "installVisokioRepLibraries"];

/// The keys of each of `blockOutputs`.
pub(super) const OUTPUT_KEYS: [&str; 3] = ["@visokiotype", "id", "displayName"];

/// Reads the manifest at `path` of the block in `folder`.
pub(super) fn parse(path: &Path, folder: &Path, text: &str) -> Result<Loaded, BlockError> {
    let manifest: Value = serde_json::from_str(text).map_err(|error| BlockError::json(path, &error))?;
    if !manifest.is_object() {
        return Err(BlockError::Invalid { path: path.to_owned(), reason: "it must be a JSON object".into() });
    }
    let mut notices = Notices::default();
    let mut block = block(&manifest, folder, &mut notices)
        .map_err(|reason| BlockError::Invalid { path: path.to_owned(), reason })?;
    block.origins.find(&block.dependencies, text, "\"dependencies\"", path);
    let Notices { warnings, unknown_kinds, remarks } = notices;
    Ok(Loaded { block, warnings, unknown_kinds, remarks })
}

fn block(manifest: &Value, folder: &Path, notices: &mut Notices) -> Result<Block, String> {
    let entry = Entry::new(manifest, String::new(), &KEYS, notices);
    let script = entry.text("scriptFilename", notices);
    let language = language(entry.text("language", notices), script.as_deref(), notices)?;
    let script = script.map_or_else(|| only_script(folder, language, notices), Ok)?;
    let docker = Entry::new(entry.value("docker").unwrap_or(&Value::Null), "`docker`: ".into(), &DOCKER_KEYS, notices);
    if let Some(value) = entry.value("docker").filter(|value| !value.is_object()) {
        entry.ignored::<()>("docker", value, "an object", notices);
    }
    let form = form(entry.text("schemaType", notices), notices);
    Ok(Block {
        name: entry.text("name", notices).unwrap_or_else(|| name_of(folder)),
        description: entry.text("description", notices),
        script,
        whole_folder: true,
        form,
        pandas: pandas(&entry, notices),
        mode: mode(entry.text("apiMode", notices), form, notices)?,
        dependencies: dependencies(&entry, notices),
        system_packages: words(&docker, "customSystemLibraries", notices),
        image: image(&docker, notices),
        install_api: docker.flag("installVisokioRepLibraries", notices).unwrap_or(true),
        options: options_json::read(&entry, notices),
        outputs: outputs(&entry, notices),
        ..Block::empty(folder.to_owned(), language)
    })
}

fn language(given: Option<String>, script: Option<&str>, notices: &mut Notices) -> Result<Language, String> {
    let suffix = script.and_then(|script| script.rsplit_once('.')).map(|(_, suffix)| suffix);
    let by_suffix = suffix.and_then(|suffix| Some((super::needs::language(suffix)?, suffix)));
    let Some(given) = given else {
        let (language, suffix) = by_suffix
            .ok_or("`language` is missing: it must be `PYTHON` or `R`, as the script does not end in .py or .R")?;
        notices.warnings.push(format!("`language` is missing: taken for {language}, as the script ends in .{suffix}"));
        return Ok(language);
    };
    match given.trim().to_uppercase().as_str() {
        "PYTHON" => Ok(Language::Python),
        "R" => Ok(Language::R),
        _ => Err(format!("`language` is `{given}`, but must be `PYTHON` or `R`")),
    }
}

/// The script of a manifest that does not name one.
fn only_script(folder: &Path, language: Language, notices: &mut Notices) -> Result<String, String> {
    let usual = match language {
        Language::Python => "script.py",
        Language::R => "script.R",
    };
    if !folder.join(usual).is_file() {
        return Err(format!("`scriptFilename` is missing, and there is no `{usual}`"));
    }
    notices.warnings.push(format!("`scriptFilename` is missing: taken for `{usual}`"));
    Ok(usual.to_owned())
}

/// The name of a folder.
pub(super) fn name_of(folder: &Path) -> String {
    let real = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    real.file_name().map_or_else(|| "block".into(), |name| name.to_string_lossy().into_owned())
}

fn form(schema_type: Option<String>, notices: &mut Notices) -> Form {
    match schema_type {
        Some(kind) if kind.trim().eq_ignore_ascii_case("HEADLESS") => Form::Snippet,
        Some(kind) => {
            notices.remarks.push(format!("unknown `schemaType` `{kind}`: it is ignored"));
            Form::Script
        }
        None => Form::Script,
    }
}

fn mode(given: Option<String>, form: Form, notices: &mut Notices) -> Result<Mode, String> {
    let Some(given) = given else { return Ok(Mode::Batch) };
    match given.trim().to_uppercase().as_str() {
        "BATCH" => Ok(Mode::Batch),
        "STREAM_TRANSFORM" if form == Form::Snippet => {
            notices.warnings.push(format!("`apiMode` is `{given}`, but a snippet takes whole inputs: it is ignored"));
            Ok(Mode::Batch)
        }
        "STREAM_TRANSFORM" => Ok(Mode::Stream),
        _ => Err(format!("`apiMode` is `{given}`, but must be `BATCH` or `STREAM_TRANSFORM`")),
    }
}

fn pandas(entry: &Entry<'_>, notices: &mut Notices) -> Pandas {
    let Some(given) = entry.text("pandasVersion", notices) else { return Pandas::Two };
    let major = given.trim().split('.').next().and_then(|major| major.parse().ok());
    major.and_then(Pandas::of_version).unwrap_or_else(|| {
        notices.warnings.push(format!("`pandasVersion` is `{given}`, but must be 2 or 3: taken for 2"));
        Pandas::Two
    })
}

fn image(docker: &Entry<'_>, notices: &mut Notices) -> Option<String> {
    let image = docker.text("customBaseImage", notices).map(|image| image.trim().to_owned());
    match (docker.flag("useCustomBaseImage", notices).unwrap_or(false), image) {
        (true, None) => {
            notices.warnings.push("`docker`: `useCustomBaseImage` is true, but there is no `customBaseImage`".into());
            None
        }
        (true, image) => image,
        (false, Some(image)) => {
            notices
                .remarks
                .push(format!("`docker`: `customBaseImage` is `{image}`, but `useCustomBaseImage` is not true"));
            None
        }
        (false, None) => None,
    }
}

fn dependencies(entry: &Entry<'_>, notices: &mut Notices) -> Vec<String> {
    let (requirements, others) = requirements::split(&texts(entry, "dependencies", notices).join("\n"));
    let told = |other| format!("`dependencies`: `{other}` is not a package requirement: it is ignored");
    notices.warnings.extend(others.iter().map(told));
    requirements
}

/// A text, or a list of texts.
fn texts<'a>(entry: &Entry<'a>, key: &str, notices: &mut Notices) -> Vec<&'a str> {
    let values = entry.list(key).into_iter();
    let text = |value: &'a Value| value.as_str().or_else(|| entry.ignored(key, value, "text", notices));
    values.filter_map(text).collect()
}

/// Words separated by white space or commas.
fn words(entry: &Entry<'_>, key: &str, notices: &mut Notices) -> Vec<String> {
    let texts = texts(entry, key, notices);
    let words =
        texts.iter().flat_map(|text| text.split(|character: char| character.is_whitespace() || character == ','));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The outputs; with a missing or empty list the script may write any.
fn outputs(entry: &Entry<'_>, notices: &mut Notices) -> Option<Vec<OutputSpec>> {
    let mut outputs: Vec<OutputSpec> = Vec::new();
    let given = entry.list("blockOutputs");
    if given.len() > DECLARED_MAX {
        notices.warnings.push(format!("only the first {DECLARED_MAX} of its {} outputs are used", given.len()));
    }
    for (index, value) in given.into_iter().take(DECLARED_MAX).enumerate() {
        let output = Entry::new(value, format!("output {index}: "), &OUTPUT_KEYS, notices);
        let id = match value {
            Value::String(id) if !id.trim().is_empty() => Some(id.clone()),
            _ => output.text("id", notices),
        };
        let known = |id: &String| outputs.iter().any(|output| output.id == *id);
        if let Some(twice) = id.as_ref().filter(|id| known(id)) {
            notices.warnings.push(format!("the output id `{twice}` is declared twice: the second becomes `{index}`"));
        }
        let id = id.filter(|id| !known(id)).unwrap_or_else(|| index.to_string());
        let name = output.text("displayName", notices);
        outputs.push(OutputSpec { id, name, write: WriteOptions::default() });
    }
    (!outputs.is_empty()).then_some(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OptionKind, manifest_toml, schema};
    use longshore_model::image_kind::ImageKind;
    use serde_json::json;

    fn parsed(text: &str) -> Loaded {
        parse(Path::new("manifest.json"), Path::new("/no/such/folder"), text).unwrap()
    }

    fn error(text: &str) -> String {
        parse(Path::new("manifest.json"), Path::new("/no/such/folder"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_least_that_a_manifest_must_say() {
        let loaded = parsed(r#"{"scriptFilename": "a.py", "language": "PYTHON"}"#);
        assert_eq!((loaded.warnings, loaded.remarks), (vec![], vec![]));
        let block = loaded.block;
        assert_eq!((block.name.as_str(), block.language, block.mode), ("folder", Language::Python, Mode::Batch));
        assert_eq!((block.form, block.image_kind()), (Form::Script, ImageKind::PythonPandas2));
        assert_eq!((block.output_ids(), block.options.len(), block.install_api), (None, 0, true));
        assert_eq!(
            parsed(r#"{"scriptFilename": "a.R"}"#).warnings,
            ["`language` is missing: taken for R, as the script ends in .R"]
        );
        assert_eq!(
            error("{}"),
            "`manifest.json`: `language` is missing: it must be `PYTHON` or `R`, as the script does not end in .py or .R"
        );
        assert_eq!(
            error(r#"{"language": "r"}"#),
            "`manifest.json`: `scriptFilename` is missing, and there is no `script.R`"
        );
        assert_eq!(error("[]"), "`manifest.json`: it must be a JSON object");
        assert_eq!(
            error(r#"{"scriptFilename": "a.jl", "language": "JULIA"}"#),
            "`manifest.json`: `language` is `JULIA`, but must be `PYTHON` or `R`"
        );
        assert_eq!(
            error(r#"{"scriptFilename": "a.R", "language": "R", "apiMode": "STREAM"}"#),
            "`manifest.json`: `apiMode` is `STREAM`, but must be `BATCH` or `STREAM_TRANSFORM`"
        );
    }

    #[test]
    fn languages_and_modes_are_read_in_any_case() {
        for (language, expected) in [("PYTHON", Language::Python), ("python ", Language::Python), ("r", Language::R)] {
            let text = format!(r#"{{"scriptFilename": "a", "language": "{language}", "apiMode": "stream_transform"}}"#);
            let block = parsed(&text).block;
            assert_eq!((block.language, block.mode), (expected, Mode::Stream));
        }
    }

    #[test]
    fn nulls_are_as_good_as_nothing() {
        let nulls: Vec<String> = KEYS[1..].iter().map(|key| format!("\"{key}\": null")).collect();
        let text =
            format!("{{{}}}", nulls.join(", ")).replace("\"scriptFilename\": null", "\"scriptFilename\": \"a.py\"");
        let loaded = parsed(&text);
        assert_eq!(loaded.warnings, ["`language` is missing: taken for Python, as the script ends in .py"]);
        assert_eq!(loaded.remarks, Vec::<String>::new());
    }

    #[test]
    fn wrong_values_are_told_and_left_out() {
        let loaded = parsed(
            r#"{"scriptFilename": "a.py", "language": "PYTHON", "name": ["x"], "docker": "yes", "options": 5,
                "pandasVersion": 1, "dependencies": ["pandas --pre", 7], "whatever": 1, "andMore": {},
                "blockOutputs": [{"id": null}, {"id": "x"}, {"id": "x", "displayName": "X"}, null, "named", {"id": 7}]}"#,
        );
        assert_eq!(
            loaded.warnings,
            [
                "`docker` is \"yes\", text, but must be an object: it is ignored",
                "`name` is a list, but must be text: it is ignored",
                "`pandasVersion` is `1`, but must be 2 or 3: taken for 2",
                "`dependencies` is 7, a number, but must be text: it is ignored",
                "`dependencies`: `--pre` is not a package requirement: it is ignored",
                "option 0 is a number, but must be an object: it is ignored",
                "the output id `x` is declared twice: the second becomes `2`",
            ]
        );
        assert_eq!(loaded.remarks, ["ignored keys: `whatever`, `andMore`"]);
        assert_eq!(loaded.block.output_ids().unwrap(), ["0", "x", "2", "named", "7"]);
    }

    #[test]
    fn the_docker_section_may_be_partial() {
        let block = |docker: &str| {
            parsed(&format!(r#"{{"scriptFilename": "a.py", "language": "PYTHON", "docker": {docker}}}"#))
        };
        let full = block(
            r#"{"useCustomBaseImage": "true", "customBaseImage": "team/base:3", "installVisokioRepLibraries": false,
                "customSystemLibraries": "libgdal-dev  libproj-dev\nlibgeos-dev"}"#,
        );
        assert_eq!((full.block.image.as_deref(), full.block.install_api), (Some("team/base:3"), false));
        assert_eq!(full.block.system_packages, ["libgdal-dev", "libproj-dev", "libgeos-dev"]);
        let unused = block(r#"{"customBaseImage": "team/base:3"}"#);
        assert_eq!((unused.block.image, unused.warnings), (None, vec![]));
        assert_eq!(
            unused.remarks,
            ["`docker`: `customBaseImage` is `team/base:3`, but `useCustomBaseImage` is not true"]
        );
        assert_eq!(
            block(r#"{"useCustomBaseImage": true, "customBaseImage": " "}"#).warnings,
            ["`docker`: `useCustomBaseImage` is true, but there is no `customBaseImage`"]
        );
        assert_eq!(block("null").block.image, None);
    }

    #[test]
    fn a_headless_manifest_is_a_snippet() {
        let text = r#"{"name": "Old", "scriptFilename": "a.R", "language": "R", "schemaType": "HEADLESS"}"#;
        let loaded = parsed(text);
        assert_eq!((loaded.block.form, loaded.warnings, loaded.remarks), (Form::Snippet, vec![], vec![]));
    }

    #[test]
    fn a_value_of_any_type_is_survived_anywhere() {
        let odd: [Value; 16] = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1.5),
            json!(1e300),
            json!(u64::MAX),
            json!(""),
            json!(" \n"),
            json!("é\u{0}\u{feff}"),
            json!("-"),
            json!([]),
            json!([null]),
            json!([[1], {"a": null}, "b"]),
            json!({}),
            json!({"id": 1, "name": [], "value": {}}),
            json!([{"id": {}, "name": 5, "value": [], "defaultValue": {}}]),
        ];
        let read = |manifest: Value| {
            let Ok(loaded) = parse(Path::new("manifest.json"), Path::new("."), &manifest.to_string()) else { return };
            assert!(!loaded.block.describe().as_str().is_empty());
        };
        let least = || json!({"scriptFilename": "a.py", "language": "PYTHON"});
        for value in &odd {
            read(value.clone());
            for key in KEYS {
                let mut manifest = least();
                manifest[key] = value.clone();
                read(manifest);
            }
            for key in DOCKER_KEYS {
                let mut manifest = least();
                manifest["docker"] = json!({"useCustomBaseImage": true, key: value});
                read(manifest);
            }
            for kind in OptionKind::NAMES {
                let kind = format!("{}{}", kind[..1].to_uppercase(), &kind[1..]);
                for key in options_json::OPTION_KEYS {
                    let visokio = format!("CustomBlockSchema.{kind}CustomBlockPublicOption");
                    let mut option = json!({"@visokiotype": visokio, "name": "o", "choices": ["a"]});
                    option[key] = value.clone();
                    let mut manifest = least();
                    manifest["options"] = json!([option]);
                    read(manifest);
                }
            }
        }
    }

    /// The keys in the tables below a heading of the page about manifests.
    fn documented(page: &str, heading: &str) -> Vec<String> {
        let (_, section) = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no `{heading}`"));
        let section = section.split("\n#").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let mut keys: Vec<String> = rows.map(|(key, _)| key.to_owned()).collect();
        keys.sort();
        keys
    }

    fn fenced<'a>(page: &'a str, language: &str) -> &'a str {
        let (_, after) = page.split_once(&format!("```{language}\n")).unwrap();
        after.split_once("```").unwrap().0
    }

    #[test]
    fn the_page_about_manifests_has_every_key() {
        let page = include_str!("../../../docs/manifests.md");
        let sorted = |keys: &[&str]| {
            let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            keys.sort();
            keys
        };
        assert_eq!(documented(page, "### The manifest"), sorted(&KEYS));
        assert_eq!(documented(page, "### Options of a manifest"), sorted(&options_json::OPTION_KEYS));
        assert_eq!(documented(page, "### Choices of an option"), sorted(&options_json::CHOICE_KEYS));
        assert_eq!(documented(page, "### Outputs of a manifest"), sorted(&OUTPUT_KEYS));
        assert_eq!(documented(page, "### The docker section"), sorted(&DOCKER_KEYS));
        assert_eq!(documented(page, "## Kinds of options"), sorted(&OptionKind::NAMES));
        let schema = schema();
        let keys = |value: &Value| {
            sorted(&value["properties"].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(documented(page, "### The block"), keys(&schema));
        assert_eq!(documented(page, "### Options of a block"), keys(&schema["properties"]["options"]["items"]));
        assert_eq!(documented(page, "### Inputs of a block"), keys(&schema["properties"]["inputs"]["items"]));
        assert_eq!(documented(page, "### Outputs of a block"), keys(&schema["properties"]["outputs"]["items"]));
    }

    #[test]
    fn the_examples_of_the_page_are_read() {
        let page = include_str!("../../../docs/manifests.md");
        let json = parsed(fenced(page, "json"));
        assert_eq!((json.warnings, json.remarks), (vec![], vec![]));
        assert_eq!(json.block.dependencies, ["scikit-learn>=1.5", "pillow"]);
        let toml = manifest_toml::parse(Path::new("block.toml"), Path::new("."), fenced(page, "toml")).unwrap();
        assert_eq!(toml.0.block.options[0].default, json.block.options[0].default);
    }
}
