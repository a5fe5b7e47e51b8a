//! `openclaw browser`: the browsers of this instance, asked of its gateway; where that is down and the
//! files tell enough, of them.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::{Value, json};

use super::Context;
use crate::browser::client::{Answer, Client};
use crate::browser::profiles::{Profile, Profiles, Wishes};
use crate::browser::{World, doctor, ports, status};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::ports::{PortFamily, Role};
use crate::settings::Files;

mod args;
mod show;

pub(crate) use args::{BrowserArgs, BrowserCommand};

/// How long an answer may take where `--timeout` does not say.
const LIMIT: u64 = 60_000;

/// What the instance's files say, read once.
struct Ground<'a> {
    context: &'a Context<'a>,
    files: Files,
    world: World,
    profiles: Profiles,
    wanted: Option<&'a str>,
}

pub(super) fn run(context: &Context<'_>, args: &BrowserArgs) -> Result<ExitCode> {
    let ground = Ground::read(context, args.browser_profile.as_deref())?;
    if matches!(args.command, BrowserCommand::Doctor) {
        return ground.doctor();
    }
    let (method, path, body) = request(&args.command);
    let path = with_profile(&path, args.browser_profile.as_deref());
    let limit = Duration::from_millis(args.timeout.unwrap_or(LIMIT));
    match ground.client()?.ask(method, &path, body.as_ref(), limit)? {
        Answer::Done(document) => {
            show::answer(context, &args.command, &document, args.browser_profile.as_deref());
            Ok(ExitCode::SUCCESS)
        }
        Answer::Refused(status, document) => {
            show::refusal(&context.ui, status, &document);
            Ok(ExitCode::FAILURE)
        }
        Answer::Down => ground.down(&args.command),
    }
}

/// The request of a command: method, path, body.
fn request(command: &BrowserCommand) -> (&'static str, String, Option<Value>) {
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
        BrowserCommand::DeleteProfile { name } => ("DELETE", format!("/profiles/{}", escaped(name)), None),
        BrowserCommand::Open { url } => post("/tabs/open", json!({ "url": url })),
        BrowserCommand::Focus { tab } => post("/tabs/focus", json!({ "targetId": tab })),
        BrowserCommand::Close { tab } => ("DELETE", format!("/tabs/{}", escaped(tab)), None),
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
                let _ = write!(path, "&targetId={}", escaped(id));
            }
            if let Some(limit) = limit {
                let _ = write!(path, "&limit={limit}");
            }
            ("GET", path, None)
        }
    }
}

fn with_profile(path: &str, profile: Option<&str>) -> String {
    match profile {
        None => path.to_owned(),
        Some(name) => {
            let sign = if path.contains('?') { '&' } else { '?' };
            format!("{path}{sign}profile={}", escaped(name))
        }
    }
}

/// A text as part of an address.
fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

impl<'a> Ground<'a> {
    fn read(context: &'a Context<'a>, wanted: Option<&'a str>) -> Result<Self> {
        let instance = &context.instance;
        let files = Files::read(instance)?;
        let (base, _) = files.sources(context.host, instance).port(None)?;
        let world = World {
            host: context.host.clone(),
            env: context.env.clone(),
            instance: instance.clone(),
            base,
        };
        Ok(Self {
            profiles: world.profiles(&files.config, &files.record),
            context,
            files,
            world,
            wanted,
        })
    }

    fn client(&self) -> Result<Client> {
        let sources = self.files.sources(self.context.host, &self.context.instance);
        let port = PortFamily::new(self.world.base)
            .ok_or_else(|| Error::blocked(msg!("browser.no-pool", port = self.world.base)))?
            .port(Role::BrowserControl);
        Ok(Client {
            port,
            proof: sources.client_proof()?,
            lang: self.context.ui.lang(),
            command: self.context.instance.command(),
        })
    }

    fn profile(&self) -> Result<&Profile> {
        self.profiles.find(self.wanted).ok_or_else(|| {
            let names: Vec<_> = self.profiles.list.iter().map(|p| p.name.as_str()).collect();
            let name = self.wanted.unwrap_or(&self.profiles.default);
            Error::failed(msg!("browser.no-profile", name = name, names = names.join(", ")))
        })
    }

    /// The gateway is down: what the files tell, or what to do.
    fn down(&self, command: &BrowserCommand) -> Result<ExitCode> {
        let (ui, wishes) = (&self.context.ui, Wishes::of(&self.files.config));
        let document = match command {
            BrowserCommand::Status => {
                let profile = self.profile()?;
                let seen = status::outside(&self.world, profile, &wishes);
                let port = status::port(&self.world, profile, &self.profiles, &self.files.record);
                status::document(&self.world, &self.files.config, profile, port, &seen, ui.lang())
            }
            BrowserCommand::Profiles => {
                let row = |profile| {
                    let seen = status::outside(&self.world, profile, &wishes);
                    let port = status::port(&self.world, profile, &self.profiles, &self.files.record);
                    status::row(profile, &self.profiles, port, &seen, 0)
                };
                json!({ "profiles": self.profiles.list.iter().map(row).collect::<Value>() })
            }
            _ => {
                let instance = &self.context.instance;
                let error = Error::failed(msg!("browser.gateway-down", profile = instance.profile));
                return Err(error.hint(msg!("browser.run-gateway", command = instance.command())));
            }
        };
        let mut document = document;
        document["gatewayRunning"] = false.into();
        ui.eprint_paragraph(&msg!(
            "browser.from-files",
            profile = self.context.instance.profile
        ));
        show::answer(self.context, command, &document, self.wanted);
        Ok(ExitCode::SUCCESS)
    }

    fn doctor(&self) -> Result<ExitCode> {
        let profile = self.profile()?;
        let ground = ports::Ground::survey(&self.world);
        let (config, record, profiles) = (&self.files.config, &self.files.record, &self.profiles);
        let checks = doctor::checks(&self.world, config, record, profiles, profile, &ground);
        let up = matches!(
            self.client()?
                .ask("GET", "/profiles", None, Duration::from_secs(10)),
            Ok(Answer::Done(_))
        );
        let bad = checks.iter().any(|check| check.health == doctor::Health::Bad);
        show::doctor(
            &self.context.ui,
            &profile.name,
            &checks,
            up,
            &self.context.instance.command(),
        );
        Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
