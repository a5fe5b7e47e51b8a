//! The messaging channels that a config names.

use serde_json::Value;

/// The channels that the native engine has. OpenClaw from npm has all of them, and more.
pub(crate) const NATIVE_CHANNELS: [&str; 4] = ["telegram", "matrix", "discord", "slack"];
/// Keys below `channels` that are no channel.
const OTHER_KEYS: [&str; 2] = ["defaults", "modelByChannel"];

/// A channel in a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedChannel {
    /// The key below `channels`.
    pub(crate) name: String,
    /// `true` where it is not switched off.
    pub(crate) is_on: bool,
    /// The names of its accounts; none where it has one without a name.
    pub(crate) accounts: Vec<String>,
}

/// Returns the channels that a config names.
pub(crate) fn named_channels(config: &Value) -> Vec<NamedChannel> {
    let channels = config.get("channels").and_then(Value::as_object);
    let channels = channels.into_iter().flatten();
    channels
        .filter(|(name, value)| !OTHER_KEYS.contains(&name.as_str()) && value.is_object())
        .map(|(name, value)| {
            let accounts = value.get("accounts").and_then(Value::as_object);
            NamedChannel {
                name: name.clone(),
                is_on: value.get("enabled") != Some(&Value::Bool(false)),
                accounts: accounts
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone())
                    .collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_are_no_channel_are_left_out() {
        let config = json!({"channels": {
            "defaults": {}, "modelByChannel": {}, "telegram": {"accounts": {"a": {}}}, "signal": {"enabled": false},
        }});
        let mut named = named_channels(&config);
        named.sort_by(|a, b| a.name.cmp(&b.name));
        let shown: Vec<_> = named
            .iter()
            .map(|channel| (channel.name.as_str(), channel.is_on, channel.accounts.len()))
            .collect();
        assert_eq!(shown, [("signal", false, 0), ("telegram", true, 1)]);
        assert!(named_channels(&json!({})).is_empty());
    }
}
