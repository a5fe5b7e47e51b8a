//! Bot tokens that two hosts have: each would receive messages of the other.
//!
//! The hosts are given a random key that is good for this comparison only, and answer with digests under it. A token never
//! leaves its host, and a digest tells nothing without the key, which is forgotten at the end.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::Context;
use crate::error::{Error, Result};
use crate::hosts::{HostFault, HostName, RemoteHost, RemoteQuestion, RemoteTokens, SshClient, parse_tokens};
use crate::i18n::{Msg, msg};
use crate::secret::keyed_digest;

/// Time that a host may take for the fingerprints of its tokens.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A key for one comparison of tokens.
pub(super) type ComparisonKey = [u8; 32];

/// A place where a bot token is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenPlace {
    /// The remote host; `None` for this one.
    host: Option<HostName>,
    instance: String,
    key: String,
}

/// Runs `openclaw hosts fingerprints`: reads the key of a comparison from standard input, and prints a fingerprint of each bot
/// token on this host.
///
/// # Errors
/// Exit 2 where standard input is no key.
pub(super) fn print_fingerprints(context: &Context<'_>) -> Result<ExitCode> {
    let text = context.host.stdin_text().unwrap_or_default();
    let mut key = ComparisonKey::default();
    hex::decode_to_slice(text.trim(), &mut key).map_err(|_| Error::usage(msg!("hosts.bad-key")))?;
    let found = fingerprints(context, &key);
    if context.ui.is_json() {
        let found: Vec<_> = found
            .iter()
            .map(|(instance, key, print)| json!({ "instance": instance, "key": key, "fingerprint": print }))
            .collect();
        context
            .ui
            .print_json(&json!({ "ok": true, "fingerprints": found }));
    } else {
        for (instance, key, print) in found {
            context.ui.print(&format!("{print}  {instance}  {key}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the fingerprints of the bot tokens of all instances on this host.
fn fingerprints(context: &Context<'_>, key: &ComparisonKey) -> RemoteTokens {
    let survey = context.survey();
    let all = survey.instances.iter();
    let tokens = all.flat_map(|found| found.tokens.iter().map(|token| (&found.label, token)));
    let print = |(label, (path, token)): (&String, &(String, crate::secret::Secret))| {
        (
            label.clone(),
            path.clone(),
            hex::encode(keyed_digest(key, token.expose().trim())),
        )
    };
    tokens.map(print).collect()
}

/// Asks a remote host for the fingerprints of its bot tokens.
///
/// # Errors
/// The reason why there is no answer; that the `openclaw` there is too old, too.
pub(super) fn ask(
    ssh: &SshClient<'_>,
    host: &RemoteHost,
    key: &ComparisonKey,
) -> Result<RemoteTokens, HostFault> {
    let text = hex::encode(key);
    let question = RemoteQuestion {
        words: &["hosts", "fingerprints"],
        input: text.as_bytes(),
        limit: TIMEOUT,
    };
    parse_tokens(&ssh.ask(host, &question)?)
}

/// Returns the places of each token that more than one host has.
pub(super) fn shared(
    context: &Context<'_>,
    key: &ComparisonKey,
    answers: &[(HostName, RemoteTokens)],
) -> Vec<Vec<TokenPlace>> {
    let mut places: BTreeMap<&str, Vec<TokenPlace>> = BTreeMap::new();
    let own = fingerprints(context, key);
    let remote = answers.iter().map(|(host, tokens)| (Some(host), tokens));
    for (host, tokens) in std::iter::once((None, &own)).chain(remote) {
        for (instance, config_key, print) in tokens.iter().filter(|(_, _, print)| !print.is_empty()) {
            places.entry(print).or_default().push(TokenPlace {
                host: host.cloned(),
                instance: instance.clone(),
                key: config_key.clone(),
            });
        }
    }
    let is_shared = |places: &Vec<TokenPlace>| places.iter().any(|place| place.host != places[0].host);
    places.into_values().filter(is_shared).collect()
}

impl TokenPlace {
    /// Returns the sentence about a token that is configured in two places of different hosts.
    pub(super) fn shared_msg(places: &[Self]) -> Msg {
        let other = places.iter().find(|place| place.host != places[0].host);
        let other = other.unwrap_or(&places[0]);
        let name = |place: &Self| match &place.host {
            Some(host) => format!("{}@{host}", place.instance),
            None => place.instance.clone(),
        };
        msg!(
            "hosts.shared-token",
            first = name(&places[0]),
            key = places[0].key,
            second = name(other),
            other = other.key
        )
    }

    /// Returns the place of a token as a part of a JSON document.
    pub(super) fn document(&self) -> Value {
        let host = self.host.as_ref().map(HostName::as_str);
        json!({ "host": host, "instance": self.instance, "key": self.key })
    }
}
