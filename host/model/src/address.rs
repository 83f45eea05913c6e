//! Addresses for display, without their passwords.

/// The replacement of a secret.
pub(crate) const MASK: &str = "***";

/// Masks the passwords of all addresses in a text: `https://user:***@host`. A user without a password is masked too,
/// because many indexes take a token there. A text without `://` is treated as one address.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            shown.push(' ');
        }
        let mut rest = word;
        while let Some((before, after)) = rest.split_once("://") {
            shown.push_str(before);
            shown.push_str("://");
            // The end of one address and the start of the next, as in `--a=https://x,https://y`.
            let end = after.find("://").map_or(after.len(), |next| scheme_start(&after[..next]));
            shown.push_str(&authority_masked(&after[..end]));
            rest = &after[end..];
        }
        let is_proxy = rest.len() == word.len() && rest.split_once('@').is_some_and(|(user, _)| user.contains(':'));
        shown.push_str(&if is_proxy { authority_masked(rest) } else { rest.to_owned() });
    }
    shown
}

/// Masks everything before the last `@` of a text that is not a valid address, since any of it may be a password.
pub fn concealed(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else { return text.to_owned() };
    let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
    format!("{scheme}{MASK}@{host}")
}

/// The start of the scheme at the end of a text.
fn scheme_start(text: &str) -> usize {
    let in_scheme = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
    text.rfind(|character| !in_scheme(character))
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8))
}

/// The part after `://`, with its password masked.
fn authority_masked(address: &str) -> String {
    let Some(at) = user_end(address) else { return address.to_owned() };
    let host = &address[at..];
    match address[..at].split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}{host}"),
        None => format!("{MASK}{host}"),
    }
}

/// An address without its user and password, which identify the caller and not the resource.
#[must_use]
pub fn without_user(address: &str) -> String {
    let user = address.split_once("://").and_then(|(scheme, rest)| Some((scheme, &rest[user_end(rest)? + 1..])));
    user.map_or_else(|| address.to_owned(), |(scheme, host)| format!("{scheme}://{host}"))
}

/// The position of the `@` that ends the user and the password, in the part after `://`.
fn user_end(address: &str) -> Option<usize> {
    let authority = address.find(['/', '?', '#']).unwrap_or(address.len());
    address[..authority].rfind('@').or_else(|| {
        // A password may contain an unescaped slash; then the text before the slash is not a host and port.
        let (_, port) = address[..authority].split_once(':')?;
        let is_port = !port.is_empty() && port.chars().all(|character| character.is_ascii_digit());
        if is_port { None } else { address.rfind('@') }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_and_nothing_else() {
        for (text, shown) in [
            ("https://user:secret@host/simple", "https://user:***@host/simple"),
            ("https://user:se:cr@et@host", "https://user:***@host"),
            ("https://user:se/cret@host/simple", "https://user:***@host/simple"),
            ("https://token@host/simple", "https://***@host/simple"),
            ("https://:secret@host", "https://:***@host"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
            ("https://host:8080/@scope/x", "https://host:8080/@scope/x"),
            ("user:secret@proxy:3128", "user:***@proxy:3128"),
            ("proxy:3128", "proxy:3128"),
            ("--index-url=https://user:secret@host/", "--index-url=https://user:***@host/"),
            ("http://a:b@c,http://d:e@f", "http://a:***@c,http://d:***@f"),
            ("--a http://a:b@c http://d:e@f", "--a http://a:***@c http://d:***@f"),
            ("/etc/ssl/ca.pem", "/etc/ssl/ca.pem"),
            ("https:/user:secret@host", "https:***@host"),
            ("me@example.com", "me@example.com"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }

    #[test]
    fn who_asks_is_no_part_of_what_is_asked_for() {
        for (address, expected) in [
            ("https://user:secret@host/simple", "https://host/simple"),
            ("https://token@host", "https://host"),
            ("https://user:se/cret@host/simple", "https://host/simple"),
            ("https://host:8080/@scope/x", "https://host:8080/@scope/x"),
            ("/srv/simple", "/srv/simple"),
        ] {
            assert_eq!(without_user(address), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_concealed() {
        for (text, shown) in [
            ("https:/user:secret@host", "***@host"),
            ("https://user:sec ret@host", "https://***@host"),
            ("https://us@er:sec@ret@host x", "https://***@host x"),
            ("lots", "lots"),
        ] {
            assert_eq!(concealed(text), shown, "{text}");
        }
    }
}
