//! `openclaw logs`: what this instance's gateway wrote down.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Context;
use crate::error::{Error, Result};
use crate::logs::{self, Follower, Line, Source};
use crate::msg;
use crate::record::{Engine, Record};
use crate::situation::shown;

/// `openclaw logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    #[arg(short, long)]
    pub follow: bool,
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub lines: usize,
    #[arg(long)]
    pub json: bool,
}

/// How often a followed log is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// Carries the verb out. With `--json` each line is a document, as it stands in the file.
pub(super) fn run(context: &Context<'_>, args: &LogsArgs) -> Result<ExitCode> {
    let source = source(context, args.follow)?;
    // From before the lines that are shown, so that none is lost in between.
    let mut follower = Follower::new(source.clone());
    for line in source.last(args.lines) {
        if !show(context, &line) {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if args.follow {
        // Until the user interrupts, or nobody reads any more.
        while follower.added().iter().all(|line| show(context, line)) {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The instance's own log folder; where it is empty and OpenClaw from npm is its engine, the file of that.
fn source(context: &Context<'_>, follow: bool) -> Result<Source> {
    let folder = context.instance.logs();
    if !logs::files(&folder).is_empty() {
        return Ok(Source::Folder(folder));
    }
    let runs_node =
        Record::read(&context.instance.record_path()).is_ok_and(|record| record.engine == Engine::Node);
    if let Some(file) = logs::of_openclaw(&context.instance.profile).filter(|_| runs_node) {
        let path = shown(&context.env.home, &file);
        context.ui.note(&msg!("logs.of-openclaw", path = path));
        return Ok(Source::File(file));
    }
    let path = shown(&context.env.home, &folder);
    if follow {
        context.ui.note(&msg!("logs.waiting", path = path));
        return Ok(Source::Folder(folder));
    }
    Err(
        Error::no(msg!("logs.none", profile = context.instance.profile, path = path))
            .hint(msg!("logs.hint-start", command = context.instance.command())),
    )
}

/// Shows a line; tells whether anybody still reads.
fn show(context: &Context<'_>, line: &Line) -> bool {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.stream(&line.raw);
    }
    let level = console::style(format!("{:<5}", line.level)).force_styling(ui.colour());
    let level = match line.level.as_str() {
        "ERROR" | "FATAL" => level.red(),
        "WARN" => level.yellow(),
        _ => level.dim(),
    };
    ui.stream(format!("{} {level} {}", line.time, line.message).trim())
}
