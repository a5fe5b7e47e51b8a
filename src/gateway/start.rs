//! From a command line to a running gateway, and its orderly end.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::shared::{Identity, Live, Shared, Stop};
use super::{http, serve};
use crate::browser;
use crate::config::{self, Loaded};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::i18n::Lang;
use crate::instance::Instance;
use crate::msg;
use crate::ports::{Family, LOOPBACK, Role};
use crate::record::Record;
use crate::settings::{Sources, Wishes};

/// How a gateway is to be run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the command line wishes.
    pub wishes: Wishes,
    /// `--force`: a gateway of the same profile and user that holds the port is ended first.
    pub force: bool,
}

/// Runs the gateway of this instance until it is told to stop.
pub fn run(
    host: &Host,
    env: &Environment,
    instance: &Instance,
    lang: Lang,
    options: &Options,
) -> Result<ExitCode> {
    let record = Record::read(&instance.record_path())?;
    let config = match config::load(&instance.config_path) {
        Loaded::Missing => Value::Null,
        Loaded::Ok(document) => config::effective(&instance.config_path, &document)
            .map_err(|fault| fault.blocked(&instance.config_path))?,
        Loaded::Broken(fault) => return Err(fault.blocked(&instance.config_path)),
    };
    let sources = Sources {
        host,
        instance,
        config: &config,
        record: &record,
    };
    let settings = sources.settings(&options.wishes)?;
    let failed =
        |cause: std::io::Error| Error::no(msg!("gateway.failed", port = settings.port)).because(cause);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let addresses: Vec<_> = LOOPBACK
        .iter()
        .map(|ip| SocketAddr::new(*ip, settings.port))
        .collect();
    let mut listeners = Vec::new();
    for address in &addresses {
        let listener = host.listen(*address).map_err(failed)?;
        listeners.push(listener);
    }
    let control: Vec<_> = Family::new(settings.port)
        .map(|family| family.port(Role::BrowserControl))
        .into_iter()
        .flat_map(|port| LOOPBACK.map(|ip| SocketAddr::new(ip, port)))
        .collect();
    let mut control_listeners = Vec::new();
    for address in &control {
        control_listeners.push(host.listen(*address).map_err(failed)?);
    }
    let identity = Identity {
        profile: instance.profile.to_string(),
        instance_id: String::new(),
        boot_id: uuid::Uuid::new_v4().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: SystemTime::now(),
    };
    let live = Live {
        config,
        settings: settings.clone(),
        warning: None,
    };
    let (host, env, instance) = (host.clone(), env.clone(), instance.clone());
    let shared = Arc::new(Shared::new(host, env, instance, identity, lang, addresses, live));
    runtime
        .block_on(async {
            let stopper = shared.clone();
            tokio::spawn(async move {
                let _ = tokio::signal::ctrl_c().await;
                stopper.stop(Stop::Asked);
            });
            let browsers = browser::http::control(&shared);
            let own = browser::http::router(shared.clone(), browsers.clone(), &control);
            let served = tokio::join!(
                serve::serve(&shared, listeners, http::router(shared.clone())),
                serve::serve(&shared, control_listeners, own),
            );
            browsers.shutdown().await;
            served.0.and(served.1)
        })
        .map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
