//! The changes in the state of a watched gateway, and the sentences about them.

use super::target::WatchTarget;
use crate::i18n::{Msg, msg};

/// A change in the state of a watched gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// The gateway was well at the first probe.
    Watching,
    /// The gateway is not well any more; with the most probable cause.
    Lost(Option<Msg>),
    /// The gateway recovered by itself.
    Recovered,
    /// A repair of the gateway begins.
    Repairing,
    /// The gateway was repaired and is well.
    Repaired,
    /// The gateway was repaired in vain, or must not be repaired now; with the reason, where it is known.
    InVain(Option<Msg>),
    /// A user stopped the gateway: it is left alone until somebody starts it.
    Stopped,
    /// The gateway can't be watched; with the reason. It is looked for again in each round.
    Absent(Msg),
    /// The gateway is another version than when it was seen last.
    Upgraded {
        /// The engine and its version then.
        from: String,
        /// The engine and its version now.
        to: String,
    },
}

impl WatchEvent {
    /// Returns the stable name of a change in a watched gateway's state, for responses and web pages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Lost(_) => "lost",
            Self::Recovered => "recovered",
            Self::Repairing => "repairing",
            Self::Repaired => "repaired",
            Self::InVain(_) => "in-vain",
            Self::Stopped => "stopped",
            Self::Absent(_) => "absent",
            Self::Upgraded { .. } => "upgraded",
        }
    }

    /// Returns whether the watched gateway is well after this change of its state.
    pub(crate) fn is_good(&self) -> bool {
        matches!(
            self,
            Self::Watching | Self::Recovered | Self::Repaired | Self::Upgraded { .. }
        )
    }

    /// Returns the sentence that tells a user how a watched gateway's state changed.
    pub(crate) fn msg(&self, name: &WatchTarget) -> Msg {
        let because = |why: Option<Msg>, with: &'static str, without: &'static str| match why {
            Some(why) => Msg::new(with).with("profile", name).with_msg("why", why),
            None => Msg::new(without).with("profile", name),
        };
        match self {
            Self::Watching => msg!("rescue.watching", profile = name),
            Self::Lost(why) => because(why.clone(), "rescue.lost-because", "rescue.lost"),
            Self::Recovered => msg!("rescue.recovered", profile = name),
            Self::Repairing => msg!("rescue.repairing", profile = name),
            Self::Repaired => msg!("rescue.repaired", profile = name),
            Self::InVain(why) => because(
                why.clone(),
                "rescue.watch-in-vain-because",
                "rescue.watch-in-vain",
            ),
            Self::Stopped => msg!("rescue.watch-stopped", profile = name),
            Self::Absent(why) => Msg::new("rescue.not-watched")
                .with("profile", name)
                .with_msg("why", why.clone()),
            Self::Upgraded { from, to } => msg!("rescue.upgraded", profile = name, from = from, to = to),
        }
    }
}
