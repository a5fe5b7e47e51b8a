//! The log of a gateway: JSON lines in the log folder of the instance, one file a day of a bounded size, and lines for people on
//! standard output. Neither can stop the gateway: a full disk or a reader that went away costs lines, nothing
//! else.
//!
//! The gateway logs sentences of the catalogue, whose arguments are never secrets. Of libraries only warnings
//! are logged: on their finer levels some of them log whole frames.

use std::fmt::{self, Write as _};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
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
use crate::text::is_unsafe;

mod daily_file;

use daily_file::DailyFile;

/// Maximum number of log lines that wait for a slow disk or reader before further ones are dropped.
const MAX_BUFFERED_LINES: usize = 1024;

/// The open log of a gateway. Dropping it writes the lines that wait.
#[derive(Debug)]
pub(crate) struct GatewayLog {
    _guards: Vec<WorkerGuard>,
    /// The reason why the log file can't be written, if it can't.
    pub file_error: Option<Msg>,
}

/// Opens the log of an instance's gateway for the whole process. `verbose` includes debug messages.
pub(crate) fn open(instance: &Instance, config: &Value, verbose: bool) -> GatewayLog {
    let level = |key: &str| {
        let named = config.pointer(key).and_then(Value::as_str);
        let level = named.and_then(parse_level).unwrap_or(LevelFilter::INFO);
        if verbose {
            level.max(LevelFilter::DEBUG)
        } else {
            level
        }
    };
    let mut guards = Vec::new();
    let mut writer = |to: Box<dyn std::io::Write + Send>| -> NonBlocking {
        let (writer, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(MAX_BUFFERED_LINES)
            .finish(to);
        guards.push(guard);
        writer
    };
    let (file, file_error) = match open_daily_file(instance) {
        Ok(daily_file) => {
            let layer = layer()
                .json()
                .flatten_event(true)
                .with_writer(writer(Box::new(daily_file)));
            (Some(layer.with_filter(targets(level("/logging/level")))), None)
        }
        Err(error) => (None, Some(error)),
    };
    let console = layer()
        .event_format(ConsoleFormat)
        .with_writer(writer(Box::new(std::io::stdout())))
        .with_filter(targets(level("/logging/consoleLevel")));
    let subscriber = tracing_subscriber::registry().with(file).with(console);
    // Fails only where a test runs two gateways in one process.
    let _ = tracing::subscriber::set_global_default(subscriber);
    GatewayLog {
        _guards: guards,
        file_error,
    }
}

/// Opens today's log file of the gateway in the log folder.
fn open_daily_file(instance: &Instance) -> Result<DailyFile, Msg> {
    let folder = instance.logs();
    apply::make_folders(&folder).map_err(|error| error.msg)?;
    DailyFile::open(&folder)
        .map_err(|cause| msg!("gateway.log-failed", path = folder.display(), cause = cause))
}

/// Returns the filter of the gateway's log: this level for our own messages, at most warnings of libraries.
fn targets(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_PKG_NAME"), level)
}

/// Parses the name of a log level of OpenClaw.
fn parse_level(name: &str) -> Option<LevelFilter> {
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

/// Writes a message to the log of the gateway, at level `info`. Its field `code` is the same in every language.
pub(crate) fn info(lang: Lang, msg: &Msg) {
    tracing::info!(code = msg.key(), "{}", msg.render(lang));
}

/// Writes a warning to the log of the gateway.
pub(crate) fn warn(lang: Lang, msg: &Msg) {
    tracing::warn!(code = msg.key(), "{}", msg.render(lang));
}

/// Writes an error with its cause to the log of the gateway, and its hints as further lines.
pub(crate) fn error(lang: Lang, error: &Error) {
    let mut text = error.msg.render(lang);
    if let Some(cause) = &error.cause {
        let _ = write!(text, " ({cause:#})");
    }
    tracing::error!(code = error.code(), "{text}");
    for hint in &error.hints {
        info(lang, hint);
    }
}

/// The format of the gateway's log lines for people: the time, the level unless it is `info`, the message, its
/// fields.
struct ConsoleFormat;

impl<S, N> FormatEvent<S, N> for ConsoleFormat
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
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let time = crate::time::format_seconds(crate::host::now());
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR ",
            Level::WARN => "WARN ",
            Level::INFO => "",
            Level::DEBUG => "DEBUG ",
            Level::TRACE => "TRACE ",
        };
        // One line for each event, whatever a client, a path or an error contains.
        let text = format!("{}{}", fields.message, fields.others).replace(is_unsafe, " ");
        writeln!(writer, "{time} {level}{text}")
    }
}

/// The message of a log event of the gateway, and the other fields of the event as text.
#[derive(Default)]
struct EventFields {
    message: String,
    others: String,
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            // The code is for programs, which read the file.
            "code" => Ok(()),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_names_of_openclaw() {
        assert_eq!(parse_level("fatal"), Some(LevelFilter::ERROR));
        assert_eq!(parse_level("silent"), Some(LevelFilter::OFF));
        assert_eq!(parse_level("loud"), None);
    }

    #[test]
    fn libraries_log_warnings_only() {
        let filter = targets(LevelFilter::TRACE);
        assert!(filter.would_enable("openclaw::gateway", &Level::TRACE));
        assert!(!filter.would_enable("tungstenite::protocol", &Level::TRACE));
        assert!(filter.would_enable("hyper", &Level::WARN));
        assert!(!targets(LevelFilter::OFF).would_enable("hyper", &Level::ERROR));
    }
}
