//! `block.toml`, Longshore's own manifest. It is strict: an unknown key is an error, with the nearest known one.

use super::error::BlockError;
use super::model::{Block, DECLARED_MAX, InputDeclaration, InputKey, Language, Loaded, Mode, OutputSpec, Pandas};
use super::options::{OptionKind, OptionSpec};
use super::toml_text::TomlText;
use longshore_model::day::AsOfError;
use longshore_model::hint::did_you_mean;
use longshore_model::image_kind::{PYTHON_VERSIONS, R_VERSIONS};
use longshore_model::table::{ColumnType, ReadOptions, WriteOptions};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;

/// The keys of a manifest. A script has the same ones in its metadata, but for those that only a folder needs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    name: Option<String>,
    language: Option<String>,
    script: Option<String>,
    mode: Option<String>,
    description: Option<String>,
    dependencies: Option<Vec<Spanned<String>>>,
    pandas: Option<u64>,
    system_packages: Option<Vec<Spanned<String>>>,
    python: Option<String>,
    r: Option<String>,
    as_of: Option<ManifestDay>,
    image: Option<String>,
    #[serde(default = "yes")]
    install_api: bool,
    #[serde(default)]
    network: bool,
    #[serde(default)]
    options: Vec<Spanned<ManifestOption>>,
    inputs: Option<Vec<ManifestInput>>,
    outputs: Option<Vec<ManifestOutput>>,
}

/// TOML has dates of its own, without quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a day, as in `2023-06-01`, or `manifest`")]
enum ManifestDay {
    Text(String),
    Date(toml::value::Datetime),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestOption {
    name: String,
    kind: String,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    default: Option<Value>,
    #[serde(default)]
    mandatory: bool,
    #[serde(default)]
    min: Option<f64>,
    #[serde(default)]
    max: Option<f64>,
    #[serde(default)]
    choices: Option<Vec<String>>,
    #[serde(default)]
    input: Option<Spanned<InputKey>>,
    #[serde(default)]
    field_types: Option<Spanned<Vec<ColumnType>>>,
    #[serde(default = "yes")]
    read_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestInput {
    name: Spanned<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    mandatory: bool,
    #[serde(default)]
    read: Option<Spanned<ReadOptions>>,
    #[serde(default)]
    columns: BTreeMap<String, ColumnType>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestOutput {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    write: WriteOptions,
}

fn yes() -> bool {
    true
}

/// Reads the manifest at `path` of the block in `folder`, and returns which of its needs it does not mention.
pub(super) fn parse(path: &Path, folder: &Path, text: &str) -> Result<(Loaded, Unsaid), BlockError> {
    let document = TomlText::new(path, text);
    let manifest: Manifest = document.read()?;
    let missing = |key: &str| document.at(0, format!("missing key `{key}`"));
    let given = manifest.language.as_deref().ok_or_else(|| missing("language"))?;
    let language = match given {
        "python" => Language::Python,
        "r" | "R" => Language::R,
        other => return Err(document.invalid(format!("`language` is `{other}`, but must be `python` or `r`"))),
    };
    if manifest.name.is_none() {
        return Err(missing("name"));
    }
    let script = manifest.script.clone().ok_or_else(|| missing("script"))?;
    let unsaid =
        Unsaid { packages: manifest.dependencies.is_none(), system_packages: manifest.system_packages.is_none() };
    let empty = Block { script, whole_folder: true, ..Block::empty(folder.to_owned(), language) };
    let block = manifest.declare(empty, document)?;
    Ok((Loaded { block, warnings: Vec::new(), unknown_kinds: Vec::new(), remarks: Vec::new() }, unsaid))
}

/// The needs that a manifest does not mention: the folder's other files give them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsaid {
    /// Packages of the language.
    pub(super) packages: bool,
    /// Debian packages.
    pub(super) system_packages: bool,
}

impl Manifest {
    /// The first of its keys that the metadata of a script does not have here.
    pub(super) fn given_elsewhere(&self) -> Option<&'static str> {
        let given = [
            ("language", self.language.is_some()),
            ("script", self.script.is_some()),
            ("dependencies", self.dependencies.is_some()),
        ];
        given.into_iter().find_map(|(key, given)| given.then_some(key))
    }

    /// Declares a block that has a language and a script.
    pub(super) fn declare(self, empty: Block, document: TomlText<'_>) -> Result<Block, BlockError> {
        let invalid = |reason| document.invalid(reason);
        let mode = match self.mode.as_deref() {
            None | Some("batch") => Mode::Batch,
            Some("stream") => Mode::Stream,
            Some(other) => return Err(invalid(format!("`mode` is `{other}`, but must be `batch` or `stream`"))),
        };
        let pandas = match (self.pandas, empty.language) {
            (None, _) => Pandas::Three,
            (Some(_), Language::R) => {
                return Err(invalid("`pandas` is for blocks in Python, and this one is in R".into()));
            }
            (Some(major), Language::Python) => {
                Pandas::of_version(major).ok_or_else(|| invalid(format!("`pandas` is {major}, but must be 2 or 3")))?
            }
        };
        let version = version(empty.language, self.python.as_deref(), self.r.as_deref()).map_err(invalid)?;
        if version == Some("3.13") && pandas == Pandas::Two {
            let advice = "with `python = \"3.13\"`, name `pandas<3` in `dependencies`";
            return Err(invalid(format!("`pandas = 2` is for Python 3.11: {advice}")));
        }
        let as_of = self.as_of.map(|given| match given {
            ManifestDay::Text(text) => text.parse(),
            ManifestDay::Date(date) => date.to_string().parse(),
        });
        let as_of = as_of.transpose().map_err(|error: AsOfError| invalid(format!("`as_of`: {error}")))?;
        let outputs = self.outputs.map(|outputs| outputs.into_iter().map(output).collect::<Result<Vec<_>, _>>());
        let outputs = outputs.transpose().map_err(invalid)?;
        if let Some(twice) = repeated(outputs.iter().flatten().map(|output| output.id.as_str())) {
            return Err(invalid(format!("the output id `{twice}` is declared twice")));
        }
        let mut origins = empty.origins;
        let dependencies = listed(self.dependencies, &mut origins.packages, document);
        let system_packages = listed(self.system_packages, &mut origins.system_packages, document);
        let at = |(offset, reason): Misplaced| document.at(offset, reason);
        let inputs = self.inputs.map(inputs).transpose().map_err(at)?;
        let options = options(self.options, inputs.as_deref()).map_err(at)?;
        Ok(Block {
            name: self.name.unwrap_or(empty.name),
            description: self.description,
            pandas,
            mode,
            dependencies,
            system_packages,
            origins,
            as_of,
            version,
            image: self.image,
            install_api: self.install_api,
            network: self.network,
            options,
            inputs,
            outputs,
            ..empty
        })
    }
}

/// The packages of a list, whose lines are noted.
fn listed(
    packages: Option<Vec<Spanned<String>>>,
    places: &mut BTreeMap<String, String>,
    document: TomlText<'_>,
) -> Vec<String> {
    let file = document.path.file_name().unwrap_or_default().to_string_lossy();
    let (mut line, mut before) = (1, 0);
    let packages = packages.unwrap_or_default().into_iter().map(|package| {
        let start = package.span().start;
        line += document.text.get(before..start).map_or(0, |text| text.matches('\n').count());
        before = start;
        let package = package.into_inner();
        places.entry(package.clone()).or_insert_with(|| format!("`{file}`, line {line}"));
        package
    });
    packages.collect()
}

/// The version of the block's language.
fn version(language: Language, python: Option<&str>, r: Option<&str>) -> Result<Option<&'static str>, String> {
    let (key, given, other, known) = match language {
        Language::Python => ("python", python, r.map(|_| "r"), PYTHON_VERSIONS),
        Language::R => ("r", r, python.map(|_| "python"), R_VERSIONS),
    };
    if let Some(other) = other {
        return Err(format!("`{other}` is a version of the other language: this block is in {language}"));
    }
    let Some(given) = given else { return Ok(None) };
    match known.into_iter().find(|known| *known == given) {
        Some(known) => Ok(Some(known)),
        None => Err(format!("`{key}` is `{given}`, and there are images with {language} {}", known.join(" and "))),
    }
}

/// The offset of an error in the text, and its message.
type Misplaced = (usize, String);

fn inputs(inputs: Vec<ManifestInput>) -> Result<Vec<InputDeclaration>, Misplaced> {
    let mut declared: Vec<InputDeclaration> = Vec::new();
    for given in inputs {
        let offset = given.name.span().start;
        if declared.len() == DECLARED_MAX {
            return Err((offset, format!("it declares more than {DECLARED_MAX} inputs")));
        }
        if declared.iter().any(|known| known.name == *given.name.get_ref()) {
            return Err((offset, format!("the input `{}` is declared twice", given.name.get_ref())));
        }
        declared.push(input(given)?);
    }
    Ok(declared)
}

fn output(output: ManifestOutput) -> Result<OutputSpec, String> {
    output.write.check().map_err(|reason| format!("output `{}`: {reason}", output.id))?;
    Ok(OutputSpec { id: output.id, name: output.name, write: output.write })
}

fn input(input: ManifestInput) -> Result<InputDeclaration, Misplaced> {
    let (offset, name) = (input.name.span().start, input.name.into_inner());
    let wrong = |offset: usize, reason: String| (offset, format!("input `{name}`: {reason}"));
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    if name.is_empty() || !name.chars().all(is_name) || name.parse::<usize>().is_ok() {
        return Err(wrong(offset, "a name has letters, digits, `_` and `-`, and is not a number".into()));
    }
    let offset = input.read.as_ref().map_or(offset, |read| read.span().start);
    let read = input.read.map(Spanned::into_inner).unwrap_or_default();
    read.check().map_err(|reason| wrong(offset, reason))?;
    if let Some(both) = input.columns.keys().find(|column| read.types.contains_key(*column)) {
        return Err(wrong(offset, format!("`read.types` and `columns` both declare the type of `{both}`: remove one")));
    }
    let left_out = |column: &&String| !read.columns.is_empty() && *column != "*" && !read.columns.contains(*column);
    if let Some(column) = input.columns.keys().find(left_out) {
        return Err(wrong(offset, format!("`columns` declares `{column}`, which `read.columns` omits")));
    }
    let (description, mandatory, columns) = (input.description, input.mandatory, input.columns);
    Ok(InputDeclaration { name, description, mandatory, read, columns })
}

fn options(
    options: Vec<Spanned<ManifestOption>>,
    inputs: Option<&[InputDeclaration]>,
) -> Result<Vec<OptionSpec>, Misplaced> {
    let mut declared: Vec<OptionSpec> = Vec::new();
    for given in options {
        let offset = given.span().start;
        if declared.len() == DECLARED_MAX {
            return Err((offset, format!("it declares more than {DECLARED_MAX} options")));
        }
        let given = given.into_inner();
        if declared.iter().any(|known| known.name == given.name) {
            return Err((offset, format!("the option `{}` is declared twice", given.name)));
        }
        let field = field(&given, inputs)?;
        declared.push(option(given, field).map_err(|reason| (offset, reason))?);
    }
    Ok(declared)
}

/// The input of a field or fields option, and the types that its columns may have.
fn field(option: &ManifestOption, inputs: Option<&[InputDeclaration]>) -> Result<(usize, Vec<ColumnType>), Misplaced> {
    let named = |reason: &str| format!("option `{}`: {reason}", option.name);
    let mut number = 0;
    if let Some(key) = &option.input {
        let known: Vec<&str> = inputs.unwrap_or_default().iter().map(|input| input.name.as_str()).collect();
        let (found, hint) = match key.get_ref() {
            InputKey::Number(number) => (Some(*number), String::new()),
            InputKey::Name(name) => {
                (known.iter().position(|known| known == name), did_you_mean(name, known.iter().copied()))
            }
        };
        let found = found.filter(|number| inputs.is_none() || *number < known.len());
        number = found.ok_or_else(|| {
            let names = if known.is_empty() { "no inputs".into() } else { known.join(", ") };
            (key.span().start, named(&format!("its `input` is not declared; the block declares {names}{hint}")))
        })?;
    }
    let Some(types) = &option.field_types else { return Ok((number, Vec::new())) };
    let wrong = |reason: &str| Err((types.span().start, named(reason)));
    if !matches!(option.kind.as_str(), "field" | "fields") {
        return wrong("`field_types` is for the kinds `field` and `fields`");
    }
    if types.get_ref().iter().any(|one| matches!(one, ColumnType::Date(Some(_)) | ColumnType::Time(Some(_)))) {
        return wrong("its `field_types` must be column types without a format: remove the format");
    }
    Ok((number, types.get_ref().clone()))
}

fn option(option: ManifestOption, (input, field_types): (usize, Vec<ColumnType>)) -> Result<OptionSpec, String> {
    let name = &option.name;
    let (min, max) = (option.min, option.max);
    let kind = match option.kind.as_str() {
        "text" => OptionKind::Text,
        "password" => OptionKind::Password,
        "integer" => OptionKind::Integer { min: whole(name, "min", min)?, max: whole(name, "max", max)? },
        "double" => OptionKind::Double { min, max },
        "boolean" => OptionKind::Boolean,
        "choice" => match option.choices {
            Some(choices) if !choices.is_empty() => OptionKind::Choice { choices },
            _ => return Err(format!("option `{name}` is a choice without `choices`")),
        },
        "file" => OptionKind::File { read_only: option.read_only },
        "field" => OptionKind::Field { input, field_types },
        "fields" => OptionKind::Fields { input, field_types },
        other => {
            let hint = did_you_mean(other, OptionKind::NAMES);
            let hint = if hint.is_empty() { format!(": known are {}", OptionKind::NAMES.join(", ")) } else { hint };
            return Err(format!("option `{name}` has the unknown kind `{other}`{hint}"));
        }
    };
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(format!("option `{name}` has a `min` of {min} above its `max` of {max}"));
    }
    let spec = OptionSpec {
        name: option.name,
        kind,
        default: option.default,
        mandatory: option.mandatory,
        label: option.label,
        description: option.description,
    };
    spec.check_default()?;
    Ok(spec)
}

#[allow(clippy::cast_possible_truncation, reason = "the bounds are checked to be whole and within 53 bits first")]
fn whole(option: &str, key: &str, bound: Option<f64>) -> Result<Option<i64>, String> {
    match bound {
        Some(bound) if bound.fract() != 0.0 || bound.abs() > 9e15 => {
            Err(format!("option `{option}` is an integer, but its `{key}` is {bound}"))
        }
        bound => Ok(bound.map(|bound| bound as i64)),
    }
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use longshore_model::image_kind::ImageKind;
    use longshore_model::table::HeaderLines;

    /// The keys that the reader knows, as it lists them for an unknown one.
    fn known(text: &str) -> Vec<String> {
        let error = toml::from_str::<Manifest>(text).unwrap_err().message().to_owned();
        let mut known: Vec<String> = error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        known.sort();
        known
    }

    #[test]
    fn the_schema_has_the_keys_that_the_reader_knows() {
        let keys = |value: &Value| {
            let mut keys: Vec<String> = value["properties"].as_object().unwrap().keys().cloned().collect();
            keys.sort();
            keys
        };
        let schema = schema();
        assert_eq!(keys(&schema), known("zzz = 1"));
        assert_eq!(keys(&schema["properties"]["options"]["items"]), known("[[options]]\nzzz = 1"));
        let inputs = &schema["properties"]["inputs"]["items"];
        assert_eq!(keys(inputs), known("[[inputs]]\nzzz = 1"));
        assert_eq!(keys(&inputs["properties"]["read"]), known("[[inputs]]\nname = \"a\"\nread = { zzz = 1 }"));
        let outputs = &schema["properties"]["outputs"]["items"];
        assert_eq!(keys(outputs), known("[[outputs]]\nzzz = 1"));
        assert_eq!(keys(&outputs["properties"]["write"]), known("[[outputs]]\nid = \"a\"\nwrite = { zzz = 1 }"));
    }

    #[test]
    fn the_contracts_example_is_read() {
        let text = r#"
            name = "Sales by region"
            language = "python"
            script = "script.py"
            mode = "batch"
            description = "…"
            dependencies = ["scikit-learn>=1.5"]
            pandas = 2
            system_packages = ["libpoppler-cpp-dev"]
            image = "registry.example/team/base:3"
            install_api = true
            network = false
            [[options]]
            name = "clusters"
            kind = "integer"
            default = 4
            min = 1
            mandatory = true
            [[inputs]]
            name = "sales"
            mandatory = true
            read = { delimiter = ";", decimal = ",", missing = ["n/a"], header = false, skip = 2 }
            columns = { zip = "text", when = "date:%d.%m.%Y" }
            [[outputs]]
            id = "clustered"
            write = { delimiter = ";", decimal = ",", bom = true, dates = "%d.%m.%Y", line = "crlf" }
        "#;
        let block = parse(Path::new("block.toml"), Path::new("."), text).unwrap().0.block;
        assert_eq!(block.options[0].kind, OptionKind::Integer { min: Some(1), max: None });
        let input = &block.inputs.as_ref().unwrap()[0];
        assert!(input.mandatory && input.read.header == Some(HeaderLines(0)) && input.read.skip == Some(2));
        assert_eq!(input.columns["zip"], ColumnType::Text);
        assert_eq!(input.reading().types.len(), 2);
        assert_eq!(block.output_ids().unwrap(), ["clustered"]);
        assert_eq!(block.outputs.as_ref().unwrap()[0].write.dates.as_deref(), Some("%d.%m.%Y"));
        assert_eq!(block.image_kind(), ImageKind::PythonPandas2);
    }

    #[test]
    fn what_is_wrong_with_inputs_and_fields_has_its_line() {
        let wrong = |lines: &str| {
            let text = format!("name = \"x\"\nlanguage = \"python\"\nscript = \"s\"\n{lines}\n");
            let error = parse(Path::new("block.toml"), Path::new("."), &text).unwrap_err().to_string();
            error.strip_prefix("`block.toml`, ").unwrap().to_owned()
        };
        let input = |line: &str| wrong(&format!("[[inputs]]\nname = \"a\"\n{line}"));
        let field = |lines: &str| {
            let inputs = "[[inputs]]\nname = \"sales\"\n[[inputs]]\nname = \"rates\"\n";
            wrong(&format!("{inputs}[[options]]\nname = \"o\"\n{lines}"))
        };
        for name in ["", "0", "a=b", "a:b", "a b", "a.b"] {
            assert_eq!(
                wrong(&format!("[[inputs]]\nname = \"{name}\"")),
                format!(
                    "line 5, column 8: input `{name}`: a name has letters, digits, `_` and `-`, and is not a number"
                )
            );
        }
        for (found, expected) in [
            (
                wrong("[[inputs]]\nname = \"a\"\n[[inputs]]\nname = \"a\""),
                "line 7, column 8: the input `a` is declared twice",
            ),
            (
                input("columns = { zip = \"txt\" }"),
                "line 6, column 19: `txt` is not a valid column type: … did you mean `text`?",
            ),
            (input("[inputs.columns]\nwhen = \"date:dd\""), "line 7, column 8: `dd` is not a valid date format"),
            (input("read = { decimal = \",\", thousands = \",\" }"), "line 6, column 8: input `a`: `decimal` and"),
            (
                input("read = { delimitr = \",\" }"),
                "line 6, column 10: unknown key `delimitr`: did you mean `delimiter`?",
            ),
            (input("read = { encoding = \"klingon\" }"), "line 6, column 8: input `a`: "),
            (input("read = { format = \"parquet\", skip = 1 }"), "line 6, column 8: input `a`: `format` is Parquet"),
            (
                input("read = { types = { b = \"text\" } }\ncolumns = { b = \"text\" }"),
                "line 6, column 8: input `a`: `read.types` and `columns` both declare the type of `b`",
            ),
            (
                input("read = { columns = [\"c\"] }\ncolumns = { b = \"text\" }"),
                "line 6, column 8: input `a`: `columns` declares `b`, which `read.columns` omits",
            ),
            (
                field("kind = \"field\"\ninput = \"rate\""),
                "line 11, column 9: option `o`: its `input` is not declared; the block declares sales, rates: \
                 did you mean `rates`?",
            ),
            (field("kind = \"field\"\ninput = 2"), "line 11, column 9: option `o`: its `input` is not declared"),
            (field("kind = \"field\"\ninput = -1"), "line 11, column 9: an input is a number, from 0, or a name"),
            (
                field("kind = \"fields\"\nfield_types = [\"number\", \"txt\"]"),
                "line 11, column 15: `txt` is not a valid column type: … did you mean `text`?",
            ),
            (
                field("kind = \"field\"\nfield_types = [\"date:%Y\"]"),
                "line 11, column 15: option `o`: its `field_types` must be column types",
            ),
            (
                field("kind = \"text\"\nfield_types = [\"date\"]"),
                "line 11, column 15: option `o`: `field_types` is for the kinds",
            ),
        ] {
            let (start, end) = expected.split_once(" … ").unwrap_or((expected, ""));
            assert!(found.starts_with(start) && found.ends_with(end), "{found}\n{expected}");
        }
    }

    #[test]
    fn an_option_names_its_input() {
        let text = "name = \"x\"\nlanguage = \"python\"\nscript = \"s\"\n\
            [[inputs]]\nname = \"sales\"\n[[inputs]]\nname = \"rates\"\n\
            [[options]]\nname = \"o\"\nkind = \"field\"\ninput = \"rates\"\nfield_types = [\"number\", \"date\"]\n";
        let block = parse(Path::new("block.toml"), Path::new("."), text).unwrap().0.block;
        let field_types = vec![ColumnType::Number, ColumnType::Date(None)];
        assert_eq!(block.options[0].kind, OptionKind::Field { input: 1, field_types });
        assert_eq!(block.options[0].kind.allows(), "number or date, of input 1");
    }

    #[test]
    fn a_version_is_one_that_has_an_image() {
        let read = |language: &str, keys: &str| {
            let text = format!("name = \"x\"\nlanguage = \"{language}\"\nscript = \"x.py\"\n{keys}\n");
            let block = parse(Path::new("block.toml"), Path::new("."), &text).map(|(loaded, _)| loaded.block);
            block.map(|block| block.image_kind().name()).map_err(|error| error.to_string())
        };
        assert_eq!(read("python", "python = \"3.13\"").as_deref(), Ok("python-3.13"));
        assert_eq!(read("python", "python = \"3.11\"\npandas = 2").as_deref(), Ok("python-pandas2"));
        assert_eq!(read("r", "r = \"4.5\"").as_deref(), Ok("r-4.5"));
        assert_eq!(read("r", "r = \"4.2\"").as_deref(), Ok("r"));
        let mut block = Block::empty(std::path::PathBuf::new(), Language::Python);
        for (versions, image) in
            [(">=3.9", "python"), (">=3.12", "python-3.13"), ("<3.13", "python"), (">=3.14", "python")]
        {
            block.requires_python = Some(versions.parse().unwrap());
            assert_eq!(block.image_kind().name(), image, "{versions}");
        }
        for (language, keys, reason) in [
            ("python", "python = \"3.9\"", "`python` is `3.9`, and there are images with Python 3.11 and 3.13"),
            ("r", "r = \"4\"", "`r` is `4`, and there are images with R 4.2 and 4.5"),
            ("r", "python = \"3.13\"", "`python` is a version of the other language: this block is in R"),
            ("python", "python = \"3.13\"\npandas = 2", "name `pandas<3` in `dependencies`"),
        ] {
            let error = read(language, keys).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(read("python", "python = 3.13").is_err());
    }

    #[test]
    fn a_day_has_two_notations() {
        use longshore_model::day::AsOf;
        let as_of = |value: &str| {
            let text = format!("name = \"x\"\nlanguage = \"python\"\nscript = \"x.py\"\nas_of = {value}\n");
            parse(Path::new("block.toml"), Path::new("."), &text).map(|(loaded, _)| loaded.block.as_of)
        };
        let day = AsOf::Day("2023-06-01".parse().unwrap());
        assert_eq!(as_of("\"2023-06-01\"").unwrap(), Some(day));
        assert_eq!(as_of("2023-06-01").unwrap(), Some(day));
        assert_eq!(as_of("\"manifest\"").unwrap(), Some(AsOf::LastChange));
        for wrong in ["\"june\"", "2023-06-01T10:00:00Z", "10:00:00"] {
            let error = as_of(wrong).unwrap_err().to_string();
            assert!(error.contains("`as_of`: `") && error.contains("write it as in `2023-06-01`"), "{error}");
        }
        assert!(as_of("2023").unwrap_err().to_string().contains("expected a day, as in `2023-06-01`, or `manifest`"));
    }

    #[test]
    fn a_block_says_which_pandas_it_is_written_for() {
        let pandas = |language: &str, line: &str| {
            let text = format!("name = \"x\"\nlanguage = \"{language}\"\nscript = \"s\"\n{line}\n");
            parse(Path::new("block.toml"), Path::new("."), &text).map(|(loaded, _)| loaded.block.image_kind())
        };
        let error = |language: &str, line: &str| pandas(language, line).unwrap_err().to_string();
        assert_eq!(pandas("python", "").unwrap(), ImageKind::Python);
        assert_eq!(pandas("python", "pandas = 3").unwrap(), ImageKind::Python);
        assert_eq!(error("python", "pandas = 1"), "`block.toml`: `pandas` is 1, but must be 2 or 3");
        assert_eq!(error("r", "pandas = 2"), "`block.toml`: `pandas` is for blocks in Python, and this one is in R");
    }
}
