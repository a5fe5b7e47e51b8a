//! `openclaw doctor`: look at the instances, say what is wrong, and mend what can be mended.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::apply::{self, HostLock};
use crate::doctor::{self, Finding, Part, Scene, Scope, Severity, diff};
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::plan::Plan;
use crate::survey::{self, Survey};
use crate::ui::Ui;
use crate::wizard::terminal::Terminal;

use super::Context;

/// `openclaw doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[arg(long)]
    pub all: bool,
    #[arg(long)]
    pub fix: bool,
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    #[arg(long, requires = "fix")]
    pub yes: bool,
    #[arg(long)]
    pub json: bool,
}

/// Carries `openclaw doctor` out.
pub(super) fn run(context: &Context<'_>, args: &DoctorArgs) -> Result<ExitCode> {
    let scope = if args.all { Scope::All } else { Scope::One };
    let (findings, parts) = look(context, scope);
    if !args.fix {
        show(context, &findings, None);
        return Ok(code(&findings));
    }
    let plan = doctor::whole(&parts);
    let home = &context.env.home;
    let words = diff::Words {
        say: &|msg| context.ui.render(msg),
        change: &|change| match context.ui.render_change(change, home) {
            line if context.ui.is_json() => line,
            line => context.ui.render_item("*", &line),
        },
    };
    let text = diff::unified(&plan, home, &words);
    if args.dry_run || plan.is_empty() {
        show(
            context,
            &findings,
            Some(&Fixing::new(args.dry_run, &plan, text, false)),
        );
        return Ok(code(&findings));
    }
    if !args.yes {
        ask(context, &text)?;
    }
    let (after, undone) = mend(context, scope, &parts)?;
    show(context, &after, Some(&Fixing::new(false, &plan, text, undone)));
    if undone {
        return Ok(ExitCode::from(1));
    }
    Ok(code(&after))
}

/// One look at the host: what is wrong, and what mends what can be mended.
fn look(context: &Context<'_>, scope: Scope) -> (Vec<Finding>, Vec<Part>) {
    let survey = survey::take(context.host, &context.env);
    let scene = Scene::gather(context.host, &context.env, &survey, &context.instance, scope);
    let findings = doctor::examine(&scene);
    let parts = doctor::parts(&scene, &findings);
    (findings, parts)
}

fn ask(context: &Context<'_>, text: &str) -> Result<()> {
    let terminal = context.host.terminal();
    if !(terminal.stdin && terminal.stderr) {
        let command = context.instance.command();
        return Err(Error::usage(msg!("doctor.unasked"))
            .hint(msg!("doctor.unasked-look", command = command))
            .hint(msg!("doctor.unasked-yes", command = command)));
    }
    context.ui.eprint(text.trim_end());
    if Terminal::new(context.ui).confirm(&msg!("doctor.ask"), Some(false))? {
        Ok(())
    } else {
        Err(Error::failed(msg!("doctor.left")))
    }
}

/// Mends under the lock, looks again, and takes everything back where that made something worse.
fn mend(context: &Context<'_>, scope: Scope, agreed: &[Part]) -> Result<(Vec<Finding>, bool)> {
    let lock = context.lock()?;
    let (before, parts) = look(context, scope);
    // Only what was shown is done.
    if parts != agreed {
        return Err(Error::failed(msg!("doctor.changed"))
            .hint(msg!("doctor.again", command = context.instance.command())));
    }
    let survey = survey::take(context.host, &context.env);
    let mut done: Vec<&Part> = Vec::new();
    for part in &parts {
        match apply::apply(&lock, &part.plan, &others(&survey, part), &mut |_| {}) {
            Ok(applied) => applied
                .notices
                .iter()
                .for_each(|notice| context.ui.print_note(notice)),
            Err(error) => {
                undo(context, &lock, &survey, &done)?;
                return Err(error);
            }
        }
        done.push(part);
    }
    let (after, _) = look(context, scope);
    if !is_worse(&before, &after) {
        return Ok((after, false));
    }
    undo(context, &lock, &survey, &done)?;
    let (after, _) = look(context, scope);
    Ok((after, true))
}

/// Takes back what was done, the last first.
fn undo(context: &Context<'_>, lock: &HostLock, survey: &Survey, done: &[&Part]) -> Result<()> {
    if !done.is_empty() {
        context.ui.print_note(&msg!("doctor.undone"));
    }
    for part in done.iter().rev() {
        let back = doctor::reversed(&part.plan);
        apply::apply(lock, &back, &others(survey, part), &mut |_| {})?;
    }
    Ok(())
}

/// The paths that a part must keep out of: those of every instance but its own.
fn others(survey: &Survey, part: &Part) -> Vec<PathBuf> {
    survey.paths_of_others(part.config.as_deref().unwrap_or(Path::new("")))
}

/// Whether there is an error now that was not there before.
fn is_worse(before: &[Finding], after: &[Finding]) -> bool {
    let known = |new: &Finding| {
        before
            .iter()
            .any(|old| (old.id, &old.instance) == (new.id, &new.instance))
    };
    let uncovered = |new: &Finding| {
        before
            .iter()
            .any(|old| old.instance == new.instance && covers(old.id, new.id))
    };
    after
        .iter()
        .any(|new| new.severity == Severity::Error && !known(new) && !uncovered(new))
}

/// Whether one error hides another, which then was there before: a config that can be read again shows what
/// else is wrong with it, a gateway that refuses to start says one reason at a time, and an instance that is
/// forgotten is not there.
fn covers(old: &str, new: &str) -> bool {
    const REFUSALS: [&str; 4] = ["gateway-mode", "gateway-auth", "gateway-open", "gateway-refuses"];
    match old {
        "config-broken" => true,
        "config-missing" => new != "config-broken",
        "registry-stale" => new == "config-missing",
        old => REFUSALS.contains(&old) && REFUSALS.contains(&new),
    }
}

fn code(findings: &[Finding]) -> ExitCode {
    let has_error = findings.iter().any(|finding| finding.severity == Severity::Error);
    ExitCode::from(u8::from(has_error))
}

/// What `--fix` did or would do.
struct Fixing {
    dry_run: bool,
    changes: usize,
    diff: String,
    undone: bool,
}

impl Fixing {
    fn new(dry_run: bool, plan: &Plan, diff: String, undone: bool) -> Self {
        Self {
            dry_run,
            changes: plan.changes.len(),
            diff,
            undone,
        }
    }
}

fn show(context: &Context<'_>, findings: &[Finding], fixing: Option<&Fixing>) {
    let ui = &context.ui;
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if ui.is_json() {
        let mut document = json!({
            "ok": errors == 0,
            "checks": doctor::checks().count(),
            "errors": errors,
            "warnings": warnings,
            "findings": findings.iter().map(|finding| entry(context, finding)).collect::<Value>(),
        });
        if let Some(fixing) = fixing {
            document["fix"] = json!({
                "dryRun": fixing.dry_run,
                "changes": fixing.changes,
                "diff": fixing.diff,
                "undone": fixing.undone,
            });
        }
        ui.print_json(&document);
        return;
    }
    if let Some(fixing) = fixing {
        if fixing.changes == 0 {
            ui.print_paragraph(&msg!("doctor.nothing-to-fix"));
        } else {
            ui.print(fixing.diff.trim_end());
            let key = match (fixing.dry_run, fixing.undone) {
                (true, _) => "doctor.would-fix",
                (false, false) => "doctor.fixed",
                (false, true) => "doctor.fix-undone",
            };
            ui.print_paragraph(&Msg::new(key).with("count", fixing.changes));
        }
    }
    for finding in findings {
        ui.print_hanging(
            0,
            2,
            &format!(
                "{}  {}  {}",
                coloured(ui, finding.severity),
                finding.id,
                finding.instance
            ),
        );
        ui.print_detail(&finding.msg);
        if let Some(why) = &finding.left {
            ui.print_detail(&Msg::new("doctor.left-alone").with_msg("why", why.clone()));
        }
        ui.print_hanging(2, 4, &format!("$ {}", finding.mend));
    }
    if findings.is_empty() {
        ui.print_paragraph(&msg!("doctor.clean", checks = doctor::checks().count()));
    } else {
        ui.print_paragraph(&msg!("doctor.summary", errors = errors, warnings = warnings));
    }
}

/// The word for a severity, in its colour.
fn coloured(ui: &Ui, severity: Severity) -> String {
    let style = |msg| console::style(ui.render(&msg)).force_styling(ui.colour());
    match severity {
        Severity::Error => style(msg!("doctor.error")).red(),
        Severity::Warning => style(msg!("doctor.warning")).yellow(),
        Severity::Info => style(msg!("doctor.info")).dim(),
    }
    .bold()
    .to_string()
}

fn entry(context: &Context<'_>, finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "severity": finding.severity.name(),
        "instance": finding.instance,
        "message": context.ui.render(&finding.msg),
        "mend": finding.mend,
        "fixable": finding.fix.is_some(),
        "leftAlone": finding.left.as_ref().map(|why| context.ui.render(why)),
    })
}
