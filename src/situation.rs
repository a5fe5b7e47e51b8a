//! What the questions depend on: the host, the chosen instance, and what stands in its config now.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::dialect::Dialect;
use crate::config::document::ConfigDocument;
use crate::config::key_path::KeyPath;
use crate::config::{self, LoadedConfig};
use crate::environment::Environment;
use crate::error::Result;
use crate::host::{Host, read};
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::secret::Secret;
use crate::survey::{PortSource, Survey, Surveyed};

mod ports;

/// The ground that an interview and a plan stand on. Nothing here changes the disk.
pub struct Situation<'a> {
    /// The outside world, for what only it can answer: paths and free ports.
    pub host: &'a Host,
    /// The host as found.
    pub survey: &'a Survey,
    /// What the environment wishes.
    pub env: &'a Environment,
    /// The instance that is set up.
    pub instance: Instance,
    /// Its config as it stands; an empty document where there is none.
    pub current: ConfigDocument,
    /// Whether there is one.
    pub exists: bool,
    /// For which release the config is written.
    pub dialect: Dialect,
    /// Whether a person is asked.
    pub interactive: bool,
    /// A fresh random token, in case one is needed.
    pub fresh_token: Secret,
    /// Who is told how far the probing of ports has come.
    pub on_probe: Option<&'a dyn Fn(u64, u64)>,
    /// The other instances and where they really lie.
    neighbours: Vec<Neighbour<'a>>,
}

/// Another instance, the links in its paths followed.
#[derive(Debug)]
pub struct Neighbour<'a> {
    /// What was found of it.
    pub found: &'a Surveyed,
    /// Its config.
    pub config: PathBuf,
    /// Its state folder.
    pub state: PathBuf,
}

impl<'a> Situation<'a> {
    /// The situation of an instance. A config that can't be read ends it: it is never written over.
    pub fn new(
        host: &'a Host,
        survey: &'a Survey,
        env: &'a Environment,
        instance: Instance,
        interactive: bool,
        fresh_token: Secret,
    ) -> Result<Self> {
        let mut situation = Self {
            host,
            survey,
            env,
            instance,
            current: ConfigDocument::empty(),
            exists: false,
            dialect: Dialect::Common,
            interactive,
            fresh_token,
            on_probe: None,
            neighbours: Vec::new(),
        };
        situation.load()?;
        Ok(situation)
    }

    /// Goes over to another profile, whose environment is its own (docs/design.md#environment-rules).
    pub fn choose(&mut self, profile: &ProfileName) -> Result<()> {
        self.instance = Instance::resolve(self.env, Some(profile))?;
        self.load()
    }

    /// Goes back to an instance of before.
    pub fn return_to(&mut self, instance: Instance) -> Result<()> {
        self.instance = instance;
        self.load()
    }

    fn load(&mut self) -> Result<()> {
        let path = &self.instance.config_path;
        let (document, exists) = match config::load(path) {
            LoadedConfig::Missing => (ConfigDocument::empty(), false),
            LoadedConfig::Ok(document) => (document, true),
            LoadedConfig::Broken(fault) => return Err(fault.blocked(path)),
        };
        self.dialect = Dialect::choose(self.node_version(), exists.then(|| document.value()));
        (self.current, self.exists) = (document, exists);
        let own = self.survey.position(&self.instance.config_path);
        let others = self
            .survey
            .instances
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != own);
        let neighbour = |(_, found): (usize, &'a Surveyed)| Neighbour {
            found,
            config: read::canonicalize_existing(&found.config_path),
            state: read::canonicalize_existing(&found.state_dir),
        };
        self.neighbours = others.map(neighbour).collect();
        Ok(())
    }

    fn node_version(&self) -> Option<&str> {
        self.survey.node.as_ref().map(|node| node.version.as_str())
    }

    /// The OpenClaw version to stamp files with.
    pub fn stamp_version(&self) -> String {
        self.dialect.version_stamp(self.node_version()).to_owned()
    }

    /// The value that stands at a key of the instance's config.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.current.get(&KeyPath::parse(key).ok()?)
    }

    /// The text that stands at a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_str()
    }

    /// The base port that the instance has: from its config, else from its record.
    pub fn standing_port(&self) -> Option<u16> {
        let in_config = self
            .value("gateway.port")
            .and_then(Value::as_u64)
            .and_then(|port| port.try_into().ok());
        in_config.or_else(|| match self.surveyed()?.base? {
            (_, PortSource::Default) => None,
            (family, _) => Some(family.base()),
        })
    }

    /// What the survey found of this instance.
    pub fn surveyed(&self) -> Option<&'a Surveyed> {
        Some(&self.survey.instances[self.survey.position(&self.instance.config_path)?])
    }

    /// The other instances of the host.
    pub fn others(&self) -> &[Neighbour<'a>] {
        &self.neighbours
    }

    /// The paths of the other instances, which nothing that is done here may touch.
    pub fn others_paths(&self) -> Vec<PathBuf> {
        self.survey.paths_of_others(&self.instance.config_path)
    }

    /// A path as typed: `~` expanded, absolute.
    pub fn path(&self, typed: &str) -> Option<PathBuf> {
        self.env.expand(self.host.cwd(), typed)
    }

    /// A path as a user reads it, `~` for the home folder.
    pub fn shown(&self, path: &Path) -> String {
        shown(&self.env.home, path)
    }
}

/// A path as a user reads it, `~` for the home folder.
pub fn shown(home: &Path, path: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Ok(below) => format!("~/{}", below.display()),
        Err(_) => path.display().to_string(),
    }
}
