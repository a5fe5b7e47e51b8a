//! The context of an operation on an instance: the instance, its host, and the environment. Functions take one
//! [`InstanceContext`] instead of these three arguments.

use crate::config::effective::{EffectiveConfig, IncludeRoot};
use crate::env_file;
use crate::environment::{Environment, INCLUDE_ROOTS_VARIABLE};
use crate::host::Host;

use super::Instance;

/// An instance, its host, and the environment of this run. A copy copies references only.
#[derive(Clone, Copy, Debug)]
pub struct InstanceContext<'a> {
    /// Access to the system.
    pub host: &'a Host,
    /// Environment variables of this run.
    pub env: &'a Environment,
    /// The instance.
    pub instance: &'a Instance,
}

impl<'a> InstanceContext<'a> {
    /// Returns the context of another instance on the same host, in the same environment.
    #[must_use]
    pub fn with_instance(self, instance: &'a Instance) -> Self {
        Self { instance, ..self }
    }

    /// Returns the folders besides the config's own from which OpenClaw lets the config of the instance include files: those
    /// of `OPENCLAW_INCLUDE_ROOTS` in the environment, else in the instance's `.env` (docs/openclaw.md#include-boundary).
    /// See also [`Self::include_roots_of`].
    pub(crate) fn include_roots(self) -> Vec<IncludeRoot> {
        let in_file = || env_file::variable(&self.instance.env_file(), INCLUDE_ROOTS_VARIABLE);
        let inherited = Environment::include_roots(self.host).map(str::to_owned);
        let list = inherited.or_else(in_file).unwrap_or_default();
        let folders = std::env::split_paths(&list).filter_map(|folder| {
            let typed = folder.to_str()?.trim();
            (!typed.is_empty()).then(|| self.env.expand(self.host.cwd(), typed))?
        });
        folders.map(IncludeRoot::new).collect()
    }

    /// Returns the folders from which this config of the instance may include files, as [`Self::include_roots`] does; none
    /// where it includes no file.
    pub(crate) fn include_roots_of(self, config: &EffectiveConfig) -> Vec<IncludeRoot> {
        if config.includes_files() {
            self.include_roots()
        } else {
            Vec::new()
        }
    }

    /// Returns an owned copy, for values that outlive the current call (a running gateway, its browsers).
    pub fn to_owned(self) -> OwnedInstanceContext {
        OwnedInstanceContext {
            host: self.host.clone(),
            env: self.env.clone(),
            instance: self.instance.clone(),
        }
    }
}

/// An [`InstanceContext`] that owns its values, for state that lives as long as a gateway.
#[derive(Clone, Debug)]
pub struct OwnedInstanceContext {
    /// Access to the system.
    pub host: Host,
    /// Environment variables of this run.
    pub env: Environment,
    /// The instance.
    pub instance: Instance,
}

impl OwnedInstanceContext {
    /// Borrows the instance, the host and the environment of an owned context as an [`InstanceContext`].
    pub fn borrowed(&self) -> InstanceContext<'_> {
        InstanceContext {
            host: &self.host,
            env: &self.env,
            instance: &self.instance,
        }
    }
}
