//! The timer that looks whether a rescue gateway answers, installed with its service: nobody else does where the instance that
//! it watches runs OpenClaw from npm.

use std::path::PathBuf;

use super::control::ServiceControl;
use super::replaced_file::remove_file;
use crate::error::Result;
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::profile::ProfileName;
use crate::record::{Engine, Record};
use crate::service_files::ServiceSpec;

/// Returns the profile for whose sake the service of an instance comes with a timer; `None` where it comes with none: its
/// record says so, or each watched gateway is of the native engine and can watch its watcher itself.
pub(super) fn reason_for_timer(context: InstanceContext<'_>, record: &Record) -> Option<ProfileName> {
    let rescue = &record.rescue;
    if rescue.check == Some(false) {
        return None;
    }
    let mut watched = rescue
        .watch
        .iter()
        .filter_map(|name| ProfileName::parse(name).ok());
    let is_npm = |profile: &ProfileName| {
        let instance = Instance::canonical(&context.env.home, profile.clone());
        rescue.check == Some(true)
            || Record::read(&instance.record_path()).is_ok_and(|record| record.engine == Engine::Node)
    };
    watched.find(is_npm)
}

impl ServiceControl<'_> {
    /// Returns the notice that the service comes with a timer, why, and how to do without.
    pub(super) fn timer_notice(&self, watched: &ProfileName) -> Msg {
        msg!(
            "service.timer",
            name = self.manager.timer_name(),
            watched = watched,
            path = self.context.instance.record_path().display()
        )
    }

    /// Returns the name of the timer that a service is to have, where its files are there and it does not run.
    pub(super) fn timer_off(&self, spec: &ServiceSpec) -> Option<String> {
        let is_there = || self.manager.timer_files().iter().all(|file| file.exists());
        let is_off = spec.has_timer && is_there() && self.manager.is_timer_active() == Some(false);
        is_off.then(|| self.manager.timer_name().to_owned())
    }

    /// Returns the paths of the service files whose content on the disk differs from the given content, and of those that are
    /// there and are not given.
    pub(super) fn differing_files(&self, files: &[(PathBuf, Vec<u8>)]) -> Vec<PathBuf> {
        let differs = |(path, bytes): &&(PathBuf, Vec<u8>)| read::bytes(path).ok().as_ref() != Some(bytes);
        let differing = files.iter().filter(differs).map(|(path, _)| path.clone());
        differing.chain(self.surplus_files(files)).collect()
    }

    /// Returns the installed files of the timer that an installation of these files does not have.
    pub(super) fn surplus_files(&self, files: &[(PathBuf, Vec<u8>)]) -> Vec<PathBuf> {
        let is_surplus = |path: &PathBuf| !files.iter().any(|(own, _)| own == path) && path.exists();
        self.manager
            .timer_files()
            .into_iter()
            .filter(is_surplus)
            .collect()
    }

    /// Ends the timer, and removes its files.
    pub(super) fn remove_timer(&self) -> Result<()> {
        let files = self.manager.timer_files();
        if !files.iter().any(|file| file.exists()) {
            return Ok(());
        }
        self.manager.end_timer().map_err(|error| self.describe(&error))?;
        files.iter().try_for_each(|path| remove_file(path))
    }
}
