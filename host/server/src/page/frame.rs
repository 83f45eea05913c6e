//! What all pages have: title, navigation, the message after an act, and the same by request. The templates
//! have the words, with the commands that do the same.

use crate::page::assets;
use crate::problem::Problem;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use longshore::shown::visible;
use std::convert::Infallible;

/// A section of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Home,
    Runs,
    Blocks,
    Environments,
    System,
}

impl Section {
    const ALL: [Self; 5] = [Self::Home, Self::Runs, Self::Blocks, Self::Environments, Self::System];

    fn name(self) -> &'static str {
        match self {
            Self::Home => "Overview",
            Self::Runs => "Runs",
            Self::Blocks => "Blocks",
            Self::Environments => "Environments",
            Self::System => "System",
        }
    }

    fn address(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Runs => "/runs",
            Self::Blocks => "/blocks",
            Self::Environments => "/environments",
            Self::System => "/system",
        }
    }
}

/// What a page needs of its request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visit {
    /// The address of this host, as the browser has it.
    base: String,
    /// The act after which the page is shown.
    done: Option<&'static str>,
    /// Whether only a part of the page is asked for, by its script.
    pub(crate) part: bool,
}

/// The acts that pages report, by their name in the address.
const DONE: [(&str, &str); 5] = [
    ("cancel", "The cancellation was requested. The script has a few seconds to end by itself."),
    ("pin", "The environment is pinned: it is not removed until it is unpinned."),
    ("unpin", "The environment is no longer pinned."),
    ("delete", "The environment is deleted."),
    ("prune", "The clean-up has ended."),
];

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let pairs = parts.uri.query().unwrap_or_default().split('&');
        let named = pairs.filter_map(|pair| pair.strip_prefix("done=")).next();
        let done = DONE.iter().find(|(name, _)| Some(*name) == named).map(|(_, words)| *words);
        let part = parts.headers.contains_key("longshore-part");
        Ok(Self { base: format!("http://{host}"), done, part })
    }
}

/// A request that does the same as a page.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// What it does.
    pub(crate) what: &'static str,
    /// `curl` with its arguments.
    pub(crate) curl: String,
}

/// What is around the contents of a page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) section: Option<Section>,
    pub(crate) assets: String,
    pub(crate) done: Option<&'static str>,
    pub(crate) calls: Vec<Call>,
    base: String,
}

impl Frame {
    pub(crate) fn new(visit: &Visit, section: Option<Section>, title: impl Into<String>) -> Self {
        let (assets, base) = (assets::digest(), visit.base.clone());
        Self { title: title.into(), section, assets, done: visit.done, calls: Vec::new(), base }
    }

    /// A request below `/api/v1`, with the arguments of `curl` that it needs.
    pub(crate) fn call(mut self, what: &'static str, arguments: &str, path: &str) -> Self {
        let arguments = if arguments.is_empty() { String::new() } else { format!("{arguments} ") };
        let address = quoted(&format!("{}/api/v1{path}", self.base));
        let curl = format!("curl {arguments}-H \"Authorization: Bearer $LONGSHORE_TOKEN\" {address}");
        self.calls.push(Call { what, curl });
        self
    }

    /// Name, address and whether it is the page's, for each section.
    pub(crate) fn sections(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        Section::ALL.into_iter().map(|section| (section.name(), section.address(), self.section == Some(section)))
    }
}

/// One word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+@%=:,".contains(character);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The answer with a page. Templates escape every value, so that no text of a script, a block or a person is markup; here
/// what would change its direction or be invisible is replaced.
pub(crate) fn show(page: &impl Template) -> Result<Response, Problem> {
    let text = page.render().map_err(|error| Problem::internal(format!("cannot render the page: {error}")))?;
    Ok(Html(visible(&text)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "<p title=\"{{ text }}\">{{ text }}</p>", ext = "html")]
    struct Example<'a> {
        text: &'a str,
    }

    #[tokio::test]
    async fn text_is_shown_and_never_interpreted() {
        for (text, expected) in [
            ("<script>\u{202e}&\"'", "&#60;script&#62;�&#38;&#34;&#39;"),
            ("&\u{1b}[31m#60;b\u{1b}[2J", "&#38;#60;b�[2J"),
            ("<\u{1b}[1mb>\0\u{200b}", "&#60;b&#62;��"),
        ] {
            let shown = show(&Example { text }).unwrap();
            let shown = axum::body::to_bytes(shown.into_body(), 1000).await.unwrap();
            let expected = format!("<p title=\"{expected}\">{expected}</p>");
            assert_eq!(String::from_utf8_lossy(&shown), expected);
        }
    }

    #[test]
    fn words_of_a_shell_stay_one() {
        assert_eq!(quoted("/a/b.py"), "/a/b.py");
        assert_eq!(quoted("a b'c"), "'a b'\\''c'");
        assert_eq!(quoted(""), "''");
    }
}
