//! A run and the interpreters that wait: whether one is good for it, and what the record says of that.

use super::Run;
use super::environment::ResolvedEnvironment;
use crate::container::Started;
use crate::pool::{Claimed, Miss, Need};
use crate::record::PoolRecord;
use longshore_engine::{Engine, Shape};
use longshore_model::cancel::CancelLevel;
use longshore_model::note::Note;
use std::sync::Arc;

impl Run<'_> {
    /// Takes an interpreter that waits. `Some(None)` if there is none for this run, `None` if it was cancelled meanwhile.
    pub(super) async fn claimed(
        &mut self,
        engine: &Arc<dyn Engine>,
        shape: &Shape,
        provided: &mut ResolvedEnvironment,
    ) -> Option<Option<Started>> {
        let Some(pool) = self.pool else { return Some(None) };
        if self.prepared.attended {
            self.missed(&Miss::Attended);
            return Some(None);
        }
        let names = self.prepared.files.iter().map(|file| file.path.split('/').next().unwrap_or_default().to_owned());
        // Its own script is not one that others import by mistake.
        let names = names.filter(|name| *name != self.prepared.block.script).collect();
        let need = Need {
            shape,
            program: self.program(),
            imports: &self.prepared.leading_imports,
            names: &names,
            variables: self.prepared.invocation.variables.keys().map(String::as_str).collect(),
        };
        let given_up = async {
            self.cancel.beyond(CancelLevel::None).await;
        };
        let Claimed { started, preloaded } = match pool.claim(&need, engine, given_up).await? {
            Ok(claimed) => claimed,
            Err(miss) => {
                self.missed(&miss);
                return Some(None);
            }
        };
        self.pooled = Some(PoolRecord::Hit { preloaded });
        if let Some(note) = started.user.as_ref().and_then(|user| user.note.clone()).map(Note::from) {
            self.prepared.notes.push(note);
        }
        self.held = started.container.held();
        provided.let_go_of_image();
        self.begin_fingerprint(engine.as_ref(), shape.image.as_ref(), &started.container.script_environment());
        Some(Some(started))
    }

    fn missed(&mut self, miss: &Miss) {
        self.pooled = Some(PoolRecord::Miss { why: miss.to_string() });
    }
}
