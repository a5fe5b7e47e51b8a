//! The instance whose browsers a call is about.

use serde_json::Value;

use super::profiles::{BrowserProfiles, default_color};
use crate::environment::Environment;
use crate::host::Host;
use crate::instance::{ConfigVariables, Instance};
use crate::ports::{Port, PortFamily};
use crate::record::Record;

/// The instance whose browsers are used, the base port of its gateway, and the host that it is on.
#[derive(Clone, Debug)]
pub(crate) struct BrowserContext {
    /// The outside world.
    pub(crate) host: Host,
    /// The environment variables of this run.
    pub(crate) env: Environment,
    /// The instance.
    pub(crate) instance: Instance,
    /// The base port that the gateway of the instance uses, 1 to 65535.
    pub(crate) base_port: Port,
}

impl BrowserContext {
    /// Returns the ports that are derived from the base port of an instance; `None` where none can be derived.
    pub(crate) fn port_family(&self) -> Option<PortFamily> {
        PortFamily::new(self.base_port)
    }

    /// Returns the browser profiles that the config and the `instance.toml` of an instance define.
    ///
    /// A variable that is set nowhere stays in the text as it is written: the text is then refused as an address
    /// where it is used.
    pub(crate) fn profiles(&self, config: &Value, record: &Record) -> BrowserProfiles {
        let variables = ConfigVariables::new(&self.host, &self.instance.state_dir, config);
        let expand = |text: &str| variables.substitute(text).unwrap_or_else(|_| text.to_owned());
        let color = default_color(&self.instance.profile);
        BrowserProfiles::from_config(config, record, color, &expand)
    }
}
