//! Chooses the debugging port of a browser profile: the one that the config sets, else the one that is recorded for
//! the profile, else the lowest free port of the instance's pool.
//!
//! A port is free when no other instance has it as a fixed, pinned or recorded port, nothing listens on it, and no
//! other profile of this instance has it. So where the pools of two instances overlap, the ports that the other one
//! has are skipped. The choice is recorded in `instance.toml` under the host-wide lock, so that two gateways that
//! choose at the same time see each other's choice.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::profiles::{BrowserEndpoint, BrowserProfile, BrowserProfiles, ProfileOrigin, redact_url};
use super::{BrowserContext, BrowserError, Result};
use crate::apply::{self, HostLock};
use crate::config::dialect::Dialect;
use crate::i18n::msg;
use crate::instance::{RECORD_FILE, shell_quote};
use crate::ports::{Listener, Port, Span};
use crate::record::{Record, RecordDocument};
use crate::survey::{Survey, SurveyedInstance};
use crate::{config, registry, survey};

/// A range of ports that another instance of this program has, so that no browser here may use them for debugging.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OtherInstancePorts {
    /// The ports.
    span: Span,
    /// The label of the other instance.
    label: String,
    /// The key that sets the ports, in the other instance's config or record. `None` for ports that are derived from
    /// its base port.
    key: Option<String>,
}

/// The address of a remote browser in the config of another instance.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OtherInstanceRemote {
    /// The label of the other instance.
    label: String,
    /// The key that sets the address.
    key: String,
    /// The URL of the remote browser's debugging port.
    url: String,
}

/// The ports on a host that an instance's browsers may not use for debugging, because other instances or processes
/// have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortUsage {
    /// Ports of other instances, without their pools.
    ports: Vec<OtherInstancePorts>,
    /// Remote browsers of other instances.
    remotes: Vec<OtherInstanceRemote>,
    /// Listening sockets.
    listeners: Vec<Listener>,
    /// Ports that the system lets nobody bind.
    excluded: Vec<Span>,
    /// The OpenClaw release that this instance's config is for, where it can be determined.
    dialect: Option<Dialect>,
}

impl PortUsage {
    /// Surveys the host and returns the ports that anything but the given instance has.
    pub(crate) fn survey(context: &BrowserContext) -> Self {
        let survey = survey::survey_host(&context.host, &context.env);
        let own = survey.position(&context.instance.config_path);
        let loaded = config::load(&context.instance.config_path);
        let value = match &loaded {
            config::LoadedConfig::Ok(document) => Some(document.value()),
            _ => None,
        };
        let mut usage = Self::from_survey(&survey, value);
        let others = survey.instances.iter().enumerate();
        for (_, other) in others.filter(|(at, _)| Some(*at) != own) {
            // A record that cannot be read adds nothing; the other instance's gateway reports it.
            let record = Record::read(&other.state_dir.join(RECORD_FILE)).unwrap_or_default();
            let config = match config::load(&other.config_path) {
                config::LoadedConfig::Ok(document) => document.value().clone(),
                config::LoadedConfig::Missing | config::LoadedConfig::Broken(_) => Value::Null,
            };
            usage.add_instance(other, &record, &config);
        }
        usage
    }

    /// Returns the listening sockets and the ports that nobody may bind from a survey of the host, for an instance
    /// with this config. Other instances are added with [`PortUsage::add_instance`].
    pub(crate) fn from_survey(survey: &Survey, config: Option<&Value>) -> Self {
        let node = survey.node.as_ref().map(|node| node.version.as_str());
        Self {
            listeners: survey.listeners.clone(),
            excluded: survey.excluded.clone(),
            dialect: Dialect::decide(node, config),
            ..Self::default()
        }
    }

    /// Adds the ports and the remote browsers of another instance to those that no browser here may use.
    pub(crate) fn add_instance(&mut self, other: &SurveyedInstance, record: &Record, config: &Value) {
        let claims = other.claims.iter().filter(|claim| !claim.is_pool());
        self.ports.extend(claims.map(|claim| OtherInstancePorts {
            span: claim.span,
            label: other.label.clone(),
            key: match &claim.reason {
                crate::ports::ClaimReason::Pinned(key) => Some(key.clone()),
                crate::ports::ClaimReason::Derived => None,
            },
        }));
        let recorded = record
            .browser
            .ports
            .iter()
            .map(|(name, port)| OtherInstancePorts {
                span: Span::one(*port),
                label: other.label.clone(),
                key: Some(format!("browser.ports.{name}")),
            });
        self.ports.extend(recorded);
        if config.is_object() {
            let profiles = BrowserProfiles::from_config(config, record, "", &str::to_owned);
            let remotes = profiles
                .list
                .into_iter()
                .filter_map(|profile| match profile.endpoint {
                    BrowserEndpoint::Remote { url, key } => Some(OtherInstanceRemote {
                        label: other.label.clone(),
                        key,
                        url,
                    }),
                    _ => None,
                });
            self.remotes.extend(remotes);
        }
    }

    /// Returns the range of ports of another instance that contains a debugging port; `None` where no other instance
    /// has it.
    fn other_instance_at(&self, port: Port) -> Option<&OtherInstancePorts> {
        self.ports.iter().find(|ports| ports.span.contains(port))
    }

    /// Tells whether a port is in use, or cannot be bound on loopback, and so cannot become the debugging port of a
    /// browser.
    fn is_in_use(&self, port: Port) -> bool {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listens = |l: &Listener| l.port == port && l.blocks(loopback);
        self.other_instance_at(port).is_some()
            || self.listeners.iter().any(listens)
            || self.excluded.iter().any(|span| span.contains(port))
    }

    /// Returns the ports in a range on which a process listens.
    pub(super) fn listening_ports(&self, range: Span) -> impl Iterator<Item = Port> {
        let ports = self.listeners.iter().map(|listener| listener.port);
        ports.filter(move |port| range.contains(*port))
    }

    /// Checks that no other instance has the pinned debugging port or the remote browser of a browser profile.
    ///
    /// # Errors
    /// 409 where another instance has it; the message names both instances.
    pub(crate) fn refuse_shared(&self, context: &BrowserContext, profile: &BrowserProfile) -> Result<()> {
        let (what, key, other) = match &profile.endpoint {
            BrowserEndpoint::Pinned { port, key } => {
                let other = self.other_instance_at(*port);
                let other = other.map(|other| (&other.label, other.key.as_deref()));
                (port.to_string(), key, other)
            }
            BrowserEndpoint::Remote { url, key } => {
                let is_same = |other: &&OtherInstanceRemote| normalize_url(&other.url) == normalize_url(url);
                let other = self.remotes.iter().find(is_same);
                let other = other.map(|other| (&other.label, Some(other.key.as_str())));
                (redact_url(url), key, other)
            }
            BrowserEndpoint::Pool | BrowserEndpoint::UnsupportedDriver { .. } => return Ok(()),
        };
        let Some((label, other_key)) = other else {
            return Ok(());
        };
        let error = msg!(
            "browser.pinned-twice",
            what = what,
            profile = context.instance.profile,
            key = key,
            other = label,
            their = other_key.unwrap_or("gateway.port")
        );
        Err(BrowserError::conflict(error).hint(msg!(
            "browser.unpin",
            command = context.instance.command(),
            key = shell_quote(key.as_ref())
        )))
    }
}

/// Normalizes a URL for a comparison: lower case, without slashes at its end.
fn normalize_url(url: &str) -> String {
    url.trim_end_matches('/').to_ascii_lowercase()
}

/// Chooses the debugging port of a browser profile from the pool: the recorded one where it is in the pool and
/// neither another instance has it nor the config pins it, else the lowest free one. `None` where no port of the pool
/// is free.
fn choose_from_pool(
    pool: Span,
    name: &str,
    record: &Record,
    profiles: &BrowserProfiles,
    usage: &PortUsage,
) -> Option<Port> {
    let recorded = &record.browser.ports;
    let is_pinned = |port: Port| profiles.pinned_ports().any(|pinned| pinned == port);
    if let Some(port) = recorded.get(name)
        && pool.contains(*port)
        && usage.other_instance_at(*port).is_none()
        && !is_pinned(*port)
    {
        return Some(*port);
    }
    let is_recorded = |port: Port| {
        recorded
            .iter()
            .any(|(other, taken)| other != name && *taken == port)
    };
    pool.ports()
        .find(|port| !is_recorded(*port) && !is_pinned(*port) && !usage.is_in_use(*port))
}

/// Chooses the debugging port of a browser profile whose browser is started here, without recording it.
///
/// # Errors
/// 507 where no port of the pool is free.
pub(super) fn choose(
    context: &BrowserContext,
    profile: &BrowserProfile,
    profiles: &BrowserProfiles,
    record: &Record,
    usage: &PortUsage,
) -> Result<Port> {
    if let BrowserEndpoint::Pinned { port, .. } = profile.endpoint {
        return Ok(port);
    }
    let family = context
        .port_family()
        .ok_or_else(|| BrowserError::no_port_left(msg!("browser.no-pool", port = context.base_port)))?;
    let pool = family.cdp_pool();
    choose_from_pool(pool, &profile.name, record, profiles, usage).ok_or_else(|| {
        BrowserError::no_port_left(msg!("browser.pool-used-up", pool = pool)).hint(msg!(
            "browser.pin-a-port",
            command = context.instance.command(),
            name = profile.name,
            value = pinned_entry(profile, usage.dialect)
        ))
    })
}

/// Returns an example of a value in `browser.profiles` that pins the debugging port of a browser profile, quoted for
/// a shell. The early release of OpenClaw requires a colour in it, the late one refuses a colour
/// (docs/openclaw.md#config-dialects).
fn pinned_entry(profile: &BrowserProfile, dialect: Option<Dialect>) -> String {
    match dialect {
        Some(Dialect::Late) => "'{\"cdpPort\": PORT}'".to_owned(),
        _ => format!("'{{\"cdpPort\": PORT, \"color\": \"{}\"}}'", profile.color),
    }
}

/// Chooses the debugging port of a browser profile and records it in `instance.toml`, so that the profile keeps it. A
/// pinned port is checked and not recorded.
///
/// # Errors
/// As [`choose`] and [`PortUsage::refuse_shared`]; also when the record cannot be read or written.
pub(super) fn choose_and_record(
    context: &BrowserContext,
    profile: &BrowserProfile,
    config: &Value,
) -> Result<Port> {
    if let BrowserEndpoint::Pinned { port, .. } = profile.endpoint {
        PortUsage::survey(context).refuse_shared(context, profile)?;
        return Ok(port);
    }
    let state_home = registry::state_home(&context.host, &context.env);
    let _lock = HostLock::acquire(&state_home, HostLock::WAIT_TIMEOUT)?;
    let record = Record::read(&context.instance.record_path())?;
    let profiles = context.profiles(config, &record);
    let port = choose(context, profile, &profiles, &record, &PortUsage::survey(context))?;
    if record.browser.ports.get(&profile.name) != Some(&port) {
        let color = (profile.origin == ProfileOrigin::Record).then_some(profile.color.as_str());
        edit_record(context, |record| {
            record.set_browser_profile(&profile.name, port, color);
        })?;
    }
    Ok(port)
}

/// Removes the debugging port and the colour of a browser profile from `instance.toml`.
///
/// # Errors
/// When the record cannot be read or written.
pub(super) fn remove_from_record(context: &BrowserContext, name: &str) -> Result<()> {
    let state_home = registry::state_home(&context.host, &context.env);
    let _lock = HostLock::acquire(&state_home, HostLock::WAIT_TIMEOUT)?;
    edit_record(context, |record| record.remove_browser_profile(name))
}

/// Changes the `instance.toml` of an instance by a function. The caller holds the host-wide lock.
fn edit_record(context: &BrowserContext, change: impl FnOnce(&mut RecordDocument)) -> Result<()> {
    let path = context.instance.record_path();
    let mut record = RecordDocument::read_or_new(&path, context.instance.profile.as_str())
        .map_err(|error| error.blocked(&path))?;
    change(&mut record);
    apply::write_state_file(&context.instance.state_dir, &path, record.to_string().as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SocketOwner;

    /// The pool of browser debugging ports of an instance on base port 19789.
    const POOL: Span = Span {
        first: 19800,
        last: 19899,
    };

    #[test]
    fn pinned_entry_is_valid_in_the_release_of_the_config() {
        use crate::config::judge::ConfigJudge;
        use crate::config::release::Release;
        let profiles = BrowserProfiles::from_config(&Value::Null, &record(""), "", &str::to_owned);
        let profile = profiles.find(None).unwrap();
        for release in Release::ALL {
            let quoted = pinned_entry(profile, Some(release.dialect())).replace("PORT", "34000");
            let entry = quoted
                .strip_prefix('\'')
                .and_then(|entry| entry.strip_suffix('\''));
            let entry: Value = serde_json::from_str(entry.unwrap()).unwrap();
            let config = serde_json::json!({"browser": {"profiles": {"work": entry}}});
            let verdict = ConfigJudge::for_version(release.version()).judge(&config.clone().into());
            assert!(verdict.is_accepted(), "{config} {verdict:?}");
        }
    }

    fn record(text: &str) -> Record {
        Record::parse(text).unwrap()
    }

    fn chosen(name: &str, record_text: &str, usage: &PortUsage) -> Option<Port> {
        let record = record(record_text);
        let profiles = BrowserProfiles::from_config(&Value::Null, &record, "", &str::to_owned);
        choose_from_pool(POOL, name, &record, &profiles, usage)
    }

    /// Returns the port usage of a host on which another instance has these ports.
    fn used_by_other(span: Span) -> PortUsage {
        PortUsage {
            ports: vec![OtherInstancePorts {
                span,
                label: "main".to_owned(),
                key: None,
            }],
            ..PortUsage::default()
        }
    }

    #[test]
    fn lowest_free_port_is_chosen_and_a_recorded_one_is_kept() {
        let free = PortUsage::default();
        assert_eq!(chosen("a", "", &free), Some(Port::known(19800)));
        assert_eq!(
            chosen("b", "[browser.ports]\na = 19800", &free),
            Some(Port::known(19801))
        );
        assert_eq!(
            chosen("a", "[browser.ports]\na = 19850", &free),
            Some(Port::known(19850))
        );
        let moved = chosen("a", "[browser.ports]\na = 18850", &free);
        assert_eq!(
            moved,
            Some(Port::known(19800)),
            "a recorded port outside the pool is replaced"
        );
    }

    #[test]
    fn ports_of_another_instance_are_skipped() {
        let span = |first, last| Span { first, last };
        assert_eq!(
            chosen("a", "", &used_by_other(span(19800, 19804))),
            Some(Port::known(19805))
        );
        assert_eq!(
            chosen(
                "a",
                "[browser.ports]\na = 19802",
                &used_by_other(span(19802, 19802))
            ),
            Some(Port::known(19800))
        );
        assert_eq!(chosen("a", "", &used_by_other(POOL)), None);
    }

    #[test]
    fn listening_ports_are_skipped_unless_recorded_for_the_profile() {
        let usage = PortUsage {
            listeners: vec![Listener {
                ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                port: Port::known(19800),
                owner: SocketOwner::OtherUser,
            }],
            ..PortUsage::default()
        };
        assert_eq!(chosen("a", "", &usage), Some(Port::known(19801)));
        assert_eq!(
            chosen("a", "[browser.ports]\na = 19800", &usage),
            Some(Port::known(19800))
        );
    }

    #[test]
    fn twelve_profiles_of_each_of_two_instances_twenty_ports_apart_share_no_port() {
        let pools = [18789_u16, 18809].map(|base| crate::ports::PortFamily::new(base).unwrap());
        let mut records = [Record::default(), Record::default()];
        let mut seen = std::collections::BTreeSet::new();
        for round in 0..12 {
            for at in 0..2 {
                let fixed = pools[1 - at].fixed().map(|(_, port)| port);
                let theirs = records[1 - at].browser.ports.values().copied();
                let usage = PortUsage {
                    ports: fixed
                        .chain(theirs)
                        .map(|port| OtherInstancePorts {
                            span: Span::one(port),
                            label: "other".to_owned(),
                            key: None,
                        })
                        .collect(),
                    ..PortUsage::default()
                };
                let profiles = BrowserProfiles::from_config(&Value::Null, &records[at], "", &str::to_owned);
                let name = format!("p{round}");
                let port =
                    choose_from_pool(pools[at].cdp_pool(), &name, &records[at], &profiles, &usage).unwrap();
                assert!(seen.insert(port), "{port} twice");
                assert!(!pools.iter().any(|f| f.fixed().any(|(_, fixed)| fixed == port)));
                records[at].browser.ports.insert(name, port);
            }
        }
        assert_eq!(seen.len(), 24);
    }
}
