//! Which debugging port a browser profile has: the one that its config sets, else the one that is
//! recorded for it, else the lowest port of the pool that nobody holds.
//!
//! Nobody: no other instance by a fixed, pinned or recorded port, no listener, no other profile of this
//! instance. Where pools overlap this skips what the other holds. The choice is recorded in
//! `instance.toml` under the host's lock, so that two gateways that choose at once see each other.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value as Json;

use super::profiles::{Place, Profile, Profiles};
use super::{Fault, Result, World};
use crate::apply::{self, HostLock};
use crate::config::dialect::Dialect;
use crate::i18n::msg;
use crate::instance::RECORD_FILE;
use crate::ports::{Listener, Port, Span};
use crate::record::{Record, RecordDocument};
use crate::survey::{Survey, SurveyedInstance};
use crate::{config, registry, survey};

/// A port that another instance holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The ports.
    pub span: Span,
    /// What the other instance is called.
    pub label: String,
    /// Why it holds them, where a key or a record says so.
    pub key: Option<String>,
}

/// Who holds what, beside this instance's own claims.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Ports of other instances, without their pools.
    pub others: Vec<Held>,
    /// The addresses of remote browsers that other instances' configs name: (label, key, URL).
    pub remotes: Vec<(String, String, String)>,
    /// What listens.
    pub listeners: Vec<Listener>,
    /// Ports that the system keeps for itself.
    pub excluded: Vec<Span>,
    /// Which OpenClaw release this instance's config is for, where that can be told.
    pub dialect: Option<Dialect>,
}

impl Ground {
    /// Looks at the host.
    pub fn survey(world: &World) -> Self {
        let survey = survey::survey_host(&world.host, &world.env);
        let own = survey.position(&world.instance.config_path);
        let loaded = config::load(&world.instance.config_path);
        let value = match &loaded {
            config::LoadedConfig::Ok(document) => Some(document.value()),
            _ => None,
        };
        let mut ground = Self::of_host(&survey, value);
        let others = survey.instances.iter().enumerate();
        for (_, other) in others.filter(|(at, _)| Some(*at) != own) {
            // A record that can't be read says nothing; its own gateway says why.
            let record = Record::read(&other.state_dir.join(RECORD_FILE)).unwrap_or_default();
            let config = match config::load(&other.config_path) {
                config::LoadedConfig::Ok(document) => document.value().clone(),
                config::LoadedConfig::Missing | config::LoadedConfig::Broken(_) => Json::Null,
            };
            ground.add(other, &record, &config);
        }
        ground
    }

    /// What is everybody's, without any other instance yet, for an instance with this config.
    pub fn of_host(survey: &Survey, config: Option<&Json>) -> Self {
        let node = survey.node.as_ref().map(|node| node.version.as_str());
        Self {
            listeners: survey.listeners.clone(),
            excluded: survey.excluded.clone(),
            dialect: Dialect::decide(node, config),
            ..Self::default()
        }
    }

    /// Adds another instance, by its record and its config.
    pub fn add(&mut self, other: &SurveyedInstance, record: &Record, config: &Json) {
        let claims = other.claims.iter().filter(|claim| !claim.is_pool());
        self.others.extend(claims.map(|claim| Held {
            span: claim.span,
            label: other.label.clone(),
            key: match &claim.reason {
                crate::ports::ClaimReason::Pinned(key) => Some(key.clone()),
                _ => None,
            },
        }));
        let recorded = record.browser.ports.iter().map(|(name, port)| Held {
            span: Span::one(*port),
            label: other.label.clone(),
            key: Some(format!("browser.ports.{name}")),
        });
        self.others.extend(recorded);
        if config.is_object() {
            let profiles = Profiles::of(config, record, "", &str::to_owned);
            let remotes = profiles
                .list
                .into_iter()
                .filter_map(|profile| match profile.place {
                    Place::Remote { url, key } => Some((other.label.clone(), key, url)),
                    _ => None,
                });
            self.remotes.extend(remotes);
        }
    }

    fn holder(&self, port: Port) -> Option<&Held> {
        self.others.iter().find(|held| held.span.contains(port))
    }

    fn is_taken(&self, port: Port) -> bool {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listens = |l: &Listener| l.port == port && l.blocks(loopback);
        self.holder(port).is_some()
            || self.listeners.iter().any(listens)
            || self.excluded.iter().any(|span| span.contains(port))
    }

    /// Refuses what another instance's config has, too.
    ///
    /// # Errors
    /// A conflict that names both profiles.
    pub fn refuse_shared(&self, world: &World, profile: &Profile) -> Result<()> {
        let (key, other) = match &profile.place {
            Place::Pinned { port, key } => (key, self.holder(*port).map(|h| (&h.label, h.key.clone()))),
            Place::Remote { url, key } => {
                let same = |theirs: &str| tidy(theirs) == tidy(url);
                let twin = self.remotes.iter().find(|(_, _, theirs)| same(theirs));
                (key, twin.map(|(label, key, _)| (label, Some(key.clone()))))
            }
            Place::Pool | Place::Foreign { .. } => return Ok(()),
        };
        let Some((label, their_key)) = other else {
            return Ok(());
        };
        let what = match &profile.place {
            Place::Pinned { port, .. } => port.to_string(),
            Place::Remote { url, .. } => super::profiles::shown_url(url),
            Place::Pool | Place::Foreign { .. } => String::new(),
        };
        let error = msg!(
            "browser.pinned-twice",
            what = what,
            profile = world.instance.profile,
            key = key,
            other = label,
            their = their_key.unwrap_or_else(|| "gateway.port".to_owned())
        );
        Err(Fault::conflict(error).hint(msg!(
            "browser.unpin",
            command = world.instance.command(),
            key = key
        )))
    }
}

fn tidy(url: &str) -> String {
    url.trim_end_matches('/').to_ascii_lowercase()
}

/// The port of a profile in the pool: the recorded one where it still may be its own, else the lowest
/// that is free. `None` where the pool has none left.
pub fn choose(pool: Span, name: &str, record: &Record, profiles: &Profiles, ground: &Ground) -> Option<Port> {
    let recorded = &record.browser.ports;
    let pinned = |port: Port| profiles.pinned().any(|pinned| pinned == port);
    if let Some(port) = recorded.get(name)
        && pool.contains(*port)
        && ground.holder(*port).is_none()
        && !pinned(*port)
    {
        return Some(*port);
    }
    let own = |port: Port| {
        recorded
            .iter()
            .any(|(other, held)| other != name && *held == port)
    };
    pool.ports()
        .find(|port| !own(*port) && !pinned(*port) && !ground.is_taken(*port))
}

/// The port of a profile that is started here, as config, record and host have it now; nothing is
/// recorded.
///
/// # Errors
/// 507 where the pool is used up.
pub fn look(
    world: &World,
    profile: &Profile,
    profiles: &Profiles,
    record: &Record,
    ground: &Ground,
) -> Result<Port> {
    if let Place::Pinned { port, .. } = profile.place {
        return Ok(port);
    }
    let family = world
        .family()
        .ok_or_else(|| Fault::full(msg!("browser.no-pool", port = world.base)))?;
    let pool = family.cdp_pool();
    choose(pool, &profile.name, record, profiles, ground).ok_or_else(|| {
        Fault::full(msg!("browser.pool-used-up", pool = pool)).hint(msg!(
            "browser.pin-a-port",
            command = world.instance.command(),
            name = profile.name,
            value = pinned_entry(profile, ground.dialect)
        ))
    })
}

/// An entry of `browser.profiles` that pins a port, as a word of a shell command: the early release wants a colour, the late one
/// refuses it (docs/openclaw.md#config-dialects).
fn pinned_entry(profile: &Profile, dialect: Option<Dialect>) -> String {
    match dialect {
        Some(Dialect::Late) => "'{\"cdpPort\": PORT}'".to_owned(),
        _ => format!("'{{\"cdpPort\": PORT, \"color\": \"{}\"}}'", profile.color),
    }
}

/// Chooses the port of a profile and records it, so that it stays.
///
/// # Errors
/// As [`look`] and [`Ground::refuse_shared`]; a record that can't be read or written.
pub fn settle(world: &World, profile: &Profile, config: &serde_json::Value) -> Result<Port> {
    if let Place::Pinned { port, .. } = profile.place {
        Ground::survey(world).refuse_shared(world, profile)?;
        return Ok(port);
    }
    let state_home = registry::state_home(&world.host, &world.env);
    let _lock = HostLock::acquire(&state_home, HostLock::WAIT_TIMEOUT)?;
    let record = Record::read(&world.instance.record_path())?;
    let profiles = world.profiles(config, &record);
    let port = look(world, profile, &profiles, &record, &Ground::survey(world))?;
    if record.browser.ports.get(&profile.name) != Some(&port) {
        let color = (profile.ground == super::profiles::Ground::Record).then_some(profile.color.as_str());
        edit_record(world, |record| {
            record.set_browser_profile(&profile.name, port, color);
        })?;
    }
    Ok(port)
}

/// Forgets the port and the colour of a profile.
///
/// # Errors
/// A record that can't be read or written.
pub fn forget(world: &World, name: &str) -> Result<()> {
    let state_home = registry::state_home(&world.host, &world.env);
    let _lock = HostLock::acquire(&state_home, HostLock::WAIT_TIMEOUT)?;
    edit_record(world, |record| record.remove_browser_profile(name))
}

/// Writes `instance.toml` with a change. Callers hold the host's lock.
fn edit_record(world: &World, change: impl FnOnce(&mut RecordDocument)) -> Result<()> {
    let path = world.instance.record_path();
    let mut record = RecordDocument::read_or_new(&path, world.instance.profile.as_str())
        .map_err(|error| error.blocked(&path))?;
    change(&mut record);
    apply::write_file(&path, record.to_string().as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: Span = Span {
        first: 19800,
        last: 19899,
    };

    #[test]
    fn the_way_to_pin_a_port_is_one_that_the_release_of_the_config_takes() {
        use crate::config::judge::ConfigJudge;
        use crate::config::release::Release;
        let profiles = Profiles::of(&serde_json::Value::Null, &record(""), "", &str::to_owned);
        let profile = profiles.find(None).unwrap();
        for release in Release::ALL {
            let word = pinned_entry(profile, Some(release.dialect())).replace("PORT", "34000");
            let entry = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''));
            let entry: serde_json::Value = serde_json::from_str(entry.unwrap()).unwrap();
            let config = serde_json::json!({"browser": {"profiles": {"work": entry}}});
            let verdict = ConfigJudge::for_version(release.version()).judge(&config);
            assert!(verdict.is_accepted(), "{config} {verdict:?}");
        }
    }

    fn record(text: &str) -> Record {
        Record::parse(text).unwrap()
    }

    fn chosen(name: &str, record_text: &str, ground: &Ground) -> Option<Port> {
        let record = record(record_text);
        let profiles = Profiles::of(&serde_json::Value::Null, &record, "", &str::to_owned);
        choose(POOL, name, &record, &profiles, ground)
    }

    fn held(span: Span) -> Ground {
        Ground {
            others: vec![Held {
                span,
                label: "main".to_owned(),
                key: None,
            }],
            ..Ground::default()
        }
    }

    #[test]
    fn the_lowest_free_port_is_taken_and_a_recorded_one_stays() {
        let free = Ground::default();
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
            "a port outside of the pool is not its own any more"
        );
    }

    #[test]
    fn what_another_instance_holds_is_skipped() {
        let span = |first, last| Span { first, last };
        assert_eq!(
            chosen("a", "", &held(span(19800, 19804))),
            Some(Port::known(19805))
        );
        assert_eq!(
            chosen("a", "[browser.ports]\na = 19802", &held(span(19802, 19802))),
            Some(Port::known(19800))
        );
        assert_eq!(chosen("a", "", &held(POOL)), None);
    }

    #[test]
    fn what_listens_is_skipped_and_a_recorded_port_is_not_moved_for_it() {
        let ground = Ground {
            listeners: vec![Listener {
                ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                port: Port::known(19800),
                owner: None,
            }],
            ..Ground::default()
        };
        assert_eq!(chosen("a", "", &ground), Some(Port::known(19801)));
        assert_eq!(
            chosen("a", "[browser.ports]\na = 19800", &ground),
            Some(Port::known(19800))
        );
    }

    #[test]
    fn twelve_profiles_each_of_two_instances_twenty_apart_share_no_port() {
        let pools = [18789_u16, 18809].map(|base| crate::ports::PortFamily::new(base).unwrap());
        let mut records = [Record::default(), Record::default()];
        let mut seen = std::collections::BTreeSet::new();
        for round in 0..12 {
            for at in 0..2 {
                let fixed = pools[1 - at].fixed().map(|(_, port)| port);
                let theirs = records[1 - at].browser.ports.values().copied();
                let ground = Ground {
                    others: fixed
                        .chain(theirs)
                        .map(|port| Held {
                            span: Span::one(port),
                            label: "other".to_owned(),
                            key: None,
                        })
                        .collect(),
                    ..Ground::default()
                };
                let profiles = Profiles::of(&serde_json::Value::Null, &records[at], "", &str::to_owned);
                let name = format!("p{round}");
                let port = choose(pools[at].cdp_pool(), &name, &records[at], &profiles, &ground).unwrap();
                assert!(seen.insert(port), "{port} twice");
                assert!(!pools.iter().any(|f| f.fixed().any(|(_, fixed)| fixed == port)));
                records[at].browser.ports.insert(name, port);
            }
        }
        assert_eq!(seen.len(), 24);
    }
}
