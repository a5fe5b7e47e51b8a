//! `openclaw browser`: sends requests about the browsers of this instance to its gateway. While the gateway is down,
//! status and profiles are read from the files.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::Context;
use crate::browser::checks;
use crate::browser::client::{ControlClient, ControlReply};
use crate::browser::debug_port::PortUsage;
use crate::browser::profiles::{BrowserConfig, BrowserProfile, BrowserProfiles};
use crate::browser::{BrowserContext, status};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::ports::{PortFamily, Role};
use crate::settings::InstanceFiles;

mod args;
mod output;
mod request;
mod websocket;

pub(crate) use args::{BrowserArgs, BrowserCommand};
use request::ControlCall;

/// Time that the response to a browser command may take where `--timeout` is not given, in milliseconds.
const DEFAULT_TIMEOUT_MS: u64 = 60_000;
/// Time that the gateway is given to answer `browser doctor`.
const DOCTOR_TIMEOUT: Duration = Duration::from_secs(10);

/// The input of an `openclaw browser` command: the instance, with its files read once.
struct CommandInput<'a> {
    context: &'a Context<'a>,
    files: InstanceFiles,
    browser_context: BrowserContext,
    profiles: BrowserProfiles,
    /// The value of `--browser-profile`.
    profile_name: Option<&'a str>,
}

/// Runs `openclaw browser`.
pub(super) fn run(context: &Context<'_>, args: &BrowserArgs) -> Result<ExitCode> {
    let profile_name = args.browser_profile.as_deref();
    let input = CommandInput::read(context, profile_name)?;
    if matches!(args.command, BrowserCommand::Doctor) {
        return input.run_doctor();
    }
    let call = ControlCall::from_command(&args.command).for_profile(profile_name);
    let timeout = Duration::from_millis(args.timeout.unwrap_or(DEFAULT_TIMEOUT_MS));
    match input.send(&call, timeout)? {
        ControlReply::Success(mut document) => {
            if matches!(args.command, BrowserCommand::Start) && document.get("running").is_none() {
                document = input.status_after_start(profile_name, timeout)?;
            }
            if let BrowserCommand::Snapshot {
                limit: Some(limit), ..
            } = &args.command
            {
                output::cut_snapshot(&mut document, *limit);
            }
            output::print_reply(context, &args.command, &document, profile_name);
            Ok(ExitCode::SUCCESS)
        }
        ControlReply::Failure { status, document } => {
            output::print_failure(&context.ui, status, &document);
            Ok(ExitCode::FAILURE)
        }
        ControlReply::GatewayDown => input.run_without_gateway(&args.command),
    }
}

impl<'a> CommandInput<'a> {
    /// Reads the files of the instance for a `browser` command and derives its browser profiles.
    fn read(context: &'a Context<'a>, profile_name: Option<&'a str>) -> Result<Self> {
        let instance = &context.instance;
        let files = InstanceFiles::read(instance)?;
        let (base_port, _) = files.sources(context.host, instance).port(None)?;
        let browser_context = BrowserContext {
            host: context.host.clone(),
            env: context.env.clone(),
            instance: instance.clone(),
            base_port,
        };
        Ok(Self {
            profiles: browser_context.profiles(&files.config, &files.record),
            context,
            files,
            browser_context,
            profile_name,
        })
    }

    /// Sends a request to the browser control service of this instance's gateway: to its port where a process listens
    /// there, else over the WebSocket of the gateway.
    fn send(&self, call: &ControlCall, timeout: Duration) -> Result<ControlReply> {
        let body = call.body.as_ref();
        match self
            .client()?
            .send(call.method, &call.path_and_query(), body, timeout)?
        {
            ControlReply::GatewayDown => websocket::send(self.context, call, timeout),
            reply => Ok(reply),
        }
    }

    /// Returns the status of a browser that was just started, for a gateway whose reply to the start does not say
    /// whether it runs (docs/openclaw.md#browser-requests).
    fn status_after_start(&self, profile: Option<&str>, timeout: Duration) -> Result<Value> {
        let call = ControlCall::from_command(&BrowserCommand::Status).for_profile(profile);
        match self.send(&call, timeout)? {
            ControlReply::Success(mut status) => {
                status["ok"] = true.into();
                Ok(status)
            }
            _ => Ok(json!({ "ok": true, "profile": profile })),
        }
    }

    /// Returns a client of the gateway's browser control service.
    fn client(&self) -> Result<ControlClient> {
        let sources = self.files.sources(self.context.host, &self.context.instance);
        let port = PortFamily::new(self.browser_context.base_port)
            .ok_or_else(|| Error::blocked(msg!("browser.no-pool", port = self.browser_context.base_port)))?
            .port(Role::BrowserControl);
        Ok(ControlClient {
            port,
            auth: sources.client_auth()?,
            lang: self.context.ui.lang(),
            command: self.context.instance.command(),
        })
    }

    /// Returns the browser profile that a `browser` command is for.
    fn profile(&self) -> Result<&BrowserProfile> {
        self.profiles
            .find(self.profile_name)
            .ok_or_else(|| Error::failed(self.profiles.not_found_msg(self.profile_name)))
    }

    /// Runs a `browser` command while the gateway is down: status and profiles from the files, an error for any other
    /// command.
    fn run_without_gateway(&self, command: &BrowserCommand) -> Result<ExitCode> {
        let (ui, context, files) = (&self.context.ui, &self.browser_context, &self.files);
        let browser_config = BrowserConfig::from_config(&files.config);
        let state_and_port = |profile| {
            let state = status::state_without_gateway(context, profile, &browser_config);
            let port = status::assigned_port(context, profile, &self.profiles, &files.record);
            (state, port)
        };
        let mut document = match command {
            BrowserCommand::Status => {
                let profile = self.profile()?;
                let (state, port) = state_and_port(profile);
                status::document(context, &files.config, profile, port, &state, ui.lang())
            }
            BrowserCommand::Profiles => {
                let row = |profile| {
                    let (state, port) = state_and_port(profile);
                    status::profile_row(profile, &self.profiles, port, &state, 0)
                };
                json!({ "profiles": self.profiles.list.iter().map(row).collect::<Value>() })
            }
            _ => {
                let instance = &self.context.instance;
                let error = Error::failed(msg!("browser.gateway-down", profile = instance.profile));
                return Err(error.hint(msg!("browser.run-gateway", command = instance.command())));
            }
        };
        document["gatewayRunning"] = false.into();
        ui.eprint_paragraph(&msg!(
            "browser.from-files",
            profile = self.context.instance.profile
        ));
        output::print_reply(self.context, command, &document, self.profile_name);
        Ok(ExitCode::SUCCESS)
    }

    /// Runs `openclaw browser doctor`: checks one browser profile.
    fn run_doctor(&self) -> Result<ExitCode> {
        let profile = self.profile()?;
        let usage = PortUsage::survey(&self.browser_context);
        let checks = checks::check_profile(
            &self.browser_context,
            &self.files.config,
            &self.files.record,
            &self.profiles,
            profile,
            &usage,
        );
        let reply = self.send(
            &ControlCall::from_command(&BrowserCommand::Profiles),
            DOCTOR_TIMEOUT,
        );
        let is_gateway_up = matches!(reply, Ok(ControlReply::Success(_)));
        Ok(output::print_checks(
            &self.context.ui,
            &profile.name,
            &checks,
            is_gateway_up,
            &self.context.instance.command(),
        ))
    }
}
