//! Detects secrets: by the name of their key, and in the URLs of a text.

use std::ops::Range;

/// Endings of keys that hold secrets, in lower case without separators.
const SECRET_ENDINGS: [&str; 9] = [
    "token",
    "tokens",
    "passwd",
    "authorization",
    "cookie",
    "credential",
    "serviceaccount",
    "serviceaccountref",
    "sessionkey",
];

/// Parts of keys that hold secrets, in lower case without separators.
const SECRET_PARTS: [&str; 6] = [
    "password",
    "passphrase",
    "secret",
    "apikey",
    "encryptkey",
    "privatekey",
];

/// Keys that hold secrets, in lower case without separators: certificates and identities that a config holds in clear.
const SECRET_KEYS: [&str; 6] = [
    "key",
    "ca",
    "cert",
    "certificatedata",
    "identitydata",
    "knownhostsdata",
];

/// Endings of keys that look like a secret's and hold none, in lower case without separators.
const HARMLESS_ENDINGS: [&str; 6] = [
    "passwordfile",
    "maxtokens",
    "outputtokens",
    "inputtokens",
    "contexttokens",
    "defaultsessionkey",
];

/// Keys whose values are variables or headers, any of which may be a secret, in lower case without separators.
const VARIABLE_MAPS: [&str; 2] = ["env", "edgeauth"];

/// Place of a value in a config, which decides whether the value is a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum KeyContext {
    /// No key above names a secret.
    #[default]
    Plain,
    /// In an object `auth`, where `value` is the secret that a header carries.
    Auth,
    /// Below a key that names a secret: every text is one.
    Secret,
    /// Among variables or headers: every text and every number may be one.
    Variables,
}

impl KeyContext {
    /// Returns the context of a value below a key.
    pub(super) fn below(self, key: &str) -> Self {
        let plain = plain_key(key);
        match self {
            // How the variables of the login shell are read; no variable itself.
            Self::Variables if plain == "shellenv" => Self::Plain,
            Self::Secret | Self::Variables => self,
            Self::Auth if plain == "value" => Self::Secret,
            _ if names_secret(key) => Self::Secret,
            _ if VARIABLE_MAPS.contains(&plain.as_str()) => Self::Variables,
            _ if plain.ends_with("headers") && plain != "requiredheaders" => Self::Variables,
            _ if plain == "auth" => Self::Auth,
            Self::Plain | Self::Auth => Self::Plain,
        }
    }

    /// Tells whether a text in this place is a secret.
    pub(super) fn hides_texts(self) -> bool {
        matches!(self, Self::Secret | Self::Variables)
    }

    /// Tells whether a number in this place may be a secret.
    pub(super) fn hides_numbers(self) -> bool {
        self == Self::Variables
    }
}

/// Returns a key in lower case and without separators.
fn plain_key(key: &str) -> String {
    key.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Returns whether a key is named like one that holds a secret.
pub(super) fn names_secret(key: &str) -> bool {
    let plain = plain_key(key);
    if HARMLESS_ENDINGS.iter().any(|ending| plain.ends_with(ending)) {
        return false;
    }
    // Any variable whose name ends with KEY (`SSH_KEY`) holds a secret; of other keys only those in the
    // lists.
    let is_variable = key.contains('_') && !key.contains(|c: char| c.is_ascii_lowercase());
    SECRET_KEYS.contains(&plain.as_str())
        || (is_variable && plain.ends_with("key"))
        || SECRET_PARTS.iter().any(|part| plain.contains(part))
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
