//! Which values of a config are secrets, so that none is ever shown.
//!
//! Decided by the key alone, and generously: a plugin's or a later release's key counts when it looks
//! like one. Numbers and booleans are never secrets (`maxTokens`), a reference to a variable
//! (`${GATEWAY_TOKEN}`) or to a secret store is not one either.

use std::ops::Range;

use serde_json::{Map, Value};

mod places;

use super::document::ConfigDocument;
use super::key_path::{KeyPath, Segment};
use crate::secret::{SecretOrigin, TextPiece};

/// What stands in a secret's place. OpenClaw 2026.9.6 knows it and refuses to take it for a value.
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

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
pub fn redact(path: &KeyPath, value: &Value) -> Value {
    redact_value(value, is_secret(path))
}

fn redact_value(value: &Value, secret: bool) -> Value {
    match value {
        Value::Object(map) if is_reference(map) => value.clone(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| (k.clone(), redact_value(v, secret || names_secret(k))))
                .collect(),
        ),
        Value::Array(elements) => Value::Array(elements.iter().map(|v| redact_value(v, secret)).collect()),
        Value::String(text) if secret && is_concrete(text) => REDACTED.into(),
        Value::String(text) => without_credentials(text).map_or_else(|| value.clone(), Value::String),
        other => other.clone(),
    }
}

/// A text without the secrets of this config.
pub fn redact_known_secrets(text: &str, config: &Value) -> String {
    let mut known = Vec::new();
    collect(config, false, &mut known);
    // What is so short is in every word.
    let known = known.into_iter().filter(|secret| secret.len() > 2);
    known.fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
}

fn collect<'a>(value: &'a Value, secret: bool, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) if is_reference(map) => {}
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, secret || names_secret(key), found);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|value| collect(value, secret, found)),
        Value::String(text) if secret && is_concrete(text) => found.push(text),
        Value::String(text) => found.extend(credentials(text).into_iter().map(|part| &text[part])),
        _ => {}
    }
}

/// A document's text in pieces, its secrets left out, those in comments and under a key that stands twice
/// among them; `origin` says where the one with these characters comes from. Empty where there is none.
pub fn pieces(document: &ConfigDocument, origin: impl Fn(&str) -> SecretOrigin) -> Vec<TextPiece> {
    let text = document.text();
    let Some(found) = places::of(text) else {
        // What can't be taken apart is left out whole.
        return vec![TextPiece::Hidden(SecretOrigin::Kept)];
    };
    if found.is_empty() {
        return Vec::new();
    }
    let mut pieces = Vec::new();
    let mut shown = 0;
    for place in found {
        pieces.push(TextPiece::Text(text[shown..place.range.start].to_owned()));
        pieces.push(TextPiece::Hidden(
            place.secret.map_or(SecretOrigin::Kept, |secret| origin(&secret)),
        ));
        shown = place.range.end;
    }
    pieces.push(TextPiece::Text(text[shown..].to_owned()));
    pieces
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

/// A text with what is secret within it hidden; `None` where nothing is.
fn without_credentials(text: &str) -> Option<String> {
    let found = credentials(text);
    let mut shown = text.to_owned();
    for range in found.iter().rev() {
        shown.replace_range(range.clone(), REDACTED);
    }
    (!found.is_empty()).then_some(shown)
}

/// Where the URLs of a text hold secrets: a user name and password, a query's `token=...`.
fn credentials(text: &str) -> Vec<Range<usize>> {
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
            "cdp": "wss://u:p@a.example/x?token=abc&size=2#k and http://b.example?apiKey=${KEY}",
        });
        let shown = redact(&KeyPath::root(), &value);
        assert_eq!(
            shown,
            json!({
                "gateway": { "auth": { "mode": "token", "token": REDACTED }, "port": 18789 },
                "channels": { "telegram": { "botToken": "${TELEGRAM}" }, "x": { "tokens": [REDACTED, 2] } },
                "models": { "maxTokens": 4096, "apiKey": { "source": "env", "provider": "default", "id": "KEY" } },
                "proxy": format!("http://{REDACTED}@host:8080/path@x"),
                "password": { "nested": REDACTED },
                "plain": "ratio 1://2",
                "cdp": format!(
                    "wss://{REDACTED}@a.example/x?token={REDACTED}&size=2#k and http://b.example?apiKey=${{KEY}}"
                ),
            })
        );
        assert_eq!(
            redact(&KeyPath::parse("gateway.auth.token").unwrap(), &json!("abc")),
            json!(REDACTED)
        );
    }

    fn shown(text: &str) -> String {
        let document = ConfigDocument::parse(text).unwrap();
        let pieces = pieces(&document, |secret| match secret {
            "SEEDED-new-one" => SecretOrigin::Generated,
            _ => SecretOrigin::Kept,
        });
        let pieces = pieces.iter().map(|piece| match piece {
            TextPiece::Text(text) => text.as_str(),
            TextPiece::Hidden(SecretOrigin::Generated) => "<new>",
            TextPiece::Hidden(_) => "<>",
        });
        pieces.collect()
    }

    #[test]
    fn every_place_of_a_secret_in_a_text_is_hidden() {
        for (text, wanted) in [
            (
                "{ token: 'SEEDED-new-one', x: \"a\" }",
                "{ token: '<new>', x: \"a\" }",
            ),
            // A key that stands twice.
            (
                "{ token: 'SEEDED-1', token: 'SEEDED-2' }",
                "{ token: '<>', token: '<>' }",
            ),
            (
                "{ auth: { token: 'SEEDED-1' }, auth: 7, \"\\u0061uth\": 8 }",
                "{ auth: { token: '<>' }, auth: 7, \"\\u0061uth\": 8 }",
            ),
            // Comments: what looks like a key that was taken out, and what is a secret elsewhere.
            ("{ // token: 'SEEDED-1'\n}", "{ //<>\n}"),
            ("{ /* \"apiKey\" : SEEDED-1\n b: 2 */ }", "{ /*<>*/ }"),
            (
                "{ token: 'SEEDED-longer-one', // was SEEDED-longer-one before\n b: 1 }",
                "{ token: '<>', // was <> before\n b: 1 }",
            ),
            (
                "{ token: 'abababababababababab', a: 'xabababababababababababx' }",
                "{ token: '<>', a: 'x<>x' }",
            ),
            (
                "{ // see http://me:SEEDED@host/x\n}",
                "{ // see http://<>@host/x\n}",
            ),
            ("{ // KEY=SEEDED\n}", "{ //<>\n}"),
            ("{ // which token to take\n}", ""),
            // Written with escapes, behind a byte order mark, on two lines, in a list.
            ("\u{feff}{ token: 'SEE\\u0044ED' }", "\u{feff}{ token: '<>' }"),
            (
                "{ tokens: ['SEEDED', 'SEE\\\nDED', 1] }",
                "{ tokens: ['<>', '<>', 1] }",
            ),
            ("{ proxy: 'http://a:SEE\\x44ED@b' }", "{ proxy: '<>' }"),
            ("{ proxy: 'http://a:SEEDED@b' }", "{ proxy: 'http://<>@b' }"),
            // References are no secrets.
            (
                "{ token: '${SEED}', apiKey: { source: 'env', provider: 'd', id: 'K' } }",
                "",
            ),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }
}
