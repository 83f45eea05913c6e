//! Addresses of pages.

/// A text as a part of an address.
pub(crate) fn component(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The address of a block's page.
pub(crate) fn of_block(name: &str) -> String {
    let parts: Vec<String> = name.split('/').map(component).collect();
    format!("/blocks/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_a_part_of_an_address() {
        assert_eq!(of_block("a b/<c>?#%ü.py"), "/blocks/a%20b/%3Cc%3E%3F%23%25%C3%BC.py");
    }
}
