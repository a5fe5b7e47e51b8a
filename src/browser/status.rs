//! How a browser is, as a document with the fields of docs/openclaw.md#browser-status: from what a running gateway knows of
//! it, or from the files alone where no gateway runs.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::discover::{self, Found, Kind};
use super::launch::{Headless, how};
use super::leftover::{self, user_data};
use super::ports::{self, Ground};
use super::profiles::{Place, Profile, Profiles, Wishes, shown_url};
use super::{World, fetch};
use crate::host::process_group::ProcessExit;
use crate::i18n::{Lang, Msg, msg};
use crate::ports::Port;
use crate::record::Record;

/// What is known of a browser now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It does not run.
    Stopped,
    /// It was started and does not answer yet.
    Starting,
    /// It runs, proven to be ours.
    Running {
        /// Its process.
        pid: u32,
        /// Its port.
        port: Port,
        /// Which one it is.
        kind: Kind,
    },
    /// It runs although the gateway that started it does not.
    Orphan(leftover::Orphan),
    /// It ended by itself.
    Ended {
        /// Which process it was.
        pid: u32,
        /// How.
        exit: ProcessExit,
        /// When.
        at: SystemTime,
    },
    /// Somebody else's; whether it answers.
    Remote(bool),
}

impl Seen {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running { .. } => "running",
            Self::Orphan(_) => "orphan",
            Self::Ended { exit, .. } if exit.code == Some(0) => "stopped",
            Self::Ended { .. } => "crashed",
            Self::Remote(_) => "remote",
        }
    }

    /// Whether it can be driven.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Remote(true))
    }

    fn pid(&self) -> Option<u32> {
        match self {
            Self::Running { pid, .. } => Some(*pid),
            Self::Orphan(orphan) => Some(orphan.pid),
            _ => None,
        }
    }

    fn port(&self) -> Option<Port> {
        match self {
            Self::Running { port, .. } => Some(*port),
            Self::Orphan(orphan) => orphan.port,
            _ => None,
        }
    }
}

/// The program that would be started: the one that the config names, else the first that is found.
///
/// # Errors
/// None is there, in words.
pub fn program(world: &World, wishes: &Wishes) -> Result<Found, Msg> {
    let Some(typed) = &wishes.executable else {
        return discover::find(&world.host, &world.env.home).ok_or_else(|| msg!("browser.none-found"));
    };
    let path = world
        .env
        .expand(Some(&world.instance.state_dir), typed)
        .filter(|path| path.is_file());
    path.map(|path| Found {
        kind: Kind::of(&path),
        path,
    })
    .ok_or_else(|| msg!("browser.not-a-program", path = typed))
}

/// The user-data folder of a profile.
pub fn folder(world: &World, profile: &Profile) -> PathBuf {
    user_data(&world.instance.browser(&profile.name))
}

/// The port of a profile that does not run: set, recorded, or the one that it would get now.
pub fn port(world: &World, profile: &Profile, profiles: &Profiles, record: &Record) -> Option<Port> {
    match profile.place {
        Place::Pinned { port, .. } => return Some(port),
        Place::Remote { .. } | Place::Foreign { .. } => return None,
        Place::Pool => {}
    }
    let recorded = record.browser.ports.get(&profile.name).copied();
    let pool = world.family().map(crate::ports::PortFamily::cdp_pool);
    recorded
        .filter(|port| pool.is_some_and(|pool| pool.contains(*port)))
        .or_else(|| ports::look(world, profile, profiles, record, &Ground::survey(world)).ok())
}

/// What can be seen of a browser without the gateway that started it: one that outlived it, or a remote
/// one.
pub fn outside(world: &World, profile: &Profile, wishes: &Wishes) -> Seen {
    if let Place::Remote { url, .. } = &profile.place {
        return Seen::Remote(answers(url, wishes.remote_limit));
    }
    leftover::running(&world.instance.browser(&profile.name)).map_or(Seen::Stopped, Seen::Orphan)
}

/// Whether a remote browser answers.
pub fn answers(url: &str, limit: Duration) -> bool {
    let by_http = match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => format!("http://{rest}"),
        _ => url.to_owned(),
    };
    fetch::socket_url(&by_http, limit).is_ok()
}

/// The status document. Its texts are in `lang`.
pub fn document(
    world: &World,
    config: &Value,
    profile: &Profile,
    port: Option<Port>,
    seen: &Seen,
    lang: Lang,
) -> Value {
    let wishes = Wishes::of(config);
    let found = program(world, &wishes);
    let headless = Headless::of(&world.host, wishes.headless);
    let remote = match &profile.place {
        Place::Remote { url, .. } => Some(shown_url(url)),
        _ => None,
    };
    let port = seen.port().or(port);
    let chosen = match seen {
        Seen::Running { kind, .. } => Some(kind.name()),
        _ => None,
    };
    let url = remote
        .clone()
        .or_else(|| port.map(|port| format!("http://127.0.0.1:{port}")));
    let ours = matches!(profile.place, Place::Pool | Place::Pinned { .. });
    let mut document = json!({
        "enabled": wishes.enabled,
        "profile": profile.name,
        "running": seen.is_ready(),
        "cdpReady": seen.is_ready(),
        "state": seen.name(),
        "pid": seen.pid(),
        "cdpPort": port,
        "cdpUrl": url,
        "chosenBrowser": chosen,
        "detectedBrowser": found.as_ref().ok().map(|found| found.kind.name()),
        "detectedExecutablePath": found.as_ref().ok().map(|found| &found.path),
        "detectError": found.as_ref().err().map(|msg| msg.render(lang)),
        "userDataDir": ours.then(|| folder(world, profile)),
        "color": profile.color,
        "headless": headless.is_on(),
        "headlessSource": headless.source(),
        "noSandbox": wishes.no_sandbox,
        "executablePath": wishes.executable,
        "attachOnly": wishes.attach_only,
        "isRemote": remote.is_some(),
    });
    if let Seen::Ended { pid, exit, at } = seen {
        document["ended"] = json!({
            "pid": pid,
            "code": exit.code,
            "signal": exit.signal,
            "at": humantime::format_rfc3339_millis(*at).to_string(),
            "message": how(*exit).render(lang),
        });
    }
    document
}

/// A line of the list of profiles.
pub fn row(profile: &Profile, profiles: &Profiles, port: Option<Port>, seen: &Seen, tabs: usize) -> Value {
    let port = seen.port().or(port);
    let remote = match &profile.place {
        Place::Remote { url, .. } => Some(shown_url(url)),
        _ => None,
    };
    json!({
        "name": profile.name,
        "cdpPort": port,
        "cdpUrl": remote.clone().or_else(|| port.map(|port| format!("http://127.0.0.1:{port}"))),
        "color": profile.color,
        "driver": match &profile.place { Place::Foreign { driver } => driver, _ => "openclaw" },
        "running": seen.is_ready(),
        "state": seen.name(),
        "tabCount": tabs,
        "isDefault": profile.name == profiles.default,
        "isRemote": remote.is_some(),
    })
}
