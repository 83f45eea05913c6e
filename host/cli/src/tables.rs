//! Tables on the command line: which input or output, which file, and how it is read or written.

use longshore::table::{Compression, FileFormat, Format};
use longshore::{InputSpec, OutputSpec};
use longshore_protocol::OutputName;
use std::path::Path;

/// Reads `[N|NAME=]PATH`.
pub(crate) fn input(text: &str, standard: Option<FileFormat>) -> InputSpec {
    let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '.']);
    let Some((name, path)) = named(text).filter(|(name, _)| is_name(name)) else {
        return with_format(InputSpec::path(text), unsaid(text, standard));
    };
    let input = with_format(InputSpec::path(path), unsaid(path, standard));
    match name.parse() {
        Ok(number) => input.number(number),
        Err(_) => input.name(name),
    }
}

fn with_format(mut input: InputSpec, format: Option<FileFormat>) -> InputSpec {
    input.format = format;
    input
}

/// The given format, for paths without a suffix that implies one.
fn unsaid(path: &str, given: Option<FileFormat>) -> Option<FileFormat> {
    given.filter(|_| path == "-" || FileFormat::from_path(Path::new(path)).is_err())
}

/// Adds options of reading, `[N|NAME:]KEY=VALUE …`, to one input or to all. `declared` are the names of the block's
/// inputs.
pub(crate) fn read(inputs: &mut [InputSpec], text: &str, declared: &[&str]) -> Result<(), String> {
    let wrong = |reason: String| format!("`--read {text}`: {reason}");
    let position = |name: &str| declared.iter().position(|known| *known == name);
    let is_name =
        |name: &str| position(name).is_some() || inputs.iter().any(|input| input.name.as_deref() == Some(name));
    let named = text.split_once(':').filter(|(name, _)| name.parse::<usize>().is_ok() || is_name(name));
    let Some((name, rest)) = named else {
        if inputs.is_empty() {
            return Err(wrong("there is no input to read: give one with `--input`".into()));
        }
        return inputs.iter_mut().try_for_each(|input| input.read.add(text)).map_err(wrong);
    };
    let wanted = name.parse().ok().or_else(|| position(name));
    let mut next = 0;
    for input in inputs {
        let number = input.name.as_deref().and_then(position).or(input.number).unwrap_or(next);
        next = number.saturating_add(1);
        if input.name.as_deref() == Some(name) || wanted == Some(number) {
            return input.read.add(rest).map_err(wrong);
        }
    }
    Err(wrong(format!("there is no input `{name}`")))
}

/// The text before and after the first `=`; `None` if the whole is the path of a file in an existing folder, such as
/// `year=2024/out.csv`.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, path) = text.split_once('=')?;
    let is_path = path.contains('/') && Path::new(text).parent().is_some_and(Path::is_dir);
    (!is_path).then_some((name, path))
}

/// Reads `[N|ID=]PATH`.
pub(crate) fn output(text: &str, standard: Option<FileFormat>) -> OutputSpec {
    let named = named(text).filter(|(name, _)| !name.is_empty() && !name.contains(['/', '.']));
    let (name, path) = named.map_or((None, text), |(text, path)| (Some(output_name(text)), path));
    // Another name of this program's standard output.
    let path = if path == "/dev/stdout" { "-" } else { path };
    let mut output = OutputSpec::path(path);
    (output.name, output.format) = (name, unsaid(path, standard));
    if path == "/dev/null" {
        // No reader needs to know it.
        output.format =
            output.format.or(Some(FileFormat { format: Format::ArrowStream, compression: Compression::None }));
    }
    output
}

/// Adds options of writing, `[N|ID:]KEY=VALUE …`, to one output or to all.
pub(crate) fn write(outputs: &mut [OutputSpec], text: &str) -> Result<(), String> {
    let wrong = |reason: String| format!("`--write {text}`: {reason}");
    let is_id = |name: &str| {
        outputs.iter().any(|output| output.name.as_ref().is_some_and(|known| *known == OutputName::Id(name.into())))
    };
    let named = text.split_once(':').filter(|(name, _)| name.parse::<u32>().is_ok() || is_id(name));
    let Some((name, rest)) = named else {
        if outputs.is_empty() {
            return Err(wrong("there is no output to write: give one with `--output`".into()));
        }
        return outputs.iter_mut().try_for_each(|output| output.write.add(text)).map_err(wrong);
    };
    let wanted = output_name(name);
    let mut next = 0;
    for output in outputs {
        let known = output.name.clone().unwrap_or(OutputName::Number(next));
        if let OutputName::Number(number) = known {
            next = number.saturating_add(1);
        }
        if known == wanted {
            return output.write.add(rest).map_err(wrong);
        }
    }
    Err(wrong(format!("there is no output `{name}`")))
}

fn output_name(text: &str) -> OutputName {
    text.parse().map_or_else(|_| OutputName::Id(text.to_owned()), OutputName::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_reading_are_one_inputs_or_alls() {
        let skipped = |given: &[&str], text: &str| {
            let mut inputs: Vec<InputSpec> = given.iter().map(|text| input(text, None)).collect();
            let taken = read(&mut inputs, text, &["sales", "rates"]);
            taken.map(|()| inputs.iter().map(|input| input.read.skip).collect::<Vec<_>>())
        };
        let (one, two) = (["a.csv", "b.csv"].as_slice(), ["rates=a.csv", "sales=b.csv"].as_slice());
        assert_eq!(skipped(one, "skip=1"), Ok(vec![Some(1), Some(1)]));
        for text in ["1:skip=1", "rates:skip=1"] {
            assert_eq!(skipped(one, text), Ok(vec![None, Some(1)]), "{text}");
            assert_eq!(skipped(two, text), Ok(vec![Some(1), None]), "{text}");
        }
        assert_eq!(skipped(&["other=a.csv"], "other:skip=1"), Ok(vec![Some(1)]));
        assert_eq!(
            skipped(&["a.csv"], "rates:skip=1").unwrap_err(),
            "`--read rates:skip=1`: there is no input `rates`"
        );
        assert!(skipped(&[], "skip=1").is_err() && skipped(one, "regions:skip=1").is_err());
    }
}
