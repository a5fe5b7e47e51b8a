//! Putting a service in its place, as a transaction: the new file is written and verified beside the old
//! one before that goes, and a gateway that does not come up brings the old one back.

use std::path::{Path, PathBuf};

use super::{Done, Manager, Seen, Site, State, spec};
use crate::apply;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::service_files::{ServiceSpec, is_written_by_us};
use crate::settings::{self, Files, PortFrom};
use crate::{config, survey};

/// What the command line wishes of an installation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// `--port`.
    pub port: Option<u16>,
    /// `--force`: also where the same stands already, or a file that is not ours.
    pub force: bool,
}

/// What an installation would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The manager's name for it.
    pub name: String,
    /// The port of the command line.
    pub port: u16,
    /// Each file with its text.
    pub files: Vec<(PathBuf, String)>,
    /// The commands that follow.
    pub commands: Vec<String>,
    /// What the user should know.
    pub notices: Vec<Msg>,
}

/// Where what stands differs from what an installation would write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Files with other bytes, or none.
    pub files: Vec<PathBuf>,
    /// It does not start at login.
    pub disabled: bool,
    /// The manager has not read the file since it changed.
    pub stale: bool,
}

impl Drift {
    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What is to be installed.
struct Wanted {
    spec: ServiceSpec,
    notices: Vec<Msg>,
}

impl Site<'_> {
    /// Reads the config as the gateway will: what would keep it from starting is said now.
    fn wanted(self, port: Option<u16>) -> Result<Wanted> {
        let Self { host, env, instance } = self;
        let files = Files::read(instance)?;
        let Files { config, record } = &files;
        let settings = files.sources(host, instance).settings(&settings::Wishes {
            port,
            ..settings::Wishes::default()
        })?;
        let configured = config::base_port(config).filter(|configured| *configured != settings.port);
        let differs = configured.filter(|_| settings.port_from != PortFrom::Config);
        let notice = |configured| {
            msg!(
                "service.port-differs",
                port = settings.port,
                configured = configured,
                command = format!("{} config set gateway.port {}", instance.command(), settings.port)
            )
        };
        Ok(Wanted {
            spec: spec::build(host, env, instance, settings.port, record.engine)?,
            notices: differs.map(notice).into_iter().collect(),
        })
    }

    /// Refuses what must not be written over, and what the manager could not start.
    fn check(self, manager: &dyn Manager, spec: &ServiceSpec, force: bool) -> Result<()> {
        if !manager.can_start(&spec.program) {
            return Err(Error::blocked(msg!(
                "service.program-path",
                path = spec.program.display()
            )));
        }
        self.refuse_another(manager)?;
        if manager.is_around() && !manager.loads_from_within() {
            return Err(
                Error::failed(msg!("service.from-within", name = manager.name())).hint(msg!(
                    "service.from-outside",
                    command = format!("{} gateway install", self.instance.command())
                )),
            );
        }
        let file = manager.file();
        if read::canonicalize_existing(&file) == Path::new("/dev/null") {
            return Err(self.fail(manager, &super::Trouble::Masked));
        }
        match read::text(&file) {
            Ok(text) if !is_written_by_us(&text) && !force => {
                Err(
                    Error::failed(msg!("service.not-ours", path = file.display())).hint(msg!(
                        "service.force",
                        command = format!("{} gateway install --force", self.instance.command())
                    )),
                )
            }
            _ => Ok(()),
        }
    }

    /// Whoever holds the port, where that is not the service itself: it could not start beside it.
    fn refuse_held_port(self, port: u16) -> Result<()> {
        let survey = survey::take(self.host, self.env);
        let Some(listener) = survey.listeners.iter().find(|listener| listener.port == port) else {
            return Ok(());
        };
        let own = survey
            .instances
            .iter()
            .find(|found| found.config_path == self.instance.config_path);
        let owner = listener.owner.as_ref();
        let is_own = owner.is_some_and(|owner| {
            owner.instance.is_some() && owner.instance.as_ref() == own.map(|found| &found.label)
        });
        Err(match owner {
            Some(owner) if is_own => Error::failed(msg!(
                "service.foreground",
                profile = self.instance.profile,
                pid = owner.pid
            ))
            .hint(msg!(
                "service.end-foreground",
                command = if cfg!(windows) {
                    format!("taskkill /F /PID {}", owner.pid)
                } else {
                    format!("kill {}", owner.pid)
                }
            )),
            Some(owner) => Error::blocked(msg!(
                "service.port-held",
                port = port,
                name = owner.name,
                pid = owner.pid
            )),
            None => Error::blocked(msg!("service.port-held-unseen", port = port)),
        })
    }
}

/// What [`install`] would write and run; nothing is.
pub fn preview(host: &Host, env: &Environment, instance: &Instance, wishes: Wishes) -> Result<Preview> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    let wanted = site.wanted(wishes.port)?;
    site.check(&*manager, &wanted.spec, wishes.force)?;
    let text = |(path, bytes): (PathBuf, Vec<u8>)| (path, String::from_utf8_lossy(&bytes).into_owned());
    Ok(Preview {
        name: manager.name().to_owned(),
        port: wanted.spec.port,
        files: manager.files(&wanted.spec).into_iter().map(text).collect(),
        commands: manager.commands(),
        notices: wanted.notices,
    })
}

/// Where the installed service differs from what [`install`] would make of it now; `None` where none is, or
/// another program installed it. Where the manager can't be asked, the files alone are compared.
pub fn drift(host: &Host, env: &Environment, instance: &Instance) -> Result<Option<Drift>> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    let ours = read::text(&manager.file()).is_ok_and(|text| is_written_by_us(&text));
    if !ours || site.of_another(&*manager).is_some() {
        return Ok(None);
    }
    let wanted = site.wanted(None)?;
    let seen = manager.look().ok();
    Ok(Some(Drift {
        files: differing(&manager.files(&wanted.spec)),
        disabled: seen.as_ref().is_some_and(|seen| !seen.enabled),
        stale: seen.is_some_and(|seen| seen.stale),
    }))
}

fn differing(files: &[(PathBuf, Vec<u8>)]) -> Vec<PathBuf> {
    let stands = |(path, bytes): &&(PathBuf, Vec<u8>)| read::bytes(path).ok().as_ref() != Some(bytes);
    files
        .iter()
        .filter(stands)
        .map(|(path, _)| path.clone())
        .collect()
}

/// Makes the instance a service that starts at login or boot, and starts it. The same a second time changes
/// nothing. Where the manager can't be asked, the file is there for the next login, and this is an error.
pub fn install(host: &Host, env: &Environment, instance: &Instance, wishes: Wishes) -> Result<Done> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    let manager = &*manager;
    let wanted = site.wanted(wishes.port)?;
    site.check(manager, &wanted.spec, wishes.force)?;
    let files = manager.files(&wanted.spec);
    if let Err(trouble) = manager.reach() {
        if !trouble.works_later() {
            return Err(site.fail(manager, &trouble));
        }
        write(&files)?;
        let enabled = manager.load_later();
        let error = trouble.error(instance, manager.name(), Some(&manager.file()));
        return Err(match enabled {
            Ok(()) => error,
            Err(cause) => error.because(cause),
        });
    }
    let before = manager.look().map_err(|trouble| site.fail(manager, &trouble))?;
    let running = matches!(before.state, State::Running(_));
    let stands = differing(&files).is_empty() && before.enabled && !before.stale;
    if stands && running && !wishes.force {
        return site.done(manager, "already-installed", wanted.notices);
    }
    if !matches!(
        before.state,
        State::Running(_) | State::Starting | State::Stopping
    ) {
        site.refuse_held_port(wanted.spec.port)?;
    }
    site.verify(manager, &files[0])?;
    let old: Vec<_> = files
        .iter()
        .map(|(path, _)| (path.clone(), read::bytes(path).ok()))
        .collect();
    let put = || -> Result<Done> {
        write(&files)?;
        manager.load().map_err(|trouble| site.fail(manager, &trouble))?;
        let said = manager.renew();
        site.came_up(manager, said, "installed")
    };
    match put() {
        Ok(mut done) => {
            done.notices.splice(0..0, wanted.notices);
            Ok(done)
        }
        Err(error) => Err(site.take_back(manager, &old, &before, error)),
    }
}

fn write(files: &[(PathBuf, Vec<u8>)]) -> Result<()> {
    for (path, bytes) in files {
        // A link of the user's is kept: what it points to is written.
        apply::write_file(&read::canonicalize_existing(path), bytes)?;
    }
    Ok(())
}

impl Site<'_> {
    /// Lets the manager look at the new file under its own name, in a folder of the instance.
    fn verify(self, manager: &dyn Manager, file: &(PathBuf, Vec<u8>)) -> Result<()> {
        let folder = self.instance.state_dir.join("service-check");
        let staged = folder.join(file.0.file_name().unwrap_or_default());
        apply::write_file(&staged, &file.1)?;
        let verdict = manager.verify(&staged);
        // Left behind it would be in nobody's way.
        apply::remove_staging(&folder);
        verdict.map_err(|trouble| self.fail(manager, &trouble))
    }

    /// Brings back what stood before, running if it ran.
    fn take_back(
        self,
        manager: &dyn Manager,
        old: &[(PathBuf, Option<Vec<u8>>)],
        before: &Seen,
        error: Error,
    ) -> Error {
        let stood = old.iter().any(|(_, bytes)| bytes.is_some());
        let back = || -> Result<()> {
            let fail = |trouble| self.fail(manager, &trouble);
            if !stood {
                let _ = manager.stop(true);
                manager.unload().map_err(fail)?;
            }
            for (path, bytes) in old {
                match bytes {
                    Some(bytes) => apply::write_file(&read::canonicalize_existing(path), bytes)?,
                    None => remove(path)?,
                }
            }
            if !stood {
                return manager.forget().map_err(fail);
            }
            if before.enabled {
                manager.load().map_err(fail)?;
            } else {
                manager.unload().map_err(fail)?;
                manager.forget().map_err(fail)?;
            }
            match before.state {
                State::Running(_) | State::Starting => manager.renew().map_err(fail),
                _ => manager.stop(true).map_err(fail),
            }
        };
        match back() {
            Ok(()) if stood => error.hint(msg!("service.old-is-back", name = manager.name())),
            Ok(()) => error.hint(msg!("service.taken-back", name = manager.name())),
            Err(worse) => {
                error.hint(msg!("service.not-back", name = manager.name()).with_msg("why", worse.msg))
            }
        }
    }
}

fn remove_all(manager: &dyn Manager) -> Result<()> {
    manager.paths().iter().try_for_each(|path| remove(path))
}

fn remove(path: &Path) -> Result<()> {
    apply::remove_if_present(path)
        .map_err(|e| Error::failed(msg!("service.not-removed", path = path.display())).because(e))
}

/// Stops the service and takes its files away. The user's drop-ins and everything of the instance stay.
pub fn uninstall(host: &Host, env: &Environment, instance: &Instance) -> Result<Done> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    let manager = &*manager;
    site.refuse_another(manager)?;
    let fail = |trouble| site.fail(manager, &trouble);
    let file = manager.file();
    let gone = |result| Done {
        result,
        status: super::status_of(
            manager,
            Seen {
                state: State::NotInstalled,
                ..Seen::default()
            },
        ),
        notices: Vec::new(),
    };
    let state = match manager.reach().and_then(|()| manager.look()) {
        Ok(seen) => seen.state,
        Err(trouble) if trouble.works_later() => {
            let there = file.exists();
            remove_all(manager)?;
            manager
                .unload_later()
                .map_err(|e| Error::failed(msg!("service.not-removed", path = file.display())).because(e))?;
            return Ok(gone(if there { "uninstalled" } else { "not-loaded" }));
        }
        Err(trouble) => return Err(fail(trouble)),
    };
    if state == State::NotInstalled && !file.exists() {
        return Ok(gone("not-loaded"));
    }
    // From within the service its end is also this process's: it comes last.
    let inside = manager.is_around();
    if !inside && state != State::NotInstalled {
        manager.stop(true).map_err(fail)?;
    }
    if file.exists() {
        manager.unload().map_err(fail)?;
    }
    remove_all(manager)?;
    manager.forget().map_err(fail)?;
    if inside {
        manager.stop(false).map_err(fail)?;
    }
    Ok(gone("uninstalled"))
}
