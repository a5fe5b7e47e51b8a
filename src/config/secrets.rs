//! Which values of a config are secrets, so that none is ever shown.
//!
//! Decided by the key alone, and generously: a plugin's or a later release's key counts when it looks
//! like one. Numbers and booleans are never secrets (`maxTokens`), a reference to a variable
//! (`${GATEWAY_TOKEN}`) or to a secret store is not one either.

use serde_json::{Map, Value};

use super::document::Document;
use super::key_path::{KeyPath, Segment};
use crate::secret::{Origin, Piece};

/// What stands in a secret's place. OpenClaw 2026.9.6 knows it and refuses to take it for a value.
pub const HIDDEN: &str = "__OPENCLAW_REDACTED__";

/// Endings of keys that hold secrets, in lower case without separators.
const ENDINGS: [&str; 12] = [
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

/// Keys whose name ends like a secret's and that hold none.
const HARMLESS: [&str; 2] = ["tokenfile", "maxtokens"];

/// Whether the value at a path would be a secret: the path's last key, or one above it, names one.
pub fn is_secret(path: &KeyPath) -> bool {
    path.segments().iter().any(|segment| match segment {
        Segment::Key(key) => names_secret(key),
        Segment::Index(_) => false,
    })
}

/// Whether a key names a secret.
fn names_secret(key: &str) -> bool {
    let plain: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if HARMLESS.contains(&plain.as_str()) {
        return false;
    }
    // Variables are `ANTHROPIC_API_KEY`, `SSH_KEY`; elsewhere a lone `key` is what a provider calls its key.
    let is_variable = key.contains('_') && !key.contains(|c: char| c.is_ascii_lowercase());
    plain == "key"
        || (is_variable && plain.ends_with("key"))
        || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// The value at `path` with every secret hidden.
pub fn redacted(path: &KeyPath, value: &Value) -> Value {
    redact(value, is_secret(path))
}

fn redact(value: &Value, secret: bool) -> Value {
    match value {
        Value::Object(map) if is_reference(map) => value.clone(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| (k.clone(), redact(v, secret || names_secret(k))))
                .collect(),
        ),
        Value::Array(elements) => Value::Array(elements.iter().map(|v| redact(v, secret)).collect()),
        Value::String(text) if secret && is_concrete(text) => HIDDEN.into(),
        Value::String(text) => without_credentials(text).map_or_else(|| value.clone(), Value::String),
        other => other.clone(),
    }
}

/// A text without the secrets of this config.
pub fn hidden_in(text: &str, config: &Value) -> String {
    let known = of(config).into_iter().map(|(_, secret)| secret);
    // What is so short is in every word.
    let known = known.filter(|secret| secret.len() > 2);
    known.fold(text.to_owned(), |text, secret| text.replace(&secret, HIDDEN))
}

/// A document's text in pieces, its secrets left out; `origin` says where the one with these characters
/// comes from. What can't be taken apart is left out whole.
pub fn pieces(document: &Document, origin: impl Fn(&str) -> Origin) -> Vec<Piece> {
    let found = of(document.value());
    if found.is_empty() {
        return Vec::new();
    }
    let mark = unused_mark(document.text());
    let mut masked = document.clone();
    for (at, (path, secret)) in found.iter().enumerate() {
        let text = masked.get(path).and_then(Value::as_str).unwrap_or_default();
        let text = text.replace(secret, &format!("{mark}{at}."));
        if masked.set(path, text.into()).is_err() {
            return vec![Piece::Hidden(Origin::Kept)];
        }
    }
    let mut parts = masked.text().split(&mark);
    let mut pieces: Vec<_> = parts
        .next()
        .map(|text| Piece::Text(text.to_owned()))
        .into_iter()
        .collect();
    for part in parts {
        // A part that starts with no number of ours is not shown either.
        let (number, text) = part.split_once('.').unwrap_or_default();
        let secret = number.parse().ok().and_then(|at: usize| found.get(at));
        pieces.push(Piece::Hidden(
            secret.map_or(Origin::Kept, |(_, secret)| origin(secret)),
        ));
        pieces.push(Piece::Text(text.to_owned()));
    }
    pieces
}

/// Characters that a text does not hold.
fn unused_mark(text: &str) -> String {
    let mut mark = "hidden-".to_owned();
    while text.contains(&mark) {
        mark.push('-');
    }
    mark
}

/// All secrets of a value: (path, characters), as they stand. Of a URL, its user name and password.
fn of(value: &Value) -> Vec<(KeyPath, String)> {
    let mut found = Vec::new();
    collect(value, &KeyPath::root(), false, &mut found);
    found
}

fn collect(value: &Value, path: &KeyPath, secret: bool, found: &mut Vec<(KeyPath, String)>) {
    match value {
        Value::Object(map) if is_reference(map) => {}
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, &path.child(key), secret || names_secret(key), found);
            }
        }
        Value::Array(elements) => {
            for (at, value) in elements.iter().enumerate() {
                collect(value, &path.index(at), secret, found);
            }
        }
        Value::String(text) if secret && is_concrete(text) => found.push((path.clone(), text.clone())),
        Value::String(text) => {
            found.extend(credentials(text).map(|user| (path.clone(), user.to_owned())));
        }
        _ => {}
    }
}

/// A reference to a secret store of 2026.9.6: `{source, provider, id}`.
fn is_reference(map: &Map<String, Value>) -> bool {
    map.len() == 3
        && ["source", "provider", "id"]
            .iter()
            .all(|key| map.get(*key).is_some_and(Value::is_string))
}

/// Whether a text is a secret itself, and not empty or a whole `${VAR}`.
fn is_concrete(text: &str) -> bool {
    let text = text.trim();
    let is_variable = text
        .strip_prefix("${")
        .and_then(|t| t.strip_suffix('}'))
        .is_some_and(|name| !name.contains('}'));
    !text.is_empty() && !is_variable
}

/// A URL with its user name and password hidden; `None` where it has none.
fn without_credentials(text: &str) -> Option<String> {
    let user = credentials(text)?;
    Some(text.replacen(&format!("://{user}@"), &format!("://{HIDDEN}@"), 1))
}

/// The user name and password of a URL, in the place where they stand.
fn credentials(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    (!user.is_empty()).then_some(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(path: &str) -> bool {
        is_secret(&KeyPath::parse(path).unwrap())
    }

    #[test]
    fn keys_that_hold_secrets_are_known() {
        for path in [
            "gateway.auth.token",
            "gateway.auth.password",
            "channels.telegram.botToken",
            "channels.telegram.accounts.two.webhookSecret",
            "channels.discord.token",
            "models.providers.x.apiKey",
            "env.vars.ANTHROPIC_API_KEY",
            "env.OPENAI_API_KEY",
            "models.providers.x.headers.Authorization",
            "models.providers.x.headers[\"x-api-key\"]",
            "talk.apiKey",
            "hooks.token",
            "hooks.token[0]",
        ] {
            assert!(secret(path), "{path}");
        }
        for path in [
            "gateway.port",
            "channels.telegram.tokenFile",
            "models.providers.x.models[0].maxTokens",
            "meta",
        ] {
            assert!(!secret(path), "{path}");
        }
    }

    #[test]
    fn only_texts_are_hidden_and_references_stay() {
        let value = json!({
            "gateway": { "auth": { "mode": "token", "token": "abc123" }, "port": 18789 },
            "channels": { "telegram": { "botToken": "${TELEGRAM}" }, "x": { "tokens": ["one", 2] } },
            "models": { "maxTokens": 4096, "apiKey": { "source": "env", "provider": "default", "id": "KEY" } },
            "proxy": "http://user:word@host:8080/path@x",
            "password": { "nested": "abc" },
            "plain": "ratio 1://2",
        });
        let shown = redacted(&KeyPath::root(), &value);
        assert_eq!(
            shown,
            json!({
                "gateway": { "auth": { "mode": "token", "token": HIDDEN }, "port": 18789 },
                "channels": { "telegram": { "botToken": "${TELEGRAM}" }, "x": { "tokens": [HIDDEN, 2] } },
                "models": { "maxTokens": 4096, "apiKey": { "source": "env", "provider": "default", "id": "KEY" } },
                "proxy": format!("http://{HIDDEN}@host:8080/path@x"),
                "password": { "nested": HIDDEN },
                "plain": "ratio 1://2",
            })
        );
        assert_eq!(
            redacted(&KeyPath::parse("gateway.auth.token").unwrap(), &json!("abc")),
            json!(HIDDEN)
        );
        let found: Vec<_> = of(&value)
            .into_iter()
            .map(|(path, text)| format!("{path}={text}"))
            .collect();
        assert_eq!(
            found,
            [
                "gateway.auth.token=abc123",
                "channels.x.tokens[0]=one",
                "proxy=user:word",
                "password.nested=abc"
            ]
        );
    }
}
