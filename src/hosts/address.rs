//! The name and the address of a remote host, each of which is valid once it is parsed.

use std::fmt;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::i18n::msg;

/// Maximum length of the name of a remote host, in characters.
const MAX_NAME_LENGTH: usize = 64;
/// Maximum length of the address of a remote host, in bytes.
const MAX_ADDRESS_LENGTH: usize = 255;

/// The name by which the user speaks of a remote host: ASCII letters, digits, `-`, `_` and `.`, with a letter or a digit in
/// front. It never contains `@`, so that `default@box` names an instance on a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct HostName(String);

impl HostName {
    /// Parses the name of a remote host.
    ///
    /// # Errors
    /// Exit 2 with the rule where the text is no such name.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_valid = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(is_part)
            && text.len() <= MAX_NAME_LENGTH;
        if is_valid {
            return Ok(Self(text.to_owned()));
        }
        let shown = text.escape_debug().to_string();
        Err(Error::usage(msg!("hosts.bad-name", name = shown)).hint(msg!("hosts.name-rule")))
    }

    /// Returns the name of a remote host as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the name of this host, by which another one knows it; `another-host` where it has none that can be used.
pub(crate) fn this_host_name(host: &Host) -> String {
    let own = host.hostname().filter(|name| HostName::parse(name).is_ok());
    own.unwrap_or_else(|| "another-host".to_owned())
}

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|_| format!("host name {text:?}"))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a remote host as `ssh` takes it: `user@host`, a name of the user's `ssh` config, or `ssh://user@host:port`.
/// An address is one word and no option.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct SshAddress(String);

impl SshAddress {
    /// Parses the address of a remote host.
    ///
    /// # Errors
    /// Exit 2 where the text is empty, too long, an option, or has blanks or control characters in it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let is_part = |c: char| !c.is_whitespace() && !c.is_control();
        let user_or_host = text.strip_prefix("ssh://").unwrap_or(text);
        let is_valid = !user_or_host.is_empty()
            && !text.starts_with('-')
            && !user_or_host.starts_with(['-', '@'])
            && !user_or_host.contains("@-")
            && text.chars().all(is_part)
            && text.len() <= MAX_ADDRESS_LENGTH;
        if is_valid {
            return Ok(Self(text.to_owned()));
        }
        let shown = text.escape_debug().to_string();
        Err(Error::usage(msg!("hosts.bad-address", address = shown)).hint(msg!("hosts.address-rule")))
    }

    /// Returns the address of a remote host as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SshAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|_| format!("address {text:?}"))
    }
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_one_word_and_no_option() {
        for good in [
            "box",
            "me@box",
            "me@10.0.0.2",
            "ssh://me@box:2222",
            "me@fe80::1%eth0",
        ] {
            assert!(SshAddress::parse(good).is_ok(), "{good}");
        }
        let long = "x".repeat(256);
        for bad in [
            "",
            "-oProxyCommand=id",
            "me@-oX",
            "@box",
            "ssh://",
            "ssh://-x",
            "me box",
            "me\u{1b}box",
            &long,
        ] {
            let error = SshAddress::parse(bad).unwrap_err();
            assert_eq!(
                (error.code(), error.kind.exit_code()),
                ("hosts.bad-address", 2),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn name_of_a_host_leaves_room_for_an_instance_in_front() {
        for good in ["box", "box-2", "home.example.org", "2"] {
            assert!(HostName::parse(good).is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", "-box", "me@box", "b ox", "kutu\u{131}", &long] {
            assert_eq!(
                HostName::parse(bad).unwrap_err().code(),
                "hosts.bad-name",
                "{bad:?}"
            );
        }
    }
}
