//! The agents of a native gateway in the status: which one answers where, with which model, since when, and why not.

use serde_json::{Value, json};

use crate::agent::{AgentState, agent_states};
use crate::cli::Context;
use crate::i18n::{Msg, msg};
use crate::probe::Probe;
use crate::record::Engine;
use crate::settings::InstanceFiles;
use crate::text::sanitize_name;
use crate::time::format_seconds;
use crate::ui::Fields;

/// Returns the agents of the instance; none where OpenClaw from npm runs them, or the config can't be read.
fn states(context: &Context<'_>, probe: &Probe) -> Vec<AgentState> {
    if probe.engine != Engine::Native {
        return Vec::new();
    }
    let files = InstanceFiles::read(&context.instance);
    files
        .ok()
        .filter(|files| !files.config.is_null())
        .map(|files| agent_states(context.instance_context(), &files.config))
        .unwrap_or_default()
}

/// Adds a field to the status for each agent.
pub(super) fn add_fields(context: &Context<'_>, probe: &Probe, fields: &mut Fields) {
    let states = states(context, probe);
    for state in &states {
        let label = match states.len() {
            1 => msg!("status.agent"),
            _ => msg!("status.agent-named", agent = sanitize_name(&state.id)),
        };
        fields.add(context.ui.render(&label), context.ui.render(&state_msg(state)));
    }
}

/// Returns the sentence about an agent.
fn state_msg(state: &AgentState) -> Msg {
    let said = match &state.model {
        _ if state.has_no_model() => msg!("status.agent-commands"),
        Some(model) => msg!("status.agent-answers", model = sanitize_name(model)),
        None => msg!("status.agent-silent"),
    };
    let said = match &state.fault {
        Some(fault) => msg!("status.agent-because")
            .with_msg("said", said)
            .with_msg("why", fault.msg()),
        None => said,
    };
    if state.places.is_empty() {
        return said;
    }
    let places = sanitize_name(&state.places.join(", "));
    msg!("status.agent-where", places = places).with_msg("said", said)
}

/// Returns the agents as a part of the JSON document of the status.
pub(super) fn document(context: &Context<'_>, probe: &Probe) -> Value {
    let since = probe.started.filter(|_| probe.is_running()).map(format_seconds);
    let document = |state: AgentState| {
        json!({
            "id": state.id,
            "default": state.is_default,
            "model": state.model,
            "places": state.places,
            "since": since.as_ref().filter(|_| state.model.is_some()),
            "fault": state.fault.map(|fault| json!({
                "reason": fault.failover_reason(),
                "message": context.ui.render(&fault.msg()),
            })),
        })
    };
    states(context, probe).into_iter().map(document).collect()
}
