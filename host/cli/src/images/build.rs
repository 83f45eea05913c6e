//! `longshore images build`.

use crate::console::Watcher;
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, failure, printer};
use longshore::block::Block;
use longshore::environment::Built;
use longshore::shown::Shown;
use longshore::{Cancel, EnvironmentError, Host};
use std::path::Path;

/// Makes the image of a block, and gives the exit status back.
pub(crate) async fn build(block: &Path, image: Option<String>, host: &Host) -> u8 {
    let block = match Block::load(block) {
        Ok(loaded) => loaded.block,
        Err(error) => return failure::print(&error, BAD_INPUT),
    };
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    let (events, happened) = longshore::events();
    let console = match Watcher::start(false, happened) {
        Ok(console) => console,
        Err(error) => return failure::print(&error, 3),
    };
    let built = host.build(&block, image.as_deref(), &events, &cancel).await;
    drop(events);
    console.clear(&cancel).await;
    drop(signals);
    match built {
        Ok(built) => printer::out(&report(&built)),
        Err(EnvironmentError::Cancelled) => INTERRUPTED,
        Err(error) => failure::print(&error, if error.is_bad_input() { BAD_INPUT } else { 3 }),
    }
}

fn report(built: &Built) -> Shown {
    let state = match (&built.environment, built.was_there) {
        (None, _) => "the base image is all that it needs",
        (Some(_), true) => "was there",
        (Some(_), false) => "made",
    };
    let mut text = Shown::line(format!("{} {state}", built.name));
    built.resolved.iter().for_each(|package| text.push(format!("  {package}")));
    text
}
