//! `openclaw config`: reads and changes one instance's config.
//!
//! A change is made under the host-wide lock, on the file as it is at that moment, in one transaction, so that concurrent
//! changes do not overwrite each other. A file that can't be read is never overwritten; only `restore` replaces it, and
//! keeps the replaced file.

use std::io::Read as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use crate::config::edit::EditOperation;
use crate::config::key_path::KeyPath;
use crate::config::{assign, broken_error, document, effective, secrets};
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg, size_msg};
use crate::wizard::terminal::Terminal;

mod change;
mod restore;
mod validate;

pub(super) use change::{WrittenFile, change_config, read_config};
pub(super) use restore::restore_backup;

/// The arguments of `openclaw config`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    Get {
        #[arg(value_name = "PATH")]
        path: String,
        #[arg(long)]
        show_secret: bool,
    },
    Set {
        #[arg(value_name = "PATH")]
        path: String,
        #[arg(
            value_name = "VALUE",
            required_unless_present = "stdin",
            conflicts_with = "stdin",
            allow_hyphen_values = true
        )]
        value: Option<String>,
        #[arg(long)]
        stdin: bool,
        #[arg(long)]
        replace: bool,
        #[arg(long, value_name = "VERSION")]
        release: Option<String>,
    },
    Unset {
        #[arg(value_name = "PATH")]
        path: String,
        #[arg(long, value_name = "VERSION")]
        release: Option<String>,
    },
    File,
    Validate {
        #[arg(long, value_name = "VERSION")]
        release: Option<String>,
    },
    Restore {
        #[arg(long, conflicts_with = "to")]
        list: bool,
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
        to: Option<u8>,
    },
}

/// Maximum size of a config value from standard input, in bytes.
const MAX_STDIN_BYTES: u64 = 1024 * 1024;

/// Runs `openclaw config ...`.
pub(super) fn run(context: &Context<'_>, args: &ConfigArgs) -> Result<ExitCode> {
    match &args.command {
        ConfigCommand::Get { path, show_secret } => get(context, path, *show_secret),
        ConfigCommand::Set {
            path,
            value,
            stdin,
            replace,
            release,
        } => {
            let path = parse_path(path)?;
            let typed = match value {
                Some(value) if !stdin => value.clone(),
                _ => read_stdin_value()?,
            };
            set(context, &path, &typed, *replace, release.as_deref())
        }
        ConfigCommand::Unset { path, release } => unset(context, path, release.as_deref()),
        ConfigCommand::File => Ok(file(context)),
        ConfigCommand::Validate { release } => validate::validate(context, release.as_deref()),
        ConfigCommand::Restore { list: true, .. } => Ok(restore::list_backups(context)),
        ConfigCommand::Restore { to, .. } => restore::restore(context, to.map(usize::from)),
    }
}

/// Parses the key path of a config value, as given on the command line.
fn parse_path(typed: &str) -> Result<KeyPath> {
    KeyPath::parse(typed).map_err(|e| e.usage_error(typed))
}

/// Reads a config value from standard input. One line end at its end is removed, because a shell adds it.
pub(super) fn read_stdin_value() -> Result<String> {
    let refused =
        || Error::usage(Msg::new("config.stdin-failed").with_msg("limit", size_msg(MAX_STDIN_BYTES)));
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_STDIN_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|cause| refused().because(cause))?;
    if text.len() as u64 > MAX_STDIN_BYTES {
        return Err(refused());
    }
    let end = text.strip_suffix('\n').map_or(text.len(), str::len);
    text.truncate(end);
    text.truncate(text.strip_suffix('\r').map_or(text.len(), str::len));
    Ok(text)
}

/// Returns a value in which a whole number has one form however it is written, as OpenClaw prints it: `20789.0` is
/// `20789`.
fn with_whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let text = number.as_f64().map(|double| double.to_string());
            let whole = text.and_then(|text| text.parse::<i64>().ok());
            whole
                .filter(|_| number.is_f64())
                .map_or(Value::Number(number), Value::from)
        }
        Value::Array(elements) => elements.into_iter().map(with_whole_numbers).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, with_whole_numbers(value)))
            .collect(),
        other => other,
    }
}

/// Runs `openclaw config get`.
fn get(context: &Context<'_>, typed: &str, show_secret: bool) -> Result<ExitCode> {
    let path = parse_path(typed)?;
    let file = &context.instance.config_path;
    let read = read_config(context)?;
    let whole = effective(file, &read).map_err(|fault| broken_error(file, &fault))?;
    let value = document::find(&whole.value, &path).ok_or_else(|| {
        Error::failed(msg!("config.no-such-key", path = path))
            .hint(msg!("config.hint-file", path = file.display()))
    })?;
    let redacted = secrets::redact(&path, value);
    let shown = if show_secret && redacted != *value {
        confirm_secret(context, &path)?;
        value.clone()
    } else {
        redacted
    };
    let is_redacted = shown != *value;
    let shown = with_whole_numbers(shown);
    if context.ui.is_json() {
        context
            .ui
            .print_json(&json!({ "ok": true, "path": path.to_string(), "value": shown }));
    } else {
        context.ui.print(&match &shown {
            Value::String(text) => text.clone(),
            other => format!("{other:#}"),
        });
        if is_redacted {
            context
                .ui
                .print_note(&msg!("config.hidden-note", path = file.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks whether a secret may be shown on this terminal.
///
/// # Errors
/// Without a yes, and where one of the streams is no terminal: a file or another program would get the secret.
fn confirm_secret(context: &Context<'_>, path: &KeyPath) -> Result<()> {
    let terminal = context.host.terminal();
    if !(terminal.stdin && terminal.stdout && terminal.stderr) {
        return Err(Error::usage(msg!("config.secret-terminal")).hint(msg!(
            "config.hint-file",
            path = context.instance.config_path.display()
        )));
    }
    let question = msg!("config.secret-ask", path = path);
    if Terminal::new(context.ui).confirm(&question, Some(false))? {
        Ok(())
    } else {
        Err(Error::failed(msg!("config.secret-left", path = path)))
    }
}

/// Runs `openclaw config set`.
fn set(
    context: &Context<'_>,
    path: &KeyPath,
    typed: &str,
    replace: bool,
    release: Option<&str>,
) -> Result<ExitCode> {
    let value = assign::parse_typed_value(path, typed)?;
    let operation = if replace {
        EditOperation::Replace(value)
    } else {
        EditOperation::Merge(value)
    };
    let written = change_config(context, release, path, &operation)?;
    print_change(context, path, written.as_ref(), "config.was-set");
    Ok(ExitCode::SUCCESS)
}

/// Runs `openclaw config unset`.
fn unset(context: &Context<'_>, typed: &str, release: Option<&str>) -> Result<ExitCode> {
    let path = parse_path(typed)?;
    let written = change_config(context, release, &path, &EditOperation::Remove)?;
    // Both releases of OpenClaw fail here too: a mistyped key must not pass for a removed one.
    let written = written.ok_or_else(|| Error::failed(msg!("config.not-there", path = path)))?;
    print_change(context, &path, Some(&written), "config.was-unset");
    Ok(ExitCode::SUCCESS)
}

/// Prints the result of `config set` and `config unset`, with the path of the backup. `written` is `None` where the
/// value was there already.
fn print_change(context: &Context<'_>, path: &KeyPath, written: Option<&WrittenFile>, done: &'static str) {
    let config = &context.instance.config_path;
    let backup = written.map(|written| &written.backup);
    if context.ui.is_json() {
        context.ui.print_json(&json!({
            "ok": true,
            "path": path.to_string(),
            "changed": written.is_some(),
            "config": config,
            "file": written.map_or(config, |written| &written.file),
            "backup": backup,
            "notInstalled": written.map_or_else(Vec::new, |written| {
                validate::findings_json(&context.ui, &written.not_installed)
            }),
        }));
        return;
    }
    let Some(written) = written else {
        context.ui.print_line(&msg!("config.same", path = path));
        return;
    };
    context.ui.print_line(&Msg::new(done).with("path", path));
    if written.file != *config {
        context
            .ui
            .print_note(&msg!("config.in-include", file = written.file.display()));
    }
    context
        .ui
        .print_note(&msg!("config.kept-before", path = written.backup.display()));
    for finding in &written.not_installed {
        let note = Msg::new("config.not-installed-note").with("path", &finding.path);
        context.ui.print_note(&note.with_msg("why", finding.why.clone()));
    }
}

/// Runs `openclaw config file`.
fn file(context: &Context<'_>) -> ExitCode {
    let path = &context.instance.config_path;
    if context.ui.is_json() {
        context
            .ui
            .print_json(&json!({ "ok": true, "config": path, "exists": path.exists() }));
    } else {
        context.ui.print(&path.display().to_string());
    }
    ExitCode::SUCCESS
}
