//! Runs a block on record batches and gets batches back: `embed BLOCK AGENT PYTHON FOLDER`, on the engine `process`.

use longshore::arrow::RecordBatch;
use longshore::arrow::array::{ArrayRef, Int64Array};
use longshore::{EngineChoice, Host, OutputSpec, RunRequest, Settings};
use std::{error::Error, io::Write, path::PathBuf, sync::Arc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mut next = || arguments.next().ok_or("give it BLOCK AGENT PYTHON FOLDER");
    let (block, agent, python, folder) = (next()?, next()?, next()?, next()?);
    let mut settings = Settings::default();
    (settings.agent, settings.python) = (agent, python);
    settings.runtime_folder = folder.join("runtime");
    settings.work_folder = folder.join("work");
    settings.temporary_folder = folder.join("work");
    settings.state_folder = folder.join("state");
    settings.cache_folder = folder.join("cache");
    let host = Host::new(settings);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let (output, table) = OutputSpec::batches();
    let request = RunRequest::new(block)
        .engine(EngineChoice::Process)
        .input(RecordBatch::try_from_iter([("n", numbers)])?)
        .output(output);
    let record = host.run(request).await?;
    if !record.outcome.is_success() {
        return Err(format!("{:?}: {:?}", record.outcome, record.message).into());
    }
    for batch in table.take()? {
        writeln!(std::io::stdout(), "{:?}", batch?.column(0))?;
    }
    Ok(())
}
