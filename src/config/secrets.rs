//! Finds and redacts the secrets of a config, so that none is shown.
//!
//! The names of the keys decide, and generously: an unknown key counts as a secret's when it is named like one, since
//! plugins and later releases have keys of their own. What OpenClaw 2026.9.6 hides is hidden, and in addition every value
//! of a variable or a header. Elsewhere numbers and booleans are no secrets (`maxTokens`); nor is a reference to a variable (`${GATEWAY_TOKEN}`) or to a
//! secret store.

use serde_json::{Map, Value};

mod detect;
mod places;

use super::document::ConfigDocument;
use super::key_path::{KeyPath, PathSegment, WalkedPath};
use detect::{KeyContext, is_concrete, url_credentials};

use crate::secret::REDACTED;
use crate::secret::{SecretOrigin, TextPiece};

/// Minimum length, in bytes, of an environment variable's secret value that is looked for in other texts: a shorter
/// one may be any word.
const MIN_VARIABLE_BYTES: usize = 8;

/// Returns whether a text at a key path of a config would be a secret: the path's last key, or one above it, names
/// one.
pub(crate) fn is_secret(path: &KeyPath) -> bool {
    context_of(path).hides_texts()
}

/// Returns the place of a config value by its key path, which decides whether the value is a secret.
fn context_of(path: &KeyPath) -> KeyContext {
    let below = |context: KeyContext, segment: &PathSegment| match segment {
        PathSegment::Key(key) => context.below(key),
        PathSegment::Index(_) => context,
    };
    path.segments().iter().fold(KeyContext::default(), below)
}

/// Returns the config value at the key path `path` with every secret replaced by [`REDACTED`].
pub fn redact(path: &KeyPath, value: &Value) -> Value {
    redact_value(value, context_of(path))
}

fn redact_value(value: &Value, context: KeyContext) -> Value {
    match value {
        Value::Object(map) if is_reference(map) => value.clone(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| (k.clone(), redact_value(v, context.below(k))))
                .collect(),
        ),
        Value::Array(elements) => Value::Array(elements.iter().map(|v| redact_value(v, context)).collect()),
        Value::String(text) if context.hides_texts() && is_concrete(text) => REDACTED.into(),
        Value::Number(_) if context.hides_numbers() => REDACTED.into(),
        Value::String(text) => without_url_credentials(text).into(),
        other => other.clone(),
    }
}

/// Returns a text with every secret of an instance's config in it replaced by [`REDACTED`]. Secrets of one or two
/// characters are passed over: they are in every word.
pub(crate) fn redact_known_secrets(text: &str, config: &Value) -> String {
    let mut known = Vec::new();
    collect_secrets(config, KeyContext::default(), &mut known);
    let known = known.into_iter().filter(|secret| secret.len() > 2);
    known.fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
}

fn collect_secrets<'a>(value: &'a Value, context: KeyContext, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) if is_reference(map) => {}
        Value::Object(map) => {
            for (key, value) in map {
                collect_secrets(value, context.below(key), found);
            }
        }
        Value::Array(elements) => elements
            .iter()
            .for_each(|value| collect_secrets(value, context, found)),
        Value::String(text) if context == KeyContext::Variables && text.len() < MIN_VARIABLE_BYTES => {}
        Value::String(text) if context.hides_texts() && is_concrete(text) => found.push(text),
        Value::String(text) => found.extend(url_credentials(text).into_iter().map(|part| &text[part])),
        _ => {}
    }
}

/// Returns the secrets of a config in order: the key of each text that is a secret or holds one, and of each number that may
/// be one, with the value there. References to a variable or to a secret store are none.
pub(crate) fn secret_values(config: &Value) -> Vec<(KeyPath, &Value)> {
    let mut found = Vec::new();
    find_secret_values(config, KeyContext::default(), &WalkedPath::Root, &mut found);
    found
}

fn find_secret_values<'v>(
    value: &'v Value,
    context: KeyContext,
    at: &WalkedPath<'_>,
    found: &mut Vec<(KeyPath, &'v Value)>,
) {
    match value {
        Value::Object(map) if is_reference(map) => {}
        Value::Object(map) => {
            for (key, value) in map {
                find_secret_values(value, context.below(key), &at.child(key), found);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                find_secret_values(value, context, &at.index(index), found);
            }
        }
        leaf if redact_value(leaf, context) != *leaf => found.push((at.to_key_path(), leaf)),
        _ => {}
    }
}

/// Splits the text of a config into pieces without its secrets, also without those in comments and under a key that
/// is there twice. `origin` returns where a secret with these characters comes from. Empty when the text has no
/// secret.
pub(crate) fn redacted_pieces(
    document: &ConfigDocument,
    origin: impl Fn(&str) -> SecretOrigin,
) -> Vec<TextPiece> {
    let text = document.text();
    let Some(found) = places::find(text) else {
        // A text that can't be parsed is hidden as a whole.
        return vec![TextPiece::Hidden(SecretOrigin::Kept)];
    };
    if found.is_empty() {
        return Vec::new();
    }
    let mut pieces = Vec::new();
    let mut shown = 0;
    for place in found {
        // In the place of a number stands a text.
        let quote = if place.is_number { "\"" } else { "" };
        pieces.push(TextPiece::Text(text[shown..place.range.start].to_owned() + quote));
        pieces.push(TextPiece::Hidden(
            place.secret.map_or(SecretOrigin::Kept, |secret| origin(&secret)),
        ));
        pieces.extend(place.is_number.then(|| TextPiece::Text(quote.to_owned())));
        shown = place.range.end;
    }
    pieces.push(TextPiece::Text(text[shown..].to_owned()));
    pieces
}

/// Returns whether an object of a config is a reference to a secret store, as in 2026.9.6: `{source, provider, id}`.
fn is_reference(map: &Map<String, Value>) -> bool {
    map.len() == 3
        && ["source", "provider", "id"]
            .iter()
            .all(|key| map.get(*key).is_some_and(Value::is_string))
}

/// Returns a text with the credentials of its URLs replaced by [`REDACTED`].
pub(crate) fn without_url_credentials(text: &str) -> String {
    let mut shown = text.to_owned();
    for range in url_credentials(text).into_iter().rev() {
        shown.replace_range(range, REDACTED);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(path: &str) -> bool {
        is_secret(&KeyPath::parse(path).unwrap())
    }

    #[test]
    fn keys_that_name_secrets_are_recognised() {
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
            "channels.feishu.encryptKey",
            "channels.googlechat.serviceAccount",
            "channels.googlechat.accounts.a.serviceAccountRef",
            "channels.line.secretFile",
            "channels.nextcloud-talk.apiPassword",
            "hooks.mappings[0].sessionKey",
            "models.providers.x.request.auth.value",
            "models.providers.x.request.tls.ca",
            "agents.defaults.sandbox.ssh.identityData",
            "gateway.remote.edgeAuth.CF-Access-Client-Id",
            "env.vars.GITHUB_PAT",
            "env.PLAIN",
            "mcp.servers.gh.env.GH_PAT",
            "mcp.servers.gh.headers.X-Any",
            "skills.entries.s.env.ANY",
            "agents.defaults.sandbox.docker.env.ANY",
        ] {
            assert!(secret(path), "{path}");
        }
        for path in [
            "gateway.port",
            "channels.telegram.tokenFile",
            "models.providers.x.models[0].maxTokens",
            "meta",
            "env.shellEnv.enabled",
            "gateway.auth.mode",
            "gateway.auth.trustedProxy.requiredHeaders[0]",
            "hooks.defaultSessionKey",
            "channels.irc.passwordFile",
            "models.providers.x.request.auth.headerName",
        ] {
            assert!(!secret(path), "{path}");
        }
    }

    #[test]
    fn only_texts_are_redacted_and_references_stay() {
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
        let pieces = redacted_pieces(&document, |secret| match secret {
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
    fn every_occurrence_of_a_secret_in_a_text_is_hidden() {
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
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn secret_values_are_hidden_in_every_notation_and_references_are_shown() {
        for (text, wanted) in [
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

    #[test]
    fn variables_headers_and_credentials_of_requests_are_hidden_whatever_their_names() {
        for (text, wanted) in [
            (
                "{ env: { vars: { PAT: 'SEEDED', PIN: 1234 }, shellEnv: { enabled: true, timeoutMs: 5 } } }",
                "{ env: { vars: { PAT: '<>', PIN: \"<>\" }, shellEnv: { enabled: true, timeoutMs: 5 } } }",
            ),
            (
                "{ mcp: { servers: { gh: { env: { A: 'SEEDED' }, headers: { B: 'SEEDED' } } } } }",
                "{ mcp: { servers: { gh: { env: { A: '<>' }, headers: { B: '<>' } } } } }",
            ),
            (
                "{ request: { auth: { value: 'SEEDED' } }, value: 'x' }",
                "{ request: { auth: { value: '<>' } }, value: 'x' }",
            ),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }
}
