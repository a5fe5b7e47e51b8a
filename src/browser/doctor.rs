//! Why a browser would not start, before anybody starts it: read from files and host alone.

use serde_json::Value;

use super::launch::Headless;
use super::ports::{self, Ground};
use super::profiles::{Place, Profile, Profiles, Wishes, shown_url};
use super::prove::{self, Answerer};
use super::{World, fetch, leftover, neighbours, status};
use crate::i18n::{Msg, msg};
use crate::record::Record;

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, and is worth knowing.
    Notice,
    /// A start would fail.
    Bad,
}

impl Health {
    /// The stable name, as `--json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Notice => "notice",
            Self::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its stable name.
    pub id: &'static str,
    /// How it is.
    pub health: Health,
    /// In words.
    pub msg: Msg,
    /// Ways out.
    pub hints: Vec<Msg>,
}

impl Check {
    fn new(id: &'static str, health: Health, msg: Msg) -> Self {
        Self {
            id,
            health,
            msg,
            hints: Vec::new(),
        }
    }

    fn hint(mut self, hint: Msg) -> Self {
        self.hints.push(hint);
        self
    }
}

/// Looks at everything that the start of this profile's browser needs, on this ground.
pub fn checks(
    world: &World,
    config: &Value,
    record: &Record,
    profiles: &Profiles,
    profile: &Profile,
    ground: &Ground,
) -> Vec<Check> {
    let wishes = Wishes::of(config);
    let command = world.instance.command();
    let mut all = Vec::new();
    all.push(if wishes.enabled {
        Check::new("enabled", Health::Good, msg!("browser.is-enabled"))
    } else {
        Check::new("enabled", Health::Bad, msg!("browser.disabled"))
            .hint(msg!("browser.enable", command = command))
    });
    match &profile.place {
        Place::Remote { url, key } if !fetch::is_plain(url) => {
            let msg = msg!("browser.encrypted", url = shown_url(url), key = key);
            let hint = msg!("browser.tunnel-it", command = command, key = key);
            all.push(Check::new("remote", Health::Bad, msg).hint(hint));
        }
        Place::Remote { url, .. } => {
            let shown = shown_url(url);
            all.push(if status::answers(url, wishes.remote_limit) {
                Check::new(
                    "remote",
                    Health::Good,
                    msg!("browser.remote-answers", url = shown),
                )
            } else {
                Check::new("remote", Health::Bad, msg!("browser.unreachable", url = shown))
            });
        }
        Place::Foreign { driver } => {
            let msg = msg!("browser.foreign", name = profile.name, driver = driver);
            all.push(
                Check::new("driver", Health::Bad, msg).hint(msg!("browser.use-managed", command = command)),
            );
        }
        Place::Pool | Place::Pinned { .. } => {
            all.extend([
                program(world, &wishes),
                sandbox(world, &wishes),
                window(world, &wishes),
            ]);
            all.extend(alone(world));
        }
    }
    all.extend(port(world, record, profiles, profile, ground));
    all
}

fn program(world: &World, wishes: &Wishes) -> Check {
    match status::program(world, wishes) {
        Ok(found) => Check::new(
            "program",
            Health::Good,
            msg!(
                "browser.found",
                kind = found.kind.name(),
                path = found.path.display()
            ),
        ),
        Err(msg) => Check::new("program", Health::Bad, msg)
            .hint(msg!("browser.install-one"))
            .hint(msg!("browser.set-program", command = world.instance.command())),
    }
}

fn sandbox(world: &World, wishes: &Wishes) -> Check {
    if wishes.no_sandbox {
        return Check::new("sandbox", Health::Notice, msg!("browser.sandbox-off"));
    }
    if world.host.user_id() == Some(0) && cfg!(target_os = "linux") {
        return Check::new("sandbox", Health::Bad, msg!("browser.root-needs-no-sandbox"))
            .hint(msg!("browser.not-as-root"))
            .hint(msg!(
                "browser.allow-no-sandbox",
                command = world.instance.command()
            ));
    }
    Check::new("sandbox", Health::Good, msg!("browser.sandbox-on"))
}

fn window(world: &World, wishes: &Wishes) -> Check {
    let msg = match Headless::of(&world.host, wishes.headless) {
        Headless::No => msg!("browser.has-window"),
        Headless::Config => msg!("browser.headless-config"),
        Headless::NoDisplay => msg!("browser.headless-no-screen"),
    };
    Check::new("window", Health::Good, msg)
}

/// Nothing where nobody else uses this machine.
fn alone(world: &World) -> Option<Check> {
    let others = neighbours::others(&world.host);
    let msg = msg!("browser.neighbours", names = others.join(", "));
    (!others.is_empty())
        .then(|| Check::new("neighbours", Health::Notice, msg).hint(msg!("browser.keep-neighbours-out")))
}

fn port(
    world: &World,
    record: &Record,
    profiles: &Profiles,
    profile: &Profile,
    ground: &Ground,
) -> Vec<Check> {
    if let Err(fault) = ground.refuse_shared(world, profile) {
        return vec![Check {
            id: "port",
            health: Health::Bad,
            msg: fault.error.msg,
            hints: fault.error.hints,
        }];
    }
    if !matches!(profile.place, Place::Pool | Place::Pinned { .. }) {
        return Vec::new();
    }
    let port = match ports::look(world, profile, profiles, record, ground) {
        Ok(port) => port,
        Err(fault) => {
            return vec![Check {
                id: "port",
                health: Health::Bad,
                msg: fault.error.msg,
                hints: fault.error.hints,
            }];
        }
    };
    let folder = leftover::user_data(&world.instance.browser(&profile.name));
    vec![match prove::who(port, None, &folder) {
        Answerer::Nobody => Check::new("port", Health::Good, msg!("browser.port-free", port = port)),
        Answerer::Ours(_) => Check::new("port", Health::Good, msg!("browser.port-ours", port = port)),
        somebody @ Answerer::Stranger(_) => {
            let error = super::launch::occupied(world, port, &somebody).error;
            Check {
                id: "port",
                health: Health::Bad,
                msg: error.msg,
                hints: error.hints,
            }
        }
    }]
}
