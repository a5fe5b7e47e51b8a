//! A gateway that is watched: one of this host, or one of a remote host.

use std::fmt;

use crate::error::Result;
use crate::hosts::HostName;
use crate::profile::ProfileName;

/// A gateway that is watched, as `rescue.watch` names it: `default`, or `default@box` on a remote host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchTarget {
    /// The profile of its instance.
    pub(crate) profile: ProfileName,
    /// The remote host; `None` for this one.
    pub(crate) host: Option<HostName>,
}

impl WatchTarget {
    /// Parses the name of a watched gateway.
    ///
    /// # Errors
    /// Exit 2 where the profile or the host has no valid name.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (profile, host) = match text.split_once('@') {
            Some((profile, host)) => (profile, Some(HostName::parse(host)?)),
            None => (text, None),
        };
        let profile = ProfileName::parse(profile).map_err(|error| error.to_error(profile))?;
        Ok(Self { profile, host })
    }

    /// Returns the profile of a gateway on this host; `None` for one of a remote host.
    pub(crate) fn profile_here(&self) -> Option<&ProfileName> {
        self.host.is_none().then_some(&self.profile)
    }
}

impl From<ProfileName> for WatchTarget {
    fn from(profile: ProfileName) -> Self {
        Self { profile, host: None }
    }
}

impl fmt::Display for WatchTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{}@{host}", self.profile),
            None => write!(f, "{}", self.profile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_watched_gateway_may_have_a_host() {
        for text in ["default", "work@box", "default@box.example.org"] {
            assert_eq!(WatchTarget::parse(text).unwrap().to_string(), text);
        }
        assert!(WatchTarget::parse("work@box").unwrap().profile_here().is_none());
        for (text, code) in [
            ("a@", "hosts.bad-name"),
            ("a@b@c", "hosts.bad-name"),
            ("@box", "profile.empty"),
        ] {
            assert_eq!(WatchTarget::parse(text).unwrap_err().code(), code, "{text}");
        }
    }
}
