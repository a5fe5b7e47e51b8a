//! The context of an interview: the host, and the input that a plan for the chosen instance will have.
//!
//! This is where the wizard reads the host: the config of the chosen instance, the paths with their links
//! followed, and ports that are tried by binding them. The plan itself gets the results as data.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answers::Answers;
use crate::config::dialect::Dialect;
use crate::config::document::ConfigDocument;
use crate::config::{self, LoadedConfig};
use crate::editor::Editor;
use crate::engine::{self, ReleaseStore};
use crate::env_file;
use crate::environment::{Environment, TypedPathError, abbreviate_home, has_openclaw_home};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::PathResolver;
use crate::i18n::{Msg, msg};
use crate::instance::{
    CONFIG_FILE, ConfigVariables, Instance, InstanceContext, profile_of_folder, shell_quote,
};
use crate::plan::disk::DiskSnapshot;
use crate::plan::{self, OtherInstance, Plan, PlanInput, PlanStamp, ResolvedPaths};
use crate::ports::planner::{Planner, PortCheck, PortSuggestion, PortVerdict};
use crate::ports::{Listener, Port, PortFamily};
use crate::profile::ProfileName;
use crate::record::{Engine, Record, ReleaseVersion};
use crate::releases::Npm;
use crate::secret::Secret;
use crate::service::{self, Linger};
use crate::survey::Survey;
use crate::survey::ports::{check_probed, suggest_probed};

use super::online::OnlineChecks;
use super::preflight::GatewayStates;

mod disk;
mod online;
mod provider_keys;
#[cfg(test)]
mod tests;

pub(crate) use disk::read_disk;
pub(crate) use provider_keys::ForeignKey;

/// The facts about host and instance that the questions of the wizard depend on. Nothing here changes the disk.
pub(crate) struct InterviewContext<'a> {
    host: &'a Host,
    /// The survey of the host.
    pub(crate) survey: &'a Survey,
    /// The input of the plan for the chosen instance.
    pub(crate) input: PlanInput<'a>,
    /// `true` if a person answers the questions.
    pub(crate) interactive: bool,
    /// `true` if a person is asked only for what has no default, and may change the rest at the review.
    pub(crate) proposes_all: bool,
    /// The states of the host's gateways, where a person is told them.
    pub(crate) gateway_states: GatewayStates,
    /// `true` if a config that is kept otherwise gets another base port: the person chose that at the review.
    pub(crate) moves_kept_port: bool,
    /// A new random token, for an instance that has none.
    pub(crate) fresh_token: Secret,
    /// Results of the servers that were asked about the answers; `None` where no server is asked.
    pub(crate) online: Option<&'a OnlineChecks>,
    linger: OnceCell<Linger>,
    manager_refusal: OnceCell<Option<Msg>>,
    releases: OnceCell<Vec<ReleaseVersion>>,
    /// Base ports that were suggested, each with the addresses on which it was probed.
    suggested: RefCell<Vec<(Port, Vec<IpAddr>)>>,
    /// Called with the number of probed ports and the number of all that are probed.
    on_probe: &'a dyn Fn(u64, u64),
}

impl<'a> InterviewContext<'a> {
    /// Reads the context of an instance for the wizard, for an interview without a person.
    ///
    /// A config that can't be used is one of the facts: it is never overwritten.
    ///
    /// # Errors
    /// Where the instance has the paths of an earlier OpenClaw.
    pub(crate) fn read(at: InstanceContext<'a>, survey: &'a Survey, fresh_token: Secret) -> Result<Self> {
        Ok(Self {
            host: at.host,
            survey,
            input: read_input(at.host, survey, at.env, at.instance.clone())?,
            interactive: false,
            proposes_all: false,
            gateway_states: GatewayStates::new(),
            moves_kept_port: false,
            fresh_token,
            online: None,
            linger: OnceCell::new(),
            manager_refusal: OnceCell::new(),
            releases: OnceCell::new(),
            suggested: RefCell::default(),
            on_probe: &|_, _| {},
        })
    }

    /// Lets the wizard ask for the base port of a config that is kept otherwise.
    #[must_use]
    pub(crate) fn with_moved_port(mut self, moves_kept_port: bool) -> Self {
        self.moves_kept_port = moves_kept_port;
        self
    }

    /// Lets the wizard ask servers about the answers.
    #[must_use]
    pub(crate) fn with_online(mut self, online: Option<&'a OnlineChecks>) -> Self {
        self.online = online;
        self
    }

    /// Lets the wizard show the states of the host's gateways beside their profiles.
    #[must_use]
    pub(crate) fn with_gateway_states(mut self, states: &GatewayStates) -> Self {
        self.gateway_states.clone_from(states);
        self
    }

    /// Makes this the context of a wizard's interview with a person, who is shown how far the probing of ports has
    /// come.
    #[must_use]
    pub(crate) fn with_person(self, on_probe: &'a dyn Fn(u64, u64)) -> Self {
        Self {
            interactive: true,
            on_probe,
            ..self
        }
    }

    /// Lets the wizard ask the person only for what has no default.
    #[must_use]
    pub(crate) fn with_proposals(self, proposes_all: bool) -> Self {
        Self { proposes_all, ..self }
    }

    /// Changes the wizard to the instance of another profile, under the environment rules
    /// (docs/design.md#environment-rules).
    pub(crate) fn choose_profile(&mut self, profile: &ProfileName) -> Result<()> {
        self.choose_instance(Instance::resolve(self.input.env, Some(profile))?)
    }

    /// Changes the wizard to another instance and reads its config.
    pub(crate) fn choose_instance(&mut self, instance: Instance) -> Result<()> {
        self.input = read_input(self.host, self.survey, self.input.env, instance)?;
        Ok(())
    }

    /// Returns `true` if the host has an instance of the profile with this name.
    pub(crate) fn has_profile(&self, name: &str) -> bool {
        self.profiles().any(|profile| profile.as_str() == name)
    }

    /// Returns the profiles that the host has.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &'a ProfileName> + Clone + use<'a> {
        let instances = self.survey.instances.iter();
        instances.filter_map(|found| found.profile.as_ref())
    }

    /// Returns `true` if the wizard's instance answers with a model: a rescue bot of the native engine needs none, and says what it
    /// finds without one.
    pub(crate) fn answers_with_model(&self, answers: &Answers) -> bool {
        self.runs_agent(answers) || !self.is_rescue_bot()
    }

    /// Returns `true` if the engine of the wizard's instance, as it was chosen, is recorded, or is suggested, is OpenClaw from npm,
    /// whose agent runs commands.
    pub(crate) fn runs_agent(&self, answers: &Answers) -> bool {
        let engine = answers.engine.or(self.input.recorded_engine);
        engine.unwrap_or_else(|| self.suggested_engine(answers)) == Engine::Node
    }

    /// Returns the engine that the wizard suggests for a new instance: for a rescue bot beside another instance this program,
    /// which works where Node or a config is broken, else OpenClaw from npm where it is installed. Unasked, without a person
    /// or where a config is edited, it stays this program.
    pub(crate) fn suggested_engine(&self, answers: &Answers) -> Engine {
        let is_asked = self.interactive && !self.keeps_existing(answers);
        let is_there = || self.survey.node.is_some() || !self.releases().is_empty();
        if is_asked && !self.is_rescue_bot() && is_there() {
            Engine::Node
        } else {
            Engine::Native
        }
    }

    /// Returns the releases of OpenClaw that this program has installed, the newest first.
    pub(crate) fn releases(&self) -> &[ReleaseVersion] {
        self.releases.get_or_init(|| {
            let releases = ReleaseStore::of_host(self.host, self.input.env).list();
            releases
                .into_iter()
                .map(|release| release.receipt.version)
                .collect()
        })
    }

    /// Requires npm to be there, for a release that is to be installed once the plan is applied.
    ///
    /// # Errors
    /// Where it is not; the hint says how to get it.
    pub(crate) fn require_npm(&self) -> Result<()> {
        let store = ReleaseStore::of_host(self.host, self.input.env);
        Npm::find(self.host, &store, None).map(drop)
    }

    /// Returns `true` if the wizard sets up a rescue bot: beside another instance, with a profile of that name.
    pub(crate) fn is_rescue_bot(&self) -> bool {
        self.input.instance.profile.is_of_rescue_bot() && !self.input.others.is_empty()
    }

    /// Returns the reason why no service can be installed for the wizard's instance; `None` where the service manager
    /// answers. It is asked once.
    pub(crate) fn manager_refusal(&self) -> Option<Msg> {
        let status = || {
            let at = InstanceContext {
                host: self.host,
                env: self.input.env,
                instance: &self.input.instance,
            };
            service::status(at).err().map(|error| error.msg)
        };
        self.manager_refusal.get_or_init(status).clone()
    }

    /// Requires OpenClaw from npm to be installed, for the wizard's choice of the engine. A command that belongs to no
    /// npm package is asked for its version.
    ///
    /// # Errors
    /// Where it is not installed, or too old; the hints say how to get it.
    pub(crate) fn require_node_engine(&self) -> Result<()> {
        match self.survey.node {
            Some(_) => Ok(()),
            None => engine::locate(self.host, self.input.env).map(drop),
        }
    }

    /// Returns the state of systemd's lingering for this user, which is read once.
    pub(crate) fn linger(&self) -> Linger {
        let at = InstanceContext {
            host: self.host,
            env: self.input.env,
            instance: &self.input.instance,
        };
        *self.linger.get_or_init(|| service::linger(at))
    }

    /// Returns a text that starts with a path for the screen, with `~` for the home folder.
    pub(crate) fn abbreviate(&self, text: &str) -> String {
        self.input.display_path(Path::new(text))
    }

    /// Returns the program that opens a file for the person, from `VISUAL` or `EDITOR`, else the first known editor that is
    /// installed.
    pub(crate) fn editor(&self) -> Option<Editor> {
        Editor::find(self.host)
    }

    /// Returns the text at a key of the current config, as the default of a wizard's question; `None` where the
    /// answers move that config aside.
    pub(crate) fn current_text(&self, answers: &Answers, key: &str) -> Option<&str> {
        if answers.existing.is_reset() {
            None
        } else {
            self.input.text(key)
        }
    }

    /// Returns `true` if the instance has a config whose values stay unless an answer of the wizard changes them.
    pub(crate) fn keeps_existing(&self, answers: &Answers) -> bool {
        self.input.exists && !answers.existing.is_reset()
    }

    /// Reads the state of a path on the disk for a question of the wizard.
    pub(crate) fn read_path(&self, path: &Path) -> DiskSnapshot {
        read_disk(self.host, [path.to_path_buf()])
    }

    /// Returns the absolute path that a user typed as the reply to a question of the wizard.
    pub(crate) fn expand_typed(&self, typed: &str) -> Result<PathBuf, TypedPathError> {
        self.input.env.expand_typed(self.host, typed)
    }

    /// Returns the paths of the host's other instances, which a plan of the wizard must not touch.
    pub(crate) fn other_paths(&self) -> Vec<PathBuf> {
        self.survey.paths_of_others(&self.input.instance.config_path)
    }

    /// Suggests up to `count` base ports for a gateway on these addresses, best first. Each one was probed.
    ///
    /// # Errors
    /// Where no base port is left.
    pub(crate) fn suggest_ports(&self, count: usize, addresses: &[IpAddr]) -> Result<Vec<PortSuggestion>> {
        let mut planner = self.current_planner(None);
        let found = suggest_probed(self.host, &mut planner, addresses, count, self.on_probe);
        let found = found.map_err(|full| {
            let error = Error::from(full);
            match self.host.pick_unused_port() {
                Some(port) => error.hint(msg!("ports.spare", port = port)),
                None => error,
            }
        })?;
        let bases = found.iter().map(|suggestion| suggestion.family.base().into());
        let probed = bases.map(|base| (base, addresses.to_vec()));
        self.suggested.borrow_mut().extend(probed);
        Ok(found)
    }

    /// Returns the planner of base ports for the wizard's instance, with the sockets that listen now: a person may take
    /// minutes to answer. `typed` is a base port whose family is to be checked.
    pub(crate) fn current_planner(&self, typed: Option<u16>) -> Planner {
        let mut planner = self.input.planner.clone();
        let typed = typed.map(PortFamily::span_of);
        let is_typed = |port| typed.is_some_and(|span| span.contains(port));
        let listeners = self.survey.current_listeners(is_typed).into_iter();
        let is_own = |listener: &Listener| planner.own_ports.contains(&listener.port);
        planner.listeners = listeners.filter(|listener| !is_own(listener)).collect();
        planner
    }

    /// Judges a base port for the wizard's instance, and probes its fixed ports.
    pub(crate) fn check_port(&self, base: impl Into<u16>, addresses: &[IpAddr]) -> PortCheck {
        let base = base.into();
        check_probed(self.host, &mut self.current_planner(Some(base)), addresses, base)
    }

    /// Requires a base port to be usable for the wizard's instance now.
    ///
    /// # Errors
    /// Exit 78 with the reason, and the base port that the wizard offers instead.
    pub(crate) fn require_port(&self, base: Port, addresses: &[IpAddr]) -> Result<()> {
        let check = self.check_port(base, addresses);
        let instead = match check.verdict {
            PortVerdict::Refused(_) => self.suggest_ports(1, addresses).unwrap_or_default(),
            _ => Vec::new(),
        };
        check.accept(instead.first()).map(drop)
    }

    /// Requires a base port that was answered to be usable for the wizard's instance. Without a person no time passes between
    /// a suggestion, which was probed, and the answer that takes it.
    ///
    /// # Errors
    /// As [`Self::require_port`].
    pub(crate) fn require_answered_port(&self, base: Port, addresses: &[IpAddr]) -> Result<()> {
        let was_probed = |(known, on): &(Port, Vec<IpAddr>)| *known == base && on == addresses;
        if !self.interactive && self.suggested.borrow().iter().any(was_probed) {
            return Ok(());
        }
        self.require_port(base, addresses)
    }

    /// Plans the instance that the wizard sets up with these answers, from a snapshot of the disk. Without an
    /// answered or existing base port the best suggestion is taken.
    pub(crate) fn plan(&self, answers: &Answers, disk: &DiskSnapshot, stamp: &PlanStamp) -> Result<Plan> {
        let base = match plan::known_base(&self.input, answers) {
            Some(base) => base,
            None => self.suggest_base(answers)?,
        };
        match self.survey.with_owners(PortFamily::span_of(base)) {
            Cow::Borrowed(_) => plan::onboard(&self.input, answers, base, disk, stamp),
            Cow::Owned(survey) => {
                let instance = &self.input.instance;
                let planner = survey.planner(&instance.profile, &instance.config_path);
                let input = PlanInput {
                    planner,
                    ..self.input.clone()
                };
                plan::onboard(&input, answers, base, disk, stamp)
            }
        }
    }

    fn suggest_base(&self, answers: &Answers) -> Result<Port> {
        let suggestions = self.suggest_ports(1, &plan::bind_addresses(&self.input, answers))?;
        match suggestions.first() {
            Some(suggestion) => Ok(suggestion.family.base().into()),
            None => Err(Error::blocked(msg!("ports.free-one"))),
        }
    }
}

/// Returns the record of an instance; `None` where it has none, or a broken one, which the plan refuses.
fn read_record(instance: &Instance) -> Option<Record> {
    let path = instance.record_path();
    path.exists().then(|| Record::load(&path))?.ok()
}

/// Refuses to set up an instance at the paths of an earlier OpenClaw: under its present names neither release would find
/// what is there.
fn refuse_legacy(instance: &Instance) -> Result<()> {
    let Some(legacy) = instance.legacy_paths() else {
        return Ok(());
    };
    let path = abbreviate_home(&instance.home, &legacy.config_path);
    let command = legacy.migrate_command(&instance.home);
    Err(Error::blocked(msg!("isolation.legacy", path = path))
        .hint(msg!("isolation.legacy-way-out", command = command)))
}

/// Refuses to set up an instance inside the state folder of another: `OPENCLAW_HOME` is a home folder, and `.openclaw` is
/// added to it (docs/openclaw.md#order-of-precedence). An instance that is there already stays usable.
fn refuse_state_folder_as_home(host: &Host, instance: &Instance) -> Result<()> {
    let home = &instance.home;
    let is_named_so = || {
        let name = home.file_name().and_then(|name| name.to_str());
        name.and_then(profile_of_folder).is_some()
    };
    let is_state_folder = || is_named_so() || home.join(CONFIG_FILE).is_file();
    if !has_openclaw_home(host) || instance.config_path.exists() || !is_state_folder() {
        return Ok(());
    }
    let msg = msg!(
        "environment.home-is-state",
        path = home.display(),
        state = instance.state_dir.display()
    );
    let parent = home.parent().unwrap_or(home);
    Err(Error::usage(msg).hint(msg!("environment.home-above", path = shell_quote(parent))))
}

/// Reads the facts that the plan of an instance depends on, with the links in all paths followed.
fn read_input<'a>(
    host: &'a Host,
    survey: &'a Survey,
    env: &'a Environment,
    instance: Instance,
) -> Result<PlanInput<'a>> {
    refuse_legacy(&instance)?;
    refuse_state_folder_as_home(host, &instance)?;
    let config_path = &instance.config_path;
    let (current, exists, broken) = match config::load(config_path) {
        LoadedConfig::Missing => (ConfigDocument::empty(), false, None),
        LoadedConfig::Ok(document) => (document, true, None),
        LoadedConfig::Broken(fault) => (ConfigDocument::empty(), true, Some(fault)),
    };
    let (current, effective, broken) = match config::effective(config_path, &current) {
        Ok(effective) => (current, effective.value, broken),
        Err(fault) => (ConfigDocument::empty(), Value::Null, Some(fault)),
    };
    let own = survey.position(config_path);
    let others = survey.instances.iter().enumerate();
    let others = others.filter(|(at, _)| Some(*at) != own);
    let variables = ConfigVariables::new(host, &instance.state_dir, &effective);
    let named_workspace = effective
        .pointer("/agents/defaults/workspace")
        .and_then(Value::as_str)
        .and_then(|typed| variables.path(env, host.cwd(), typed));
    let record = read_record(&instance);
    let mut links = PathResolver::default();
    let node_version = survey.node.as_ref().map(|node| node.version.as_str());
    let dialect = Dialect::choose(
        node_version,
        (exists && broken.is_none()).then(|| current.value()),
    );
    Ok(PlanInput {
        env,
        resolved: ResolvedPaths::new(&instance, |path| links.resolve(path).real),
        surveyed: own.map(|at| &survey.instances[at]),
        others: others.map(|(_, found)| OtherInstance::new(found)).collect(),
        registry: survey.registry(),
        planner: survey.planner(&instance.profile, config_path),
        current,
        effective,
        named_workspace,
        token_in_env_file: env_file::variable(&instance.env_file(), "OPENCLAW_GATEWAY_TOKEN").is_some(),
        exists,
        recorded_engine: record.as_ref().map(|record| record.engine),
        recorded_release: record.as_ref().and_then(|record| record.release.clone()),
        watched: record.map_or_else(Vec::new, |record| record.rescue.watch),
        broken,
        dialect,
        openclaw_version: dialect.version_stamp(node_version).to_owned(),
        instance,
    })
}
