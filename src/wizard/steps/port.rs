//! The base port: a choice of probed ones, each with its ports and its cost, or a typed one that is
//! judged at once.

use crate::i18n::Msg;
use crate::plan::{bind_addresses, port_notices};
use crate::ports::planner::merged;
use crate::ports::{PortFamily, Role};
use crate::wizard::step::{Choice, Kind, Picture};

use super::{Answers, Error, InterviewContext, Question, Reply, Result, Step, kept, msg};

pub(super) struct GatewayPort;
pub(super) struct TypedPort;

/// The choice that leads to a typed port.
const OTHER: &str = "other";
/// How many other instances are drawn beside the choices: the nearest ones.
const DRAWN: usize = 4;

impl Step for GatewayPort {
    fn id(&self) -> &'static str {
        "gateway-port"
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        let options = options(context, answers);
        let text = msg!("step.gateway-port.ask");
        let Some(first) = options.iter().find_map(|option| option.id.parse().ok()) else {
            return Some(Question::text(text, None).after(msg!("step.gateway-port.none")));
        };
        let picture = picture(context, first);
        let kind = Kind::Choice { options, default: 0 };
        Some(Question {
            intro: Vec::new(),
            text,
            kind,
            picture: Some(picture),
        })
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        if reply.text() == OTHER {
            answers.types_port = true;
            return Ok(());
        }
        judge(reply.text(), context, answers)
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(i64::from(answers.port?).into())
    }
}

impl Step for TypedPort {
    fn id(&self) -> &'static str {
        "gateway-port-typed"
    }

    fn flag(&self, _: &Answers) -> &'static str {
        "gateway-port"
    }

    fn ask(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        answers
            .types_port
            .then(|| Question::text(msg!("step.gateway-port.typed"), None))
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        judge(reply.text(), context, answers)
    }

    fn saved(&self, _: &Answers) -> Option<toml::Value> {
        // It is the answer of `gateway-port`.
        None
    }
}

/// One rule for a chosen, a typed and a given port.
fn judge(typed: &str, context: &InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
    let base: u16 = typed
        .parse()
        .ok()
        .filter(|base| *base > 0)
        .ok_or_else(|| Error::usage(msg!("step.gateway-port.number", value = typed.escape_debug())))?;
    // What the instance has is not refused again, whoever holds it today.
    if context.input.current_port() != Some(base) {
        let check = context.check_port(base, &bind_addresses(&context.input, answers));
        check.accept(context.input.planner.nearest(base).as_ref())?;
    }
    answers.port = Some(base);
    Ok(())
}

/// What the instance has, the distinct range a thousand up, the nearest ones to the neighbours, a typed
/// one. Ports do not creep from run to run: what stands comes first.
fn options(context: &InterviewContext<'_>, answers: &Answers) -> Vec<Choice> {
    let addresses = bind_addresses(&context.input, answers);
    let planner = &context.input.planner;
    let mut options: Vec<Choice> = Vec::new();
    let mut add = |base: u16, label: Msg| {
        let id = base.to_string();
        let known = options.iter().any(|option| option.id == id);
        let Some(family) = PortFamily::new(base).filter(|_| !known) else {
            return;
        };
        let mut detail = vec![ports(family)];
        detail.extend(port_notices(&planner.check(base, &addresses)));
        options.push(Choice {
            id,
            label,
            detail,
            spans: vec![family.span()],
        });
    };
    if let Some(base) = context.input.instance.wished_port {
        add(base, msg!("step.gateway-port.wished", base = base));
    }
    if let Some(base) = context.input.current_port() {
        add(base, msg!("step.gateway-port.keep", base = base));
    }
    let suggested = context.suggest_ports(1, &addresses).unwrap_or_default();
    if let Some(base) = suggested.first().map(|suggestion| suggestion.family.base()) {
        add(base, msg!("step.gateway-port.suggested", base = base));
    }
    if !context.interactive {
        return options;
    }
    let neighbour = context.input.others.iter().find_map(|other| other.found.base);
    if let Some((family, _)) = neighbour {
        if let Some(near) = planner.nearest(family.base()) {
            let base = near.family.base();
            add(base, msg!("step.gateway-port.nearest", base = base));
        }
        if let Some(close) = planner.closest_allowed(family.base()) {
            let base = close.family.base();
            add(base, msg!("step.gateway-port.closest", base = base));
        }
    }
    if !options.is_empty() {
        options.push(Choice::new(OTHER, msg!("step.gateway-port.other")));
    }
    options
}

/// The whole derived map of a base port, in one line.
fn ports(family: PortFamily) -> Msg {
    msg!(
        "step.gateway-port.map",
        base = family.base(),
        control = family.port(Role::BrowserControl),
        canvas = family.port(Role::Canvas),
        relay = family.port(Role::Relay),
        pool = family.cdp_pool()
    )
}

/// The nearest other instances, for the picture beside the choices.
fn picture(context: &InterviewContext<'_>, base: u16) -> Picture {
    let with_base = context
        .input
        .others
        .iter()
        .filter_map(|other| Some((other.found.base?.0.base(), other.found)));
    let mut others: Vec<_> = with_base.collect();
    others.sort_by_key(|(held, found)| (held.abs_diff(base), found.label.clone()));
    let row = |(_, found): &(u16, &crate::survey::Surveyed)| {
        (
            found.label.clone(),
            merged(found.claims.iter().map(|claim| claim.span).collect()),
        )
    };
    Picture {
        rows: others.iter().take(DRAWN).map(row).collect(),
        own: context.input.instance.profile.to_string(),
    }
}
