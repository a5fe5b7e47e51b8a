//! The ports of the instance that is set up: the base port is checked against the ports of other instances and processes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::answers::{Answers, Bind};
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::ports::planner::{PoolOverlap, PortCheck, PortNotice, PortVerdict};
use crate::ports::{Port, PortFamily};

use super::input::PlanInput;

/// Returns the base port of a planned instance that needs no suggestion: the answered one, else the one that the
/// instance has.
pub(crate) fn known_base(input: &PlanInput<'_>, answers: &Answers) -> Option<Port> {
    answers.port.or_else(|| input.current_port())
}

/// The ports of a planned instance, with what is known about them.
pub(super) struct PlannedPorts {
    /// The base port and those derived from it.
    pub(super) family: PortFamily,
    /// The reason why the base port, which the instance has already, would be refused as a new one.
    pub(super) refusal: Option<Msg>,
    /// The notices about ports that may be used.
    pub(super) notices: Vec<Msg>,
}

/// Checks a planned base port, and returns the ports of its family. The port that the instance has is never refused,
/// whoever holds it today: nothing about it changes.
pub(super) fn check_base(input: &PlanInput<'_>, answers: &Answers, base: Port) -> Result<PlannedPorts> {
    let family = PortFamily::new(base).ok_or_else(|| Error::blocked(msg!("plan.port-range", port = base)))?;
    let check = input.planner.check(base, &bind_addresses(input, answers));
    let (refusal, notices) = match &check.verdict {
        PortVerdict::Refused(why) if input.current_port() == Some(base) => {
            (Some(why.msg(check.base)), Vec::new())
        }
        _ => {
            let check = check.accept(input.planner.nearest(base).as_ref())?;
            (None, port_notices(&check))
        }
    };
    Ok(PlannedPorts {
        family,
        refusal,
        notices,
    })
}

/// Returns the notices about a base port that was checked: first the overlaps or the refusal, then the rest.
pub(crate) fn port_notices(check: &PortCheck) -> Vec<Msg> {
    let costs = match &check.verdict {
        PortVerdict::Near(overlaps) => overlaps.iter().map(PoolOverlap::msg).collect(),
        PortVerdict::Refused(why) => vec![why.msg(check.base)],
        PortVerdict::Disjoint => Vec::new(),
    };
    costs
        .into_iter()
        .chain(check.notices.iter().map(PortNotice::msg))
        .collect()
}

/// Returns the addresses that a planned gateway will listen on in addition to loopback.
pub(crate) fn bind_addresses(input: &PlanInput<'_>, answers: &Answers) -> Vec<IpAddr> {
    match input.bind(answers).unwrap_or(Bind::Loopback) {
        Bind::Loopback => Vec::new(),
        Bind::Custom => {
            let typed = || input.text("gateway.customBindHost")?.parse().ok();
            answers.bind_host.or_else(typed).into_iter().collect()
        }
        // The addresses are known at start only: any of them counts.
        Bind::Lan | Bind::Tailnet | Bind::Auto => {
            vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
        }
    }
}
