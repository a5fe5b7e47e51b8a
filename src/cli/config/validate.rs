//! `openclaw config validate`: reports whether the gateway of this instance would start with the config.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::change::{choose_judge, read_config};
use crate::cli::Context;
use crate::config::judge::Verdict;
use crate::config::schema::SchemaFinding;
use crate::config::{broken_error, effective};
use crate::error::{ErrorKind, Result};
use crate::i18n::{Msg, msg};
use crate::ui::{ReportOutcome, Ui};

/// Runs `openclaw config validate`: checks the config against the schema and prints the findings. The exit code is 1
/// where the gateway would refuse the config.
pub(super) fn validate(context: &Context<'_>, release: Option<&str>) -> Result<ExitCode> {
    let path = &context.instance.config_path;
    let document = read_config(context)?;
    let config = effective(path, &document).map_err(|error| broken_error(path, &error))?;
    let verdict = choose_judge(context, &context.survey(), release)?.judge(&config);
    let outcome = if verdict.is_accepted() {
        ReportOutcome::Fine
    } else {
        ReportOutcome::Problem(ErrorKind::Failure, "config.invalid")
    };
    if context.ui.is_json() {
        let mut printed = to_json(&context.ui, &verdict);
        printed["config"] = json!(path);
        context.ui.print_report(outcome, printed);
    } else {
        print(context, &verdict);
    }
    context
        .ui
        .print_note(&Msg::new("config.judged-as").with_msg("basis", verdict.basis.msg()));
    Ok(outcome.exit_code())
}

/// Prints the findings in a config, and those of other releases.
fn print(context: &Context<'_>, verdict: &Verdict) {
    let path = context.instance.config_path.display();
    context.ui.print_line(&if verdict.is_accepted() {
        msg!("config.valid", path = path)
    } else {
        msg!("config.invalid", path = path)
    });
    let print_finding = |finding: &SchemaFinding| {
        let line = Msg::new("config.finding")
            .with("path", &finding.path)
            .with_msg("why", finding.why.clone());
        context.ui.print(&format!("  - {}", context.ui.render(&line)));
    };
    verdict.refused.iter().for_each(print_finding);
    if let Some(unjudged) = &verdict.unjudged {
        context.ui.print_line(&msg!(
            "config.unjudged",
            version = unjudged.version,
            nearest = unjudged.nearest
        ));
        unjudged.findings.iter().for_each(print_finding);
    }
    if !verdict.not_installed.is_empty() {
        context.ui.print_line(&msg!("config.not-installed"));
        verdict.not_installed.iter().for_each(print_finding);
    }
    if verdict.is_accepted() {
        for (release, findings) in &verdict.other_releases {
            context
                .ui
                .print_line(&msg!("config.other-release", release = release));
            findings.iter().for_each(print_finding);
        }
    }
}

/// Returns findings of a config's schema check as JSON values.
pub(super) fn findings_json(ui: &Ui, findings: &[SchemaFinding]) -> Vec<Value> {
    let finding = |finding: &SchemaFinding| {
        json!({
            "path": finding.path.to_string(),
            "code": finding.code,
            "message": ui.render(&finding.why),
        })
    };
    findings.iter().map(finding).collect()
}

/// Returns the verdict about a config as a JSON document.
fn to_json(ui: &Ui, verdict: &Verdict) -> Value {
    let list = |findings: &[SchemaFinding]| findings_json(ui, findings);
    let others = verdict.other_releases.iter();
    let others = others.map(|(release, findings)| (release.to_string(), list(findings).into()));
    let unjudged = verdict.unjudged.as_ref();
    json!({
        "dialect": verdict.basis.name(),
        "findings": list(&verdict.refused),
        "notInstalled": list(&verdict.not_installed),
        "unjudged": unjudged.map_or_else(Vec::new, |unjudged| list(&unjudged.findings)),
        "otherReleases": Value::Object(others.collect()),
    })
}
