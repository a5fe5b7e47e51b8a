//! The methods by which OpenClaw's clients and the dashboard talk to the agents and the bot (docs/openclaw.md#chat-events).

use futures_util::FutureExt as _;

use super::method::Method;
use crate::gateway::protocol::OperatorScope;

mod abort;
mod agent;
mod attachments;
mod inject;
mod send;

pub(super) use abort::stop;

/// The methods about conversations.
pub(super) const METHODS: &[Method] = &[
    Method::future("chat.send", OperatorScope::Write, |call| send::send(call).boxed())
        .with_params(send::PARAMS),
    Method::future("chat.abort", OperatorScope::Write, |call| {
        abort::abort(call).boxed()
    })
    .with_params(abort::PARAMS),
    Method::future("chat.inject", OperatorScope::Admin, |call| {
        inject::inject(call).boxed()
    })
    .with_params(inject::PARAMS),
    Method::future("agent", OperatorScope::Write, |call| agent::agent(call).boxed()).with_unchecked_params(),
    Method::future("agent.wait", OperatorScope::Write, |call| {
        agent::wait(call).boxed()
    })
    .with_params(agent::WAIT_PARAMS),
];
