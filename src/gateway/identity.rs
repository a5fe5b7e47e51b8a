//! Who a gateway is.

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::shared::Identity;
use crate::host::read;
use crate::instance::Instance;

/// Bytes of the hash that make an instance's id.
const ID_BYTES: usize = 8;

/// The identity of this process as the gateway of an instance.
pub fn of(instance: &Instance, started: SystemTime) -> Identity {
    Identity {
        profile: instance.profile.to_string(),
        instance_id: instance_id(instance),
        boot_id: uuid::Uuid::new_v4().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started,
    }
}

/// The same for every start of an instance, and no other's: by its config's path, links followed.
pub fn instance_id(instance: &Instance) -> String {
    use std::fmt::Write as _;
    let path = read::resolved(&instance.config_path);
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    hash[..ID_BYTES].iter().fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ProfileName;

    #[test]
    fn an_instance_keeps_its_id_and_shares_it_with_nobody() {
        let instance = |name: &str| {
            let profile = ProfileName::parse(name).unwrap();
            Instance::canonical(std::path::Path::new("/h"), profile)
        };
        // sha256 of "/h/.openclaw-rescue/openclaw.json"
        let id = instance_id(&instance("rescue"));
        assert_eq!(id, "3c9c4cc26221d4d4");
        assert_ne!(id, instance_id(&instance("main")));
        let (one, two) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        assert_ne!(
            of(&instance("rescue"), one).boot_id,
            of(&instance("rescue"), two).boot_id
        );
    }
}
