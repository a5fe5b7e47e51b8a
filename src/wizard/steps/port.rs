//! The base port: a choice of probed ones, each with its ports and its cost, or a typed one that is judged at once.

use crate::answers::Answers;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::plan::{bind_addresses, port_notices};
use crate::ports::planner::{PortRefusal, PortVerdict};
use crate::ports::{Port, PortFamily, Role, merge_spans};
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Choice, PortChart, Question, Reply};
use crate::wizard::step::{QuickFlow, Rejection, StepId, WizardStep};

pub(super) struct GatewayPort;
pub(super) struct TypedPort;

/// The id of the wizard's choice that leads to a typed base port.
const TYPED_CHOICE: &str = "other";
/// Maximum number of other instances in the port chart beside the choices of a base port: the nearest ones.
const MAX_CHART_ROWS: usize = 4;

impl WizardStep for GatewayPort {
    fn id(&self) -> StepId {
        StepId::GatewayPort
    }

    fn is_expected(&self, context: &InterviewContext<'_>, answers: &Answers) -> bool {
        // Without the ports, which are probed for the question.
        !answers.keep_config() || context.moves_kept_port
    }

    fn in_quick_flow(&self, context: &InterviewContext<'_>, answers: &Answers) -> QuickFlow {
        // There is nothing to choose where no other gateway is, and nobody holds the usual port.
        let input = &context.input;
        let is_alone = input.others.is_empty() && input.instance.env_port.is_none();
        let is_usual_free = || {
            let usual = input.planner.usual_base();
            let check = context.check_port(usual, &bind_addresses(input, answers));
            !matches!(check.verdict, PortVerdict::Refused(_))
        };
        if is_alone && is_usual_free() {
            QuickFlow::Reviewed
        } else {
            QuickFlow::Asked
        }
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if !self.is_expected(context, answers) {
            return None;
        }
        let options = options(context, answers);
        let text = msg!("step.gateway-port.ask");
        let first = options.iter().find_map(|option| option.id.parse().ok());
        Some(match first {
            Some(first) => {
                let current = context.input.current_port().filter(|_| context.interactive);
                let current = current.map(|port| port.to_string()).unwrap_or_default();
                let question = Question::choice(text, options, &current);
                let question = question.with_port_chart(port_chart(context, first));
                match why_not_usual(context, answers, first) {
                    Some(why) => question.with_intro(why),
                    None => question,
                }
            }
            None => Question::text(text, None).with_intro(msg!("step.gateway-port.none")),
        })
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        if reply.text() == TYPED_CHOICE {
            answers.types_port = true;
            return Ok(());
        }
        Ok(accept_port(reply.text(), context, answers)?)
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(i64::from(answers.port?).into())
    }
}

impl WizardStep for TypedPort {
    fn id(&self) -> StepId {
        StepId::GatewayPortTyped
    }

    fn flag_step(&self) -> StepId {
        StepId::GatewayPort
    }

    fn follows(&self) -> Option<StepId> {
        Some(StepId::GatewayPort)
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if !answers.types_port {
            return None;
        }
        let suggested = context.suggest_ports(1, &bind_addresses(&context.input, answers));
        let suggested = suggested.unwrap_or_default();
        let default = suggested
            .first()
            .map(|suggestion| suggestion.family.base().to_string());
        Some(Question::text(msg!("step.gateway-port.typed"), default))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        Ok(accept_port(reply.text(), context, answers)?)
    }
}

/// Checks a base port that was chosen, typed or given by a flag, and stores it in the wizard's answers.
fn accept_port(typed: &str, context: &InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
    let base: Port = typed
        .parse()
        .map_err(|_| Error::usage(msg!("step.gateway-port.number", value = typed.escape_debug())))?;
    let input = &context.input;
    // The port that the instance has is never refused, whoever holds it today.
    if input.current_port() != Some(base) {
        context.require_answered_port(base, &bind_addresses(input, answers))?;
    }
    answers.port = Some(base);
    Ok(())
}

/// Returns the base ports to choose from: the instance's own first, so that it does not change from run to run, then
/// the suggestion, then those next to another instance, then a typed one.
fn options(context: &InterviewContext<'_>, answers: &Answers) -> Vec<Choice> {
    let (input, addresses) = (&context.input, bind_addresses(&context.input, answers));
    let planner = &context.current_planner(None);
    let mut options: Vec<Choice> = Vec::new();
    let mut add = |base: Port, label: Msg| {
        let id = base.to_string();
        let is_known = options.iter().any(|option| option.id == id);
        let Some(family) = PortFamily::new(base).filter(|_| !is_known) else {
            return;
        };
        let mut details = vec![port_list(family)];
        details.extend(port_notices(&planner.check(base, &addresses)));
        options.push(Choice {
            details,
            spans: vec![family.span()],
            ..Choice::new(&id, label)
        });
    };
    if let Some(base) = input.instance.env_port {
        add(base, msg!("step.gateway-port.wished", base = base));
    }
    if let Some(base) = input.current_port() {
        add(base, msg!("step.gateway-port.keep", base = base));
    }
    let suggested = context.suggest_ports(1, &addresses).unwrap_or_default();
    if let Some(suggestion) = suggested.first() {
        let base = suggestion.family.base();
        let is_apart = suggestion.overlaps.is_empty() && !planner.holders.is_empty();
        add(
            base.into(),
            if is_apart {
                msg!("step.gateway-port.suggested-apart", base = base)
            } else {
                msg!("step.gateway-port.suggested", base = base)
            },
        );
    }
    if !context.interactive {
        return options;
    }
    if let Some((neighbour, _)) = input.others.iter().find_map(|other| other.found.base) {
        if let Some(nearest) = planner.nearest(neighbour.base()) {
            let base = nearest.family.base();
            add(base.into(), msg!("step.gateway-port.nearest", base = base));
        }
        if let Some(closest) = planner.closest_allowed(neighbour.base()) {
            let base = closest.family.base();
            add(base.into(), msg!("step.gateway-port.closest", base = base));
        }
    }
    if !options.is_empty() {
        options.push(Choice::new(TYPED_CHOICE, msg!("step.gateway-port.other")));
    }
    options
}

/// Returns why the usual base port of the profile is not the first choice: who holds it, or what else keeps the gateway
/// from it. `None` where it is the first choice, or only leaves room for other profiles.
fn why_not_usual(context: &InterviewContext<'_>, answers: &Answers, first: Port) -> Option<Msg> {
    let (input, profile) = (&context.input, &context.input.instance.profile);
    let usual = input.planner.usual_base();
    if first == usual.get() || input.current_port().is_some() || input.instance.env_port.is_some() {
        return None;
    }
    let check = context.check_port(usual, &bind_addresses(input, answers));
    let has_reserved_base = profile.is_default() || profile.is_dev();
    match check.verdict {
        PortVerdict::Refused(why @ (PortRefusal::InUse { .. } | PortRefusal::Excluded { .. })) => {
            Some(why.msg(usual.get()))
        }
        PortVerdict::Refused(why) if has_reserved_base => Some(why.msg(usual.get())),
        _ => None,
    }
}

/// Returns a line with the ports that are derived from a base port.
fn port_list(family: PortFamily) -> Msg {
    msg!(
        "step.gateway-port.map",
        base = family.base(),
        control = family.port(Role::BrowserControl),
        canvas = family.port(Role::Canvas),
        relay = family.port(Role::Relay),
        pool = family.cdp_pool()
    )
}

/// Returns the ports of the other instances that are nearest to a base port.
fn port_chart(context: &InterviewContext<'_>, base: Port) -> PortChart {
    let others = context.input.others.iter().map(|other| other.found);
    let mut others: Vec<_> = others
        .filter_map(|found| Some((found.base?.0.base().get().abs_diff(base.get()), found)))
        .collect();
    others.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.label.cmp(&b.label)));
    let rows = others.iter().take(MAX_CHART_ROWS).map(|(_, found)| {
        let spans = found.claims.iter().map(|claim| claim.span);
        (found.label.clone(), merge_spans(spans.collect()))
    });
    PortChart {
        others: rows.collect(),
        own_label: context.input.instance.profile.to_string(),
    }
}
