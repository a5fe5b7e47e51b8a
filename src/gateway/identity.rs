//! Who a gateway is.

use std::time::SystemTime;

use super::shared::Identity;
use crate::instance::Instance;

/// The identity of this process as the gateway of an instance.
pub fn of(instance: &Instance, started: SystemTime) -> Identity {
    Identity {
        profile: instance.profile.to_string(),
        instance_id: instance.id(),
        boot_id: uuid::Uuid::new_v4().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ProfileName;

    #[test]
    fn each_start_of_an_instance_is_told_from_the_one_before() {
        let instance = Instance::canonical(std::path::Path::new("/h"), ProfileName::default_profile());
        let [one, two] = [SystemTime::UNIX_EPOCH; 2].map(|start| of(&instance, start));
        assert_eq!(one.instance_id, two.instance_id);
        assert_ne!(one.boot_id, two.boot_id);
    }
}
