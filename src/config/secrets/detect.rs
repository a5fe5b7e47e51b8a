//! Detects secrets: by the name of their key, and in the URLs of a text.

use std::ops::Range;

/// Endings of keys that hold secrets, in lower case without separators.
const SECRET_ENDINGS: [&str; 12] = [
    "token",
    "tokens",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "apikey",
    "apikeys",
    "privatekey",
    "authorization",
    "cookie",
];

/// Keys that end like a secret's and hold no secret, in lower case without separators.
const HARMLESS_KEYS: [&str; 2] = ["tokenfile", "maxtokens"];

/// Returns whether a key is named like one that holds a secret.
pub(super) fn names_secret(key: &str) -> bool {
    let plain: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if HARMLESS_KEYS.contains(&plain.as_str()) {
        return false;
    }
    // Any variable whose name ends with KEY (`SSH_KEY`) holds a secret; of other keys only `key` itself, as some
    // providers call theirs, and those in the list.
    let is_variable = key.contains('_') && !key.contains(|c: char| c.is_ascii_lowercase());
    plain == "key"
        || (is_variable && plain.ends_with("key"))
        || SECRET_ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// Returns whether a text is a secret itself: not empty, and not a single `${VAR}`.
pub(super) fn is_concrete(text: &str) -> bool {
    let text = text.trim();
    let is_variable = text
        .strip_prefix("${")
        .and_then(|t| t.strip_suffix('}'))
        .is_some_and(|name| !name.contains('}'));
    !text.is_empty() && !is_variable
}

/// Returns the byte ranges of a text in which its URLs hold secrets: a user name and password, or the value of a query
/// parameter such as `token`.
pub(super) fn url_credentials(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let start = from + at + "://".len();
        let is_end = |c: char| c.is_whitespace() || "\"'`<>".contains(c);
        let end = text[start..]
            .find(is_end)
            .map_or(text.len(), |length| start + length);
        let url = &text[start..end];
        let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
        let user = authority.rfind('@').filter(|length| *length > 0);
        found.extend(user.map(|length| start..start + length));
        let query = url.find(['?', '#']).map_or(end, |at| start + at + 1);
        let mut at = query;
        for part in text[query..end].split(['&', '#', '?']) {
            if let Some((name, value)) = part.split_once('=')
                && names_secret(name)
                && is_concrete(value)
            {
                found.push(at + name.len() + 1..at + part.len());
            }
            at += part.len() + 1;
        }
        from = end;
    }
    found
}
