//! `openclaw doctor`: reports problems of instances, and with `--fix` repairs those that it can.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::agent::agent_states;
use crate::apply::{self, HostLock};
use crate::doctor::diff::{self, DiffRenderer};
use crate::doctor::{self, Finding, FixPlan, HostReport, Scope, Severity, UnusableModel};
use crate::error::{Error, ErrorKind, Result};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::plan::Plan;
use crate::survey::Survey;
use crate::text::sanitize_name;
use crate::ui::{ReportOutcome, Ui};
use crate::wizard::terminal::Terminal;

use super::Context;

/// The arguments of `openclaw doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[arg(long)]
    pub(crate) all: bool,
    #[arg(long)]
    pub(crate) fix: bool,
    #[arg(long, requires = "fix")]
    pub(crate) dry_run: bool,
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `openclaw doctor`: exit 1 where an error was found and not repaired.
pub(super) fn run(context: &Context<'_>, args: &DoctorArgs) -> Result<ExitCode> {
    let scope = if args.all { Scope::All } else { Scope::One };
    if args.fix && !args.dry_run && apply::has_unfinished_transaction(&context.state_home()) {
        // It was agreed to when it began; what is examined is the state after it.
        context.lock()?;
    }
    let (findings, plans) = examine(context, scope);
    if !args.fix {
        return Ok(print(context, &findings, None));
    }
    let plan = doctor::combine(&plans);
    let mut outcome = FixOutcome {
        is_dry_run: args.dry_run,
        change_count: plan.changes.len(),
        diff: render_diff(context, &plan),
        was_undone: false,
    };
    if args.dry_run || plan.is_empty() {
        return Ok(print(context, &findings, Some(&outcome)));
    }
    if !args.yes {
        confirm(context, &outcome.diff)?;
    }
    let (findings, was_undone) = apply_fixes(context, scope, &plans)?;
    outcome.was_undone = was_undone;
    Ok(print(context, &findings, Some(&outcome)))
}

/// Examines the instances of the host for `openclaw doctor`, and returns the findings and the plans that repair them.
/// Returns the findings, and the plans that repair those that can be repaired.
fn examine(context: &Context<'_>, scope: Scope) -> (Vec<Finding>, Vec<FixPlan>) {
    let mut survey = context.survey();
    survey.query_node_version(context.host, &context.env);
    let report = HostReport::collect(context.instance_context(), &survey, scope)
        .with_unusable_models(|instance, config| unusable_models(context, instance, config));
    let findings = doctor::examine(&report);
    let plans = doctor::plan_fixes(&report, &findings);
    (findings, plans)
}

/// Renders the plan of a doctor's fix as a diff in the user's language.
fn render_diff(context: &Context<'_>, plan: &Plan) -> String {
    let (ui, home) = (&context.ui, &context.env.home);
    let renderer = DiffRenderer {
        translate: &|msg| ui.render(msg),
        change_line: &|change| match ui.render_change(change, home) {
            line if ui.is_json() => line,
            line => ui.render_item("*", &line),
        },
    };
    diff::unified(plan, home, &renderer)
}

/// Shows the diff of the doctor's fixes and asks for consent.
///
/// # Errors
/// Without a terminal, or without consent.
fn confirm(context: &Context<'_>, diff: &str) -> Result<()> {
    let terminal = context.host.terminal();
    if !terminal.can_ask() {
        let command = context.instance.command();
        return Err(Error::usage(msg!("doctor.unasked"))
            .hint(msg!("doctor.unasked-look", command = command))
            .hint(msg!("doctor.unasked-yes", command = command)));
    }
    context.ui.eprint(diff.trim_end());
    if Terminal::new(context.ui).confirm(&msg!("doctor.ask"), Some(false))? {
        Ok(())
    } else {
        Err(Error::failed(msg!("doctor.left")))
    }
}

/// Applies the doctor's fixes under the host lock and examines the host again. Where a new error appears, all fixes
/// are undone. Returns the findings afterwards, and `true` if the fixes were undone.
fn apply_fixes(context: &Context<'_>, scope: Scope, confirmed: &[FixPlan]) -> Result<(Vec<Finding>, bool)> {
    let lock = context.lock()?;
    let (before, plans) = examine(context, scope);
    // Only the plans that were shown may be applied.
    if plans != confirmed {
        return Err(Error::failed(msg!("doctor.changed"))
            .hint(msg!("doctor.again", command = context.instance.command())));
    }
    let survey = context.survey();
    let mut applied: Vec<&FixPlan> = Vec::new();
    for fix in &plans {
        match apply::apply(&lock, &fix.plan, &paths_of_others(&survey, fix), &mut |_| {}) {
            Ok(done) => done
                .notices
                .iter()
                .for_each(|notice| context.ui.print_note(notice)),
            Err(error) => {
                undo(context, &lock, &survey, &applied)?;
                return Err(error);
            }
        }
        applied.push(fix);
    }
    let (after, _) = examine(context, scope);
    if !doctor::is_worse(&before, &after) {
        return Ok((after, false));
    }
    undo(context, &lock, &survey, &applied)?;
    let (after, _) = examine(context, scope);
    Ok((after, true))
}

/// Undoes the doctor's fixes that were applied, the last one first.
fn undo(context: &Context<'_>, lock: &HostLock, survey: &Survey, applied: &[&FixPlan]) -> Result<()> {
    if !applied.is_empty() {
        context.ui.print_note(&msg!("doctor.undone"));
    }
    for fix in applied.iter().rev() {
        let back = doctor::reverse(&fix.plan);
        apply::apply(lock, &back, &paths_of_others(survey, fix), &mut |_| {})?;
    }
    Ok(())
}

/// Returns the paths that a fix of the doctor must not touch: those of every instance but its own.
fn paths_of_others(survey: &Survey, fix: &FixPlan) -> Vec<PathBuf> {
    survey.paths_of_others(fix.config.as_deref().unwrap_or(Path::new("")))
}

/// Returns the outcome of `openclaw doctor`: a failure where a finding is an error, and where the fixes were undone.
fn outcome_of(findings: &[Finding], fixes: Option<&FixOutcome>) -> ReportOutcome {
    let has_error = findings.iter().any(|finding| finding.severity == Severity::Error);
    if fixes.is_some_and(|fixes| fixes.was_undone) {
        ReportOutcome::Problem(ErrorKind::Failure, "doctor.fix-undone")
    } else if has_error {
        ReportOutcome::Problem(ErrorKind::Failure, "doctor.error")
    } else {
        ReportOutcome::Fine
    }
}

/// The result of `doctor --fix`, or of its dry run.
struct FixOutcome {
    is_dry_run: bool,
    change_count: usize,
    diff: String,
    /// `true` if the fixes were undone because they caused a new error.
    was_undone: bool,
}

/// Prints the doctor's findings, after the outcome of `--fix` where it was given. Returns the exit code.
fn print(context: &Context<'_>, findings: &[Finding], fixes: Option<&FixOutcome>) -> ExitCode {
    let ui = &context.ui;
    let outcome = outcome_of(findings, fixes);
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if ui.is_json() {
        let mut document = json!({
            "checks": doctor::checks().count(),
            "errors": errors,
            "warnings": warnings,
            "findings": findings.iter().map(|finding| finding_json(context, finding)).collect::<Value>(),
        });
        if let Some(fixes) = fixes {
            document["fix"] = json!({
                "dryRun": fixes.is_dry_run,
                "changes": fixes.change_count,
                "diff": fixes.diff,
                "undone": fixes.was_undone,
            });
        }
        ui.print_report(outcome, document);
        return outcome.exit_code();
    }
    if let Some(fixes) = fixes {
        print_outcome(ui, fixes);
    }
    for finding in findings {
        print_finding(ui, finding);
    }
    if findings.is_empty() {
        ui.print_paragraph(&msg!("doctor.clean", checks = doctor::checks().count()));
    } else {
        ui.print_paragraph(&msg!("doctor.summary", errors = errors, warnings = warnings));
    }
    outcome.exit_code()
}

/// Prints the diff of the doctor's fixes and how many were made.
fn print_outcome(ui: &Ui, outcome: &FixOutcome) {
    let count = outcome.change_count;
    if count == 0 {
        ui.print_paragraph(&msg!("doctor.nothing-to-fix"));
        return;
    }
    ui.print(outcome.diff.trim_end());
    ui.print_paragraph(&match (outcome.is_dry_run, outcome.was_undone) {
        (true, _) => msg!("doctor.would-fix", count = count),
        (false, false) => msg!("doctor.fixed", count = count),
        (false, true) => msg!("doctor.fix-undone", count = count),
    });
}

/// Prints one finding of the doctor with the command that repairs it.
fn print_finding(ui: &Ui, finding: &Finding) {
    let severity = coloured_name(ui, finding.severity);
    ui.print_hanging(0, 2, &format!("{severity}  {}  {}", finding.id, finding.instance));
    ui.print_detail(&finding.msg);
    if let Some(why) = &finding.fix_refused {
        ui.print_detail(&Msg::new("doctor.left-alone").with_msg("why", why.clone()));
    }
    // A command stays whole, so that it can be copied.
    ui.print(&ui.with_typed_name(format!("  $ {}", finding.remedy)));
}

/// Returns the name of a doctor's finding's severity in the user's language and in its colour.
fn coloured_name(ui: &Ui, severity: Severity) -> String {
    let style = |msg| console::style(ui.render(&msg)).force_styling(ui.colour());
    match severity {
        Severity::Error => style(msg!("doctor.error")).red(),
        Severity::Warning => style(msg!("doctor.warning")).yellow(),
        Severity::Info => style(msg!("doctor.info")).dim(),
    }
    .bold()
    .to_string()
}

/// Returns a finding of the doctor as a part of its JSON document.
fn finding_json(context: &Context<'_>, finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "severity": finding.severity.name(),
        "instance": finding.instance,
        "message": context.ui.render(&finding.msg),
        "mend": context.ui.with_typed_name(finding.remedy.clone()),
        "fixable": finding.fix.is_some(),
        "leftAlone": finding.fix_refused.as_ref().map(|why| context.ui.render(why)),
    })
}

/// Returns the agents of an instance whose first model can't be asked.
fn unusable_models(context: &Context<'_>, instance: &Instance, config: &Value) -> Vec<UnusableModel> {
    let at = context.instance_context().with_instance(instance);
    let states = agent_states(at, config).into_iter();
    let unusable = states.filter_map(|state| {
        Some(UnusableModel {
            agent: sanitize_name(&state.id),
            why: state.fault?.msg(),
            instead: state.model,
        })
    });
    unusable.collect()
}
