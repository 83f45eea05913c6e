//! The style sheet and the scripts, which are part of the program. Their address has a hash over all of them, so that
//! browsers keep them for ever and have none of another version.

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, type and contents.
const ALL: [(&str, &str, &[u8]); 7] = [
    ("page.css", STYLE, include_bytes!("../../assets/page.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    ("page.js", SCRIPT, include_bytes!("../../assets/page.js")),
    ("keys.js", SCRIPT, include_bytes!("../../assets/keys.js")),
    ("live.js", SCRIPT, include_bytes!("../../assets/live.js")),
    ("log.js", SCRIPT, include_bytes!("../../assets/log.js")),
    ("start.js", SCRIPT, include_bytes!("../../assets/start.js")),
];

/// A hash over all of them (FNV-1a): another version has another one.
const HASH: u64 = {
    let (mut hash, mut file) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while file < ALL.len() {
        let (contents, mut at) = (ALL[file].2, 0);
        while at < contents.len() {
            hash = (hash ^ contents[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        file += 1;
    }
    hash
};

/// The hash in the address of all of them.
pub(crate) fn digest() -> String {
    format!("{HASH:016x}")
}

/// `/assets/HASH/NAME`.
pub(crate) async fn asset(Path((hash, name)): Path<(String, String)>) -> Response {
    let found = ALL.iter().find(|(known, ..)| *known == name).filter(|_| hash == digest());
    let Some((_, kind, contents)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, kept)], *contents).into_response()
}
