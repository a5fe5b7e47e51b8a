//! The rule of a config about invitations to rooms.

use crate::bot::account::{self, AccountSettings};

/// The rule by which an account deals with invitations, beside the rule about who may speak (`autoJoin`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InvitationPolicy {
    /// Invitations are accepted from everybody who may speak.
    Accept,
    /// Invitations are accepted to these rooms.
    Listed(Vec<String>),
    /// Invitations are left alone.
    Ignore,
}

impl InvitationPolicy {
    /// Reads the rule of an account.
    pub(super) fn new(settings: &AccountSettings) -> Self {
        match settings.text("autoJoin") {
            Some("off") => Self::Ignore,
            Some("allowlist") => Self::Listed(account::texts(settings.value("autoJoinAllowlist"))),
            _ => Self::Accept,
        }
    }

    /// Returns whether an invitation to a room with this id and this name in the config is accepted.
    pub(super) fn accepts(&self, room: &str, name: Option<&str>) -> bool {
        match self {
            Self::Accept => true,
            Self::Listed(rooms) => {
                let is_room =
                    |listed: &String| listed == "*" || listed == room || Some(listed.as_str()) == name;
                rooms.iter().any(is_room)
            }
            Self::Ignore => false,
        }
    }

    /// Returns the rooms that the rule lists.
    pub(super) fn rooms(&self) -> &[String] {
        match self {
            Self::Listed(rooms) => rooms,
            Self::Accept | Self::Ignore => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_room_is_accepted_by_its_id_or_by_its_name() {
        let listed =
            |rooms: &[&str]| InvitationPolicy::Listed(rooms.iter().map(|&room| room.to_owned()).collect());
        for (rooms, is_accepted) in [(["!a"], true), (["#a"], true), (["*"], true), (["!b"], false)] {
            assert_eq!(listed(&rooms).accepts("!a", Some("#a")), is_accepted, "{rooms:?}");
        }
        assert!(InvitationPolicy::Accept.accepts("!a", None));
        assert!(!InvitationPolicy::Ignore.accepts("!a", None));
    }
}
