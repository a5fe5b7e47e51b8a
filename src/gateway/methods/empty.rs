//! The methods about what this engine does not have: jobs, tasks, approvals, usage. Their answers are empty
//! and true, in the form of each protocol, so that OpenClaw's pages and command lines can show that there is nothing
//! (docs/openclaw.md#empty-answers).

use futures_util::FutureExt as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::call::MethodCall;
use super::method::Method;
use crate::agent::roster;
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::host::read;
use crate::sync::spawn_blocking;

/// The methods about what this engine does not have.
pub(super) const METHODS: &[Method] = &[
    Method::fixed("approval.history", OperatorScope::Approvals, r#"{"items":[]}"#),
    Method::fixed("artifacts.list", OperatorScope::Read, r#"{"artifacts":[]}"#),
    Method::fixed(
        "chat.metadata",
        OperatorScope::Read,
        r#"{"models":[],"commands":[],"swarmEnabled":false,"runtimeSelectionLocked":false}"#,
    ),
    Method::fixed("commands.list", OperatorScope::Read, r#"{"commands":[]}"#),
    Method::infallible("cron.list", OperatorScope::Read, jobs).with_unchecked_params(),
    Method::infallible("cron.runs", OperatorScope::Read, runs).with_unchecked_params(),
    Method::infallible("cron.status", OperatorScope::Read, scheduler),
    Method::infallible(
        "diagnostics.lanes",
        OperatorScope::Read,
        |call| json!({"ts": call.now_ms(), "lanes": [], "dynamic": null}),
    ),
    Method::infallible("doctor.memory.status", OperatorScope::Read, memory),
    Method::fixed("environments.list", OperatorScope::Read, r#"{"environments":[]}"#),
    Method::fixed(
        "exec.approval.grants.list",
        OperatorScope::Approvals,
        r#"{"grants":[]}"#,
    ),
    Method::fixed("exec.approval.list", OperatorScope::Approvals, "[]"),
    Method::future("exec.approvals.get", OperatorScope::Admin, |call| {
        exec_approvals(call).boxed()
    }),
    Method::infallible(
        "models.authStatus",
        OperatorScope::Read,
        |call| json!({"ts": call.now_ms(), "providers": [], "providerCapabilities": []}),
    ),
    Method::infallible(
        "node.list",
        OperatorScope::Read,
        |call| json!({"ts": call.now_ms(), "nodes": call.state.clients.connected_nodes()}),
    ),
    Method::fixed(
        "node.pair.list",
        OperatorScope::Pairing,
        r#"{"pending":[],"paired":[]}"#,
    ),
    Method::fixed("openclaw.approval.list", OperatorScope::Approvals, "[]"),
    Method::fixed("plugin.approval.list", OperatorScope::Approvals, "[]"),
    Method::fixed(
        "plugins.list",
        OperatorScope::Read,
        r#"{"plugins":[],"diagnostics":[],"mutationAllowed":false,"generation":1}"#,
    ),
    Method::fixed("progressCard.get", OperatorScope::Read, r#"{"card":null}"#),
    Method::fixed("question.list", OperatorScope::Questions, r#"{"questions":[]}"#),
    Method::fixed(
        "sessions.branches.list",
        OperatorScope::Read,
        r#"{"branches":[]}"#,
    ),
    Method::fixed("sessions.catalog.list", OperatorScope::Read, r#"{"catalogs":[]}"#),
    Method::fixed(
        "sessions.companion.state",
        OperatorScope::Read,
        r#"{"exchanges":[]}"#,
    ),
    Method::fixed(
        "sessions.groups.list",
        OperatorScope::Read,
        r#"{"groups":[],"sectionOrder":[]}"#,
    ),
    Method::fixed(
        "sessions.observer.visibility",
        OperatorScope::Read,
        r#"{"ok":true}"#,
    ),
    Method::fixed("skills.library.list", OperatorScope::Read, SKILL_LIBRARY),
    Method::fixed("skills.proposals.list", OperatorScope::Read, SKILL_PROPOSALS),
    Method::fixed(
        "taskSuggestions.list",
        OperatorScope::Read,
        r#"{"suggestions":[]}"#,
    ),
    Method::fixed("tasks.list", OperatorScope::Read, r#"{"tasks":[]}"#),
    Method::fixed("themes.list", OperatorScope::Read, THEMES),
    Method::infallible("tools.github.status", OperatorScope::Read, github).with_unchecked_params(),
    Method::fixed(
        "transcripts.list",
        OperatorScope::Read,
        r#"{"sessions":[],"nextCursor":null}"#,
    ),
    Method::fixed(
        "update.status",
        OperatorScope::Admin,
        r#"{"sentinel":null,"updateAvailable":null,"effectiveChannel":"stable","schedule":{"channel":"stable","autoEnabled":false}}"#,
    ),
    Method::infallible(
        "usage.status",
        OperatorScope::Read,
        |call| json!({"updatedAt": call.now_ms(), "providers": []}),
    ),
    Method::infallible("webSearch.status", OperatorScope::Read, web_search),
    Method::fixed("worktrees.list", OperatorScope::Read, r#"{"worktrees":[]}"#),
];

/// The answer to the gateway's method `skills.library.list`: no skill is kept.
const SKILL_LIBRARY: &str = r#"{
    "entries": [], "profileId": "gateway-owner", "multipleProfiles": false, "defaultTarget": "workspace",
    "canManageWorkspace": false, "defaultSelectionLimit": 64
}"#;
/// The answer to the gateway's method `skills.proposals.list`: nobody proposed a skill.
const SKILL_PROPOSALS: &str = r#"{
    "schema": "openclaw.skill-workshop.proposals-manifest.v1", "updatedAt": "1970-01-01T00:00:00.000Z",
    "proposals": [], "installedSkills": []
}"#;
/// The answer to the gateway's method `themes.list`: the theme that OpenClaw's control UI has by default.
const THEMES: &str = r#"{
    "current": {"id": "claw", "mode": "system", "scope": "gateway", "overrides": {}},
    "theme": {"id": "claw", "name": "Claw", "description": "", "source": "builtin", "modes": ["light", "dark"]},
    "themes": [{"id": "claw", "name": "Claw", "description": "", "source": "builtin", "modes": ["light", "dark"]}]
}"#;
/// The revision of an empty list of jobs: the SHA-256 of nothing, in the form of OpenClaw 2026.9.6.
const EMPTY_REVISION: &str = "sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

/// Answers the gateway's method `cron.list`: this engine has no jobs.
fn jobs(call: &MethodCall) -> Value {
    let mut answer = page("jobs", call);
    if call.client.protocol == Protocol::Four {
        answer["snapshotRevision"] = EMPTY_REVISION.into();
    }
    answer
}

/// Answers the gateway's method `cron.runs`: no job ever ran.
fn runs(call: &MethodCall) -> Value {
    page("entries", call)
}

/// Returns an empty page of a list; in version 4 of the protocol with its place in the whole list where the client
/// asks for a page.
fn page(list: &str, call: &MethodCall) -> Value {
    let mut answer = json!({ list: [] });
    if call.client.protocol == Protocol::Four {
        let number = |key: &str| call.params.get(key).and_then(Value::as_u64);
        answer["total"] = 0.into();
        answer["offset"] = number("offset").unwrap_or_default().into();
        answer["limit"] = number("limit").unwrap_or(50).into();
        answer["hasMore"] = false.into();
        answer["nextOffset"] = Value::Null;
    }
    answer
}

/// Answers the gateway's method `cron.status`: whether the config allows jobs. This engine has none, not even those that
/// OpenClaw keeps in the file.
fn scheduler(call: &MethodCall) -> Value {
    let store = call
        .state
        .context
        .instance
        .state_dir
        .join("cron")
        .join("jobs.json");
    let active = call.state.active();
    let enabled = active.config.pointer("/cron/enabled").and_then(Value::as_bool);
    let mut answer = json!({
        "enabled": enabled.unwrap_or(true),
        "storePath": store.display().to_string(),
        "jobs": 0,
        "nextWakeAtMs": null,
    });
    if call.client.protocol == Protocol::Four {
        answer["triggersEnabled"] = answer["enabled"].clone();
    }
    answer
}

/// Answers the gateway's method `tools.github.status`: no account is known.
fn github(call: &MethodCall) -> Value {
    let identity = json!({
        "source": "system-detected",
        "credentialKind": "native",
        "credentialState": "unavailable",
        "account": null,
        "gitAuthor": {"name": null, "email": null},
        "evidence": "none",
        "accessExpiresAtMs": null,
        "refreshState": "not_applicable",
        "oauthScopes": [],
        "repositoryGrants": "unknown",
    });
    let scope = call.text("selectedScope").unwrap_or("system");
    json!({
        "agentId": roster::default_agent(&call.state.active().config),
        "selectedScope": scope,
        "selected": {"scope": scope, "configured": false, "identity": identity},
        "effective": identity,
    })
}

/// Answers the gateway's method `webSearch.status`: this engine searches nowhere.
fn web_search(call: &MethodCall) -> Value {
    json!({
        "enabled": false,
        "provider": null,
        "agentId": roster::default_agent(&call.state.active().config),
        "model": {"provider": "", "id": "", "runtime": "unknown", "runtimeLabel": "Not resolved"},
        "providers": [],
        "route": {
            "kind": "unavailable",
            "label": "The native engine has no web search",
            "testable": false,
            "reason": "The native engine has no web search.",
        },
    })
}

/// Answers the gateway's method `doctor.memory.status`: this engine remembers nothing.
fn memory(call: &MethodCall) -> Value {
    json!({
        "agentId": roster::default_agent(&call.state.active().config),
        "provider": "none",
        "embedding": {"ok": false, "checked": false},
    })
}

/// Answers the gateway's method `exec.approvals.get`: the rules for commands that OpenClaw 2026.1.30 keeps in the state
/// folder, without the token of its socket. This engine runs no commands.
async fn exec_approvals(call: MethodCall) -> MethodResult {
    let state_dir = &call.state.context.instance.state_dir;
    let path = state_dir.join("exec-approvals.json");
    let socket = state_dir.join("exec-approvals.sock").display().to_string();
    let read = move || (read::text(&path).ok(), path);
    let (text, path) = spawn_blocking(read)
        .await
        .map_err(|_| ErrorResponse::unavailable("exec approvals cannot be read"))?;
    let stored: Option<Map<String, Value>> = text.as_ref().and_then(|text| serde_json::from_str(text).ok());
    let part = |key: &str| {
        let part = stored
            .as_ref()
            .and_then(|stored| stored.get(key))
            .filter(|part| part.is_object());
        part.cloned().unwrap_or_else(|| json!({}))
    };
    Ok(json!({
        "path": path.display().to_string(),
        "exists": text.is_some(),
        "hash": hex::encode(Sha256::digest(text.unwrap_or_default())),
        "file": {
            "version": 1,
            "socket": {"path": socket},
            "defaults": part("defaults"),
            "agents": part("agents"),
        },
    }))
}
