//! Names of services and volumes: what every container engine accepts.

use sha2::{Digest as _, Sha256};

use crate::profile::ProfileName;

/// Start of the name of every service.
const PREFIX: &str = "openclaw-";
/// Maximum number of characters of a name: Kubernetes adds up to 11 to that of a `StatefulSet`, and allows 63.
const MAX_NAME_CHARS: usize = 52;
/// Number of hexadecimal digits of the hash that tells two similar names apart.
const HASH_DIGITS: usize = 8;

/// Returns the name of the service of a profile: in lower case, with `-` for `_`. It is that of the profile where that is
/// short and plain; else it ends with a hash of the profile.
pub(super) fn service_name(profile: &ProfileName) -> String {
    let plain = plain_name(profile);
    let is_exact =
        plain == profile.as_str() && !plain.ends_with('-') && PREFIX.len() + plain.len() <= MAX_NAME_CHARS;
    if is_exact {
        format!("{PREFIX}{plain}")
    } else {
        hashed_name(profile)
    }
}

/// Returns the name of a profile as a part of a host name.
fn plain_name(profile: &ProfileName) -> String {
    profile.as_str().to_ascii_lowercase().replace('_', "-")
}

/// Returns the name of the service of a profile with a hash of the profile at its end.
fn hashed_name(profile: &ProfileName) -> String {
    let hash = hex::encode(Sha256::digest(profile.as_str()));
    let room = MAX_NAME_CHARS - PREFIX.len() - HASH_DIGITS - 1;
    let plain = plain_name(profile);
    let plain = plain[..plain.len().min(room)].trim_matches('-');
    format!("{PREFIX}{plain}-{}", &hash[..HASH_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_name_is_a_host_name_and_differs_where_the_profiles_do() {
        let long = "a".repeat(64);
        let names = [
            "rescue",
            "Rescue",
            "a_b",
            "a-b",
            "ends-",
            "-".repeat(3).as_str(),
            &long,
            "default",
        ]
        .into_iter()
        .filter_map(|name| ProfileName::parse(name).ok())
        .map(|profile| service_name(&profile))
        .collect::<Vec<_>>();
        assert_eq!(names[0], "openclaw-rescue");
        assert_eq!(names[3], "openclaw-a-b");
        for (at, name) in names.iter().enumerate() {
            let is_host_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(
                name.len() <= MAX_NAME_CHARS && name.chars().all(is_host_char),
                "{name}"
            );
            assert!(!name.ends_with('-'), "{name}");
            assert!(!names[..at].contains(name), "{names:?}");
        }
    }
}
