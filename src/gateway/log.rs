//! The log of one gateway: JSON lines in its own folder, a file a day, and lines for people on standard
//! output. Neither can stop the gateway: a full disk or a reader that went away costs lines, nothing else.
//!
//! What is logged are sentences of the catalogue, in whose places no secret ever stands. Of libraries only
//! warnings are taken: on their finer levels some of them write down whole frames.

use std::fmt::{self, Write as _};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::apply;
use crate::error::Error;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::Instance;

/// A log file's name: `openclaw.2026-11-22.log`. (`launchd.log` beside it is a service manager's.)
pub const FILE_START: &str = "openclaw";
/// The end of a log file's name.
pub const FILE_END: &str = "log";
/// As many days are kept.
const KEPT: usize = 14;
/// As many lines wait for a slow disk or reader before further ones are dropped.
const WAITING: usize = 1024;

/// The log while it is written; what waits is written when this is dropped.
#[derive(Debug)]
pub struct Log {
    _guards: Vec<WorkerGuard>,
    /// Why nothing is written to a file.
    pub fault: Option<Msg>,
}

/// Begins the log of this instance, for the whole process.
pub fn begin(instance: &Instance, config: &Value, verbose: bool) -> Log {
    let level = |key: &str| {
        let named = config.pointer(key).and_then(Value::as_str);
        let level = named.and_then(level_of).unwrap_or(LevelFilter::INFO);
        if verbose {
            level.max(LevelFilter::DEBUG)
        } else {
            level
        }
    };
    let mut guards = Vec::new();
    let mut writer = |to: Box<dyn std::io::Write + Send>| -> NonBlocking {
        let (writer, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(WAITING)
            .finish(to);
        guards.push(guard);
        writer
    };
    let (file, fault) = match rolling(instance) {
        Ok(rolling) => {
            let layer = layer()
                .json()
                .flatten_event(true)
                .with_writer(writer(Box::new(rolling)));
            (Some(layer.with_filter(only(level("/logging/level")))), None)
        }
        Err(fault) => (None, Some(fault)),
    };
    let people = layer()
        .event_format(Line)
        .with_writer(writer(Box::new(std::io::stdout())))
        .with_filter(only(level("/logging/consoleLevel")));
    let subscriber = tracing_subscriber::registry().with(file).with(people);
    // Set once in this process, unless a test runs two gateways in one.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Log {
        _guards: guards,
        fault,
    }
}

fn rolling(instance: &Instance) -> Result<RollingFileAppender, Msg> {
    let folder = instance.logs();
    apply::make_folders(&folder).map_err(|error| error.msg)?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(FILE_START)
        .filename_suffix(FILE_END)
        .max_log_files(KEPT)
        .build(&folder)
        .map_err(|cause| {
            let cause =
                std::error::Error::source(&cause).map_or_else(|| cause.to_string(), ToString::to_string);
            msg!("gateway.log-failed", path = folder.display(), cause = cause)
        })
}

fn only(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_PKG_NAME"), level)
}

/// The names of OpenClaw's levels.
fn level_of(name: &str) -> Option<LevelFilter> {
    Some(match name {
        "silent" => LevelFilter::OFF,
        "fatal" | "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return None,
    })
}

/// Logs what is worth knowing. `code` stays the same in every language.
pub fn info(lang: Lang, msg: &Msg) {
    tracing::info!(code = msg.key(), "{}", msg.render(lang));
}

/// Logs what somebody should see to.
pub fn warn(lang: Lang, msg: &Msg) {
    tracing::warn!(code = msg.key(), "{}", msg.render(lang));
}

/// Logs a failure: what happened, what the system said, the ways out.
pub fn error(lang: Lang, error: &Error) {
    let mut text = error.msg.render(lang);
    if let Some(cause) = &error.cause {
        let _ = write!(text, " ({cause:#})");
    }
    tracing::error!(code = error.code(), "{text}");
    for hint in &error.hints {
        info(lang, hint);
    }
}

/// A line for people: the time, how bad it is where it is, the sentence.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut words = Words::default();
        event.record(&mut words);
        let time = humantime::format_rfc3339_seconds(crate::host::now());
        let mark = match *event.metadata().level() {
            Level::ERROR => "ERROR ",
            Level::WARN => "WARN ",
            Level::INFO => "",
            Level::DEBUG => "DEBUG ",
            Level::TRACE => "TRACE ",
        };
        writeln!(writer, "{time} {mark}{}{}", words.message, words.others)
    }
}

#[derive(Default)]
struct Words {
    message: String,
    others: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            // For programs, which read the file.
            "code" => Ok(()),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_openclaw() {
        assert_eq!(level_of("fatal"), Some(LevelFilter::ERROR));
        assert_eq!(level_of("silent"), Some(LevelFilter::OFF));
        assert_eq!(level_of("loud"), None);
    }

    #[test]
    fn of_libraries_only_warnings_are_taken() {
        let targets = only(LevelFilter::TRACE);
        assert!(targets.would_enable("openclaw::gateway", &Level::TRACE));
        assert!(!targets.would_enable("tungstenite::protocol", &Level::TRACE));
        assert!(targets.would_enable("hyper", &Level::WARN));
        assert!(!only(LevelFilter::OFF).would_enable("hyper", &Level::ERROR));
    }
}
