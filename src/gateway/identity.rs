//! The identity of a running gateway, which its answers carry so that nobody mistakes one gateway for
//! another.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::instance::Instance;

/// The identity of a gateway process, which it reports to clients.
#[derive(Clone, Debug)]
pub struct GatewayIdentity {
    /// The profile of the instance.
    pub profile: String,
    /// The id of the instance, the same for each of its starts ([`Instance::id`]).
    pub instance_id: String,
    /// The id of this start: a new UUID each time.
    pub boot_id: String,
    /// The version of this program.
    pub version: &'static str,
    /// The process id.
    pub pid: u32,
    /// The time of the start.
    pub started: SystemTime,
}

impl GatewayIdentity {
    /// Creates the identity of this process as the running gateway of an instance.
    pub(crate) fn new(instance: &Instance, started: SystemTime) -> Self {
        Self {
            profile: instance.profile.to_string(),
            instance_id: instance.id(),
            boot_id: crate::host::random_uuid().to_string(),
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            started,
        }
    }

    /// Returns the JSON form of the identity of a running gateway: `engine`, `profile`, `instanceId`, `bootId`,
    /// `version`, `pid`, `startedAt`.
    pub(crate) fn to_value(&self) -> Value {
        json!({
            "engine": "native",
            "profile": self.profile,
            "instanceId": self.instance_id,
            "bootId": self.boot_id,
            "version": self.version,
            "pid": self.pid,
            "startedAt": crate::time::format_millis(self.started),
        })
    }

    /// Adds the identity of the gateway to a JSON object; a key that is there already is replaced.
    pub(crate) fn add_to(&self, object: &mut Value) {
        if let (Value::Object(object), Value::Object(identity)) = (object, self.to_value()) {
            object.extend(identity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ProfileName;

    #[test]
    fn each_start_of_an_instance_has_a_boot_id_of_its_own() {
        let instance = Instance::canonical(std::path::Path::new("/h"), ProfileName::default_profile());
        let [one, two] = [SystemTime::UNIX_EPOCH; 2].map(|start| GatewayIdentity::new(&instance, start));
        assert_eq!(one.instance_id, two.instance_id);
        assert_ne!(one.boot_id, two.boot_id);
    }

    #[test]
    fn identity_is_added_to_what_an_answer_has_already() {
        let instance = Instance::canonical(std::path::Path::new("/h"), ProfileName::default_profile());
        let mut answer = json!({"ok": true});
        GatewayIdentity::new(&instance, SystemTime::UNIX_EPOCH).add_to(&mut answer);
        assert_eq!(
            (&answer["ok"], &answer["engine"]),
            (&true.into(), &"native".into())
        );
        assert_eq!(answer["startedAt"], "1970-01-01T00:00:00.000Z");
    }
}
