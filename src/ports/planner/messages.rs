//! Messages about roles, claims, listeners, and the verdicts of the planner, not yet in any language.

use super::{
    NoPortsLeft, OverlapLoser, PoolOverlap, PortCheck, PortNotice, PortRefusal, PortSuggestion, PortVerdict,
};
use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::ports::{
    Claim, ClaimReason, DISJOINT_BASE_DISTANCE, Listener, MAX_BASE, MIN_BASE, MIN_BASE_DISTANCE, Port, Role,
    SocketOwner,
};

impl Role {
    /// Returns the name of a port's role for the screen.
    pub(crate) fn msg(self) -> Msg {
        match self {
            Self::Base => msg!("role.base"),
            Self::Bridge => msg!("role.bridge"),
            Self::BrowserControl => msg!("role.browser-control"),
            Self::ExtensionRelay => msg!("role.extension-relay"),
            Self::Canvas => msg!("role.canvas"),
            Self::Relay => msg!("role.relay"),
            Self::CdpPool => msg!("role.cdp-pool"),
            Self::Pinned => msg!("role.pinned"),
        }
    }
}

impl Claim {
    /// Returns the purpose of a port claim as a message, with the key that pins the port.
    pub(crate) fn msg(&self) -> Msg {
        match &self.reason {
            ClaimReason::Pinned(key) => msg!("ports.claim-pinned", key = key),
            ClaimReason::Derived => self.role.msg(),
        }
    }
}

impl Listener {
    /// Returns the process of a listening socket as a message: its name, its id, and the instance whose gateway it
    /// is.
    pub(crate) fn msg(&self) -> Msg {
        let is_ours = self.process().is_some_and(|owner| owner.instance.is_some());
        match other_program_of(self.port).filter(|_| !is_ours) {
            Some(program) => Msg::new("ports.process-usual")
                .with_msg("process", self.process_msg())
                .with_msg("program", program),
            None => self.process_msg(),
        }
    }

    /// Returns the process of a listening socket as a message.
    fn process_msg(&self) -> Msg {
        match &self.owner {
            SocketOwner::OtherUser => msg!("ports.process-unknown"),
            SocketOwner::NotLookedUp => msg!("ports.process-some"),
            SocketOwner::Process(owner) => match owner.instance.as_ref().filter(|_| owner.is_gateway) {
                None => msg!("ports.process", name = owner.name, pid = owner.pid),
                Some(instance) => {
                    msg!(
                        "ports.process-gateway",
                        name = owner.name,
                        pid = owner.pid,
                        instance = instance
                    )
                }
            },
        }
    }
}

/// Returns the name of another program that listens on a port by default (docs/openclaw.md#neighbouring-ports). It proves
/// nothing about the process that does.
fn other_program_of(port: Port) -> Option<Msg> {
    match port.get() {
        18790 => Some(msg!("ports.program-nanobot")),
        19100..=19199 => Some(msg!("ports.program-fleet")),
        _ => None,
    }
}

impl PortRefusal {
    /// Returns the message that tells the user why a base port is refused, with the ports, the process or the
    /// instance that stand in its way. `base` is the base port that is refused.
    pub(crate) fn msg(&self, base: u16) -> Msg {
        match self {
            Self::Privileged => msg!("ports.privileged", base = base, min = MIN_BASE),
            Self::TooHigh => msg!("ports.too-high", base = base, max = MAX_BASE),
            Self::TooClose { holder, base: other } if base == *other => {
                msg!("ports.same-base", base = base, holder = holder)
            }
            Self::TooClose { holder, base: other } => {
                let distance = base.abs_diff(*other);
                msg!(
                    "ports.too-close",
                    base = base,
                    holder = holder,
                    other = other,
                    distance = distance,
                    min = MIN_BASE_DISTANCE
                )
            }
            Self::Claimed {
                holder,
                role,
                port,
                claim,
            } => msg!("ports.taken", base = base, port = port, holder = holder)
                .with_msg("role", role.msg())
                .with_msg("claim", claim.msg()),
            Self::InUse { role, listener } => {
                msg!("ports.held", base = base, port = listener.port, ip = listener.ip)
                    .with_msg("role", role.msg())
                    .with_msg("process", listener.msg())
            }
            Self::BrowserBlocked { role, port } => {
                msg!("ports.unopenable", base = base, port = port).with_msg("role", role.msg())
            }
            Self::Excluded { role, port, span } => {
                msg!("ports.excluded", base = base, port = port, span = span).with_msg("role", role.msg())
            }
            Self::PoolTaken { pool } => msg!("ports.pool-taken", base = base, pool = pool),
        }
    }
}

impl PoolOverlap {
    /// Returns the message about the ports that two instances share and the first browser profile that is without
    /// one.
    pub(crate) fn msg(&self) -> Msg {
        match self.loser {
            OverlapLoser::Asker => msg!(
                "ports.near-own",
                holder = self.holder,
                span = self.span,
                nth = self.browser_number
            ),
            OverlapLoser::Holder => msg!(
                "ports.near-other",
                holder = self.holder,
                span = self.span,
                nth = self.browser_number
            ),
        }
    }
}

impl PortNotice {
    /// Returns the text of a notice about a base port.
    pub(crate) fn msg(&self) -> Msg {
        match self {
            Self::Ephemeral(span) => msg!("ports.ephemeral", span = span),
            Self::InPool(listener) => {
                msg!("ports.in-pool", port = listener.port).with_msg("process", listener.msg())
            }
            Self::Excluded(span) => msg!("ports.pool-excluded", span = span),
            Self::Reserved(profile, span) => msg!("ports.reserved", profile = profile, span = span),
        }
    }
}

impl PortCheck {
    /// Returns the check of a base port where the port may be used, else its refusal as an error. `instead` is
    /// suggested where it may not.
    ///
    /// # Errors
    /// Exit 78 with the reason of the refusal and the way out.
    pub(crate) fn accept(self, instead: Option<&PortSuggestion>) -> Result<Self, Error> {
        match &self.verdict {
            PortVerdict::Refused(why) => {
                let error = Error::blocked(why.msg(self.base));
                Err(match instead {
                    Some(good) => error.hint(msg!("ports.instead", base = good.family.base())),
                    None => error.hint(msg!("ports.free-one")),
                })
            }
            _ => Ok(self),
        }
    }
}

impl From<NoPortsLeft> for Error {
    fn from(full: NoPortsLeft) -> Self {
        let msg = msg!(
            "ports.full",
            asked = full.asked,
            found = full.available,
            ports = DISJOINT_BASE_DISTANCE
        );
        Self::blocked(msg).hint(msg!("ports.free-one"))
    }
}
