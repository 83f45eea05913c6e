//! A summary of a block, as `longshore check` prints it.

use super::model::{Block, Form, InputDeclaration, Mode};
use super::needed::{NeedsFile, NeedsRole};
use super::options::{OptionKind, OptionSpec};
use longshore_model::human::{aligned, count};
use longshore_model::shown::{Shown, Word};
use longshore_model::table::ColumnType;
use serde_json::Value;

/// The replacement of a secret.
const MASK: &str = "***";

/// The widest cell of the options' table.
const CELL_MAX: usize = 40;

impl Block {
    /// The block in a few lines, and its inputs and options as tables.
    #[must_use]
    pub fn describe(&self) -> Shown {
        let mut text = Shown::default();
        let mut line = |key: &str, value: &str| {
            if !value.is_empty() {
                text.push(format!("{key:<16}{value}"));
            }
        };
        line("block", &self.name);
        line("", self.description.as_deref().unwrap_or_default());
        let form = match self.form {
            Form::Script => "",
            Form::Snippet => ", a snippet",
            Form::Notebook => ", executed cell by cell",
            Form::Document => ", executed by knitr",
        };
        line("script", &format!("{} ({}{form})", self.script, self.language));
        line("mode", if self.mode == Mode::Batch { "batch" } else { "stream" });
        line("dependencies", &self.dependencies.join(", "));
        if let Some(pinned) = &self.pinned {
            line("", &format!("exactly {}, of {}", count(pinned.packages.len() as u64, "package"), pinned.file));
        }
        let constraints: Vec<String> = self.constraints.iter().map(ToString::to_string).collect();
        line("constraints", &constraints.join(", "));
        line("requires", &self.requires());
        line("system packages", &self.system_packages.join(", "));
        line("packages as of", &self.as_of.map(|as_of| as_of.to_string()).unwrap_or_default());
        line("image", &self.image());
        line("network", if self.network { "requested" } else { "" });
        line("inputs", if self.inputs.as_ref().is_some_and(Vec::is_empty) { "none" } else { "" });
        let outputs = match self.output_ids() {
            None => "any".into(),
            Some(ids) if ids.is_empty() => "none".into(),
            Some(ids) => ids.join(", "),
        };
        line("outputs", &outputs);
        if !self.needs.is_empty() {
            text.push("");
            text += self.needs_table().indented();
        }
        if let Some(inputs) = self.inputs.as_ref().filter(|inputs| !inputs.is_empty()) {
            text.push("");
            text += inputs_table(inputs).indented();
        }
        if !self.options.is_empty() {
            text.push("");
            text += self.options_table().indented();
        }
        text
    }

    /// The block as JSON, defaults of passwords masked.
    #[must_use]
    pub fn for_report(&self) -> Value {
        let mut block = self.clone();
        let secret = |option: &&mut OptionSpec| option.kind == OptionKind::Password && option.default.is_some();
        block.options.iter_mut().filter(secret).for_each(|option| option.default = Some(MASK.into()));
        serde_json::to_value(block).unwrap_or_default()
    }

    fn image(&self) -> String {
        let kind = self.image_kind().name();
        match &self.image {
            None if self.dockerfile.is_some() => "that of the folder's `Dockerfile`, unless a run names another".into(),
            None => format!("{kind}, unless a run names another"),
            Some(image) if self.install_api => image.clone(),
            Some(image) => format!("{image}, unchanged"),
        }
    }

    fn requires(&self) -> String {
        let python = self.requires_python.iter().map(|versions| format!("Python {versions}"));
        python.chain(self.requires_r.iter().map(|version| format!("R {version}"))).collect::<Vec<_>>().join(", ")
    }

    /// The files that were looked at for packages.
    fn needs_table(&self) -> Shown {
        let mut rows = vec![["file", "counts", "packages"].map(str::to_owned)];
        rows.extend(self.needs.iter().map(|NeedsFile { file, role, about }| {
            let counts = match role {
                NeedsRole::Used => "yes",
                NeedsRole::PassedOver => "no",
                NeedsRole::NotRead => "not read",
            };
            [file.clone(), counts.into(), about.clone()]
        }));
        aligned(&rows, &[])
    }

    fn options_table(&self) -> Shown {
        let mut rows = vec![["option", "kind", "default", "allows", "mandatory"].map(str::to_owned)];
        rows.extend(self.options.iter().map(|option| {
            let default = shown_default(option);
            let mandatory = if option.mandatory { "yes" } else { "" };
            [option.name.clone(), option.kind.name().into(), default, option.kind.allows(), mandatory.into()]
                .map(|cell| Word::cut(&cell, CELL_MAX).into())
        }));
        aligned(&rows, &[])
    }
}

/// The requirements of inputs are not cut.
fn inputs_table(inputs: &[InputDeclaration]) -> Shown {
    let mut rows = vec![["input", "mandatory", "read with", "columns"].map(str::to_owned)];
    rows.extend(inputs.iter().map(|input| {
        let mandatory = if input.mandatory { "yes" } else { "" };
        let column = |(name, kind): (&String, &ColumnType)| format!("{name}: {}", String::from(kind.clone()));
        let columns = input.columns.iter().map(column).collect::<Vec<_>>().join(", ");
        [input.name.clone(), mandatory.into(), input.read.to_string(), columns]
    }));
    aligned(&rows, &[])
}

fn shown_default(option: &OptionSpec) -> String {
    match &option.default {
        Some(_) if option.kind == OptionKind::Password => MASK.into(),
        Some(default) => default.to_string(),
        None => String::new(),
    }
}
