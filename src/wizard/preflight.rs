//! Findings about the host before the wizard's first question, which greets the person with them: gateways, OpenClaw from npm,
//! the service manager, a browser, and who holds a usual base port.
//!
//! Everything that waits is asked at the same time, within one time limit, so that the first question comes at once.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::browser::{BrowserKind, installed_kind};
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::ports::{DEFAULT_BASE, Listener, SUGGESTION_STEP, SocketOwner};
use crate::probe::{self, Probe};
use crate::service::{ManagerKind, find_manager};
use crate::survey::{ConfigHealth, Survey, SurveyedInstance};

/// Time that gateways and the service manager have to answer before the wizard's first question.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// Maximum number of lines with which the wizard greets a person.
const MAX_LINES: usize = 5;

/// The states of the gateways of a host in one or two words each, by the labels of their instances.
pub(crate) type GatewayStates = BTreeMap<String, Msg>;

/// Findings of the wizard about the host beside the files of the survey.
pub(crate) struct Preflight {
    /// The states of the gateways.
    pub(crate) states: GatewayStates,
    /// The service manager, or why there is none.
    manager: Result<ManagerKind, Msg>,
    /// The browser that gateways control.
    browser: Option<BrowserKind>,
}

impl Preflight {
    /// Looks at what the host has for the wizard's gateways.
    pub(crate) fn run(at: InstanceContext<'_>, survey: &Survey) -> Self {
        let deadline = Instant::now() + TIME_LIMIT;
        let host = &at.host.with_deadline(deadline);
        let at = InstanceContext { host, ..at };
        thread::scope(|scope| {
            let manager = scope.spawn(|| find_manager(at));
            let states = probe_gateways(at, survey, deadline);
            let browser = installed_kind(host, &at.env.home);
            let manager = manager
                .join()
                .unwrap_or_else(|_| Err(msg!("service.why-no-answer")));
            Self {
                states,
                manager,
                browser,
            }
        })
    }

    /// Returns the lines about what the wizard has found, at most five: the gateways, of many the first ones; what the host
    /// has for them; and who holds a usual base port.
    pub(crate) fn greeting(&self, survey: &Survey) -> Vec<Msg> {
        let held = held_port(survey).map(|listener| {
            msg!("onboard.port-held", port = listener.port).with_msg("process", listener.msg())
        });
        let host: Vec<_> = self.host_lines(survey).chain(held).collect();
        let mut lines = self.instance_lines(survey, MAX_LINES - host.len());
        lines.extend(host);
        lines
    }

    /// Returns a line about each instance: where there are more than so many, about the first ones and how many more there
    /// are.
    fn instance_lines(&self, survey: &Survey, room: usize) -> Vec<Msg> {
        let mut found: Vec<_> = survey.instances.iter().collect();
        found.sort_by_cached_key(|found| found.reading_order());
        let line = |found: &&SurveyedInstance| {
            let state = self.states.get(&found.label)?.clone();
            let line = match found.base {
                Some((family, _)) => msg!("onboard.found", name = found.label, port = family.base()),
                None => msg!("onboard.found-no-port", name = found.label),
            };
            Some(line.with_msg("state", state))
        };
        let mut lines: Vec<_> = found.iter().filter_map(line).collect();
        if lines.len() > room {
            let more = lines.len() + 1 - room;
            lines.truncate(room - 1);
            lines.push(msg!("onboard.found-more", count = more));
        }
        lines
    }

    /// Returns the lines about what the host has for gateways, and what it lacks: OpenClaw from npm, a service manager, a
    /// browser.
    fn host_lines(&self, survey: &Survey) -> impl Iterator<Item = Msg> {
        let node = match &survey.node {
            Some(node) => Ok(msg!("onboard.has-node", version = node.version)),
            None => Err(msg!("onboard.no-node")),
        };
        let manager = match &self.manager {
            Ok(kind) => Ok(kind.msg()),
            Err(why) => Err(msg!("onboard.no-manager").with_msg("why", why.clone())),
        };
        let browser = match self.browser {
            Some(kind) => Ok(msg!("ui.typed", text = kind.product())),
            None => Err(msg!("onboard.no-browser")),
        };
        let (mut has, mut lacks) = (Vec::new(), Vec::new());
        for found in [node, manager, browser] {
            match found {
                Ok(found) => has.push(found),
                Err(missing) => lacks.push(missing),
            }
        }
        let has = list(has).map(|list| msg!("onboard.has").with_msg("list", list));
        let lacks = list(lacks).map(|list| msg!("onboard.lacks").with_msg("list", list));
        has.into_iter().chain(lacks)
    }
}

/// Returns messages as one list; `None` where there are none.
fn list(msgs: Vec<Msg>) -> Option<Msg> {
    msgs.into_iter()
        .reduce(|before, last| msg!("ui.and").with_msg("before", before).with_msg("last", last))
}

/// Probes the gateways of all instances on the host, for the wizard.
fn probe_gateways(at: InstanceContext<'_>, survey: &Survey, deadline: Instant) -> GatewayStates {
    let probes = probe::probe_all(at.host, at.env, survey, deadline);
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

/// Returns the lowest base port that the wizard would propose and that a process holds which is no gateway of an instance.
fn held_port(survey: &Survey) -> Option<&Listener> {
    let is_proposed = |listener: &&Listener| {
        let above = listener.port.get().checked_sub(DEFAULT_BASE.get());
        above.is_some_and(|above| above % SUGGESTION_STEP == 0)
    };
    let is_strange = |listener: &&Listener| match &listener.owner {
        SocketOwner::Process(process) => process.instance.is_none(),
        SocketOwner::OtherUser | SocketOwner::NotLookedUp => true,
    };
    let held = survey.listeners.iter().filter(is_proposed).filter(is_strange);
    held.min_by_key(|listener| listener.port)
}
