//! The tools about gateways: the bot's commands, which look, and one tool that proposes a change.

use futures_util::FutureExt as _;

use super::arguments::Arguments;
use super::tool::{NO_PARAMETERS, Tool, ToolContext, ToolResult};
use crate::bot::chat::{Action, Command, Order, Scope};
use crate::config::key_path::KeyPath;

/// The tools about gateways.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "status",
        description: "Shows whether a gateway runs and is healthy; without an instance, the state of all on this host.",
        parameters: OF_INSTANCE,
        call: |context, arguments| {
            async move {
                let scope = arguments
                    .instance()?
                    .map_or(Scope::All, |name| Scope::One(Some(name)));
                look(context, Command::Status(scope)).await
            }
            .boxed()
        },
    },
    Tool {
        name: "diagnose",
        description: "Finds out why a gateway is not healthy: causes, changed settings, the last complaints of its log, and \
                      the steps of a repair. Without an instance, the one that this bot is there for.",
        parameters: OF_INSTANCE,
        call: |context, arguments| {
            async move { look(context, Command::Diagnose(arguments.instance()?)).await }.boxed()
        },
    },
    Tool {
        name: "logs",
        description: "Shows the last lines of a gateway's log, at most 50.",
        parameters: r#"{"type":"object","properties":{
            "instance":{"type":"string","description":"The profile; \"default\" is the main one."},
            "lines":{"type":"integer","minimum":1,"maximum":50}}}"#,
        call: |context, arguments| {
            async move {
                let lines = arguments
                    .number("lines")
                    .unwrap_or(DEFAULT_LINES)
                    .clamp(1, MAX_LINES);
                let lines = usize::try_from(lines).unwrap_or_default();
                look(context, Command::Logs(arguments.instance()?, lines)).await
            }
            .boxed()
        },
    },
    Tool {
        name: "doctor",
        description: "Shows what the doctor finds about an instance: isolation, files, ports, services.",
        parameters: OF_INSTANCE,
        call: |context, arguments| {
            async move { look(context, Command::Doctor(arguments.instance()?)).await }.boxed()
        },
    },
    Tool {
        name: "ports",
        description: "Shows the ports of all instances on this host and who listens on them.",
        parameters: NO_PARAMETERS,
        call: |context, _| look(context, Command::Ports).boxed(),
    },
    Tool {
        name: "history",
        description: "Shows what was repaired or changed lately, and by whom.",
        parameters: NO_PARAMETERS,
        call: |context, _| look(context, Command::History).boxed(),
    },
    Tool {
        name: "config_get",
        description: "Shows a value of an instance's openclaw.json. Secrets are hidden.",
        parameters: r#"{"type":"object","required":["key"],"properties":{
            "key":{"type":"string","description":"The path, such as gateway.port"},
            "instance":{"type":"string","description":"The profile; \"default\" is the main one."}}}"#,
        call: |context, arguments| {
            async move {
                let key = key_path(&arguments)?;
                look(context, Command::ConfigGet(arguments.instance()?, key)).await
            }
            .boxed()
        },
    },
    Tool {
        name: "propose_change",
        description: "Shows the owner the plan of a change with a button to agree. Nothing is done until the owner agrees, \
                      which you do not hear of at once. Propose it whenever the owner asks for a change or a repair.",
        parameters: r#"{"type":"object","required":["change"],"properties":{
            "change":{"type":"string","enum":["repair","restart","start","stop","rollback","snapshot","config_set"],
                "description":"rollback puts back the config before the last change; config_set needs key and value."},
            "instance":{"type":"string","description":"The profile; \"default\" is the main one."},
            "key":{"type":"string","description":"For config_set: the path of the value."},
            "value":{"type":"string","description":"For config_set: the new value, as JSON or as text."}}}"#,
        call: |context, arguments| propose(context, arguments).boxed(),
    },
];

/// The JSON schema of arguments that name at most an instance.
const OF_INSTANCE: &str = r#"{"type":"object","properties":{
    "instance":{"type":"string","description":"The profile; \"default\" is the main one."}}}"#;
/// Number of lines of a log where the model asks for no number.
const DEFAULT_LINES: u64 = 20;
/// Maximum number of lines of a log.
const MAX_LINES: u64 = 50;

/// Answers a question by a command of the bot.
async fn look(context: ToolContext<'_>, command: Command) -> ToolResult {
    Ok(context.desk.look(context.turn, command).await)
}

/// Proposes a change to the owner.
async fn propose(context: ToolContext<'_>, arguments: Arguments) -> ToolResult {
    let action = match arguments.needed("change")?.as_str() {
        "repair" => Action::Repair,
        "restart" => Action::Restart,
        "start" => Action::Start,
        "stop" => Action::Stop,
        "rollback" => Action::Rollback,
        "snapshot" => Action::Snapshot,
        "config_set" => Action::ConfigSet(key_path(&arguments)?, arguments.needed("value")?),
        other => return Err(format!("there is no change of the name {other:?}")),
    };
    let order = Order {
        target: arguments.instance()?,
        action,
    };
    let shown = context.desk.propose(context.turn, order, context.other).await;
    Ok(format!(
        "This was shown to the owner; what needs a yes is not done yet:\n{shown}"
    ))
}

/// Returns the path of a config value that the argument `key` names.
fn key_path(arguments: &Arguments) -> Result<KeyPath, String> {
    let key = arguments.needed("key")?;
    KeyPath::parse(&key).map_err(|_| format!("{key:?} is no path of a config value"))
}
