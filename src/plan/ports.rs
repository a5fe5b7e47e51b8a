//! The ports of the instance to be: answered, standing or suggested, and judged against everybody else's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::answers::{Answers, Bind};
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::ports::PortFamily;
use crate::ports::planner::{Check, Notice, Overlap, Verdict};
use crate::situation::Situation;

/// The ports, and what is to be said of them.
pub(super) fn settled(situation: &Situation<'_>, answers: &Answers) -> Result<(PortFamily, Vec<Msg>)> {
    let addresses = addresses(situation, answers);
    let standing = situation.standing_port();
    let base = match answers.port.or(standing) {
        Some(base) => base,
        None => match situation.suggest_ports(1, &addresses)?.first() {
            Some(suggestion) => suggestion.family.base(),
            None => return Err(Error::blocked(msg!("ports.free-one"))),
        },
    };
    let family = PortFamily::new(base).ok_or_else(|| Error::blocked(msg!("plan.port-range", port = base)))?;
    let check = situation.planner().check(base, &addresses);
    if standing == Some(base) {
        // A port that stands is not refused again, whoever holds it today: nothing of it changes.
        return Ok((family, said(&check)));
    }
    let check = check.accept(situation.nearest_port(base).as_ref())?;
    Ok((family, said(&check)))
}

/// What a person should know of a port that is taken: what it costs, and what else is worth knowing.
pub fn said(check: &Check) -> Vec<Msg> {
    let costs = match &check.verdict {
        Verdict::Near(overlaps) => overlaps.iter().map(Overlap::msg).collect(),
        Verdict::Refused(why) => vec![why.msg(check.base)],
        Verdict::Disjoint => Vec::new(),
    };
    costs
        .into_iter()
        .chain(check.notices.iter().map(Notice::msg))
        .collect()
}

/// The addresses that the gateway will bind beside loopback.
pub fn addresses(situation: &Situation<'_>, answers: &Answers) -> Vec<IpAddr> {
    let bind = answers
        .bind
        .or_else(|| situation.text("gateway.bind").and_then(Bind::of))
        .unwrap_or(Bind::Loopback);
    match bind {
        Bind::Loopback => Vec::new(),
        Bind::Custom => answers.bind_host.into_iter().collect(),
        // Which addresses these are is known at start only: any of them counts.
        Bind::Lan | Bind::Tailnet | Bind::Auto => {
            vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
        }
    }
}
