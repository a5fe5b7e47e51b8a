//! The plan that sets an instance up, or brings it up to date: answers and situation in, changes out.
//!
//! What stands already and equals the answer is not touched: the same answers a second time plan no
//! change at all, not even a stamp.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::answers::{Answers, Auth, Bind, Channel, Existing, Provider};
use crate::config::document::{Document, EditError};
use crate::config::key_path::KeyPath;
use crate::error::{Error, Result};
use crate::i18n::{Lang, Msg};
use crate::instance::CONFIG_FILE;
use crate::msg;
use crate::ports::Family;
use crate::ports::planner::{Check, Verdict};
use crate::registry;
use crate::secret::Secret;
use crate::situation::Situation;

use super::ground::{Ground, Standing};
use super::{
    Change, Content, FileKind, FileWrite, Origin, Plan, Summary, isolation, keys, record, reset, workspace,
};

/// What a plan is stamped with.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The time, as OpenClaw writes it: `2026-11-22T19:22:45.123Z`.
    pub now: String,
    /// Which command plans: `onboard`, `setup`.
    pub command: &'static str,
    /// The language of what is written for a person to read.
    pub lang: Lang,
}

/// The paths whose state the plan depends on.
pub fn targets(situation: &Situation<'_>, answers: &Answers) -> Vec<PathBuf> {
    let instance = &situation.instance;
    let place = workspace_of(situation, answers);
    let mut paths = vec![
        instance.state_dir.clone(),
        instance.config_path.clone(),
        instance.record_path(),
        instance.env_file(),
        instance.auth_profiles(),
        instance.sessions(),
        place.clone(),
    ];
    paths.extend(folder_of(&instance.config_path));
    paths.extend(folder_of(&instance.auth_profiles()));
    paths.extend(workspace::paths(&place));
    paths.extend(reset::paths(
        instance,
        &standing_workspace(situation),
        answers.existing,
    ));
    paths
}

/// The plan for these answers.
pub fn onboard(situation: &Situation<'_>, answers: &Answers, ground: &Ground, stamp: &Stamp) -> Result<Plan> {
    let instance = &situation.instance;
    isolation::instance(situation)?;
    let place = workspace_of(situation, answers);
    isolation::workspace(situation, &place)?;
    if let Some(fault) = &situation.survey.registry.fault {
        let path = situation.shown(&situation.survey.registry.path);
        return Err(Error::blocked(msg!("registry.broken", path = path, why = fault))
            .hint(Msg::new("registry.way-out")));
    }

    let config = Config::of(situation, answers)?;
    let mut plan = Plan {
        notices: config.notices.clone(),
        ..Plan::default()
    };
    let aside = reset::paths(instance, &standing_workspace(situation), answers.existing);
    plan.changes.extend(reset::changes(
        instance,
        ground,
        &aside,
        &folder_stamp(&stamp.now),
    ));
    let gone = |path: &Path| aside.iter().any(|moved| path.starts_with(moved));
    let folder = |path: PathBuf| (!ground.has(&path) || gone(&path)).then_some(Change::MakeDir { path });

    plan.changes.extend(folder(instance.state_dir.clone()));
    plan.changes.extend(
        folder_of(&instance.config_path)
            .filter(|f| *f != instance.state_dir)
            .and_then(folder),
    );
    plan.changes.extend(folder(instance.sessions()));
    plan.changes.extend(folder(place.clone()));
    if answers.bootstrap && !config.skips_bootstrap() {
        let fresh;
        let ground = if gone(&place) {
            fresh = Ground::default();
            &fresh
        } else {
            ground
        };
        plan.changes
            .extend(workspace::changes(&place, ground, stamp.lang));
    }
    if let Some(write) = keys::write(instance, &without(ground, &gone, instance), answers)? {
        let folder = folder_of(&write.path).and_then(folder).filter(|make| !plan.changes.contains(make));
        plan.changes.extend(folder);
        plan.changes.push(Change::Write(write));
    }
    plan.changes
        .extend(record_write(situation, ground, config.ports, stamp)?);
    plan.changes
        .extend(registry_write(situation, &place, config.ports)?);
    let summary = config.summary(situation, answers, place);
    plan.changes.extend(config.write(situation, answers, stamp)?);
    if answers.service {
        plan.notices.push(msg!(
            "plan.service-later",
            command = format!("{} gateway install", instance.command())
        ));
    }
    plan.instance = Some(summary);
    Ok(plan)
}

/// The key files as they stand once a reset has moved them aside.
fn without(ground: &Ground, gone: &dyn Fn(&Path) -> bool, instance: &crate::instance::Instance) -> Ground {
    let paths = [instance.env_file(), instance.auth_profiles()];
    ground.only(paths.into_iter().filter(|path| !gone(path)))
}

/// The config to be, and what was decided on the way.
struct Config {
    document: Document,
    changed: bool,
    ports: Family,
    credential: Option<(Secret, Origin)>,
    given: Vec<Secret>,
    notices: Vec<Msg>,
}

impl Config {
    fn of(situation: &Situation<'_>, answers: &Answers) -> Result<Self> {
        let fresh = !situation.exists || answers.existing.is_reset();
        let document = if fresh {
            Document::empty()
        } else {
            situation.current.clone()
        };
        let (ports, notices) = ports(situation, answers)?;
        let mut config = Self {
            document,
            changed: fresh,
            ports,
            credential: answers.credential.clone(),
            given: Vec::new(),
            notices,
        };
        if answers.existing != Existing::Keep || fresh {
            config
                .fill(situation, answers, fresh)
                .map_err(|e| not_editable(&situation.instance.config_path, e))?;
        }
        Ok(config)
    }

    fn fill(&mut self, situation: &Situation<'_>, answers: &Answers, fresh: bool) -> Result<(), EditError> {
        let place = workspace_of(situation, answers);
        // A workspace that stands in the config as `~/...` and is meant again is not rewritten.
        let stands = self
            .text("agents.defaults.workspace")
            .and_then(|typed| situation.path(typed));
        if stands.as_ref() != Some(&place) {
            self.set("agents.defaults.workspace", json!(place))?;
        }
        if let Some(model) = &answers.model {
            self.set("agents.defaults.model.primary", json!(model))?;
        }
        self.set("gateway.mode", json!("local"))?;
        self.set("gateway.port", json!(self.ports.base()))?;
        if let Some(bind) = answers.bind {
            self.set("gateway.bind", json!(bind.name()))?;
        }
        if let Some(host) = answers.bind_host {
            self.set("gateway.customBindHost", json!(host.to_string()))?;
        }
        if let Some(auth) = answers.auth {
            self.set("gateway.auth.mode", json!(auth.name()))?;
            if let Some((credential, _)) = &answers.credential {
                let key = if auth == Auth::Password {
                    "gateway.auth.password"
                } else {
                    "gateway.auth.token"
                };
                self.set(key, json!(credential.expose()))?;
            }
        }
        if fresh {
            self.set("gateway.tailscale.mode", json!("off"))?;
        }
        self.provider(answers)?;
        if let (Some(channel), Some(token)) = (answers.channel, &answers.channel_token)
            && let Some(key) = Channel::token_key(channel)
        {
            self.set(key, json!(token.expose()))?;
            self.given.push(token.clone());
        }
        Ok(())
    }

    fn provider(&mut self, answers: &Answers) -> Result<(), EditError> {
        match answers.provider {
            Some(provider @ (Provider::Anthropic | Provider::OpenRouter | Provider::Google)) => {
                let id = provider.id();
                let at = KeyPath::keys(["auth".to_owned(), "profiles".to_owned(), format!("{id}:default")]);
                self.put(&at, json!({ "provider": id, "mode": "api_key" }))
            }
            Some(Provider::Custom) => self.custom_provider(answers),
            Some(Provider::OpenAi | Provider::Skip) | None => Ok(()),
        }
    }

    fn custom_provider(&mut self, answers: &Answers) -> Result<(), EditError> {
        let custom = &answers.custom;
        let (Some(url), Some(model)) = (&custom.base_url, &custom.model_id) else {
            return Ok(());
        };
        let id = custom.provider_id.as_deref().unwrap_or(Provider::Custom.id());
        let at = KeyPath::keys(["models", "providers", id]);
        self.put(&at.child("baseUrl"), json!(url))?;
        self.put(&at.child("api"), json!("openai-completions"))?;
        if let Some(key) = &answers.provider_key {
            self.put(&at.child("apiKey"), json!(key.expose()))?;
            self.given.push(key.clone());
        }
        let known = self
            .document
            .get(&at.child("models"))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if known.iter().any(|entry| entry["id"] == **model) {
            return Ok(());
        }
        let entry = json!({
            "id": model,
            "name": model,
            "reasoning": false,
            "input": ["text"],
            "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0 },
            "contextWindow": 128_000,
            "maxTokens": 8192,
        });
        self.put(&at.child("models"), known.into_iter().chain([entry]).collect())
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.document.get(&KeyPath::parse(key).ok()?)?.as_str()
    }

    fn set(&mut self, key: &'static str, value: Value) -> Result<(), EditError> {
        let at = KeyPath::parse(key).expect("a key path of ours");
        self.put(&at, value)
    }

    fn put(&mut self, at: &KeyPath, value: Value) -> Result<(), EditError> {
        self.changed |= self.document.set(at, value)?;
        Ok(())
    }

    fn skips_bootstrap(&self) -> bool {
        let at = KeyPath::keys(["agents", "defaults", "skipBootstrap"]);
        self.document.get(&at).and_then(Value::as_bool).unwrap_or(false)
    }

    fn summary(&self, situation: &Situation<'_>, answers: &Answers, workspace: PathBuf) -> Summary {
        let instance = &situation.instance;
        let credential = match &self.credential {
            Some((_, origin)) => Some(*origin),
            None => (self
                .text("gateway.auth.token")
                .or(self.text("gateway.auth.password")))
            .map(|_| Origin::Kept),
        };
        Summary {
            profile: instance.profile.to_string(),
            config: instance.config_path.clone(),
            state: instance.state_dir.clone(),
            workspace,
            ports: self.ports,
            bind: self
                .text("gateway.bind")
                .and_then(Bind::of)
                .unwrap_or(Bind::Loopback),
            auth: self
                .text("gateway.auth.mode")
                .and_then(Auth::of)
                .unwrap_or(Auth::Token),
            credential,
            service: answers.service,
        }
    }

    /// The config's file, stamped, if anything in it changed.
    fn write(
        mut self,
        situation: &Situation<'_>,
        answers: &Answers,
        stamp: &Stamp,
    ) -> Result<Option<Change>> {
        if !self.changed {
            return Ok(None);
        }
        let path = situation.instance.config_path.clone();
        // What a reset moves aside is gone by the time the new config is written.
        let stays = situation.exists && !answers.existing.is_reset();
        // An OpenClaw version, not ours: a newer one than the reader's makes it warn (`facts.md` 0).
        let version = &situation.stamp_version();
        let stamps = [
            ("wizard.lastRunAt", stamp.now.as_str()),
            ("wizard.lastRunVersion", version),
            ("wizard.lastRunCommand", stamp.command),
            ("wizard.lastRunMode", "local"),
            ("meta.lastTouchedVersion", version),
        ];
        for (key, value) in stamps {
            self.set(key, json!(value)).map_err(|e| not_editable(&path, e))?;
        }
        let mut secrets: Vec<_> = self.credential.into_iter().collect();
        secrets.extend(self.given.into_iter().map(|secret| (secret, Origin::Given)));
        let standing = crate::config::secrets::of(self.document.value());
        secrets.extend(
            standing
                .into_iter()
                .map(|(_, text)| (Secret::new(text), Origin::Kept)),
        );
        Ok(Some(Change::Write(FileWrite {
            path,
            content: Content::with_secrets(self.document.text(), secrets),
            before: stays.then(|| situation.current.text().as_bytes().to_vec()),
            backup: stays,
            kind: FileKind::Config,
        })))
    }
}

/// The ports of the instance to be, judged against everybody else's, and what is to be said of them.
fn ports(situation: &Situation<'_>, answers: &Answers) -> Result<(Family, Vec<Msg>)> {
    let addresses = addresses(situation, answers);
    let standing = situation.standing_port();
    let base = match answers.port.or(standing) {
        Some(base) => base,
        None => match situation.suggest_ports(1, &addresses)?.first() {
            Some(suggestion) => suggestion.family.base(),
            None => return Err(Error::blocked(msg!("ports.free-one"))),
        },
    };
    let family = Family::new(base).ok_or_else(|| Error::blocked(msg!("plan.port-range", port = base)))?;
    let check = situation.planner().check(base, &addresses);
    if standing == Some(base) {
        // A port that stands is not refused again, whoever holds it today: nothing of it changes.
        return Ok((family, said(&check)));
    }
    let check = check.accept(situation.nearest_port(base).as_ref())?;
    Ok((family, said(&check)))
}

/// What a person should know of a port that is taken: what it costs, and what else is worth knowing.
fn said(check: &Check) -> Vec<Msg> {
    let costs = match &check.verdict {
        Verdict::Near(overlaps) => overlaps.iter().map(crate::ports::planner::Overlap::msg).collect(),
        Verdict::Refused(why) => vec![why.msg(check.base)],
        Verdict::Disjoint => Vec::new(),
    };
    costs
        .into_iter()
        .chain(check.notices.iter().map(crate::ports::planner::Notice::msg))
        .collect()
}

/// The addresses that the gateway will bind beside loopback.
pub fn addresses(situation: &Situation<'_>, answers: &Answers) -> Vec<IpAddr> {
    let bind = answers
        .bind
        .or_else(|| situation.text("gateway.bind").and_then(Bind::of))
        .unwrap_or(Bind::Loopback);
    match bind {
        Bind::Loopback => Vec::new(),
        Bind::Custom => answers.bind_host.into_iter().collect(),
        // Which addresses these are is known at start only: any of them counts.
        Bind::Lan | Bind::Tailnet | Bind::Auto => {
            vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
        }
    }
}

/// The workspace to be: answered, standing, or the proposed one.
fn workspace_of(situation: &Situation<'_>, answers: &Answers) -> PathBuf {
    answers
        .workspace
        .clone()
        .unwrap_or_else(|| standing_workspace(situation))
}

fn standing_workspace(situation: &Situation<'_>) -> PathBuf {
    let standing = situation
        .text("agents.defaults.workspace")
        .and_then(|typed| situation.path(typed));
    standing.unwrap_or_else(|| situation.instance.default_workspace())
}

fn folder_of(path: &Path) -> Option<PathBuf> {
    path.parent().map(Path::to_path_buf)
}

/// `2026-11-22T19:22:45.123Z` as part of a folder's name: `20261122T192245123Z`.
pub fn folder_stamp(now: &str) -> String {
    now.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn record_write(
    situation: &Situation<'_>,
    ground: &Ground,
    ports: Family,
    stamp: &Stamp,
) -> Result<Option<Change>> {
    let path = situation.instance.record_path();
    let before = match ground.at(&path) {
        Standing::Nothing => None,
        Standing::File(bytes) => Some(bytes.clone()),
        Standing::Folder | Standing::Else => return Err(in_the_way(&path)),
    };
    let text = before.as_deref().map(String::from_utf8_lossy);
    let profile = situation.instance.profile.as_str();
    let text = record::text(text.as_deref(), profile, stamp.lang.code(), ports.base());
    Ok(whole(path, text, before, FileKind::Record))
}

fn registry_write(situation: &Situation<'_>, workspace: &Path, ports: Family) -> Result<Option<Change>> {
    let (instance, registry) = (&situation.instance, &situation.survey.registry);
    for path in [&instance.config_path, &instance.state_dir] {
        if path.to_str().is_none() {
            return Err(Error::usage(msg!(
                "isolation.workspace-unicode",
                path = path.display()
            )));
        }
    }
    let text = registry.with(registry::Entry {
        profile: instance.profile.to_string(),
        config: instance.config_path.clone(),
        state: instance.state_dir.clone(),
        workspace: workspace.to_path_buf(),
        port: ports.base(),
    });
    Ok(whole(
        registry.path.clone(),
        text,
        registry.before.clone(),
        FileKind::Registry,
    ))
}

/// A file of ours that is written whole, unless it stands so already.
fn whole(path: PathBuf, text: String, before: Option<Vec<u8>>, kind: FileKind) -> Option<Change> {
    let stands = before.as_deref() == Some(text.as_bytes());
    (!stands).then(|| {
        Change::Write(FileWrite {
            path,
            content: Content::plain(text),
            before,
            backup: false,
            kind,
        })
    })
}

/// The file stands and can be read, but not be edited without losing something of it.
pub(super) fn not_editable(path: &Path, why: EditError) -> Error {
    Error::blocked(msg!("plan.not-editable", path = path.display())).because(why)
}

/// Something that is no file stands where a file must go.
pub(super) fn in_the_way(path: &Path) -> Error {
    Error::blocked(msg!("plan.in-the-way", path = path.display()))
        .hint(msg!("plan.move-it", name = CONFIG_FILE))
}
