//! `openclaw hosts check`: whether each remote host is reached, which `openclaw` it has, and whether a bot token of it is one of
//! another host too.

use std::process::ExitCode;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::tokens::{self, ComparisonKey, TokenPlace};
use crate::cli::Context;
use crate::error::ErrorKind;
use crate::hosts::{
    HostFault, RemoteHost, RemoteQuestion, RemoteTokens, RemoteVersion, SshClient, parse_version,
};
use crate::i18n::msg;
use crate::installation::VERSION;
use crate::ui::{ReportOutcome, Table};

/// Time that the `openclaw` on a remote host may take to say its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// The answer of a remote host to a check.
struct CheckedHost<'h> {
    host: &'h RemoteHost,
    version: Result<RemoteVersion, HostFault>,
    /// Time until the version was there.
    elapsed: Duration,
    tokens: Result<RemoteTokens, HostFault>,
}

/// Runs `openclaw hosts check` for these hosts, all at the same time.
pub(super) fn run(context: &Context<'_>, hosts: &[RemoteHost]) -> ExitCode {
    let key: ComparisonKey = context.host.random();
    let ssh = context.ssh();
    let spinner = context.ui.spinner(&msg!("hosts.asking", count = hosts.len()));
    let checked: Vec<_> = std::thread::scope(|scope| {
        let asked = hosts.iter().map(|host| scope.spawn(|| check(&ssh, host, &key)));
        let asked: Vec<_> = asked.collect();
        let answers = asked.into_iter().map(ScopedJoinHandle::join);
        answers
            .map(|answer| answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    drop(spinner);
    let answers = checked.iter().filter_map(|checked| {
        let tokens = checked.tokens.as_ref().ok()?;
        Some((checked.host.name.clone(), tokens.clone()))
    });
    let shared = tokens::shared(context, &key, &answers.collect::<Vec<_>>());
    let fault = checked.iter().find_map(|checked| checked.version.as_ref().err());
    let outcome = match fault {
        Some(_) => ReportOutcome::Problem(ErrorKind::Failure, "hosts.faults"),
        None if !shared.is_empty() => ReportOutcome::Problem(ErrorKind::Failure, "hosts.shared-token"),
        None => ReportOutcome::Fine,
    };
    if context.ui.is_json() {
        let places = |places: &Vec<TokenPlace>| places.iter().map(TokenPlace::document).collect::<Value>();
        let document = json!({
            "hosts": checked.iter().map(|checked| checked.document(context)).collect::<Vec<_>>(),
            "sharedTokens": shared.iter().map(places).collect::<Vec<_>>(),
        });
        context.ui.print_report(outcome, document);
    } else {
        print(context, &checked, &shared);
    }
    outcome.exit_code()
}

/// Asks a remote host for its version, and for the fingerprints of its tokens.
fn check<'h>(ssh: &SshClient<'_>, host: &'h RemoteHost, key: &ComparisonKey) -> CheckedHost<'h> {
    let start = Instant::now();
    let question = RemoteQuestion {
        words: &["--version"],
        input: &[],
        limit: VERSION_TIMEOUT,
    };
    let version = ssh
        .ask(host, &question)
        .and_then(|document| parse_version(&document));
    let elapsed = start.elapsed();
    let tokens = match &version {
        Ok(_) => tokens::ask(ssh, host, key),
        Err(fault) => Err(fault.clone()),
    };
    CheckedHost {
        host,
        version,
        elapsed,
        tokens,
    }
}

impl CheckedHost<'_> {
    /// Returns the answer of a remote host as a part of the JSON document.
    fn document(&self, context: &Context<'_>) -> Value {
        let mut document = self.host.document();
        let version = self.version.as_ref();
        let fault = version.err();
        document["ok"] = version.is_ok().into();
        document["code"] = json!(fault.map(HostFault::name));
        document["message"] = json!(fault.map(|fault| context.ui.render(&fault.msg(self.host))));
        document["version"] = json!(version.ok().map(|found| &found.version));
        document["installed"] = json!(version.ok().map(|found| &found.installed));
        document["milliseconds"] = json!(version.ok().map(|_| self.elapsed.as_millis()));
        document
    }
}

/// Prints the answers of remote hosts as a table, and what there is to do below it.
fn print(context: &Context<'_>, checked: &[CheckedHost<'_>], shared: &[Vec<TokenPlace>]) {
    let ui = &context.ui;
    if checked.is_empty() {
        ui.print_line(&msg!("hosts.none"));
        return;
    }
    let headings = [
        msg!("hosts.heading-host"),
        msg!("hosts.heading-address"),
        msg!("hosts.heading-state"),
        msg!("hosts.heading-version"),
        msg!("hosts.heading-answer"),
    ];
    let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
    for CheckedHost {
        host,
        version,
        elapsed,
        ..
    } in checked
    {
        let state = match version {
            Ok(_) => console::style(ui.render(&msg!("hosts.short-reached"))).green(),
            Err(fault) => console::style(ui.render(&fault.short_msg())).red(),
        };
        let answer = format!("{} ms", elapsed.as_millis());
        table.add_row(vec![
            host.name.to_string(),
            host.address.to_string(),
            state.force_styling(ui.colour()).to_string(),
            version
                .as_ref()
                .map_or_else(|_| "-".to_owned(), |found| found.version.clone()),
            version.as_ref().map_or_else(|_| "-".to_owned(), |_| answer),
        ]);
    }
    ui.print(&table.render(ui.width()));
    print_findings(context, checked, shared);
}

/// Prints what there is to do about remote hosts: those that gave no answer, those of another version, and shared tokens.
fn print_findings(context: &Context<'_>, checked: &[CheckedHost<'_>], shared: &[Vec<TokenPlace>]) {
    let ui = &context.ui;
    for CheckedHost {
        host,
        version,
        tokens,
        ..
    } in checked
    {
        match (version, tokens) {
            (Err(fault), _) => print_fault(context, host, fault),
            (Ok(found), _) if found.version != VERSION => {
                let (there, here) = (&found.version, VERSION);
                ui.print_paragraph(&msg!(
                    "hosts.other-version",
                    host = host.name,
                    there = there,
                    here = here
                ));
            }
            (Ok(_), Err(fault)) => {
                let why = ui.render(&fault.msg(host));
                ui.print_paragraph(&msg!("hosts.tokens-not-compared", host = host.name, why = why));
            }
            (Ok(_), Ok(_)) => {}
        }
    }
    for places in shared {
        ui.print_paragraph(&TokenPlace::shared_msg(places));
    }
}

/// Prints why a remote host gave no answer, and the way out.
pub(in crate::cli) fn print_fault(context: &Context<'_>, host: &RemoteHost, fault: &HostFault) {
    context.ui.print_paragraph(&fault.msg(host));
    if let Some(hint) = fault.hint(host) {
        context.ui.print_detail(&hint);
    }
}
