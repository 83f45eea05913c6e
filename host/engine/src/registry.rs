//! The engines that a host may use, in the order in which they are tried, and the choice of one for a run.

use super::connector::Connector;
use super::installed::{NoAnswer, isolating_engine};
use super::kept::KeptConnector;
use super::{Engine, EngineError, ImageStore, Tried};
use futures_util::future::BoxFuture;
use longshore_config::settings::Settings;
use longshore_model::engine_kind::{EngineChoice, EngineKind};
use std::sync::Arc;

/// The engines of a host, in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Engines {
    settings: Arc<Settings>,
    connectors: Vec<Arc<dyn Connector>>,
}

impl Engines {
    /// No engines yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), connectors: Vec::new() }
    }

    /// Adds an engine, which is tried after the others.
    #[must_use]
    pub fn with(mut self, connector: impl Connector + 'static) -> Self {
        self.connectors.push(Arc::new(connector));
        self
    }

    /// These engines, in a process that stays: those that isolate scripts stay connected.
    #[must_use]
    pub fn kept(mut self) -> Self {
        let keep = |connector: Arc<dyn Connector>| match connector.kind().isolates() {
            true => Arc::new(KeptConnector::new(connector)),
            false => connector,
        };
        self.connectors = self.connectors.into_iter().map(keep).collect();
        self
    }

    /// The settings of the host.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The first engine that isolates scripts and answers.
    ///
    /// # Errors
    /// [`EngineError`]: none answers.
    pub async fn isolating(&self) -> Result<Arc<dyn Engine>, EngineError> {
        self.first(|kind| kind.isolates(), |connector, settings| connector.engine(settings)).await.map_err(unusable)
    }

    /// The store of images, whichever engine runs scripts.
    ///
    /// # Errors
    /// [`EngineError`]: no engine with images answers.
    pub async fn images(&self) -> Result<Arc<dyn ImageStore>, EngineError> {
        let found = self.first(|kind| kind.isolates(), |connector, settings| connector.images(settings)).await;
        found.map_err(unusable)?.ok_or_else(|| unusable(Vec::new()))
    }

    /// The store of images for a choice; `None` if its scripts run outside of images.
    ///
    /// # Errors
    /// [`EngineError`]: no engine of the choice can be used.
    pub async fn images_of(&self, choice: EngineChoice) -> Result<Option<Arc<dyn ImageStore>>, EngineError> {
        let installed = || isolating_engine(&self.settings);
        let chosen = self.select(choice, installed, |connector, settings| connector.images(settings)).await;
        chosen.map(|(store, _)| store)
    }

    /// Selects an engine. Returns a note if `auto` selected one that does not isolate.
    ///
    /// # Errors
    /// [`EngineError`]: no engine of the choice can be used.
    pub async fn choose(&self, choice: EngineChoice) -> Result<(Arc<dyn Engine>, Option<String>), EngineError> {
        let installed = || isolating_engine(&self.settings);
        self.select(choice, installed, |connector, settings| connector.engine(settings)).await
    }

    /// Connects to the first engine of a choice that can be used: one that isolates, if there is one; otherwise one that
    /// does not, if `auto` may select it. `installed` is the evidence of an engine that isolates but does not answer.
    async fn select<T>(
        &self,
        choice: EngineChoice,
        installed: impl FnOnce() -> Option<String>,
        connect: Connect<T>,
    ) -> Result<(T, Option<String>), EngineError> {
        let isolating = match self.first(|kind| kind.isolates() && choice.admits(kind), connect).await {
            Ok(connected) => return Ok((connected, None)),
            Err(tried) => tried,
        };
        let note = match choice {
            EngineChoice::Auto => Some(without_isolation(isolating, installed())?),
            _ if choice.may_isolate() => return Err(unusable(isolating)),
            _ => None,
        };
        match self.first(|kind| !kind.isolates() && choice.admits(kind), connect).await {
            Ok(connected) => Ok((connected, note)),
            Err(tried) => Err(unusable(tried)),
        }
    }

    /// Tries the connectors of these kinds in order, up to the first that connects. Otherwise the reason of each.
    async fn first<T>(&self, of: impl Fn(EngineKind) -> bool, connect: Connect<T>) -> Result<T, Vec<Tried>> {
        let mut tried = Vec::new();
        for connector in self.connectors.iter().filter(|connector| of(connector.kind())) {
            match connect(connector.as_ref(), &self.settings).await {
                Ok(connected) => return Ok(connected),
                Err(reason) => tried.push(Tried { kind: connector.kind(), reason }),
            }
        }
        Err(tried)
    }
}

/// Connects to a part of an engine.
type Connect<T> = for<'a> fn(&'a dyn Connector, &'a Settings) -> BoxFuture<'a, Result<T, EngineError>>;

/// The error if none of these engines can be used: the reason of the only one, or a list.
fn unusable(mut tried: Vec<Tried>) -> EngineError {
    match tried.pop() {
        Some(only) if tried.is_empty() => only.reason,
        last => {
            tried.extend(last);
            EngineError::NoneUsable { tried }
        }
    }
}

/// Whether `auto` may select an engine without isolation, once these with isolation were tried: only if none of them is
/// installed. Returns the note for the run.
fn without_isolation(tried: Vec<Tried>, installed: Option<String>) -> Result<String, EngineError> {
    let does_not_answer = |tried: &Tried| match &tried.reason {
        EngineError::Unreachable(error) => !matches!(error, NoAnswer::Denied { .. }),
        _ => false,
    };
    if !tried.iter().all(does_not_answer) {
        return Err(unusable(tried));
    }
    match installed {
        Some(found) => Err(EngineError::NoIsolation { found, source: Box::new(unusable(tried)) }),
        None => {
            Ok("no container engine is installed: scripts run as processes of this machine, without isolation".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProcessConnector;
    use futures_util::FutureExt;
    use std::sync::Mutex;

    /// An engine for tests, which writes its name down when it is tried.
    #[derive(Debug)]
    struct Planted {
        kind: EngineKind,
        name: &'static str,
        /// The error; it connects if there is none.
        fails: Option<fn() -> EngineError>,
        asked: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Planted {
        fn ask(&self) -> Result<(), EngineError> {
            self.asked.lock().unwrap().push(self.name);
            self.fails.map_or(Ok(()), |error| Err(error()))
        }
    }

    impl Connector for Planted {
        fn kind(&self) -> EngineKind {
            self.kind
        }

        fn engine<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Arc<dyn Engine>, EngineError>> {
            async move {
                self.ask()?;
                ProcessConnector.engine(settings).await
            }
            .boxed()
        }

        fn images<'a>(
            &'a self,
            _settings: &'a Settings,
        ) -> BoxFuture<'a, Result<Option<Arc<dyn ImageStore>>, EngineError>> {
            std::future::ready(self.ask().map(|()| None)).boxed()
        }
    }

    fn missing() -> EngineError {
        NoAnswer::NoSocket { socket: "/s".into() }.into()
    }

    fn silent() -> EngineError {
        NoAnswer::Silent { socket: "/s".into(), source: "hung up".into() }.into()
    }

    fn denied() -> EngineError {
        NoAnswer::Denied { socket: "/s".into(), source: std::io::ErrorKind::PermissionDenied.into() }.into()
    }

    fn no_agent() -> EngineError {
        EngineError::NoAgent { path: "/agent".into() }
    }

    fn found() -> Option<String> {
        Some("`/usr/bin/docker` is there".to_owned())
    }

    type Fails = Option<fn() -> EngineError>;

    /// Two engines that isolate after one that does not: the result for a choice as the note or the error's text, and
    /// the order in which they were tried. Engines and images follow the same rule.
    async fn chosen(
        choice: EngineChoice,
        installed: fn() -> Option<String>,
        [process, first, second]: [Fails; 3],
    ) -> (Result<Option<String>, EngineError>, Vec<&'static str>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let planted = |kind, name, fails| Planted { kind, name, fails, asked: asked.clone() };
        let mut settings = Settings::default();
        // Any file: it is only looked for.
        settings.agent = std::env::current_exe().unwrap();
        let engines = Engines::new(settings)
            .with(planted(EngineKind::Process, "process", process))
            .with(planted(EngineKind::Docker, "first", first))
            .with(planted(EngineKind::Docker, "second", second));
        let take = || std::mem::take(&mut *asked.lock().unwrap());
        let engine = engines.select(choice, installed, |connector, settings| connector.engine(settings)).await;
        let engine = (engine.map(|(_, note)| note), take());
        let images = engines.select(choice, installed, |connector, settings| connector.images(settings)).await;
        let images = (images.map(|(_, note)| note), take());
        assert_eq!(format!("{engine:?}"), format!("{images:?}"));
        engine
    }

    #[tokio::test]
    async fn engines_are_tried_in_order_and_those_that_isolate_first() {
        let tried = async |choice, fails| {
            let (result, order) = chosen(choice, || None, fails).await;
            (result.unwrap().is_some(), order)
        };
        assert_eq!(tried(EngineChoice::Auto, [None, None, None]).await, (false, vec!["first"]));
        assert_eq!(tried(EngineChoice::Auto, [None, Some(silent), None]).await, (false, vec!["first", "second"]));
        assert_eq!(tried(EngineChoice::Docker, [None, Some(denied), None]).await, (false, vec!["first", "second"]));
        assert_eq!(tried(EngineChoice::Process, [None, None, None]).await, (false, vec!["process"]));
        let all = vec!["first", "second", "process"];
        assert_eq!(tried(EngineChoice::Auto, [None, Some(missing), Some(silent)]).await, (true, all));
    }

    #[tokio::test]
    async fn auto_never_selects_a_process_where_an_engine_is_installed_or_denied() {
        for fails in [[None, Some(missing as fn() -> _), Some(silent as fn() -> _)], [None, Some(silent), Some(silent)]]
        {
            let (result, order) = chosen(EngineChoice::Auto, found, fails).await;
            let error = result.unwrap_err();
            assert!(matches!(&error, EngineError::NoIsolation { found, .. } if found.contains("docker")), "{error}");
            assert_eq!(order, ["first", "second"]);
        }
        for installed in [found, || None] {
            let (result, order) = chosen(EngineChoice::Auto, installed, [None, Some(missing), Some(denied)]).await;
            let error = result.unwrap_err();
            assert!(matches!(&error, EngineError::NoneUsable { tried } if tried.len() == 2), "{error}");
            assert_eq!(order, ["first", "second"]);
        }
    }

    #[tokio::test]
    async fn each_engine_that_was_tried_gives_its_reason() {
        let (result, _) = chosen(EngineChoice::Docker, found, [None, Some(silent), Some(denied)]).await;
        let error = result.unwrap_err();
        let EngineError::NoneUsable { tried } = &error else { panic!("{error}") };
        assert!(matches!(tried[0].reason, EngineError::Unreachable(NoAnswer::Silent { .. })), "{error}");
        assert!(matches!(tried[1].reason, EngineError::Unreachable(NoAnswer::Denied { .. })), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("cannot use any engine: `docker`: no container engine answers at `/s`"), "{text}");
        assert!(text.contains("hung up; `docker`: this user may not use the container engine at `/s`"), "{text}");
        // The only one that counts is the error itself.
        for choice in [EngineChoice::Process, EngineChoice::Auto] {
            let (result, _) = chosen(choice, || None, [Some(no_agent), Some(missing), Some(missing)]).await;
            assert!(matches!(result, Err(EngineError::NoAgent { .. })), "{result:?}");
        }
        let none = Engines::new(Settings::default()).images().await.unwrap_err();
        assert_eq!(none.to_string(), "cannot use any engine: this program has none of that kind");
    }

    #[test]
    fn auto_takes_a_process_only_where_no_engine_is_installed() {
        let tried = |reason| vec![Tried { kind: EngineKind::Docker, reason }];
        for error in [silent(), missing()] {
            let refused = without_isolation(tried(error), found()).unwrap_err();
            assert!(matches!(&refused, EngineError::NoIsolation { .. }), "{refused}");
            assert!(refused.to_string().contains("`/usr/bin/docker` is there"), "{refused}");
        }
        for installed in [found(), None] {
            let refused = without_isolation(tried(denied()), installed).unwrap_err().to_string();
            assert!(refused.starts_with("this user may not use the container engine at `/s`"), "{refused}");
        }
        assert!(without_isolation(tried(missing()), None).unwrap().ends_with("without isolation"));
    }
}
