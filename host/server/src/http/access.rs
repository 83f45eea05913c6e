//! Who may come in: programs with a token, browsers with a session. All that is behind this layer has the rights of the
//! host's user.

use crate::problem::Problem;
use crate::web::Web;
use crate::who::Who;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

/// The session's cookie.
pub(crate) const COOKIE: &str = "longshore_session";

/// What is said of a token that is none.
pub(crate) const INVALID: &str = "the token is not valid: it was never created, has ended or was revoked";

/// Lets those in that have a valid token or session. Others are sent to the sign-in, if they want a page.
pub(crate) async fn guard(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    match admit(&web, request.method(), request.headers()).await {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(problem)
            if problem.status() == StatusCode::UNAUTHORIZED && wants_page(request.method(), request.headers()) =>
        {
            Redirect::to(&sign_in(request.uri())).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(web: &Web, method: &Method, headers: &HeaderMap) -> Result<Who, Problem> {
    let refused = |detail| Err::<Who, _>(Problem::new(StatusCode::UNAUTHORIZED, "not signed in", detail));
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let Some(token) = given.to_str().ok().and_then(bearer).map(str::to_owned) else {
            return refused("`Authorization` must be `Bearer TOKEN`");
        };
        return match web.tokens(move |tokens| tokens.admit(&token)).await? {
            Some(admitted) => Ok(admitted.into()),
            None => refused(INVALID),
        };
    }
    let Some(session) = session(headers) else {
        return refused("a token is needed, as in `Authorization: Bearer TOKEN`");
    };
    let Some(admitted) = web.tokens(move |tokens| tokens.admit_session(&session)).await? else {
        return refused("the session has ended: sign in again");
    };
    same_origin(method, headers)?;
    Ok(admitted.into())
}

/// The token of `Bearer TOKEN`.
fn bearer(given: &str) -> Option<&str> {
    let (scheme, token) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session's secret, from the cookies.
pub(crate) fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// Refuses requests that change something and that another site has a browser send. Browsers send `Origin` with them.
pub(crate) fn same_origin(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, origin)| origin);
    match (origin, text(header::HOST)) {
        (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => {
            let detail = "with a session, requests that change something must have an `Origin` that is this host's; \
                          programs use a token";
            Err(Problem::new(StatusCode::FORBIDDEN, "request of another site", detail))
        }
    }
}

/// Whether a browser goes to a page.
pub(crate) fn wants_page(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && accepts_page(headers)
}

/// Whether a browser shows the answer as a page.
pub(crate) fn accepts_page(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    accepted.any(|accept| accept.contains("text/html"))
}

/// The address of the sign-in, from which this one is returned to.
fn sign_in(next: &Uri) -> String {
    let next = next.path_and_query().map_or("/", |next| next.as_str());
    let mut address = "/signin".to_owned();
    if next != "/" {
        address.push_str("?next=");
        next.bytes().for_each(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => address.push(char::from(byte)),
            _ => address.push_str(&format!("%{byte:02X}")),
        });
    }
    address
}

/// The address to go to after the sign-in: one of this host's.
pub(crate) fn next_address(given: Option<&str>) -> &str {
    let is_own = |next: &&str| next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    given.filter(is_own).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_after_the_sign_in_are_this_hosts() {
        for other in ["https://example.org/", "//example.org", "/\\example.org", "runs", "", "/a\r\nSet-Cookie: x"] {
            assert_eq!(next_address(Some(other)), "/", "{other:?}");
        }
        assert_eq!(next_address(Some("/runs?state=failed")), "/runs?state=failed");
        let there = sign_in(&Uri::from_static("/runs?state=failed&x=%20"));
        assert_eq!(there, "/signin?next=/runs%3Fstate%3Dfailed%26x%3D%2520");
        assert_eq!(sign_in(&Uri::from_static("/")), "/signin");
    }

    #[test]
    fn a_session_changes_things_from_its_own_pages_alone() {
        let headers = |pairs: &[(header::HeaderName, &str)]| {
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect::<HeaderMap>()
        };
        let own = headers(&[(header::HOST, "localhost:80"), (header::ORIGIN, "http://localhost:80")]);
        assert!(same_origin(&Method::POST, &own).is_ok());
        for other in [
            headers(&[(header::HOST, "localhost:80")]),
            headers(&[(header::HOST, "localhost:80"), (header::ORIGIN, "null")]),
            headers(&[(header::HOST, "localhost:80"), (header::ORIGIN, "http://localhost:81")]),
            headers(&[(header::HOST, "localhost:80"), (header::ORIGIN, "https://example.org")]),
        ] {
            assert!(same_origin(&Method::POST, &other).is_err() && same_origin(&Method::DELETE, &other).is_err());
            assert!(same_origin(&Method::GET, &other).is_ok());
        }
    }

    #[test]
    fn secrets_are_found_in_their_headers() {
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer"), None);
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; longshore_session=abc; b=2".parse().unwrap());
        assert_eq!(session(&headers).as_deref(), Some("abc"));
        assert_eq!(session(&HeaderMap::new()), None);
    }
}
