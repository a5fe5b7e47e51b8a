//! The other hosts of a user: which ones there are, and how their `openclaw` is asked.
//!
//! A remote host is reached by the system's own `ssh`, with the user's config, keys and agent, and answered by the `openclaw`
//! there with the JSON documents of its commands. Nothing listens for this and nothing is installed for it; no password is
//! asked for or kept. What comes back is data: it is bounded in time and bytes, and its texts are made safe for a terminal
//! before anything else sees them (docs/design.md#remote-hosts).

mod address;
mod answer;
mod fault;
mod list;
mod ssh;

pub(crate) use address::{HostName, SshAddress, this_host_name};
pub(crate) use answer::{
    RemoteGateway, RemoteTokens, RemoteVersion, parse_gateways, parse_tokens, parse_version,
};
pub(crate) use fault::HostFault;
pub(crate) use list::{HostList, RemoteHost};
pub(crate) use ssh::{RemoteQuestion, SshClient};
