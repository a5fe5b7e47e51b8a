//! The sources of the base port of a gateway.

/// Source of the base port of a gateway, the strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortSource {
    /// The flag `--port` on the command line.
    Flag,
    /// The variable `OPENCLAW_GATEWAY_PORT`, from the environment of this run or the instance's `.env`.
    Environment,
    /// The flag `--port` or the variable `OPENCLAW_GATEWAY_PORT` in the file of an installed service.
    Service,
    /// The variable `OPENCLAW_GATEWAY_PORT` in the instance's `.env`, as a survey reads it.
    EnvFile,
    /// The key `gateway.port` in the config.
    Config,
    /// The key `gateway.port` in the last good config, or else the newest backup, of a config that can't be read.
    Backup,
    /// The record `instance.toml`, or the registry.
    Record,
    /// The default of the profile, for lack of any other source.
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
