//! `longshore run` with several blocks: which arguments belong to which step, and what connects the steps.

use crate::arguments::RunArguments;
use longshore::Connection;
use longshore::block::{Block, MANIFESTS};
use longshore_protocol::OutputName;
use std::path::{Path, PathBuf};

/// What scripts and documents end in.
const SCRIPTS: [&str; 6] = ["py", "R", "r", "ipynb", "Rmd", "qmd"];

/// The arguments of each step, and the connections.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) steps: Vec<(String, RunArguments)>,
    pub(crate) connections: Vec<Connection>,
}

/// The blocks after the first that the plain arguments name.
pub(crate) fn more_blocks(arguments: &RunArguments) -> Vec<PathBuf> {
    arguments.tables.plain.iter().filter(|text| is_block(Path::new(text))).map(PathBuf::from).collect()
}

fn is_block(path: &Path) -> bool {
    if path.is_dir() {
        // A folder of tables may have a script in it too.
        let mains = ["main.py", "main.R"];
        return MANIFESTS.iter().chain(&mains).any(|file| path.join(file).is_file());
    }
    path.extension().and_then(|suffix| suffix.to_str()).is_some_and(|suffix| SCRIPTS.contains(&suffix))
}

/// Gives each step its arguments.
///
/// # Errors
/// An argument that a chain does not have, an unknown step or option.
pub(crate) fn parts(arguments: &RunArguments, more: &[PathBuf]) -> Result<Parts, String> {
    refuse_others(arguments)?;
    let blocks: Vec<PathBuf> = std::iter::once(arguments.block.clone()).chain(more.iter().cloned()).collect();
    let names = names(&blocks);
    let mut common = arguments.clone();
    common.tables.tables.clear();
    for texts in [&mut common.outputs, &mut common.read, &mut common.write, &mut common.options] {
        texts.clear();
    }
    let mut steps: Vec<(String, RunArguments)> = Vec::new();
    for (name, block) in names.iter().zip(&blocks) {
        steps.push((name.clone(), RunArguments { block: block.clone(), ..common.clone() }));
    }
    let last = steps.len() - 1;
    let is_step = |text: &String| more.iter().any(|block| block.as_os_str() == text.as_str());
    for text in arguments.tables.tables.iter().filter(|text| !is_step(text)) {
        let (step, rest) = of_step(text, &names).unwrap_or((0, text));
        steps[step].1.tables.tables.push(rest.to_owned());
    }
    for text in &arguments.outputs {
        let (step, rest) = of_step(text, &names).unwrap_or((last, text));
        steps[step].1.outputs.push(rest.to_owned());
    }
    for text in &arguments.read {
        let (step, rest) = of_step(text, &names).unwrap_or((0, text));
        steps[step].1.read.push(rest.to_owned());
    }
    for text in &arguments.write {
        let (step, rest) = of_step(text, &names).unwrap_or((last, text));
        steps[step].1.write.push(rest.to_owned());
    }
    for text in &arguments.options {
        let (step, rest) = match of_step(text, &names) {
            Some(found) => found,
            None => (declaring(text, &blocks, &names)?, text.as_str()),
        };
        steps[step].1.options.push(rest.to_owned());
    }
    let connections = if arguments.connections.is_empty() {
        (0..last).map(|step| Connection::new(step, step + 1)).collect()
    } else {
        arguments.connections.iter().map(|text| connection(text, &names)).collect::<Result<_, _>>()?
    };
    Ok(Parts { steps, connections })
}

/// Arguments that are of one run.
fn refuse_others(arguments: &RunArguments) -> Result<(), String> {
    let others = [
        (arguments.interactive, "--interactive"),
        (arguments.explain, "--explain"),
        (arguments.watch, "--watch"),
        (arguments.partition_by.is_some(), "--partition-by"),
        (arguments.keep.is_some(), "--keep"),
        (arguments.options_file.is_some(), "--options"),
        (!arguments.option_variables.is_empty(), "--option-env"),
        (!arguments.arguments.is_empty(), "arguments of the script"),
    ];
    match others.iter().find(|(is_given, _)| *is_given) {
        Some((_, name)) => Err(format!("a chain of blocks takes no `{name}`: run the block by itself")),
        None => Ok(()),
    }
}

/// The names of the steps, as the library gives them.
fn names(blocks: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for block in blocks {
        let stem = block.file_stem().or_else(|| block.file_name());
        let stem = stem.map_or_else(|| "step".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let again = (2..).map(|number| format!("{stem}-{number}"));
        let free = std::iter::once(stem.clone()).chain(again).find(|name| !names.contains(name));
        names.push(free.unwrap_or(stem));
    }
    names
}

/// The step before the first `:`, and the rest; `None` where no step is named.
fn of_step<'a>(text: &'a str, names: &[String]) -> Option<(usize, &'a str)> {
    let (name, rest) = text.split_once(':')?;
    Some((names.iter().position(|known| known == name)?, rest))
}

/// The one step whose block declares an option.
fn declaring(text: &str, blocks: &[PathBuf], names: &[String]) -> Result<usize, String> {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let declares = |block: &PathBuf| {
        Block::load(block).is_ok_and(|loaded| loaded.block.options.iter().any(|option| option.name == name))
    };
    let found: Vec<usize> =
        blocks.iter().enumerate().filter(|(_, block)| declares(block)).map(|(step, _)| step).collect();
    match found.as_slice() {
        [step] => Ok(*step),
        [] => Err(format!("`--option {text}`: no step has an option `{name}`")),
        [first, ..] => Err(format!(
            "`--option {text}`: several steps have this option: name one, as in `{}:{text}`",
            names[*first]
        )),
    }
}

/// Reads `STEP[:OUTPUT]=STEP[:INPUT]`.
fn connection(text: &str, names: &[String]) -> Result<Connection, String> {
    let wrong = |reason: String| format!("`--connect {text}`: {reason}");
    let (from, to) = text.split_once('=').ok_or_else(|| wrong("expected STEP[:OUTPUT]=STEP[:INPUT]".into()))?;
    let end = |text: &str| {
        let (name, place) = text.split_once(':').map_or((text, None), |(name, place)| (name, Some(place)));
        let step = names.iter().position(|known| known == name);
        let step =
            step.ok_or_else(|| wrong(format!("there is no step `{name}`: the steps are {}", names.join(", "))))?;
        let place = place.map_or(OutputName::Number(0), |place| match place.parse() {
            Ok(number) => OutputName::Number(number),
            Err(_) => OutputName::Id(place.to_owned()),
        });
        Ok::<_, String>((step, place))
    };
    let ((from, output), (to, input)) = (end(from)?, end(to)?);
    Ok(Connection::new(from, to).output(output).input(input))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser;

    fn given(words: &[&str]) -> RunArguments {
        let words = ["longshore", "run"].iter().chain(words);
        match Arguments::try_parse_from(words).unwrap().command {
            Command::Run(arguments) => *arguments,
            other => panic!("{other:?}"),
        }
    }

    fn split(words: &[&str]) -> Result<Parts, String> {
        let arguments = given(words);
        parts(&arguments, &more_blocks(&arguments))
    }

    #[test]
    fn plain_arguments_are_steps_or_tables() {
        let parts = split(&["a.py", "b.R", "c.py", "-i", "in.csv", "b:1=more.csv", "-o", "out.csv", "-o", "a:1=x.csv"]);
        let parts = parts.unwrap();
        let shown = |step: usize| {
            let (name, arguments) = &parts.steps[step];
            (name.clone(), arguments.tables.tables.clone(), arguments.outputs.clone())
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(shown(0), ("a".into(), texts(&["in.csv"]), texts(&["1=x.csv"])));
        assert_eq!(shown(1), ("b".into(), texts(&["1=more.csv"]), texts(&[])));
        assert_eq!(shown(2), ("c".into(), texts(&[]), texts(&["out.csv"])));
        assert_eq!(parts.connections, [Connection::new(0, 1), Connection::new(1, 2)]);
        assert!(more_blocks(&given(&["a.py", "data.csv"])).is_empty());
    }

    #[test]
    fn connections_name_steps_outputs_and_inputs() {
        let parts = split(&["a.py", "a.py", "b.R", "--connect", "a:labels=b:x", "--connect", "a-2=b:1"]).unwrap();
        let labels = Connection::new(0, 2).output(OutputName::Id("labels".into())).input(OutputName::Id("x".into()));
        assert_eq!(parts.connections, [labels, Connection::new(1, 2).input(OutputName::Number(1))]);
        let unknown = split(&["a.py", "b.R", "--connect", "a=c"]).unwrap_err();
        assert_eq!(unknown, "`--connect a=c`: there is no step `c`: the steps are a, b");
        let kept = split(&["a.py", "b.R", "--keep", "x"]).unwrap_err();
        assert_eq!(kept, "a chain of blocks takes no `--keep`: run the block by itself");
    }
}
