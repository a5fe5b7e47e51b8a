//! What flags, environment, config and record come to for one gateway: its port, where it listens, how
//! clients prove themselves. One place, so that the gateway, its clients, its service and the doctor
//! never disagree.
//!
//! The order is OpenClaw's (docs/openclaw.md#order-of-precedence): a flag goes before the environment, that before the config. A
//! gateway's own token comes from its config before the environment; a client's the other way round.

use std::net::IpAddr;

use serde_json::Value;

use crate::answers::{Auth, Bind, NamedValue as _};
use crate::config::error::ConfigError;
use crate::config::variables::{self, MissingVariable};
use crate::config::{self, LoadedConfig};
use crate::env_file;
use crate::environment::Environment;
use crate::error::{Error, ErrorReason, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::ports::{BasePort, DEFAULT_BASE, DEV_BASE, Port, PortSource, hashed_default};
use crate::profile::ProfileName;
use crate::record::Record;
use crate::secret::Secret;

/// What the command line wishes for one run of a gateway.
#[derive(Clone, Debug, Default)]
pub struct RunOverrides {
    /// `--port`.
    pub port: Option<Port>,
    /// `--bind`.
    pub bind: Option<Bind>,
    /// `--auth`.
    pub auth: Option<Auth>,
    /// `--token`.
    pub token: Option<Secret>,
    /// `--password`.
    pub password: Option<Secret>,
    /// `--allow-unconfigured`: `gateway.mode` need not be `local`.
    pub allow_unconfigured: bool,
}

/// How clients prove themselves, with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// By a token.
    Token(Secret),
    /// By a password.
    Password(Secret),
    /// Not at all: loopback only.
    None,
}

impl ClientAuth {
    /// The mode's name.
    pub fn mode(&self) -> Auth {
        match self {
            Self::Token(_) => Auth::Token,
            Self::Password(_) => Auth::Password,
            Self::None => Auth::None,
        }
    }
}

/// What a gateway runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its base port, 1 to 65535.
    pub port: Port,
    /// On which ground.
    pub port_source: PortSource,
    /// Where it listens.
    pub bind: Bind,
    /// The address of [`Bind::Custom`].
    pub bind_host: Option<IpAddr>,
    /// How clients prove themselves.
    pub auth: ClientAuth,
}

/// Where values come from that a config leaves open: the environment, the instance's `.env`, and the
/// config's own variables.
#[derive(Clone, Copy)]
pub struct SettingSources<'a> {
    /// The outside world.
    pub host: &'a Host,
    /// The instance.
    pub instance: &'a Instance,
    /// Its config, included files merged in; `Null` where there is none.
    pub config: &'a Value,
    /// Its `instance.toml`.
    pub record: &'a Record,
}

/// What an instance's own files say of its gateway.
#[derive(Clone, Debug)]
pub struct InstanceFiles {
    /// Its config, included files merged in; `Null` where there is none.
    pub config: Value,
    /// Its `instance.toml`.
    pub record: Record,
}

impl InstanceFiles {
    /// Reads both. One that can't be understood blocks, with its place and the ways out.
    pub fn read(instance: &Instance) -> Result<Self> {
        let path = &instance.config_path;
        let config = match config::load(path) {
            LoadedConfig::Missing => Value::Null,
            LoadedConfig::Ok(document) => {
                config::effective(path, &document).map_err(|fault| config::broken_error(path, &fault))?
            }
            LoadedConfig::Broken(fault) => return Err(config::broken_error(path, &fault)),
        };
        Ok(Self {
            config,
            record: Record::read(&instance.record_path())?,
        })
    }

    /// These, with what the environment adds.
    pub fn sources<'a>(&'a self, host: &'a Host, instance: &'a Instance) -> SettingSources<'a> {
        SettingSources {
            host,
            instance,
            config: &self.config,
            record: &self.record,
        }
    }
}

impl SettingSources<'_> {
    fn lookup(&self, name: &str) -> Option<String> {
        if name == "OPENCLAW_GATEWAY_TOKEN"
            && let Some(token) = &self.instance.env_token
        {
            return Some(token.expose().to_owned());
        }
        let inherited = self
            .host
            .var(name)
            .filter(|_| !Environment::is_own_variable(name));
        inherited
            .map(str::to_owned)
            .or_else(|| env_file::variable(&self.instance.env_file(), name))
            .or_else(|| variables::variable_from_config(self.config, name))
    }

    /// A text of the config, with its variables filled in; a reference to a secret of the environment
    /// (`{source: "env", id}`) is followed.
    fn text(&self, key: &'static str) -> Result<Option<String>> {
        let pointer = format!("/{}", key.replace('.', "/"));
        let missing = |MissingVariable(name): MissingVariable| {
            Error::blocked(msg!("settings.variable", key = key, name = name)).hint(msg!(
                "settings.set-variable",
                name = name,
                path = self.instance.env_file().display()
            ))
        };
        match self.config.pointer(&pointer) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let filled =
                    variables::substitute(text.trim(), &|name| self.lookup(name)).map_err(missing)?;
                Ok(Some(filled).filter(|text| !text.is_empty()))
            }
            Some(Value::Object(reference)) if reference.get("source").is_some_and(|s| s == "env") => {
                let name = reference.get("id").and_then(Value::as_str).unwrap_or_default();
                self.lookup(name)
                    .ok_or_else(|| missing(MissingVariable(name.to_owned())))
                    .map(Some)
            }
            Some(_) => Err(Error::blocked(msg!("settings.reference", key = key))),
        }
    }

    /// The base port, and on which ground.
    pub fn port(&self, flag: Option<Port>) -> Result<(Port, PortSource)> {
        const VAR: &str = "OPENCLAW_GATEWAY_PORT";
        if let Some(port) = flag {
            return Ok((port, PortSource::Flag));
        }
        if let Some(port) = self.instance.env_port {
            return Ok((port, PortSource::Environment));
        }
        if let Some(text) = env_file::variable(&self.instance.env_file(), VAR) {
            return Port::from_variable(&text)
                .map(|port| (port, PortSource::Environment))
                .ok_or_else(|| Error::blocked(msg!("environment.port", value = text)));
        }
        if let Some(port) = config::base_port(self.config) {
            return Ok((port, PortSource::Config));
        }
        if let Some(port) = self.record.ports.base {
            return Ok((port, PortSource::Record));
        }
        Ok((default_base(&self.instance.profile).into(), PortSource::Default))
    }

    /// What a client of this gateway shows: the environment's token goes before the config's.
    pub fn client_auth(&self) -> Result<ClientAuth> {
        if let Some(token) = &self.instance.env_token {
            return Ok(ClientAuth::Token(token.clone()));
        }
        let token = self.text("gateway.auth.token")?.map(Secret::new);
        let password = self.text("gateway.auth.password")?.map(Secret::new);
        Ok(match (self.auth_mode(None), token, password) {
            (Some(Auth::Password), _, Some(password)) | (None, None, Some(password)) => {
                ClientAuth::Password(password)
            }
            (_, Some(token), _) => ClientAuth::Token(token),
            _ => match self.dotenv_token() {
                Some(token) => ClientAuth::Token(token),
                None => ClientAuth::None,
            },
        })
    }

    fn dotenv_token(&self) -> Option<Secret> {
        env_file::variable(&self.instance.env_file(), "OPENCLAW_GATEWAY_TOKEN").map(Secret::new)
    }

    fn auth_mode(&self, flag: Option<Auth>) -> Option<Auth> {
        flag.or_else(|| Auth::from_name(self.config.pointer("/gateway/auth/mode")?.as_str()?))
    }

    /// Where it listens, and the address where that is one of the user's choice.
    pub fn bind(&self, flag: Option<Bind>) -> Result<(Bind, Option<IpAddr>)> {
        let named = self.config.pointer("/gateway/bind").and_then(Value::as_str);
        let bind = match (flag, named) {
            (Some(bind), _) => bind,
            (None, None) => Bind::Loopback,
            (None, Some(name)) => {
                Bind::from_name(name).ok_or_else(|| Error::blocked(msg!("settings.bind", value = name)))?
            }
        };
        let host = self.text("gateway.customBindHost")?;
        match (bind, host) {
            (Bind::Custom, Some(host)) => host
                .parse()
                .map(|ip| (bind, Some(ip)))
                .map_err(|_| Error::blocked(msg!("settings.bind-host", value = host))),
            (Bind::Custom, None) => Err(Error::blocked(msg!("settings.no-bind-host"))),
            _ => Ok((bind, None)),
        }
    }

    /// An environment file that is there and can't be read may hold the port or the token: a gateway
    /// without it would be another one than its user means.
    fn environment_file(&self) -> Result<()> {
        let path = self.instance.env_file();
        match read::text(&path) {
            Ok(_) | Err(ReadError::Missing) => Ok(()),
            Err(error) => {
                let what = Msg::new("settings.env-file")
                    .with("path", path.display())
                    .with_msg("why", ConfigError::from(error).why);
                Err(Error::blocked(what).hint(msg!("settings.env-file-way-out", path = path.display())))
            }
        }
    }

    /// Everything that a gateway of this instance runs with, or why it may not start.
    pub fn settings(&self, overrides: &RunOverrides) -> Result<Settings> {
        self.environment_file()?;
        let mode = self.config.pointer("/gateway/mode").and_then(Value::as_str);
        if mode != Some("local") && !overrides.allow_unconfigured {
            let command = self.instance.command();
            let error = match mode {
                None => Error::blocked(msg!(
                    "settings.mode-unset",
                    path = self.instance.config_path.display()
                ))
                .with_reason(ErrorReason::GatewayModeUnset),
                Some(mode) => Error::blocked(msg!("settings.mode", mode = mode)),
            };
            return Err(error
                .hint(msg!("settings.onboard", command = command))
                .hint(msg!("settings.set-mode", command = command)));
        }
        let (port, port_source) = self.port(overrides.port)?;
        let (bind, bind_host) = self.bind(overrides.bind)?;
        let auth = self.auth(overrides)?;
        let reachable = !bind.is_loopback() && bind_host.is_none_or(|ip| !ip.is_loopback());
        if auth == ClientAuth::None && reachable {
            return Err(Error::blocked(msg!("settings.open", bind = bind.name()))
                .with_reason(ErrorReason::UnprotectedNetwork)
                .hint(msg!("settings.set-token", command = self.instance.command())));
        }
        Ok(Settings {
            port,
            port_source,
            bind,
            bind_host,
            auth,
        })
    }

    /// How clients of the gateway itself prove themselves: its config goes before the environment.
    fn auth(&self, overrides: &RunOverrides) -> Result<ClientAuth> {
        if let Some(mode) = self.config.pointer("/gateway/auth/mode").and_then(Value::as_str)
            && Auth::from_name(mode).is_none()
            && overrides.auth.is_none()
        {
            return Err(Error::blocked(msg!("settings.auth-mode", value = mode)));
        }
        let token = match &overrides.token {
            Some(token) => Some(token.clone()),
            None => (self.text("gateway.auth.token")?.map(Secret::new))
                .or_else(|| self.instance.env_token.clone())
                .or_else(|| self.dotenv_token()),
        };
        let password = match &overrides.password {
            Some(password) => Some(password.clone()),
            None => self.text("gateway.auth.password")?.map(Secret::new),
        };
        let implied = match (&overrides.token, &overrides.password) {
            (None, Some(_)) => Some(Auth::Password),
            (Some(_), None) => Some(Auth::Token),
            _ => None,
        };
        let mode = self
            .auth_mode(overrides.auth.or(implied))
            .unwrap_or(match (&token, &password) {
                (None, Some(_)) => Auth::Password,
                _ => Auth::Token,
            });
        let needed = |secret: Option<Secret>, msg| {
            secret.ok_or_else(|| {
                Error::blocked(msg)
                    .with_reason(ErrorReason::CredentialUnset)
                    .hint(msg!("settings.set-token", command = self.instance.command()))
            })
        };
        let real = |secret: Secret, msg| {
            if secret.is_placeholder() {
                let hint = msg!("settings.set-token", command = self.instance.command());
                return Err(Error::blocked(msg).hint(hint));
            }
            Ok(secret)
        };
        Ok(match mode {
            Auth::Token => {
                let token = needed(token, msg!("settings.no-token"))?;
                ClientAuth::Token(real(token, msg!("settings.token-placeholder"))?)
            }
            Auth::Password => {
                let password = needed(password, msg!("settings.no-password"))?;
                ClientAuth::Password(real(password, msg!("settings.password-placeholder"))?)
            }
            Auth::None => ClientAuth::None,
        })
    }
}

/// The base port of a profile for which nothing sets one (docs/design.md#port-rules, rule 4).
pub(crate) fn default_base(profile: &ProfileName) -> BasePort {
    if profile.is_default() {
        DEFAULT_BASE
    } else if profile.is_dev() {
        DEV_BASE
    } else {
        hashed_default(profile.as_str())
    }
}

#[cfg(test)]
mod tests;
