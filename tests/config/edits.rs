//! `config set` and `config unset` of keys that are not there.

use serde_json::json;

use super::{CONFIG, EDITED_CONFIG, config_json, config_ok, sandbox};

#[test]
fn unset_of_a_key_that_is_not_set_fails_as_in_both_releases() {
    let sandbox = sandbox(EDITED_CONFIG);
    for path in ["nope.x", "gateway.nothing", "channels[3]"] {
        let failed = config_json(&sandbox, &["unset", path], 1);
        assert_eq!(failed["code"], "config.not-there", "{path}");
    }
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
}

#[test]
fn index_of_a_list_that_does_not_exist_yet_makes_the_list() {
    let sandbox = sandbox(EDITED_CONFIG);
    config_ok(&sandbox, &["set", "agents.list.0.id", "main"]);
    let list = config_json(&sandbox, &["get", "agents.list"], 0)["value"].clone();
    assert_eq!(list, json!([{ "id": "main" }]));
    config_ok(&sandbox, &["set", "agents.list.1.id", "second"]);
    config_json(&sandbox, &["set", "agents.list.7.id", "eighth"], 78);
    // A name of digits is no index.
    config_ok(
        &sandbox,
        &["set", "channels.discord.guilds.1234.requireMention", "true"],
    );
    let guilds = config_json(&sandbox, &["get", "channels.discord.guilds"], 0)["value"].clone();
    assert_eq!(guilds, json!({ "1234": { "requireMention": true } }));
}
