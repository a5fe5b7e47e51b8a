//! Completion of the key paths of config values: keys of the schemas, and those that the config has.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;
use serde_json::Value;

use crate::config::document;
use crate::config::key_path::KeyPath;
use crate::config::release::Release;
use crate::config::schema::known_keys;
use crate::host::Host;

/// Creates the completer of key paths of the config that `config` reads from the host.
pub(super) fn completer(host: &Host, config: fn(&Host) -> Value) -> ArgValueCompleter {
    let host = host.clone();
    ArgValueCompleter::new(move |typed: &OsStr| {
        let paths = typed.to_str().map(|typed| complete(typed, &config(&host)));
        let paths = paths.unwrap_or_default().into_iter();
        paths.map(CompletionCandidate::new).collect()
    })
}

/// Returns the key paths of a config that a half typed one may become. Where there is one with keys below it, these are
/// offered too: the shell then adds no blank after it.
fn complete(typed: &str, config: &Value) -> Vec<String> {
    let (parent, start) = match typed.rsplit_once('.') {
        None => (KeyPath::root(), typed),
        Some((parent, start)) => match KeyPath::parse(parent) {
            Ok(parent) => (parent, start),
            Err(_) => return Vec::new(),
        },
    };
    let mut keys = keys_below(&parent, config);
    keys.retain(|key| key.starts_with(start));
    let mut paths: Vec<_> = keys.iter().map(|key| parent.child(key)).collect();
    if let [only] = &paths[..] {
        let below = keys_below(only, config);
        let below: Vec<_> = below.iter().map(|key| only.child(key)).collect();
        paths.extend(below);
    }
    paths.iter().map(KeyPath::to_string).collect()
}

/// Returns the keys below a key path of a config, by the schemas and by the config, that need no quotes.
fn keys_below(path: &KeyPath, config: &Value) -> BTreeSet<String> {
    let known = known_keys(path, &Release::ALL).into_iter().map(str::to_owned);
    let own = document::find(config, path).and_then(Value::as_object);
    let own = own.into_iter().flat_map(|map| map.keys().cloned());
    let is_bare = |key: &String| KeyPath::keys([key.as_str()]).to_string() == *key;
    known.chain(own).filter(is_bare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_of_the_schemas_and_of_the_config_are_offered() {
        let config =
            json!({ "channels": { "telegram": { "accounts": { "work": {}, "a b": {} } } }, "own": 1 });
        assert_eq!(complete("gateway.bin", &config), ["gateway.bind"]);
        assert!(complete("gateway.", &config).contains(&"gateway.auth".to_owned()));
        assert_eq!(complete("ow", &config), ["own"]);
        assert!(
            complete("channels.telegram.accounts.w", &config)
                .contains(&"channels.telegram.accounts.work".to_owned())
        );
        assert!(
            !complete("channels.telegram.accounts.", &config)
                .iter()
                .any(|path| path.contains(' '))
        );
        let auth = complete("gateway.aut", &config);
        assert_eq!(auth[0], "gateway.auth");
        assert!(auth.contains(&"gateway.auth.mode".to_owned()), "{auth:?}");
        for nothing in ["gateway..", ".", "gateway.nothing", "a[", "gateway.port."] {
            assert_eq!(complete(nothing, &config), [""; 0], "{nothing}");
        }
    }
}
