//! Chains on the wire: a submission for each step, what is sent along with each, and the connections. Steps become
//! submissions in `give.rs` and requests in `take.rs`.

use super::give::{bounded, submitted};
use super::take::{Taken, requested};
use super::{Along, NotSubmitted, SubmissionError};
use crate::chain::{ChainRequest, Connection, Step};
use crate::output::{OtherOutputs, OutputHandle};
use longshore_protocol::{FromCaller, OutputName, SubmittedChain, SubmittedConnection, SubmittedStep};
use longshore_segment::Segment;

/// A request for a chain, and the handles of the tables that it returns.
#[derive(Debug)]
pub struct TakenChain {
    /// The request.
    pub request: ChainRequest,
    /// The tables that it returns, by the step's position and the output's position in its submission.
    pub tables: Vec<(u32, u32, OutputHandle<Segment>)>,
    /// The tables of outputs without a target, by the step's position, where they are asked for.
    pub others: Vec<(u32, OtherOutputs)>,
}

/// The submission of a chain, and what is sent along with each step.
///
/// # Errors
/// [`NotSubmitted`]: as [`submitted`], with the step.
pub fn submitted_chain(request: &ChainRequest) -> Result<(SubmittedChain, Vec<Along>), NotSubmitted> {
    let (mut steps, mut all_along) = (Vec::new(), Vec::new());
    for (step, position) in request.steps.iter().zip(0..) {
        let called = called(step.name.as_deref(), position);
        let (run, along) =
            submitted(&step.request).map_err(|NotSubmitted(reason)| NotSubmitted(format!("{called}: {reason}")))?;
        steps.push(SubmittedStep { name: step.name.clone(), run });
        all_along.push(along);
    }
    let number = |step: usize| OutputName::Number(u32::try_from(step).unwrap_or(u32::MAX));
    let connection = |given: &Connection| SubmittedConnection {
        from: number(given.from),
        output: given.output.clone(),
        to: number(given.to),
        input: given.input.clone(),
    };
    let chain = SubmittedChain { steps, connections: request.connections.iter().map(connection).collect() };
    bounded(&FromCaller::Chain(chain.clone()))?;
    Ok((chain, all_along))
}

/// The request of a submitted chain. `along` has what was sent along with each step.
///
/// # Errors
/// [`SubmissionError`] names the step, the key and what is wrong.
pub fn requested_chain(chain: SubmittedChain, along: Vec<Along>) -> Result<TakenChain, SubmissionError> {
    let SubmittedChain { steps, connections } = chain;
    let mut taken = TakenChain { request: ChainRequest::new(), tables: Vec::new(), others: Vec::new() };
    let mut along = along.into_iter();
    for (step, position) in steps.into_iter().zip(0..) {
        let called = called(step.name.as_deref(), position);
        let wrong = |SubmissionError(reason)| SubmissionError(format!("{called}: {reason}"));
        let Taken { request, tables, others } = requested(step.run, along.next().unwrap_or_default()).map_err(wrong)?;
        let first = taken.request.steps.first().map_or(&request.working_folder, |step| &step.request.working_folder);
        if *first != request.working_folder {
            return Err(wrong(SubmissionError("`working_folder`: all steps of a chain have the same one".into())));
        }
        taken.tables.extend(tables.into_iter().map(|(output, handle)| (position, output, handle)));
        taken.others.extend(others.map(|others| (position, others)));
        taken.request.steps.push(Step { name: step.name, request });
    }
    if !connections.is_empty() {
        let names = taken.request.names().map_err(|error| SubmissionError(error.to_string()))?;
        for SubmittedConnection { from, output, to, input } in connections {
            let connection = Connection::new(found(&from, &names)?, found(&to, &names)?);
            taken.request.connections.push(connection.output(output).input(input));
        }
    }
    Ok(taken)
}

/// The position of a step. One that is beyond the last is an error of the request.
fn found(step: &OutputName, names: &[String]) -> Result<usize, SubmissionError> {
    match step {
        OutputName::Number(number) => Ok(usize::try_from(*number).unwrap_or(usize::MAX)),
        OutputName::Id(name) => names.iter().position(|known| known == name).ok_or_else(|| {
            let names = names.join(", ");
            SubmissionError(format!("`connections`: there is no step `{name}`: the steps are {names}"))
        }),
    }
}

/// A step in errors, before its block is known.
fn called(name: Option<&str>, position: u32) -> String {
    name.map_or_else(|| format!("step {position}"), |name| format!("step `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{InputSpec, RunRequest};
    use longshore_protocol::Message;

    fn request(block: &str) -> RunRequest {
        let mut request = RunRequest::new(block);
        request.working_folder = Some("/work".into());
        request
    }

    fn linear(blocks: &[&str]) -> SubmittedChain {
        submitted_chain(&ChainRequest::linear(blocks.iter().map(|block| request(block)))).unwrap().0
    }

    fn refused(chain: SubmittedChain) -> String {
        requested_chain(chain, Vec::new()).unwrap_err().to_string()
    }

    #[test]
    fn a_chain_arrives_as_it_was_given() {
        let mut first = request("a.py");
        first.inputs.push(InputSpec::file(std::fs::File::open("/dev/null").unwrap()));
        let given = ChainRequest::new()
            .step(Step::new(first).name("one"))
            .step(Step::new(request("b.R")))
            .connect(Connection::new(0, 1).output(OutputName::Id("labels".into())).input(OutputName::Number(2)));
        let (sent, along) = submitted_chain(&given).unwrap();
        assert_eq!(along.iter().map(|along| along.sources.len()).collect::<Vec<_>>(), [1, 0]);
        let json = FromCaller::Chain(sent).to_json();
        let FromCaller::Chain(sent) = read(&json) else { panic!("another message") };
        let taken = requested_chain(sent, along).unwrap().request;
        assert_eq!(taken.connections, given.connections);
        assert_eq!(taken.names().unwrap(), ["one", "b"]);
        assert_eq!(taken.steps[0].request.inputs.len(), 1);
    }

    fn read(json: &[u8]) -> FromCaller {
        serde_json::from_slice(json).unwrap()
    }

    #[test]
    fn connections_name_steps_by_position_or_name() {
        let mut chain = linear(&["a.py", "a.py", "b.R"]);
        chain.connections[1].from = OutputName::Id("a-2".into());
        let taken = requested_chain(chain.clone(), Vec::new()).unwrap().request;
        assert_eq!(taken.connections, [Connection::new(0, 1), Connection::new(1, 2)]);
        chain.connections[1].to = OutputName::Id("c".into());
        assert_eq!(refused(chain), "`connections`: there is no step `c`: the steps are a, a-2, b");
    }

    #[test]
    fn what_is_wrong_names_its_step() {
        let mut chain = linear(&["a.py", "b.R"]);
        chain.steps[1].run.network = Some("?".into());
        assert!(refused(chain.clone()).starts_with("step 1: `network`: `?`"));
        chain.steps[1].name = Some("last".into());
        assert!(refused(chain).starts_with("step `last`: `network`"));
        let mut chain = linear(&["a.py", "b.R"]);
        chain.steps[1].run.working_folder = Some("/elsewhere".into());
        assert_eq!(refused(chain), "step 1: `working_folder`: all steps of a chain have the same one");
        let mut chain = linear(&["a.py", "b.R"]);
        (0..2).for_each(|step| chain.steps[step].name = Some("x".into()));
        assert_eq!(refused(chain), "two steps are called `x`: give one of them another name");
        let mut away = request("b.R");
        away.recorded = false;
        let error = submitted_chain(&ChainRequest::linear([request("a.py"), away])).unwrap_err();
        assert_eq!(error, NotSubmitted("step 1: it is not to be recorded".into()));
    }
}
