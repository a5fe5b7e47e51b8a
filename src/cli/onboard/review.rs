//! The review of an onboarding's plan by the person at the terminal: the answers as rows, and the plan and the command of the run
//! for whoever looks closer.

use super::OnboardRun;
use super::interactive::{PORT_STEP, Person, Reviewed};
use crate::answers::{Answers, Flow, Start};
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::plan::Plan;
use crate::wizard::review::{Review, ReviewDecision, review};
use crate::wizard::{Interview, Reply, ReviewRow, StepId, command};

impl OnboardRun<'_> {
    /// Shows the plan of an onboarding and asks for its confirmation.
    pub(super) fn review_plan(
        &self,
        person: &mut Person<'_, '_>,
        instance: &Instance,
        plan: &Plan,
        interview: &Interview,
    ) -> Result<Reviewed> {
        let suggested = plan.port_refusal().map(|_| PORT_STEP);
        let changes_nothing = plan.is_empty() && interview.answers.start == Start::No;
        if plan.is_empty() && suggested.is_none() && !interview.is_edit {
            return Ok(Reviewed::Confirmed);
        }
        let mut rows = interview.changeable.clone();
        if suggested.is_some() && !rows.iter().any(|row| row.id == PORT_STEP) {
            rows.push(ReviewRow::unasked(PORT_STEP));
        }
        self.show_what_matters(person, plan);
        let shown = Review {
            profile: instance.profile.as_str(),
            rows: &rows,
            changes: plan.change_counts(),
            suggested,
            changes_nothing: changes_nothing && interview.is_edit,
        };
        loop {
            match review(person.terminal, &shown)? {
                ReviewDecision::ShowChanges => {
                    let text = self.context.ui.render_plan(plan, &self.context.env.home, false);
                    person.terminal.show(&format!("\n{text}"));
                }
                ReviewDecision::ShowCommand => {
                    let text = self.render_command(instance, &interview.answers);
                    person.terminal.show(&text);
                }
                ReviewDecision::Confirm => return Ok(Reviewed::Confirmed),
                ReviewDecision::Language(lang) => {
                    person.history.ask_nothing_again();
                    return Ok(Reviewed::Language(lang));
                }
                ReviewDecision::Leave => {
                    return Err(Error::failed(Msg::new("onboard.left")).with_reason(ErrorReason::Cancelled));
                }
                ReviewDecision::AskMore => {
                    person.history.ask_nothing_again();
                    let advanced = Reply::Text(Flow::Advanced.name().to_owned());
                    person.history.choose(StepId::Flow, advanced);
                    return Ok(Reviewed::ToChange);
                }
                ReviewDecision::Change(id) => {
                    person.history.ask_only(id);
                    person.moves_kept_port |= suggested == Some(id);
                    return Ok(Reviewed::ToChange);
                }
                ReviewDecision::Back => {
                    interview.asked.last().inspect(|id| person.history.ask_from(**id));
                    return Ok(Reviewed::ToChange);
                }
            }
        }
    }

    /// Shows what of an onboarding's plan nobody should miss: the keys that it changes in existing configs, and its notices.
    fn show_what_matters(&self, person: &mut Person<'_, '_>, plan: &Plan) {
        let (ui, home) = (self.context.ui, &self.context.env.home);
        let differences = Some(ui.render_differences(plan, home)).filter(|text| !text.is_empty());
        let notices = plan.all_notices().map(|notice| ui.render_notice(notice));
        let shown: Vec<_> = differences.into_iter().chain(notices).collect();
        if !shown.is_empty() {
            person.terminal.show(&format!("\n{}", shown.join("\n")));
        }
    }

    /// Returns the lines that show an onboarding as one command.
    fn render_command(&self, instance: &Instance, answers: &Answers) -> String {
        let ui = self.context.ui;
        let mut lines = vec![String::new()];
        lines.extend(ui.paragraph_lines(&msg!("onboard.command-is")));
        if command::has_secrets(answers) {
            lines.extend(ui.paragraph_lines(&msg!("onboard.command-secrets")));
        }
        lines.push(ui.with_typed_name(command::same_run(instance, answers)));
        lines.join("\n")
    }
}
