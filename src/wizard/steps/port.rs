//! The base port: suggested, probed, and judged as it is typed.

use crate::plan::addresses;

use super::{Answers, Error, Question, Reply, Result, Situation, Step, kept, msg};

pub(super) struct GatewayPort;

impl Step for GatewayPort {
    fn id(&self) -> &'static str {
        "gateway-port"
    }

    fn ask(&self, situation: &Situation<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        // What the instance has stays what it is asked to have: ports do not creep from run to run.
        let standing = situation
            .instance
            .wished_port
            .or_else(|| situation.standing_port());
        let suggested = || {
            Some(
                situation
                    .suggest_ports(1, &addresses(situation, answers))
                    .ok()?
                    .first()?
                    .family
                    .base(),
            )
        };
        let base = standing.or_else(suggested);
        let question = Question::text(msg!("step.gateway-port.ask"), base.map(|base| base.to_string()));
        let family = base.and_then(crate::ports::Family::new);
        Some(match (standing, family) {
            (None, Some(family)) => question.after(msg!("step.gateway-port.suggested", span = family.span())),
            (Some(_), Some(family)) => {
                question.after(msg!("step.gateway-port.standing", span = family.span()))
            }
            _ => question.after(msg!("step.gateway-port.none")),
        })
    }

    fn take(&self, reply: Reply, situation: &mut Situation<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        let base: u16 = typed
            .parse()
            .map_err(|_| Error::usage(msg!("step.gateway-port.number", value = typed.escape_debug())))?;
        let unchanged = situation.standing_port() == Some(base);
        if !unchanged {
            let check = situation.planner().check(base, &addresses(situation, answers));
            check.accept(situation.nearest_port(base).as_ref())?;
        }
        answers.port = Some(base);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(i64::from(answers.port?).into())
    }
}
