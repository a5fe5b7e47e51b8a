//! Where the base port of a gateway comes from.

/// Source of the base port of a gateway, the strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortSource {
    /// `--port` on the command line.
    Flag,
    /// `OPENCLAW_GATEWAY_PORT`, from the environment of this run or the instance's `.env`.
    Environment,
    /// `--port` or `OPENCLAW_GATEWAY_PORT` in the file of an installed service.
    Service,
    /// `OPENCLAW_GATEWAY_PORT` in the instance's `.env`, as a survey reads it.
    EnvFile,
    /// `gateway.port` in the config.
    Config,
    /// `gateway.port` in the last good copy, or else the newest backup, of a config that can't be read.
    Backup,
    /// `instance.toml` or the registry.
    Record,
    /// Nothing sets it: the default of the profile.
    #[default]
    Default,
}

impl PortSource {
    /// Returns the stable name, as `--json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "env",
            Self::Service => "service",
            Self::EnvFile => "env-file",
            Self::Config => "config",
            Self::Backup => "backup",
            Self::Record => "record",
            Self::Default => "default",
        }
    }
}
