//! Classifies the failure of one attempt. Engines report it only as text, mostly the registry's own, and with status
//! 500 for nearly everything, so the text is searched for known phrases.

use super::refusal;
use bollard::errors::Error as ApiError;
use longshore_engine::PullFailure;

/// A phrase, and the failure that a text with it means.
type Mark = (&'static str, fn(String) -> PullFailure);

/// Phrases of failures in the engine's text, in lower case. The first match counts.
const MARKS: [Mark; 39] = [
    ("toomanyrequests", |_| PullFailure::TooMany),
    ("rate limit", |_| PullFailure::TooMany),
    ("unauthorized", |_| PullFailure::Refused),
    ("authentication required", |_| PullFailure::Refused),
    ("no basic auth credentials", |_| PullFailure::Refused),
    ("incorrect username or password", |_| PullFailure::Refused),
    ("access denied", |_| PullFailure::Refused),
    ("denied:", |_| PullFailure::Refused),
    ("401 unauthorized", |_| PullFailure::Refused),
    ("403 forbidden", |_| PullFailure::Refused),
    ("manifest unknown", |_| PullFailure::Unknown),
    ("name unknown", |_| PullFailure::Unknown),
    ("404 not found", |_| PullFailure::Unknown),
    ("no matching manifest", |_| PullFailure::OtherArchitecture),
    ("does not match the specified platform", |_| PullFailure::OtherArchitecture),
    ("no space left on device", |_| PullFailure::DiskFull),
    ("x509:", untrusted),
    ("tls: failed to verify", untrusted),
    ("server gave http response to https client", untrusted),
    ("no such host", |_| PullFailure::NoHost),
    ("connection refused", transient),
    ("connection reset", transient),
    ("broken pipe", transient),
    ("unexpected eof", transient),
    (": eof", transient),
    ("timeout", transient),
    ("timed out", transient),
    ("deadline exceeded", transient),
    ("no route to host", transient),
    ("network is unreachable", transient),
    ("temporary failure", transient),
    ("server misbehaving", transient),
    ("closed network connection", transient),
    ("closed idle connection", transient),
    // A registry's own failures, from 500 on.
    ("unexpected http status: 5", transient),
    ("unexpected status code 5", transient),
    ("error parsing http 5", transient),
    ("internal server error", transient),
    ("service unavailable", transient),
];

fn transient(reason: String) -> PullFailure {
    PullFailure::Transient { reason }
}

fn untrusted(reason: String) -> PullFailure {
    PullFailure::Untrusted { reason }
}

/// Classifies the engine's answer.
pub(super) fn failure(error: ApiError) -> PullFailure {
    match error {
        ApiError::DockerResponseServerError { status_code, message } => said(&message, status_code == 404),
        ApiError::DockerStreamError { error } => said(&error, false),
        ApiError::RequestTimeoutError => transient("the engine did not answer in time".into()),
        ApiError::IOError { .. } | ApiError::HyperResponseError { .. } | ApiError::HyperLegacyError { .. } => {
            transient(format!("the connection to the engine ended: {error}"))
        }
        error => PullFailure::Engine(refusal(error)),
    }
}

fn said(message: &str, not_found: bool) -> PullFailure {
    let lower = message.to_lowercase();
    match MARKS.iter().find(|(mark, _)| lower.contains(mark)) {
        Some((_, failure)) => failure(message.trim().to_owned()),
        None if not_found => PullFailure::Unknown,
        None => PullFailure::Other { reason: message.trim().to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_are_understood() {
        let cases = [
            (404, "manifest for r:5000/a:b not found: manifest unknown: manifest unknown", "Unknown"),
            (404, "repository r:5000/a not found: name unknown: repository name not known to registry", "Unknown"),
            (404, "anything", "Unknown"),
            (500, "Head \"http://r:5000/v2/a/manifests/1\": no basic auth credentials", "Refused"),
            (500, "unauthorized: authentication required", "Refused"),
            (
                404,
                "pull access denied for a, repository does not exist or may require 'docker login': denied: requested \
                 access to the resource is denied",
                "Refused",
            ),
            (500, "toomanyrequests: You have reached your pull rate limit.", "TooMany"),
            (500, "Get \"http://r:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused", "Transient"),
            (500, "Get \"http://r/v2/\": read tcp 1.2.3.4:5->6.7.8.9:80: read: connection reset by peer", "Transient"),
            (500, "Get \"https://r/v2/\": EOF", "Transient"),
            (500, "Get \"http://r/v2/\": http: server closed idle connection", "Transient"),
            (500, "Get \"https://r/v2/\": net/http: TLS handshake timeout", "Transient"),
            (500, "received unexpected HTTP status: 503 Service Unavailable", "Transient"),
            (500, "error parsing HTTP 502 response body: invalid character '<'", "Transient"),
            (500, "Get \"https://r/v2/\": dial tcp: lookup r on 1.1.1.1:53: no such host", "NoHost"),
            (500, "Get \"https://r/v2/\": x509: certificate signed by unknown authority", "Untrusted"),
            (500, "Get \"https://r/v2/\": http: server gave HTTP response to HTTPS client", "Untrusted"),
            (404, "no matching manifest for linux/amd64 in the manifest list entries", "OtherArchitecture"),
            (500, "write /var/lib/docker/tmp/x: no space left on device", "DiskFull"),
            (500, "something else", "Other"),
        ];
        for (status_code, message, expected) in cases {
            let message = message.to_owned();
            let failure = super::failure(ApiError::DockerResponseServerError { status_code, message: message.clone() });
            assert!(format!("{failure:?}").starts_with(expected), "{message}: {failure:?}");
        }
        let in_stream = failure(ApiError::DockerStreamError { error: "unexpected EOF".into() });
        assert!(matches!(in_stream, PullFailure::Transient { .. }), "{in_stream:?}");
    }
}
