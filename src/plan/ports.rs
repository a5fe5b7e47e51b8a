//! The ports of the instance that is set up: the base port is checked against the ports of other instances and processes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::answers::{Answers, Bind};
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::ports::planner::{PoolOverlap, PortCheck, PortNotice, PortVerdict};
use crate::ports::{Port, PortFamily};

use super::input::PlanInput;

/// Returns the base port that needs no suggestion: the answered one, else the one that the instance has.
pub(crate) fn known_base(input: &PlanInput<'_>, answers: &Answers) -> Option<Port> {
    answers.port.or_else(|| input.current_port())
}

/// Checks a base port, and returns the ports of its family and the notices about them. The port that the
/// instance has is never refused, whoever holds it today: nothing about it changes.
pub(super) fn check_base(
    input: &PlanInput<'_>,
    answers: &Answers,
    base: Port,
) -> Result<(PortFamily, Vec<Msg>)> {
    let family = PortFamily::new(base).ok_or_else(|| Error::blocked(msg!("plan.port-range", port = base)))?;
    let check = input.planner.check(base, &bind_addresses(input, answers));
    if input.current_port() == Some(base) {
        return Ok((family, port_notices(&check)));
    }
    let check = check.accept(input.planner.nearest(base).as_ref())?;
    Ok((family, port_notices(&check)))
}

/// Returns the notices about a checked base port: first the overlaps or the refusal, then the rest.
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

/// Returns the addresses that the gateway will bind in addition to loopback.
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
