//! The instance of a bot for unit tests.

use std::path::Path;

use crate::environment::Environment;
use crate::host::Host;
use crate::instance::{Instance, OwnedInstanceContext};
use crate::profile::ProfileName;

/// Returns the context of the instance `rescue` in a home folder, on a host with these variables.
pub(super) fn rescue_instance(home: &Path, vars: &[(&str, &str)]) -> OwnedInstanceContext {
    OwnedInstanceContext {
        host: Host::fixed(&[], vars.iter().copied()),
        env: Environment {
            home: home.to_owned(),
            ..Environment::default()
        },
        instance: Instance::canonical(home, ProfileName::parse("rescue").unwrap()),
    }
}
