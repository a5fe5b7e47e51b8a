//! Plans and their results as data for `--json`, without secrets.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use crate::answers::{Answers, Provider, Start};
use crate::plan::{Change, FileKind, InstanceSummary, Plan};
use crate::ports::{PortFamily, Role};
use crate::secret::SecretOrigin;

/// Returns the name of the origin of a planned secret in `--json` documents and shown texts.
pub(crate) fn origin_name(origin: SecretOrigin) -> &'static str {
    match origin {
        SecretOrigin::Generated => "generated",
        SecretOrigin::Given => "given",
        SecretOrigin::Kept => "kept",
    }
}

/// The ports of an instance's port family as JSON, by the names of their roles.
pub(crate) struct PortsDocument(pub(crate) PortFamily);

impl Serialize for PortsDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ports = serializer.serialize_map(None)?;
        for (role, port) in self.0.fixed() {
            ports.serialize_entry(role.name(), &port)?;
        }
        let pool = self.0.cdp_pool();
        ports.serialize_entry(Role::CdpPool.name(), &[pool.first, pool.last])?;
        ports.end()
    }
}

/// Returns the changes of a plan as JSON, in the plan's order. Configs and records are in it with their text, each
/// secret by its origin.
pub(crate) fn changes(plan: &Plan) -> Value {
    plan.changes.iter().map(change).collect()
}

/// Returns one change of a plan as JSON.
fn change(change: &Change) -> Value {
    match change {
        Change::MakeDir { path } => json!({ "action": "make-dir", "path": path, "mode": "0700" }),
        Change::Rename { path, to } => json!({ "action": "move-aside", "path": path, "to": to }),
        Change::SetMode { path, from, to } => json!({
            "action": "set-mode",
            "path": path,
            "from": format!("{from:04o}"),
            "mode": format!("{to:04o}"),
        }),
        Change::Write(write) => {
            let action = if write.before.is_some() {
                "change-file"
            } else {
                "create-file"
            };
            let mut entry = json!({
                "action": action,
                "path": write.path,
                "mode": "0600",
                "kind": kind_name(write.kind),
                "backup": write.backup,
            });
            if matches!(write.kind, FileKind::Config | FileKind::Record) {
                entry["content"] = write
                    .content
                    .redacted(|origin| format!("<{}>", origin_name(origin)))
                    .into();
            }
            entry
        }
    }
}

/// Returns the name of a planned file's kind in JSON documents.
fn kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Config => "config",
        FileKind::Record => "record",
        FileKind::Registry => "registry",
        FileKind::Workspace => "workspace",
        FileKind::Keys => "keys",
        FileKind::Answers => "answers",
    }
}

/// Returns the JSON document of `onboard --json` and `setup --json`: the planned instance and its changes. It has the
/// keys of OpenClaw (docs/openclaw.md#onboarding-document) and those of this program.
pub(crate) fn onboard(
    plan: &Plan,
    summary: &InstanceSummary,
    answers: &Answers,
    dry_run: bool,
    notices: &[String],
) -> Value {
    json!({
        "ok": true,
        "mode": summary.mode,
        "profile": summary.profile,
        "dryRun": dry_run,
        "changed": !plan.is_empty(),
        "configPath": summary.config,
        "stateDir": summary.state,
        "workspace": summary.workspace,
        "engine": summary.engine.name(),
        "authChoice": answers.provider.unwrap_or(Provider::Skip).name(),
        "gateway": {
            "port": summary.ports.base(),
            "bind": summary.bind,
            "authMode": summary.auth,
            "credential": summary.credential.map(origin_name),
            "tailscaleMode": "off",
        },
        "ports": PortsDocument(summary.ports),
        "installDaemon": summary.start == Start::Service,
        "startMode": summary.start.name(),
        "watch": summary.watched,
        "changes": changes(plan),
        "notices": notices,
    })
}
