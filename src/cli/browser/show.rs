//! What `openclaw browser` prints: the service's own document with `--json`, else OpenClaw's lines
//! (docs/openclaw.md#browser-command-output), in columns.

use std::path::Path;

use serde_json::{Value, json};

use super::args::BrowserCommand;
use crate::browser::doctor::{Check, Health};
use crate::cli::Context;
use crate::environment::abbreviate_home;
use crate::i18n::{Msg, msg};
use crate::text::{sanitize, to_ascii};
use crate::ui::{Fields, Table, Ui};

/// The answer to a command.
pub(super) fn answer(
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
        BrowserCommand::Status => {
            status(ui, home, document);
            if document["state"] == "orphan" {
                let command = context.instance.command();
                ui.eprint_paragraph(&msg!("browser.orphan-ends", command = command));
            }
        }
        BrowserCommand::Profiles => profiles(ui, document),
        BrowserCommand::Tabs => tabs(ui, document),
        BrowserCommand::Snapshot { .. } => {
            ui.print(&text("snapshot"));
            if document["truncated"] == true {
                let lines = plain(&document["stats"]["lines"]);
                ui.print_note(&msg!("browser.truncated", lines = lines));
            }
        }
        BrowserCommand::Start => {
            let running = msg!("browser.running-line", value = yes(ui, &document["running"]));
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
                ui.print_detail(&msg!("browser.moved", path = path(home, &document["movedTo"])));
            }
        }
        BrowserCommand::Open { .. } | BrowserCommand::Navigate { .. } => {
            let mut fields = Fields::default();
            fields.add(ui.render(&msg!("browser.field.url")), sanitize(&text("url")));
            let title = sanitize(&text("title"));
            if !title.is_empty() {
                fields.add(ui.render(&msg!("browser.field.title")), title);
            }
            fields.add(ui.render(&msg!("browser.field.tab")), text("targetId"));
            ui.print(&headline(
                ui,
                profile.unwrap_or_default(),
                &msg!("browser.opened"),
            ));
            ui.print(&fields.render(ui.width()));
        }
        BrowserCommand::Focus { .. } => ui.print_line(&msg!("browser.focused", id = text("targetId"))),
        BrowserCommand::Close { .. } => ui.print_line(&msg!("browser.closed", id = text("targetId"))),
        BrowserCommand::Screenshot { .. } => ui.print(&text("path")),
        BrowserCommand::Doctor => {}
    }
}

/// `🦞 browser [openclaw] running: true`, the animal only where letters beyond ASCII may be written.
fn headline(ui: &Ui, name: &str, msg: &Msg) -> String {
    let mark = if ui.ascii() || ui.plain() { "" } else { "🦞 " };
    let name = if name.is_empty() {
        String::new()
    } else {
        format!(" [{name}]")
    };
    format!("{mark}browser{name} {}", ui.render(msg))
}

fn status(ui: &Ui, home: &Path, document: &Value) {
    let mut fields = Fields::default();
    let mut add = |label: Msg, value: String| {
        if !value.is_empty() {
            fields.add(ui.render(&label), value);
        }
    };
    let text = |key: &str| plain(&document[key]);
    add(msg!("browser.field.profile"), text("profile"));
    add(msg!("browser.field.enabled"), yes(ui, &document["enabled"]));
    add(msg!("browser.field.running"), yes(ui, &document["running"]));
    add(msg!("browser.field.state"), state(ui, document));
    add(msg!("browser.field.pid"), text("pid"));
    add(msg!("browser.field.port"), text("cdpPort"));
    add(msg!("browser.field.cdp-url"), text("cdpUrl"));
    add(msg!("browser.field.browser"), text("chosenBrowser"));
    add(msg!("browser.field.detected"), text("detectedBrowser"));
    add(
        msg!("browser.field.detected-path"),
        path(home, &document["detectedExecutablePath"]),
    );
    add(msg!("browser.field.detect-error"), text("detectError"));
    add(msg!("browser.field.folder"), path(home, &document["userDataDir"]));
    add(msg!("browser.field.color"), text("color"));
    add(msg!("browser.field.headless"), yes(ui, &document["headless"]));
    add(msg!("browser.field.no-sandbox"), yes(ui, &document["noSandbox"]));
    ui.print(&fields.render(ui.width()));
}

fn state(ui: &Ui, document: &Value) -> String {
    let ended = &document["ended"];
    let msg = match document["state"].as_str() {
        Some("running") => msg!("browser.state.running"),
        Some("starting") => msg!("browser.state.starting"),
        Some("crashed") if ended.is_object() => msg!(
            "browser.state.crashed",
            how = plain(&ended["message"]),
            at = plain(&ended["at"])
        ),
        Some("crashed") => msg!("browser.state.has-crashed"),
        Some("orphan") => msg!("browser.state.orphan"),
        Some("remote") => msg!("browser.state.remote"),
        _ => msg!("browser.state.stopped"),
    };
    ui.render(&msg)
}

fn profiles(ui: &Ui, document: &Value) {
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
            state(ui, row),
            port,
            plain(&row["tabCount"]),
            plain(&row["color"]),
        ]);
    }
    ui.print(&table.render(ui.width()));
}

fn tabs(ui: &Ui, document: &Value) {
    let tabs: Vec<_> = document["tabs"].as_array().into_iter().flatten().collect();
    if tabs.is_empty() {
        return ui.print_line(&msg!("browser.no-tabs"));
    }
    for (at, tab) in (1..).zip(tabs) {
        // Both are a page's own words.
        ui.print_hanging(0, 3, &format!("{at}. {}", sanitize(&plain(&tab["title"]))));
        ui.print_hanging(3, 3, &sanitize(&plain(&tab["url"])));
        ui.print_hanging(3, 3, &format!("id: {}", plain(&tab["targetId"])));
    }
}

/// A request that was refused: on stderr in the service's words, and as the one document with `--json`.
pub(super) fn refusal(ui: &Ui, status: u16, document: &Value) {
    let said = |value: &Value| {
        let text = plain(value);
        if ui.ascii() { to_ascii(&text) } else { text }
    };
    ui.eprint(&format!("[openclaw] {}", said(&document["error"])));
    if document["cause"].is_string() {
        ui.eprint(&format!("  {}", said(&document["cause"])));
    }
    let arrow = if ui.ascii() || ui.plain() { "->" } else { "→" };
    let hints: Vec<_> = document["hints"].as_array().into_iter().flatten().collect();
    for hint in &hints {
        ui.eprint(&format!("  {arrow} {}", said(hint)));
    }
    if ui.is_json() {
        let mut told = json!({
            "ok": false,
            "code": document["code"],
            "exit": 1,
            "status": status,
            "message": document["error"],
            "hints": hints,
        });
        if document["cause"].is_string() {
            told["cause"] = document["cause"].clone();
        }
        ui.print_json(&told);
    }
}

/// What the doctor found.
pub(super) fn doctor(ui: &Ui, profile: &str, checks: &[Check], gateway: bool, command: &str) {
    if ui.is_json() {
        let row = |check: &Check| {
            let hints: Vec<_> = check.hints.iter().map(|hint| ui.render(hint)).collect();
            json!({
                "id": check.id,
                "health": check.health.name(),
                "message": ui.render(&check.msg),
                "hints": hints,
            })
        };
        let rows: Vec<_> = checks.iter().map(row).collect();
        let ok = checks.iter().all(|check| check.health != Health::Bad);
        return ui
            .print_json(&json!({ "ok": ok, "profile": profile, "gatewayRunning": gateway, "checks": rows }));
    }
    for check in checks {
        found(ui, check.health, &check.msg);
        for hint in &check.hints {
            ui.print_detail(hint);
        }
    }
    if gateway {
        found(ui, Health::Good, &msg!("browser.gateway-up"));
    } else {
        found(ui, Health::Notice, &msg!("browser.doctor-down"));
        ui.print_detail(&msg!("browser.run-gateway", command = command));
    }
}

fn found(ui: &Ui, health: Health, msg: &Msg) {
    let mark = mark(ui, health);
    ui.print_hanging(0, mark.chars().count() + 1, &format!("{mark} {}", ui.render(msg)));
}

fn mark(ui: &Ui, health: Health) -> &'static str {
    match (health, ui.ascii() || ui.plain()) {
        (Health::Good, false) => "✓",
        (Health::Good, true) => "ok",
        (Health::Notice, _) => "!",
        (Health::Bad, false) => "✗",
        (Health::Bad, true) => "x",
    }
}

fn yes(ui: &Ui, value: &Value) -> String {
    ui.render(&if *value == true {
        msg!("browser.yes")
    } else {
        msg!("browser.no")
    })
}

/// A path as a user reads it; nothing for `null`.
fn path(home: &Path, value: &Value) -> String {
    value
        .as_str()
        .map_or_else(String::new, |path| abbreviate_home(home, Path::new(path)))
}

/// A value as a text without quotes; nothing for `null`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
