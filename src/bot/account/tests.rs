//! Tests of the accounts of a config.

use super::*;
use crate::bot::test_support::rescue_instance;
use serde_json::json;

const KEYS: AccountKeys = AccountKeys {
    secrets: &[SecretKey {
        key: "botToken",
        file_key: Some("tokenFile"),
        variable: Some("TELEGRAM_BOT_TOKEN"),
        alternative: Some(&SecretKey {
            key: "password",
            file_key: None,
            variable: Some("BOT_PASSWORD"),
            alternative: None,
        }),
    }],
    settings: &[],
    access: AccessKeys {
        owners: &["allowFrom"],
        policy: &["dmPolicy"],
        places: &["groups"],
        prefixes: &[],
    },
};

fn accounts(vars: &[(&str, &str)], config: &Value) -> Vec<(String, String)> {
    let home = tempfile::tempdir().unwrap();
    let own = rescue_instance(home.path(), vars);
    crate::apply::write_file(&own.instance.state_dir.join("token"), b"3:file\n").unwrap();
    let found = read_accounts(own.borrowed(), config, "telegram", KEYS);
    let shown = |account: AccountSettings| (account.account, account.secrets[0].expose().to_owned());
    found.into_iter().map(shown).collect()
}

fn pair(name: &str, token: &str) -> (String, String) {
    (name.to_owned(), token.to_owned())
}

#[test]
fn tokens_are_read_from_values_variables_references_files_and_the_environment() {
    let config = json!({ "channels": { "telegram": {
        "botToken": "1:own",
        "accounts": {
            "var": { "botToken": "${TOKEN}" },
            "ref": { "botToken": { "source": "env", "provider": "default", "id": "TOKEN" } },
            "file": { "tokenFile": "token" },
            "store": { "botToken": { "source": "exec", "provider": "vault", "id": "x" } },
            "off": { "botToken": "9:off", "enabled": false },
            "none": {},
        },
    }}});
    let vars = [("TOKEN", "2:var"), ("TELEGRAM_BOT_TOKEN", "4:env")];
    assert_eq!(
        accounts(&vars, &config),
        [
            pair("default", "1:own"),
            pair("var", "2:var"),
            pair("ref", "2:var"),
            pair("file", "3:file")
        ]
    );
    let bare = json!({ "channels": { "telegram": {} } });
    assert_eq!(accounts(&vars, &bare), [pair("default", "4:env")]);
    assert!(accounts(&[], &bare).is_empty());
    let off = json!({ "channels": { "telegram": { "enabled": false, "botToken": "1:x" } } });
    assert!(accounts(&[], &off).is_empty());
    assert!(
        accounts(&vars, &json!({})).is_empty(),
        "no channel without its key"
    );
}

#[test]
fn account_that_is_off_or_has_no_token_is_described_with_the_place_of_its_token() {
    let config = json!({ "channels": { "telegram": {
        "accounts": { "a": { "botToken": "1:a" }, "b": { "tokenFile": "token", "enabled": false }, "c": {} },
    }}});
    let home = tempfile::tempdir().unwrap();
    let own = rescue_instance(home.path(), &[("TELEGRAM_BOT_TOKEN", "4:env")]);
    crate::apply::write_file(&own.instance.state_dir.join("token"), b"3:file\n").unwrap();
    let described = describe_accounts(own.borrowed(), &config, "telegram", KEYS);
    let shown: Vec<_> = described
        .iter()
        .map(|account| {
            (
                account.settings.account.as_str(),
                account.is_on,
                account.places[0],
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("default", true, Some(SecretPlace::Environment)),
            ("a", true, Some(SecretPlace::Config)),
            ("b", false, Some(SecretPlace::File)),
            ("c", true, None)
        ]
    );
    let bare = json!({ "channels": { "telegram": { "accounts": { "a": { "botToken": "1:a" } } } } });
    let own = rescue_instance(home.path(), &[]);
    let described = describe_accounts(own.borrowed(), &bare, "telegram", KEYS);
    assert_eq!(
        described.len(),
        1,
        "there is no account without a name: {described:?}"
    );
}

#[test]
fn settings_are_filled_in_from_their_variables_and_needed_ones_are_waited_for() {
    let keys = AccountKeys {
        settings: &[
            SettingKey {
                key: "homeserver",
                variable: "MATRIX_HOMESERVER",
                is_needed: true,
            },
            SettingKey {
                key: "apiRoot",
                variable: "API_ROOT",
                is_needed: false,
            },
        ],
        ..KEYS
    };
    let home = tempfile::tempdir().unwrap();
    let config = json!({ "channels": { "telegram": { "botToken": "1:own", "accounts": {
        "own": { "botToken": "2:a", "homeserver": "${ROOT}/own" }, "none": { "botToken": "3:a" },
    }}}});
    let described = |vars: &[(&str, &str)]| {
        let own = rescue_instance(home.path(), vars);
        let accounts = read_accounts(own.borrowed(), &config, "telegram", keys);
        let shown = |account: AccountSettings| {
            let text = |key| account.text(key).unwrap_or_default().to_owned();
            [account.account.clone(), text("homeserver"), text("apiRoot")].join(" ")
        };
        accounts.into_iter().map(shown).collect::<Vec<_>>()
    };
    let vars = [
        ("ROOT", "https://x"),
        ("MATRIX_HOMESERVER", "https://m"),
        ("API_ROOT", "http://t"),
    ];
    assert_eq!(
        described(&vars),
        ["default https://m http://t", "own https://x/own http://t"]
    );
    assert_eq!(described(&vars[..1]), ["own https://x/own "]);
}

#[test]
fn secret_that_is_missing_is_replaced_by_its_alternative() {
    let config = json!({ "channels": { "telegram": {
        "password": "own",
        "accounts": { "a": { "password": "p" }, "b": { "botToken": "1:b", "password": "p" }, "none": {} },
    }}});
    assert_eq!(
        accounts(&[], &config),
        [pair("default", "own"), pair("a", "p"), pair("b", "1:b")]
    );
    let bare = json!({ "channels": { "telegram": {} } });
    assert_eq!(
        accounts(&[("BOT_PASSWORD", "env")], &bare),
        [pair("default", "env")]
    );
}

#[test]
fn placeholder_is_no_token() {
    let config = json!({ "channels": { "telegram": { "botToken": "undefined" } } });
    assert!(accounts(&[], &config).is_empty());
}
