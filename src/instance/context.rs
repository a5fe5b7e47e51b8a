//! An instance together with the host and the environment it is looked at from: the three values that
//! nearly every operation on an instance needs. Functions take one [`InstanceContext`] instead of three
//! arguments.

use crate::environment::Environment;
use crate::host::Host;

use super::Instance;

/// An instance, the host it lives on, and the environment of this run. Copying it copies references only.
#[derive(Clone, Copy, Debug)]
pub struct InstanceContext<'a> {
    /// The outside world.
    pub host: &'a Host,
    /// The environment variables of this run.
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
    /// The outside world.
    pub host: Host,
    /// The environment variables of this run.
    pub env: Environment,
    /// The instance.
    pub instance: Instance,
}

impl OwnedInstanceContext {
    /// Borrows the context.
    pub fn borrowed(&self) -> InstanceContext<'_> {
        InstanceContext {
            host: &self.host,
            env: &self.env,
            instance: &self.instance,
        }
    }
}
