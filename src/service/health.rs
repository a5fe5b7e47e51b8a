//! Whether a gateway answers on its port: what is waited for once a service was started.

use std::time::Duration;

use serde_json::Value;

use crate::profile::ProfileName;

/// As long as one question may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether this profile's gateway answers on the loopback, and says that it is well. OpenClaw from npm does
/// not say whose it is, and is believed.
pub fn answers(port: u16, profile: &ProfileName) -> bool {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .build()
        .new_agent();
    let ask = || -> Option<Value> {
        let mut answer = agent.get(format!("http://127.0.0.1:{port}/health")).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    };
    ask().is_some_and(|said| {
        said["ok"] == true && said.get("profile").is_none_or(|name| name == profile.as_str())
    })
}
