//! The output of `openclaw browser`: the control service's own document with `--json`, else the lines of
//! docs/openclaw.md#browser-command-output in columns.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::BrowserCommand;
use crate::browser::checks::{BrowserCheck, BrowserHealth};
use crate::browser::status::StateName;
use crate::cli::Context;
use crate::environment::abbreviate_home;
use crate::error::ErrorKind;
use crate::i18n::{Msg, msg};
use crate::text::{sanitize, to_ascii};
use crate::ui::{Fields, ReportOutcome, Table, Ui};

/// Prints the reply of the browser control service to a `browser` command. `profile` is the value of
/// `--browser-profile`.
pub(super) fn print_reply(
    context: &Context<'_>,
    command: &BrowserCommand,
    document: &Value,
    profile: Option<&str>,
) {
    let (ui, home) = (&context.ui, &context.env.home);
    if ui.is_json() {
        return ui.print_json(document);
    }
    let text = |key: &str| plain(&document[key]);
    match command {
        BrowserCommand::Status => print_status(context, document),
        BrowserCommand::Profiles => print_profiles(ui, document),
        BrowserCommand::Tabs => print_tabs(ui, document),
        BrowserCommand::Snapshot { .. } => print_snapshot(ui, document),
        BrowserCommand::Start => {
            let running = msg!(
                "browser.running-line",
                value = ui.render(&if document["running"] == true {
                    msg!("browser.true")
                } else {
                    msg!("browser.false")
                })
            );
            ui.print(&headline(ui, &text("profile"), &running));
        }
        BrowserCommand::Stop => {
            let msg = if document["stopped"] == true {
                msg!("browser.stopped-line")
            } else {
                msg!("browser.was-not-running")
            };
            ui.print(&headline(ui, &text("profile"), &msg));
        }
        BrowserCommand::CreateProfile { .. } => ui.print_paragraph(&msg!(
            "browser.created",
            name = text("profile"),
            port = text("cdpPort"),
            color = text("color")
        )),
        BrowserCommand::DeleteProfile { .. } => {
            ui.print_paragraph(&msg!("browser.deleted", name = text("profile")));
            if document["movedTo"].is_string() {
                let path = shown_path(home, &document["movedTo"]);
                ui.print_detail(&msg!("browser.moved", path = path));
            }
        }
        BrowserCommand::Open { .. } | BrowserCommand::Navigate { .. } => {
            print_opened_tab(ui, document, profile.unwrap_or_default());
        }
        BrowserCommand::Focus { .. } => ui.print_line(&msg!("browser.focused", id = text("targetId"))),
        BrowserCommand::Close { .. } => ui.print_line(&msg!("browser.closed", id = text("targetId"))),
        BrowserCommand::Screenshot { .. } => ui.print(&text("path")),
        BrowserCommand::Doctor => {}
    }
}

/// Cuts the text of a browser page's snapshot to a number of lines.
pub(super) fn cut_snapshot(document: &mut Value, max_lines: u32) {
    let max_lines = usize::try_from(max_lines).unwrap_or(usize::MAX);
    let text = document["snapshot"].as_str().unwrap_or_default();
    if text.lines().nth(max_lines).is_none() {
        return;
    }
    let lines: Vec<_> = text.lines().take(max_lines).collect();
    document["snapshot"] = lines.join("\n").into();
    document["truncated"] = true.into();
}

/// Prints the snapshot of a browser page, and a note where it was truncated.
fn print_snapshot(ui: &Ui, document: &Value) {
    // The text comes from the page, which may be hostile.
    let sanitized = |line: &str| {
        let text = line.trim_start_matches(' ');
        format!("{}{}", &line[..line.len() - text.len()], sanitize(text))
    };
    let text = document["snapshot"].as_str().unwrap_or_default();
    let lines: Vec<_> = text.lines().map(sanitized).collect();
    ui.print(&lines.join("\n"));
    if document["truncated"] == true {
        ui.print_note(&msg!("browser.truncated", lines = lines.len()));
    }
}

/// Prints the browser tab in which a page was opened.
fn print_opened_tab(ui: &Ui, document: &Value, profile: &str) {
    let text = |key: &str| plain(&document[key]);
    let mut fields = Fields::default();
    fields.add(ui.render(&msg!("browser.field.url")), sanitize(&text("url")));
    let title = sanitize(&text("title"));
    if !title.is_empty() {
        fields.add(ui.render(&msg!("browser.field.title")), title);
    }
    fields.add(ui.render(&msg!("browser.field.tab")), text("targetId"));
    ui.print(&headline(ui, profile, &msg!("browser.opened")));
    ui.print(&ui.render_fields(&fields));
}

/// Returns the first line of a `browser` command's output, such as `🦞 browser [openclaw] running: true`; without the
/// emoji where the terminal takes ASCII only.
fn headline(ui: &Ui, name: &str, msg: &Msg) -> String {
    let mark = if ui.ascii() || ui.plain() { "" } else { "🦞 " };
    let name = if name.is_empty() {
        String::new()
    } else {
        format!(" [{name}]")
    };
    format!("{mark}browser{name} {}", ui.render(msg))
}

/// Prints the status of a browser.
fn print_status(context: &Context<'_>, document: &Value) {
    let (ui, home) = (&context.ui, &context.env.home);
    let mut fields = Fields::default();
    let mut add = |label: Msg, value: String| {
        if !value.is_empty() {
            fields.add(ui.render(&label), value);
        }
    };
    let text = |key: &str| plain(&document[key]);
    add(msg!("browser.field.profile"), text("profile"));
    add(msg!("browser.field.enabled"), yes_or_no(ui, &document["enabled"]));
    add(msg!("browser.field.state"), render_state(ui, document));
    add(msg!("browser.field.pid"), text("pid"));
    add(msg!("browser.field.port"), text("cdpPort"));
    add(msg!("browser.field.cdp-url"), text("cdpUrl"));
    add(msg!("browser.field.browser"), text("chosenBrowser"));
    add(msg!("browser.field.detected"), text("detectedBrowser"));
    add(
        msg!("browser.field.detected-path"),
        shown_path(home, &document["detectedExecutablePath"]),
    );
    add(msg!("browser.field.detect-error"), text("detectError"));
    add(
        msg!("browser.field.folder"),
        shown_path(home, &document["userDataDir"]),
    );
    add(msg!("browser.field.color"), text("color"));
    let word = |value: &Value, on: Msg, off: Msg| {
        let msg = value.as_bool().map(|value| if value { on } else { off });
        msg.map_or_else(String::new, |msg| ui.render(&msg))
    };
    let (yes, no) = (msg!("browser.yes"), msg!("browser.no"));
    add(msg!("browser.field.window"), word(&document["headless"], no, yes));
    let (on, off) = (msg!("browser.on"), msg!("browser.off"));
    add(
        msg!("browser.field.sandbox"),
        word(&document["noSandbox"], off, on),
    );
    ui.print(&ui.render_fields(&fields));
    if StateName::from_document(document) == StateName::Orphan {
        let command = context.instance.command();
        ui.eprint_paragraph(&msg!("browser.orphan-ends", command = command));
    }
}

/// Renders the state of a browser, from a status document or an entry of the list of browser profiles.
fn render_state(ui: &Ui, document: &Value) -> String {
    let ended = &document["ended"];
    let msg = match StateName::from_document(document) {
        StateName::Running => msg!("browser.state.running"),
        StateName::Starting => msg!("browser.state.starting"),
        StateName::Crashed if ended.is_object() => msg!(
            "browser.state.crashed",
            how = plain(&ended["message"]),
            at = plain(&ended["at"])
        ),
        StateName::Crashed => msg!("browser.state.has-crashed"),
        StateName::Orphan => msg!("browser.state.orphan"),
        StateName::Remote => msg!("browser.state.remote"),
        StateName::Stopped => msg!("browser.state.stopped"),
    };
    ui.render(&msg)
}

/// Prints the browser profiles as a table.
fn print_profiles(ui: &Ui, document: &Value) {
    let heading = |msg: Msg| ui.render(&msg);
    let mut table = Table::new(vec![
        heading(msg!("browser.field.profile")),
        heading(msg!("browser.field.state")),
        heading(msg!("browser.field.port")),
        heading(msg!("browser.field.tabs")),
        heading(msg!("browser.field.color")),
    ]);
    for row in document["profiles"].as_array().into_iter().flatten() {
        let mark = if row["isDefault"] == true { " *" } else { "" };
        let port = if row["isRemote"] == true {
            plain(&row["cdpUrl"])
        } else {
            plain(&row["cdpPort"])
        };
        table.add_row(vec![
            format!("{}{mark}", plain(&row["name"])),
            render_state(ui, row),
            port,
            plain(&row["tabCount"]),
            plain(&row["color"]),
        ]);
    }
    ui.print(&table.render(ui.width()));
}

/// Prints the open tabs of a browser.
fn print_tabs(ui: &Ui, document: &Value) {
    let tabs: Vec<_> = document["tabs"].as_array().into_iter().flatten().collect();
    if tabs.is_empty() {
        return ui.print_line(&msg!("browser.no-tabs"));
    }
    for (at, tab) in (1..).zip(tabs) {
        // Title and URL come from the page, which may be hostile.
        ui.print_hanging(0, 3, &format!("{at}. {}", sanitize(&plain(&tab["title"]))));
        ui.print_hanging(3, 3, &sanitize(&plain(&tab["url"])));
        ui.print_hanging(3, 3, &format!("id: {}", plain(&tab["targetId"])));
    }
}

/// Prints a failed request to the browser control service: its message to stderr, and with `--json` one document to
/// stdout.
pub(super) fn print_failure(ui: &Ui, status: u16, document: &Value) {
    let text = |value: &Value| {
        let text = plain(value);
        if ui.ascii() { to_ascii(&text) } else { text }
    };
    ui.eprint_hanging("[openclaw] ", 2, &text(&document["error"]));
    if document["cause"].is_string() {
        ui.eprint_hanging("  ", 2, &text(&document["cause"]));
    }
    let hints: Vec<_> = document["hints"].as_array().into_iter().flatten().collect();
    for hint in &hints {
        ui.eprint_hint(&text(hint));
    }
    if ui.is_json() {
        let mut failure = json!({
            "ok": false,
            "code": document["code"],
            "exit": 1,
            "status": status,
            "message": document["error"],
            "hints": hints,
        });
        if document["cause"].is_string() {
            failure["cause"] = document["cause"].clone();
        }
        ui.print_json(&failure);
    }
}

/// Prints the result of `browser doctor`. Returns the exit code.
pub(super) fn print_checks(
    ui: &Ui,
    profile: &str,
    checks: &[BrowserCheck],
    is_gateway_up: bool,
    command: &str,
) -> ExitCode {
    let mut bad = checks.iter().filter(|check| check.health == BrowserHealth::Bad);
    let outcome = bad.next().map_or(ReportOutcome::Fine, |check| {
        ReportOutcome::Problem(ErrorKind::Failure, check.msg.key())
    });
    if ui.is_json() {
        let row = |check: &BrowserCheck| {
            let hints: Vec<_> = check.hints.iter().map(|hint| ui.render(hint)).collect();
            json!({
                "id": check.id.name(),
                "health": check.health.name(),
                "message": ui.render(&check.msg),
                "hints": hints,
            })
        };
        let rows: Vec<_> = checks.iter().map(row).collect();
        ui.print_report(
            outcome,
            json!({ "profile": profile, "gatewayRunning": is_gateway_up, "checks": rows }),
        );
        return outcome.exit_code();
    }
    for check in checks {
        print_result(ui, check.health, &check.msg);
        for hint in &check.hints {
            ui.print_detail(hint);
        }
    }
    if is_gateway_up {
        print_result(ui, BrowserHealth::Good, &msg!("browser.gateway-up"));
    } else {
        print_result(ui, BrowserHealth::Notice, &msg!("browser.doctor-down"));
        ui.print_detail(&msg!("browser.run-gateway", command = command));
    }
    outcome.exit_code()
}

/// Prints the result of a check of `browser doctor`, with its mark.
fn print_result(ui: &Ui, health: BrowserHealth, msg: &Msg) {
    let mark = health_mark(ui, health);
    ui.print_hanging(0, mark.chars().count() + 1, &format!("{mark} {}", ui.render(msg)));
}

/// Returns the mark of a `browser doctor` check's result: a symbol, or ASCII letters where the terminal takes no
/// other.
fn health_mark(ui: &Ui, health: BrowserHealth) -> &'static str {
    match (health, ui.ascii() || ui.plain()) {
        (BrowserHealth::Good, false) => "✓",
        (BrowserHealth::Good, true) => "ok",
        (BrowserHealth::Notice, _) => "!",
        (BrowserHealth::Bad, false) => "✗",
        (BrowserHealth::Bad, true) => "x",
    }
}

/// Renders a boolean JSON value as "yes" or "no"; anything but `true` is "no".
fn yes_or_no(ui: &Ui, value: &Value) -> String {
    ui.render(&if *value == true {
        msg!("browser.yes")
    } else {
        msg!("browser.no")
    })
}

/// Returns a file's path from a JSON value with `~` for the home folder; empty for `null`.
fn shown_path(home: &Path, value: &Value) -> String {
    value
        .as_str()
        .map_or_else(String::new, |path| abbreviate_home(home, Path::new(path)))
}

/// Returns a JSON value as text, a string without its quotes; empty for `null`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
