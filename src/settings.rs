//! The settings of a gateway, resolved from flags, environment, config and record: its port, its listen address, and the
//! authentication of its clients. The gateway, its clients, its service and the doctor all resolve them here, so that they
//! agree.
//!
//! The order of precedence is OpenClaw's (docs/openclaw.md#order-of-precedence): a flag goes before the environment, and
//! the environment before the config. For the token, a gateway reads its config before the environment, and a client the
//! environment before the config.

use std::net::IpAddr;

use serde_json::Value;

use crate::answers::{Auth, Bind, NamedValue as _};
use crate::config::error::ConfigError;
use crate::config::variables::{self, MissingVariable};
use crate::config::{self, LoadedConfig};
use crate::env_file;
use crate::environment::PORT_VARIABLE;
use crate::error::{Error, ErrorReason, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::{Msg, msg};
use crate::instance::{ConfigVariables, Instance};
use crate::ports::{Port, PortSource, default_base};
use crate::record::Record;
use crate::secret::{Secret, with_shown_value};

/// Settings of a gateway that the command line gives for one run, which override all others.
#[derive(Clone, Debug, Default)]
pub struct RunOverrides {
    /// Port of `--port`.
    pub port: Option<Port>,
    /// Bind mode of `--bind`.
    pub bind: Option<Bind>,
    /// Authentication mode of `--auth`.
    pub auth: Option<Auth>,
    /// Token of `--token`.
    pub token: Option<Secret>,
    /// Password of `--password`.
    pub password: Option<Secret>,
    /// `true` with `--allow-unconfigured`: `gateway.mode` need not be `local`.
    pub allow_unconfigured: bool,
}

/// Authentication of a gateway's clients, with its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Clients send this token.
    Token(Secret),
    /// Clients send this password.
    Password(Secret),
    /// Clients send no credential; allowed on loopback addresses only.
    None,
}

impl ClientAuth {
    /// Returns whether the credential of a gateway's clients is so short that whoever tries many may guess it.
    pub(crate) fn is_guessable(&self) -> bool {
        match self {
            Self::Token(secret) | Self::Password(secret) => secret.is_guessable(),
            Self::None => false,
        }
    }

    /// Returns the authentication mode of a gateway's clients without its credential.
    pub fn mode(&self) -> Auth {
        match self {
            Self::Token(_) => Auth::Token,
            Self::Password(_) => Auth::Password,
            Self::None => Auth::None,
        }
    }
}

/// Resolved settings of a gateway: its port, the addresses that it binds, and the authentication of its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Base port, 1 to 65535.
    pub port: Port,
    /// Source of the base port.
    pub port_source: PortSource,
    /// Bind mode, which decides on the addresses to listen on.
    pub bind: Bind,
    /// Address to listen on with [`Bind::Custom`]; `None` with any other mode.
    pub bind_host: Option<IpAddr>,
    /// Authentication of clients.
    pub auth: ClientAuth,
}

/// Sources from which the settings of a gateway are resolved: the environment, the instance with its `.env`, the
/// config and the `instance.toml`.
#[derive(Clone, Copy)]
pub(crate) struct SettingSources<'a> {
    /// Access to the environment variables of this run.
    pub(crate) host: &'a Host,
    /// The instance whose gateway it is.
    pub(crate) instance: &'a Instance,
    /// Value of the config, included files merged in; `Null` where there is no config.
    pub(crate) config: &'a Value,
    /// Values of `instance.toml`.
    pub(crate) record: &'a Record,
    /// `false` where it is known that the instance has no `.env`, so that it is not looked for.
    pub(crate) may_have_env_file: bool,
}

/// The config and the `instance.toml` of an instance as they were read.
#[derive(Clone, Debug)]
pub(crate) struct InstanceFiles {
    /// Value of the config, included files merged in; `Null` where there is no config.
    pub(crate) config: Value,
    /// Values of `instance.toml`.
    pub(crate) record: Record,
}

impl InstanceFiles {
    /// Reads the config and the `instance.toml` of an instance.
    ///
    /// # Errors
    /// Exit 78 where one of them is broken, with the position and the ways out.
    pub(crate) fn read(instance: &Instance) -> Result<Self> {
        let path = &instance.config_path;
        let config = match config::load(path) {
            LoadedConfig::Missing => Value::Null,
            LoadedConfig::Ok(document) => {
                let effective = config::effective(path, &document);
                effective
                    .map_err(|fault| config::broken_error(path, &fault))?
                    .value
            }
            LoadedConfig::Broken(fault) => return Err(config::broken_error(path, &fault)),
        };
        Ok(Self {
            config,
            record: Record::read(&instance.record_path())?,
        })
    }

    /// Returns the config and the `instance.toml` of an instance together with the environment as sources of the
    /// gateway's settings.
    pub(crate) fn sources<'a>(&'a self, host: &'a Host, instance: &'a Instance) -> SettingSources<'a> {
        SettingSources {
            host,
            instance,
            config: &self.config,
            record: &self.record,
            may_have_env_file: true,
        }
    }
}

impl SettingSources<'_> {
    /// Returns the value of a variable that a config refers to: from the environment, `.env`, or the config's own variables.
    /// Variables of this program are read from the environment as [`crate::instance`] decided only.
    fn lookup(&self, name: &str) -> Option<String> {
        if name == "OPENCLAW_GATEWAY_TOKEN"
            && let Some(token) = &self.instance.env_token
        {
            return Some(token.expose().to_owned());
        }
        ConfigVariables::new(self.host, &self.instance.state_dir, self.config).get(name)
    }

    /// Returns the text at a key of the config with its variables filled in; `None` where it is missing or empty. A
    /// reference to a secret in the environment (`{source: "env", id}`) is resolved.
    ///
    /// # Errors
    /// Exit 78 where a variable is not set, or the value is a reference of another kind.
    fn config_text(&self, key: &'static str) -> Result<Option<String>> {
        let pointer = format!("/{}", key.replace('.', "/"));
        let missing = |MissingVariable(name): MissingVariable| {
            let path = self.instance.env_file();
            Error::blocked(msg!("settings.variable", key = key, name = name))
                .with_reason(ErrorReason::VariableUnset)
                .hint(msg!("settings.set-variable", name = name, path = path.display()))
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

    /// Returns the base port of a gateway and the source that sets it. `flag` is the port of the command line.
    ///
    /// # Errors
    /// Exit 78 where `.env` has an unusable port.
    pub(crate) fn port(&self, flag: Option<Port>) -> Result<(Port, PortSource)> {
        if let Some(port) = flag {
            return Ok((port, PortSource::Flag));
        }
        if let Some(port) = self.instance.env_port {
            return Ok((port, PortSource::Environment));
        }
        let env_file = self.instance.env_file();
        if let Some(text) = self.dotenv_variable(PORT_VARIABLE) {
            return Port::from_variable(&text)
                .map(|port| (port, PortSource::Environment))
                .ok_or_else(|| {
                    let what = msg!("settings.env-file-port", path = env_file.display());
                    Error::blocked(with_shown_value(what, &text))
                });
        }
        if let Some(port) = config::base_port(self.config) {
            return Ok((port, PortSource::Config));
        }
        if let Some(port) = self.record.ports.base {
            return Ok((port, PortSource::Record));
        }
        Ok((default_base(&self.instance.profile).into(), PortSource::Default))
    }

    /// Returns the authentication of a client of this instance's gateway: the environment's token goes before the
    /// config's.
    pub(crate) fn client_auth(&self) -> Result<ClientAuth> {
        if let Some(token) = &self.instance.env_token {
            return Ok(ClientAuth::Token(token.clone()));
        }
        let token = self.config_text("gateway.auth.token")?.map(Secret::new);
        let password = self.config_text("gateway.auth.password")?.map(Secret::new);
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

    /// Returns the gateway's token in the instance's `.env`.
    fn dotenv_token(&self) -> Option<Secret> {
        self.dotenv_variable("OPENCLAW_GATEWAY_TOKEN").map(Secret::new)
    }

    /// Returns the value of a variable in the instance's `.env`.
    fn dotenv_variable(&self, name: &str) -> Option<String> {
        let file = Some(self.instance.env_file()).filter(|_| self.may_have_env_file)?;
        env_file::variable(&file, name)
    }

    /// Returns the authentication mode that a gateway's flag sets, else its config; `None` where neither has a valid
    /// one.
    fn auth_mode(&self, flag: Option<Auth>) -> Option<Auth> {
        flag.or_else(|| Auth::from_name(self.config.pointer("/gateway/auth/mode")?.as_str()?))
    }

    /// Returns the bind mode of a gateway (the addresses on which it listens), and the address of [`Bind::Custom`].
    /// `flag` is the mode of the command line.
    ///
    /// # Errors
    /// Exit 78 for an unknown mode, or a custom address that is missing or none.
    pub(crate) fn bind(&self, flag: Option<Bind>) -> Result<(Bind, Option<IpAddr>)> {
        let named = self.config.pointer("/gateway/bind").and_then(Value::as_str);
        let bind = match (flag, named) {
            (Some(bind), _) => bind,
            (None, None) => Bind::Loopback,
            (None, Some(name)) => {
                Bind::from_name(name).ok_or_else(|| Error::blocked(msg!("settings.bind", value = name)))?
            }
        };
        let host = self.config_text("gateway.customBindHost")?;
        match (bind, host) {
            // The value may come from a variable, which may be another one than was meant.
            (Bind::Custom, Some(host)) => host
                .parse()
                .map(|ip| (bind, Some(ip)))
                .map_err(|_| Error::blocked(with_shown_value(Msg::new("settings.bind-host"), &host))),
            (Bind::Custom, None) => Err(Error::blocked(msg!("settings.no-bind-host"))),
            _ => Ok((bind, None)),
        }
    }

    /// Checks that the instance's `.env` can be read where it exists: it may hold the port or the token, and a gateway
    /// without them would be another one than the user means.
    fn require_readable_env_file(&self) -> Result<()> {
        if !self.may_have_env_file {
            return Ok(());
        }
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

    /// Resolves the settings of a gateway of this instance.
    ///
    /// # Errors
    /// Exit 78 where it must not start: no local mode, an invalid value, a missing credential, or no authentication on a
    /// network address.
    pub(crate) fn settings(&self, overrides: &RunOverrides) -> Result<Settings> {
        self.require_readable_env_file()?;
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
        let auth = self.server_auth(overrides)?;
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

    /// Returns the authentication that a gateway demands of its clients: the config's credential goes before the
    /// environment's.
    fn server_auth(&self, overrides: &RunOverrides) -> Result<ClientAuth> {
        if let Some(mode) = self.config.pointer("/gateway/auth/mode").and_then(Value::as_str)
            && Auth::from_name(mode).is_none()
            && overrides.auth.is_none()
        {
            return Err(Error::blocked(msg!("settings.auth-mode", value = mode)));
        }
        let token = match &overrides.token {
            Some(token) => Some(token.clone()),
            None => (self.config_text("gateway.auth.token")?.map(Secret::new))
                .or_else(|| self.instance.env_token.clone())
                .or_else(|| self.dotenv_token()),
        };
        let password = match &overrides.password {
            Some(password) => Some(password.clone()),
            None => self.config_text("gateway.auth.password")?.map(Secret::new),
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
        Ok(match mode {
            Auth::Token => ClientAuth::Token(self.require_credential(
                token,
                msg!("settings.no-token"),
                msg!("settings.token-placeholder"),
            )?),
            Auth::Password => ClientAuth::Password(self.require_credential(
                password,
                msg!("settings.no-password"),
                msg!("settings.password-placeholder"),
            )?),
            Auth::None => ClientAuth::None,
        })
    }

    /// Returns a gateway's token or password where it is set and no placeholder such as `change-me-now`.
    ///
    /// # Errors
    /// Exit 78 with the message `unset` or `placeholder`.
    fn require_credential(&self, credential: Option<Secret>, unset: Msg, placeholder: Msg) -> Result<Secret> {
        let way_out = || msg!("settings.set-token", command = self.instance.command());
        match credential {
            None => Err(Error::blocked(unset)
                .with_reason(ErrorReason::CredentialUnset)
                .hint(way_out())),
            Some(credential) if credential.is_placeholder() => {
                Err(Error::blocked(placeholder).hint(way_out()))
            }
            Some(credential) => Ok(credential),
        }
    }
}

#[cfg(test)]
mod tests;
