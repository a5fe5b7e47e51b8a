//! `openclaw browser`: sends requests about the browsers of this instance to its gateway. While the gateway is down,
//! status and profiles are read from the files.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
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

pub(crate) use args::{BrowserArgs, BrowserCommand};

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
    let (method, path, body) = request_for(&args.command);
    let path = with_profile(&path, profile_name);
    let timeout = Duration::from_millis(args.timeout.unwrap_or(DEFAULT_TIMEOUT_MS));
    match input.client()?.send(method, &path, body.as_ref(), timeout)? {
        ControlReply::Success(document) => {
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

/// Returns the HTTP request to the browser control service that a `browser` command stands for: method, path and
/// body.
fn request_for(command: &BrowserCommand) -> (&'static str, String, Option<Value>) {
    let post = |path: &str, body: Value| ("POST", path.to_owned(), Some(body));
    match command {
        BrowserCommand::Status | BrowserCommand::Doctor => ("GET", "/".to_owned(), None),
        BrowserCommand::Profiles => ("GET", "/profiles".to_owned(), None),
        BrowserCommand::Tabs => ("GET", "/tabs".to_owned(), None),
        BrowserCommand::Start => post("/start", json!({})),
        BrowserCommand::Stop => post("/stop", json!({})),
        BrowserCommand::CreateProfile { name, color } => {
            post("/profiles/create", json!({ "name": name, "color": color }))
        }
        BrowserCommand::DeleteProfile { name } => {
            ("DELETE", format!("/profiles/{}", percent_encoded(name)), None)
        }
        BrowserCommand::Open { url } => post("/tabs/open", json!({ "url": url })),
        BrowserCommand::Focus { tab } => post("/tabs/focus", json!({ "targetId": tab })),
        BrowserCommand::Close { tab } => ("DELETE", format!("/tabs/{}", percent_encoded(tab)), None),
        BrowserCommand::Navigate { url, target_id } => {
            post("/navigate", json!({ "url": url, "targetId": target_id }))
        }
        BrowserCommand::Screenshot {
            tab,
            full_page,
            format,
        } => post(
            "/screenshot",
            json!({ "targetId": tab, "fullPage": full_page, "type": format }),
        ),
        BrowserCommand::Snapshot { target_id, limit } => {
            let mut path = "/snapshot?format=aria".to_owned();
            if let Some(id) = target_id {
                let _ = write!(path, "&targetId={}", percent_encoded(id));
            }
            if let Some(limit) = limit {
                let _ = write!(path, "&limit={limit}");
            }
            ("GET", path, None)
        }
    }
}

/// Adds the browser profile to the query of a URL path of the browser control service.
fn with_profile(path: &str, profile: Option<&str>) -> String {
    match profile {
        None => path.to_owned(),
        Some(name) => {
            let separator = if path.contains('?') { '&' } else { '?' };
            format!("{path}{separator}profile={}", percent_encoded(name))
        }
    }
}

/// Percent-encodes a text for the path or the query of a URL.
fn percent_encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
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
        let reply = self.client()?.send("GET", "/profiles", None, DOCTOR_TIMEOUT);
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
