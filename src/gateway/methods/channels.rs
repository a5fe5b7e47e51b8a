//! The methods about messaging channels: how their accounts are, and a message to an owner.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Map, Value, json};

use super::call::MethodCall;
use super::method::Method;
use crate::bot::deliveries::DeliveryError;
use crate::bot::report;
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::gateway::state::GatewayState;
use crate::probe::channels::AccountReport;
use crate::record::Engine;
use crate::sync::spawn_blocking;

/// The methods about messaging channels.
pub(super) const METHODS: &[Method] = &[
    Method::future("channels.status", OperatorScope::Read, |call| {
        channels_status(call).boxed()
    })
    .with_unchecked_params(),
    Method::future("send", OperatorScope::Write, |call| send(call).boxed()).with_unchecked_params(),
];

/// Time that the servers of a channel have to answer a probe, where the client names none.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that a client can name for a probe.
const MAX_PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns every account that the active config of the gateway describes, with its state. Waits for files.
pub(crate) fn read_account_reports(state: &GatewayState) -> Vec<AccountReport> {
    let active = state.active();
    match state.bot.get() {
        Some(bot) => bot.report(&active.config),
        None => report::describe(state.context.borrowed(), &active.config, Engine::Native),
    }
}

/// Returns every account that the active config of the gateway describes, with its state.
pub(super) async fn account_reports(state: &Arc<GatewayState>) -> Vec<AccountReport> {
    let state = state.clone();
    let reports = spawn_blocking(move || read_account_reports(&state));
    reports.await.unwrap_or_default()
}

/// Returns the accounts by channel, in the order of the reports.
fn by_channel(reports: &[AccountReport]) -> Vec<(&str, Vec<&AccountReport>)> {
    let mut channels: Vec<(&str, Vec<&AccountReport>)> = Vec::new();
    for report in reports {
        match channels.iter_mut().find(|(name, _)| *name == report.channel) {
            Some((_, accounts)) => accounts.push(report),
            None => channels.push((&report.channel, vec![report])),
        }
    }
    channels
}

/// Returns the lines about the channels as OpenClaw has them in its answer to `status`: one for each channel, and one below it
/// for each account that has its secrets.
pub(super) fn summary(reports: &[AccountReport]) -> Vec<String> {
    let mut lines = Vec::new();
    for (_, accounts) in by_channel(reports) {
        let is_any = |holds: fn(&AccountReport) -> bool| accounts.iter().any(|account| holds(account));
        let state = if !is_any(|account| account.enabled) {
            "disabled"
        } else if is_any(|account| account.configured) {
            "configured"
        } else {
            "not configured"
        };
        lines.push(format!("{}: {state}", accounts[0].label));
        let configured = accounts.iter().filter(|account| account.configured);
        lines.extend(configured.map(|account| account_line(account)));
    }
    lines
}

/// Returns the line about an account below that of its channel.
fn account_line(account: &AccountReport) -> String {
    let policy = account.dm_policy.as_ref().map(|policy| format!("dm:{policy}"));
    let token = account.token_source.as_ref().filter(|source| *source != "none");
    let details = [
        (!account.enabled).then(|| "disabled".to_owned()),
        policy,
        token.map(|source| format!("token:{source}")),
    ];
    let details: Vec<_> = details.into_iter().flatten().collect();
    let details = if details.is_empty() {
        String::new()
    } else {
        format!(" ({})", details.join(", "))
    };
    format!("  - {}{details}", account.account_id)
}

/// Answers the gateway's method `channels.status`. With `probe` the servers of each channel are asked too.
async fn channels_status(call: MethodCall) -> MethodResult {
    let mut reports = account_reports(&call.state).await;
    if let Some(channel) = call.text("channel") {
        reports.retain(|report| report.channel == channel);
    }
    if call.params.get("probe") == Some(&Value::Bool(true)) {
        let typed = call.params.get("timeoutMs").and_then(Value::as_u64);
        let limit = typed.map_or(PROBE_TIMEOUT, Duration::from_millis);
        probe(&call.state, &mut reports, limit.min(MAX_PROBE_TIMEOUT)).await;
    }
    let mut answer = status_document(&reports);
    answer["ts"] = call.now_ms().into();
    if call.client.protocol == Protocol::Four {
        answer["statusIssues"] = json!([]);
    }
    Ok(answer)
}

/// Asks the servers of all running accounts at once who the bot is.
async fn probe(state: &GatewayState, reports: &mut [AccountReport], limit: Duration) {
    let running = state.bot.get().map(|bot| bot.accounts()).unwrap_or_default();
    let asked = reports.iter_mut().filter_map(|report| {
        let account = running.iter().find(|account| report::is_about(account, report))?;
        Some(async move { report.probe = account.probe(limit, state.lang).await })
    });
    futures_util::future::join_all(asked).await;
}

/// Returns the answer to `channels.status`, without its time.
fn status_document(reports: &[AccountReport]) -> Value {
    let channels = by_channel(reports);
    let each = |value: &dyn Fn(&str, &[&AccountReport]) -> Value| -> Value {
        let pairs = channels
            .iter()
            .map(|(name, accounts)| ((*name).to_owned(), value(name, accounts)));
        pairs.collect::<Map<_, _>>().into()
    };
    let meta = |(name, accounts): &(&str, Vec<&AccountReport>)| {
        json!({
            "id": name,
            "label": accounts[0].label,
            "detailLabel": detail_label(accounts[0]),
            "systemImage": system_image(name),
        })
    };
    json!({
        "ts": null,
        "channelOrder": channels.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "channelLabels": each(&|_, accounts| accounts[0].label.as_str().into()),
        "channelDetailLabels": each(&|_, accounts| detail_label(accounts[0]).into()),
        "channelSystemImages": each(&|name, _| system_image(name).into()),
        "channelMeta": channels.iter().map(meta).collect::<Vec<_>>(),
        "channels": each(&|_, accounts| json!(accounts[0])),
        "channelAccounts": each(&|_, accounts| json!(accounts)),
        "channelDefaultAccountId": each(&|_, accounts| accounts[0].account_id.as_str().into()),
    })
}

/// Returns the name of a channel's accounts, as OpenClaw's pages have it.
fn detail_label(report: &AccountReport) -> String {
    format!("{} Bot", report.label)
}

/// Returns the picture that OpenClaw's app has for a channel.
fn system_image(channel: &str) -> &'static str {
    match channel {
        "telegram" => "paperplane",
        "discord" => "bubble.left.and.bubble.right",
        "slack" => "number",
        _ => "message",
    }
}

/// Returns the part of the gateway's answer to `health` about its channels: `channels`, `channelOrder` and
/// `channelLabels`.
pub(super) fn add_to_health(reports: &[AccountReport], health: &mut Value) {
    let status = status_document(reports);
    let mut channels = status["channels"].clone();
    for (name, accounts) in by_channel(reports) {
        let accounts = accounts.into_iter();
        let by_id: Map<_, _> = accounts
            .map(|account| (account.account_id.clone(), json!(account)))
            .collect();
        channels[name]["accounts"] = by_id.into();
    }
    health["channels"] = channels;
    health["channelOrder"] = status["channelOrder"].clone();
    health["channelLabels"] = status["channelLabels"].clone();
}

/// Answers the gateway's method `send`: a message to an owner of a bot. This engine's bot writes to nobody else.
async fn send(call: MethodCall) -> MethodResult {
    let required = |name: &str| {
        let value = call.text(name).map(str::trim).filter(|value| !value.is_empty());
        let missing = || format!("invalid send params: must have required property '{name}'");
        value
            .map(str::to_owned)
            .ok_or_else(|| ErrorResponse::invalid_request(missing()))
    };
    let (to, message, key) = (required("to")?, required("message")?, required("idempotencyKey")?);
    let channel = required("channel")?;
    let Some(bot) = call.state.bot.get().cloned() else {
        return Err(ErrorResponse::unavailable("the bot has not started yet"));
    };
    let account = bot
        .find_account(&channel, call.text("accountId"))
        .ok_or_else(|| ErrorResponse::unavailable(format!("no account of this channel runs: {channel}")))?;
    let sent = bot.send_to_owner(&account, &to, message, key.clone()).await;
    let id = sent.map_err(|error| match error {
        DeliveryError::NotAnOwner => ErrorResponse::invalid_request(error.to_string()),
        DeliveryError::Channel(_) => ErrorResponse::unavailable(error.to_string()),
    })?;
    let mut answer = json!({"runId": key, "messageId": id, "channel": channel});
    if call.client.protocol == Protocol::Three {
        answer["chatId"] = to.into();
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_has_a_line_for_each_channel_and_each_account_with_its_secrets() {
        let report = |channel: &str, account: &str, enabled, token: &str| AccountReport {
            channel: channel.to_owned(),
            label: channel.to_owned(),
            account_id: account.to_owned(),
            enabled,
            configured: token != "none",
            token_source: Some(token.to_owned()),
            dm_policy: Some("pairing".to_owned()),
            ..AccountReport::default()
        };
        let reports = [
            report("Telegram", "default", true, "env"),
            report("Telegram", "b", false, "config"),
            report("Telegram", "c", true, "none"),
            report("Slack", "default", false, "config"),
        ];
        assert_eq!(
            summary(&reports),
            [
                "Telegram: configured",
                "  - default (dm:pairing, token:env)",
                "  - b (disabled, dm:pairing, token:config)",
                "Slack: disabled",
                "  - default (disabled, dm:pairing, token:config)",
            ]
        );
    }

    #[test]
    fn accounts_of_one_channel_stand_together_and_the_first_one_stands_for_it() {
        let report = |channel: &str, account: &str| AccountReport {
            channel: channel.to_owned(),
            label: channel.to_uppercase(),
            account_id: account.to_owned(),
            enabled: true,
            ..AccountReport::default()
        };
        let reports = [
            report("telegram", "default"),
            report("signal", "x"),
            report("telegram", "b"),
        ];
        let status = status_document(&reports);
        assert_eq!(status["channelOrder"], json!(["telegram", "signal"]));
        assert_eq!(status["channelAccounts"]["telegram"][1]["accountId"], "b");
        assert_eq!(status["channels"]["telegram"]["accountId"], "default");
        assert_eq!(status["channelDefaultAccountId"]["signal"], "x");
        assert_eq!(status["channelMeta"][0]["systemImage"], "paperplane");
        assert_eq!(
            summary(&reports),
            [
                "TELEGRAM: not configured".to_owned(),
                "SIGNAL: not configured".to_owned()
            ]
        );
        let mut health = json!({});
        add_to_health(&reports, &mut health);
        assert_eq!(health["channels"]["telegram"]["accounts"]["b"]["accountId"], "b");
        assert_eq!(crate::probe::channels::accounts_of_health(&health).len(), 3);
    }
}
