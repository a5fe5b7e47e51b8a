//! `openclaw gateway call METHOD`: calls one method of the gateway and prints its answer as JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::super::duration::parse_time_limit;
use crate::cli::Context;
use crate::client::{self, GatewayEndpoint};
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::probe::{self, Probe, ProbeVerdict};
use crate::secret::Secret;
use crate::settings::ClientAuth;

/// The arguments of `openclaw gateway call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[arg(value_name = "METHOD")]
    pub(crate) method: String,
    #[arg(long, value_name = "JSON")]
    pub(crate) params: Option<String>,
    #[arg(long)]
    pub(crate) json: bool,
    #[arg(long, value_name = "MS", value_parser = parse_time_limit, default_value = "10000")]
    pub(crate) timeout: Duration,
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Runs `openclaw gateway call METHOD`.
pub(super) fn run(context: &Context<'_>, args: &CallArgs) -> Result<ExitCode> {
    let deadline = Instant::now() + args.timeout;
    let params: Option<Value> = match &args.params {
        Some(text) => {
            Some(serde_json::from_str(text).map_err(|e| Error::usage(msg!("client.params")).because(e))?)
        }
        None => None,
    };
    let target = match &args.url {
        Some(url) => remote_endpoint(url, args.token_file.as_deref())?,
        None => own_endpoint(context, args.timeout)?,
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let answer = client::call(&target, &args.method, params.as_ref(), left)?;
    context.ui.print_json(&answer);
    Ok(ExitCode::SUCCESS)
}

/// Returns the URL and the credentials of the gateway at a URL that the user gives. This instance's own token is not
/// sent there.
pub(super) fn remote_endpoint(url: &str, token_file: Option<&Path>) -> Result<GatewayEndpoint> {
    let auth = match token_file {
        Some(path) => {
            let unread = |e| Error::usage(msg!("client.token-file", path = path.display())).because(e);
            ClientAuth::Token(Secret::new(read::text(path).map_err(unread)?.trim()))
        }
        None => ClientAuth::None,
    };
    Ok(GatewayEndpoint {
        url: url.to_owned(),
        auth,
    })
}

/// Probes this instance's own gateway, and returns its URL and authentication for a client.
///
/// # Errors
/// When it does not run or refuses the token.
pub(in crate::cli) fn own_endpoint(context: &Context<'_>, limit: Duration) -> Result<GatewayEndpoint> {
    let (probe, auth) = probe::probe_for_client(context.instance_context(), limit);
    endpoint_of(context, probe, auth)
}

/// Returns the URL and the authentication of this instance's own gateway, which was just probed.
///
/// # Errors
/// When the gateway does not run, is not ready, or refuses the token.
pub(in crate::cli) fn endpoint_of(
    context: &Context<'_>,
    probe: Probe,
    auth: ClientAuth,
) -> Result<GatewayEndpoint> {
    match probe.verdict {
        ProbeVerdict::Healthy | ProbeVerdict::ElsewhereOn(_) | ProbeVerdict::Unhealthy(_) => {
            Ok(GatewayEndpoint { url: probe.url, auth })
        }
        _ => Err(probe.error(&context.instance)),
    }
}
