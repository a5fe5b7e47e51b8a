//! The state of each gateway of the host at the start of the wizard, which greets the person with it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::host::Host;
use crate::i18n::{Msg, msg};
use crate::probe::{self, Probe};
use crate::survey::{ConfigHealth, Survey, SurveyedInstance};

/// Time that the gateways have to say how they are before the wizard's first question.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum number of lines with which the wizard greets a person.
const MAX_LINES: usize = 5;

/// The states of the gateways of a host in one or two words each, by the labels of their instances.
pub(crate) type GatewayStates = BTreeMap<String, Msg>;

/// Probes the gateways of all instances on the host, for the wizard.
pub(crate) fn probe_gateways(host: &Host, env: &Environment, survey: &Survey) -> GatewayStates {
    let deadline = Instant::now() + PROBE_TIMEOUT;
    let host = &host.with_deadline(deadline);
    let probes = probe::probe_all(host, env, survey, deadline);
    let state = |(found, probe): (&SurveyedInstance, Probe)| (found.label.clone(), state_msg(found, &probe));
    survey.instances.iter().zip(probes).map(state).collect()
}

/// Returns the state of an instance's gateway in one or two words: a broken config comes before the rest, since the gateway
/// can't start again.
fn state_msg(found: &SurveyedInstance, probe: &Probe) -> Msg {
    match found.config {
        ConfigHealth::Broken(_) => msg!("onboard.state-broken"),
        ConfigHealth::Ok | ConfigHealth::Missing => probe.verdict.short_msg(),
    }
}

/// Returns a line about each instance that the wizard found: where many were found about the first ones, and how many more
/// there are.
pub(crate) fn greeting(survey: &Survey, states: &GatewayStates) -> Vec<Msg> {
    let mut found: Vec<_> = survey.instances.iter().collect();
    found.sort_by_cached_key(|found| found.reading_order());
    let line = |found: &&SurveyedInstance| {
        let state = states.get(&found.label)?.clone();
        let line = match found.base {
            Some((family, _)) => msg!("onboard.found", name = found.label, port = family.base()),
            None => msg!("onboard.found-no-port", name = found.label),
        };
        Some(line.with_msg("state", state))
    };
    let mut lines: Vec<_> = found.iter().filter_map(line).collect();
    if lines.len() > MAX_LINES {
        let more = lines.len() + 1 - MAX_LINES;
        lines.truncate(MAX_LINES - 1);
        lines.push(msg!("onboard.found-more", count = more));
    }
    lines
}
