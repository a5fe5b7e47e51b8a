//! `config.set`, `config.apply` and `config.patch`: a client replaces the config, or merges an object into it.
//!
//! The text of a client is read as a value; the file is changed from its own value to that one by the smallest edit, so
//! that comments stay. A secret is shown to clients as a placeholder, which stands for what is there. The change is
//! judged as `openclaw config set` does, under the same lock (docs/openclaw.md#config-methods).

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::call::MethodCall;
use super::config::{broken_issues, issue, salted_hash};
use super::method::Method;
use crate::apply::{self, HostLock};
use crate::config::document::ConfigDocument;
use crate::config::effective::EffectiveConfig;
use crate::config::judge::ConfigJudge;
use crate::config::key_path::KeyPath;
use crate::config::{self, LoadedConfig, dialect, effective_or_own, secrets};
use crate::error::Error;
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, optional_since_4, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::gateway::state::GatewayState;
use crate::plan::{self, Plan};
use crate::registry;
use crate::secret::REDACTED;
use crate::survey::ports::PortSettings;
use crate::survey::{self, Survey};
use crate::sync::spawn_blocking;

mod redaction;

use redaction::restore_secrets;

/// The methods that change the config.
pub(super) const METHODS: &[Method] = &[
    Method::future("config.set", OperatorScope::Admin, |call| {
        edit(call, EditKind::Replace).boxed()
    })
    .with_params(EDIT_PARAMS),
    Method::future("config.apply", OperatorScope::Admin, |call| {
        edit(call, EditKind::Replace).boxed()
    })
    .with_params(EDIT_PARAMS),
    Method::future("config.patch", OperatorScope::Admin, |call| {
        edit(call, EditKind::Patch).boxed()
    })
    .with_params(EDIT_PARAMS),
];

/// The parameters of the gateway's methods `config.set`, `config.apply` and `config.patch`.
const EDIT_PARAMS: &[FrameField] = &[
    required("raw", TEXT),
    optional("baseHash", TEXT),
    optional("sessionKey", TEXT),
    optional("note", FrameShape::Text(0)),
    optional("restartDelayMs", FrameShape::Whole(0)),
    optional_since_4("deliveryContext", FrameShape::Any),
    optional_since_4("replacePaths", FrameShape::Any),
];

/// The way in which a client changes the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EditKind {
    /// The whole config is replaced.
    Replace,
    /// An object is merged into the config; `null` removes a key.
    Patch,
}

/// Answers the gateway's methods `config.set`, `config.apply` and `config.patch`. The gateway reloads the changed file
/// by itself.
async fn edit(call: MethodCall, kind: EditKind) -> MethodResult {
    let edited = spawn_blocking(move || edit_file(&call, kind));
    edited
        .await
        .unwrap_or_else(|_| Err(ErrorResponse::unavailable("config cannot be written")))
}

/// Changes the config file under the host-wide lock, off the async thread.
fn edit_file(call: &MethodCall, kind: EditKind) -> MethodResult {
    let state = &call.state;
    let context = state.context.borrowed();
    let refuse = |error: Error| ErrorResponse::invalid_request(error_text(state, &error));
    let state_home = registry::state_home(context.host, context.env);
    let lock = HostLock::acquire(&state_home, HostLock::WAIT_TIMEOUT).map_err(refuse)?;
    apply::recover(&lock).map_err(refuse)?;
    let path = &context.instance.config_path;
    let (before, exists) = match config::load(path) {
        LoadedConfig::Ok(document) => (document, true),
        LoadedConfig::Missing => (ConfigDocument::empty(), false),
        LoadedConfig::Broken(fault) => {
            let error = ErrorResponse::invalid_request("config cannot be read; run openclaw doctor");
            return Err(error.with_details(json!({"issues": broken_issues(state, path, &fault)})));
        }
    };
    if exists {
        check_base_hash(call, kind, &before)?;
    }
    let wanted = wanted_value(call, kind, &before)?;
    let mut after = before.clone();
    let changed = after
        .set(&KeyPath::root(), wanted)
        .map_err(|e| refuse(e.into()))?;
    let changed_keys = changed_keys(&before, &after);
    if !changed {
        return Ok(answer(call, kind, &after, &[]));
    }
    refuse_lost_includes(before.value(), after.value())?;
    let survey = survey::survey_host(context.host, context.env);
    refuse_newer(&survey, before.value(), after.value())?;
    let (old, new) = (effective_or_own(path, &before), effective_or_own(path, &after));
    refuse_new_findings(call, &old, &new)?;
    let ports = |config| PortSettings::read(&context.instance.state_dir, config);
    survey::ports::refuse_taken_ports(&survey, context.instance, &ports(&old.value), &ports(&new.value))
        .map_err(refuse)?;
    let bytes = exists.then(|| before.text().as_bytes().to_vec());
    let plan = Plan {
        instance: None,
        changes: vec![plan::config_write(path, &after, bytes)],
        notices: Vec::new(),
    };
    apply::apply(&lock, &plan, &survey.paths_of_others(path), &mut |_| {}).map_err(refuse)?;
    tracing::info!(conn = %call.client.conn_id, keys = changed_keys.join(", "), "config changed by a client");
    Ok(answer(call, kind, &after, &changed_keys))
}

/// Renders an error of this program and its ways out as one text.
fn error_text(state: &GatewayState, error: &Error) -> String {
    let msgs = std::iter::once(&error.msg).chain(&error.hints);
    let texts: Vec<_> = msgs.map(|msg| msg.render(state.lang)).collect();
    texts.join(" ")
}

/// Refuses a change by a client that has not seen the present config.
fn check_base_hash(call: &MethodCall, kind: EditKind, before: &ConfigDocument) -> Result<(), ErrorResponse> {
    let present = salted_hash(&call.state, before.text().as_bytes());
    match call.text("baseHash") {
        Some(seen) if seen == present => Ok(()),
        Some(_) => Err(ErrorResponse::invalid_request(
            "config changed since last load; re-run config.get and retry",
        )),
        None if kind == EditKind::Patch && call.client.protocol == Protocol::Four => Ok(()),
        None => Err(ErrorResponse::invalid_request(
            "config base hash required; re-run config.get and retry",
        )),
    }
}

/// Returns the value that the config is to have by the text of a client, with its secrets put back.
fn wanted_value(call: &MethodCall, kind: EditKind, before: &ConfigDocument) -> Result<Value, ErrorResponse> {
    let raw = call.text("raw").unwrap_or_default();
    let typed = config::parse_value(raw).map_err(|fault| {
        let why = fault.why.render(call.state.lang);
        ErrorResponse::invalid_request(format!("SyntaxError: {why}"))
    })?;
    if !typed.is_object() {
        return Err(match kind {
            EditKind::Patch => ErrorResponse::invalid_request("config.patch raw must be an object"),
            EditKind::Replace => {
                let message = "Invalid input: expected object";
                invalid_config(call, &[json!({"path": "", "message": message})])
            }
        });
    }
    let wanted = match kind {
        EditKind::Replace => typed,
        EditKind::Patch => {
            let shown = secrets::redact(&KeyPath::root(), before.value());
            let mut wanted = shown;
            merge_patch(&mut wanted, typed);
            wanted
        }
    };
    restore_secrets(wanted, before.value()).map_err(|path| {
        ErrorResponse::invalid_request(format!(
            "Sentinel value \"{REDACTED}\" in key {path} is not valid as real data"
        ))
    })
}

/// Merges a patch into a value: objects key by key, `null` removes a key, anything else is replaced.
fn merge_patch(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.shift_remove(&key);
                } else {
                    let empty = if value.is_object() { json!({}) } else { Value::Null };
                    merge_patch(target.entry(key).or_insert(empty), value);
                }
            }
        }
        (
            target @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)),
            Value::Object(patch),
        ) => {
            *target = json!({});
            merge_patch(target, Value::Object(patch));
        }
        (target, patch) => *target = patch,
    }
}

/// Refuses a change after which a config would no longer include a file: pages show the included values as if they
/// stood in the config, and would write them there.
fn refuse_lost_includes(before: &Value, after: &Value) -> Result<(), ErrorResponse> {
    const INCLUDE: &str = "$include";
    let is_lost = match (before, after) {
        (Value::Object(before), after) => before.iter().any(|(key, value)| match after.get(key) {
            Some(after) if key != INCLUDE => refuse_lost_includes(value, after).is_err(),
            Some(after) => after != value,
            None => key == INCLUDE,
        }),
        _ => false,
    };
    if is_lost {
        return Err(ErrorResponse::invalid_request(
            "config includes other files, which this change would detach: edit the files",
        ));
    }
    Ok(())
}

/// Refuses to change a config that a newer release wrote, by the rule of `openclaw config set`.
fn refuse_newer(survey: &Survey, before: &Value, after: &Value) -> Result<(), ErrorResponse> {
    let reader = survey.config_reader(None);
    match dialect::kept_newer_stamp(before, after, &reader) {
        None => Ok(()),
        Some(stamp) => Err(ErrorResponse::invalid_request(format!(
            "config was written by a newer release, {stamp}; it is read here by {reader}"
        ))),
    }
}

/// Returns the error of a config that would be invalid, in the words of the protocol.
fn invalid_config(call: &MethodCall, issues: &[Value]) -> ErrorResponse {
    let first = issues.first().map(|issue| {
        let path = issue["path"].as_str().filter(|path| !path.is_empty());
        format!(
            "{}: {}",
            path.unwrap_or("<root>"),
            issue["message"].as_str().unwrap_or_default()
        )
    });
    let message = match (call.client.protocol, first) {
        (Protocol::Four, Some(first)) => format!("invalid config: {first}"),
        _ => "invalid config".to_owned(),
    };
    ErrorResponse::invalid_request(message).with_details(json!({ "issues": issues }))
}

/// Refuses a config of which the judge of the native engine refuses something that it did not refuse before.
fn refuse_new_findings(
    call: &MethodCall,
    before: &EffectiveConfig,
    after: &EffectiveConfig,
) -> Result<(), ErrorResponse> {
    let findings = ConfigJudge::native().new_findings(before, after);
    if findings.is_empty() {
        return Ok(());
    }
    let issues: Vec<_> = findings
        .iter()
        .map(|finding| issue(&call.state, finding))
        .collect();
    Err(invalid_config(call, &issues))
}

/// Returns the top keys of a config whose values a change replaces.
fn changed_keys(before: &ConfigDocument, after: &ConfigDocument) -> Vec<String> {
    let keys = |document: &ConfigDocument| document.value().as_object().cloned().unwrap_or_default();
    let (before, after) = (keys(before), keys(after));
    let mut changed: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    changed.retain(|key| before.get(key) != after.get(key));
    changed.sort();
    changed.dedup();
    changed
}

/// Returns the answer to a change of the config, in the form of the protocol.
fn answer(call: &MethodCall, kind: EditKind, after: &ConfigDocument, changed: &[String]) -> Value {
    let path = &call.state.context.instance.config_path;
    let config = effective_or_own(path, after);
    let mut answer = json!({
        "ok": true,
        "path": path.display().to_string(),
        "config": secrets::redact(&KeyPath::root(), &config.value),
    });
    if call.client.protocol == Protocol::Four {
        answer["hash"] = salted_hash(&call.state, after.text().as_bytes()).into();
        if kind == EditKind::Patch {
            answer["changedPaths"] = changed.into();
            if changed.is_empty() {
                answer["noop"] = true.into();
            }
        }
    }
    answer
}
