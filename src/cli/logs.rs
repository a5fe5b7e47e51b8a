//! `openclaw logs`: prints the log of this instance's gateway.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use super::Context;
use super::duration::parse_time_limit;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::logs::{self, LogFollower, LogLine, LogSource};
use crate::record::{Engine, Record};
use crate::text::escape_unsafe;

/// The arguments of `openclaw logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub(crate) lines: usize,
    #[arg(long)]
    pub(crate) json: bool,
    #[arg(long, value_name = "MS", value_parser = parse_time_limit)]
    pub(crate) timeout: Option<Duration>,
}

/// Interval at which the log is read again while `logs --follow` runs.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Runs `openclaw logs`. With `--json` each line is a document with the values that it has in the file.
pub(super) fn run(context: &Context<'_>, args: &LogsArgs) -> Result<ExitCode> {
    let end = args.timeout.map(|limit| Instant::now() + limit);
    let source = find_source(context, args.follow)?;
    // The follower goes on where the last lines end, so that none is lost or printed twice.
    let (mut follower, last_lines) = if args.follow {
        let (follower, last_lines) = LogFollower::new(source, args.lines);
        (Some(follower), last_lines)
    } else {
        (None, source.last_lines(args.lines))
    };
    if !last_lines.iter().all(|line| print_log_line(context, line)) {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(follower) = &mut follower {
        // Until the user interrupts, the reader of the output is gone, or the time is over.
        while follower
            .new_lines()
            .iter()
            .all(|line| print_log_line(context, line))
        {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            std::thread::sleep(left.map_or(POLL_INTERVAL, |left| left.min(POLL_INTERVAL)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the source of a gateway's log lines. With `follow` it may still be empty.
fn find_source(context: &Context<'_>, follow: bool) -> Result<LogSource> {
    let folder = context.instance.logs();
    let engine = Record::read(&context.instance.record_path()).map_or(Engine::Native, |record| record.engine);
    if let Some(source) = logs::find_source(folder.clone(), &context.instance.profile, engine) {
        if let LogSource::File(file) = &source {
            let path = abbreviate_home(&context.env.home, file);
            context.ui.print_note(&msg!("logs.of-openclaw", path = path));
        }
        return Ok(source);
    }
    let path = abbreviate_home(&context.env.home, &folder);
    if follow {
        context.ui.print_note(&msg!("logs.waiting", path = path));
        return Ok(LogSource::Folder(folder));
    }
    Err(
        Error::failed(msg!("logs.none", profile = context.instance.profile, path = path))
            .hint(msg!("logs.hint-start", command = context.instance.command())),
    )
}

/// Prints a line of a gateway's log. Returns `false` when the reader of the output is gone.
fn print_log_line(context: &Context<'_>, line: &LogLine) -> bool {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.try_print(&escape_unsafe(&line.raw));
    }
    let level = console::style(format!("{:<5}", line.level)).force_styling(ui.colour());
    let level = match line.level.as_str() {
        "ERROR" | "FATAL" => level.red(),
        "WARN" => level.yellow(),
        _ => level.dim(),
    };
    ui.try_print(format!("{} {level} {}", line.time, line.message).trim())
}
