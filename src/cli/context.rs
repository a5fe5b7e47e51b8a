//! The context of a command: the host, the environment, the chosen instance and the screen.

use std::path::PathBuf;

use crate::apply::{self, HostLock};
use crate::config::judge::ConfigJudge;
use crate::engine::ReleaseStore;
use crate::environment::{Environment, abbreviate_home};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::hosts::SshClient;
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::profile::{self, ProfileName};
use crate::record::Record;
use crate::registry;
use crate::releases::{StoreLock, Switch, SwitchJournal};
use crate::rescue::open_drill;
use crate::survey::{self, Survey};
use crate::ui::Ui;

/// The host, the environment, the chosen instance and the screen with which one command of the program runs.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    /// The system that the program runs on.
    pub(crate) host: &'a Host,
    /// The environment variables that concern OpenClaw.
    pub(crate) env: Environment,
    /// The instance that `--profile` and the environment choose.
    pub(crate) instance: Instance,
    /// The output of the command.
    pub(crate) ui: Ui,
}

impl<'a> Context<'a> {
    /// Returns the chosen instance together with the host and the environment.
    pub(crate) fn instance_context(&self) -> InstanceContext<'_> {
        InstanceContext {
            host: self.host,
            env: &self.env,
            instance: &self.instance,
        }
    }

    /// Reads the environment and resolves the instance that the command line chooses. Prints a notice for each
    /// variable that is ignored. A drill that was cut short is recovered.
    pub(crate) fn read(host: &'a Host, ui: Ui, profile: Option<&ProfileName>) -> Result<Self> {
        let env = Environment::read(host)?;
        let instance = Instance::resolve(&env, profile)?;
        for notice in &instance.notices {
            ui.print_note(notice);
        }
        match open_drill::recover_left_drill(host, &env) {
            Ok(Some(recovered)) => {
                for msg in recovered.msgs() {
                    ui.print_note(&msg);
                }
            }
            Ok(None) => {}
            // The command itself may work all the same; the next one tries again.
            Err(error) => ui.print_note(&error.msg),
        }
        Ok(Self {
            host,
            env,
            instance,
            ui,
        })
    }

    /// Surveys the instances, ports and installed engine of the host.
    pub(crate) fn survey(&self) -> Survey {
        survey::survey_host(self.host, &self.env)
    }

    /// Surveys the host for a command that asks about the chosen instance only.
    pub(crate) fn survey_for_instance(&self) -> Survey {
        survey::survey_for(self.host, &self.env, &self.instance)
    }

    /// Returns the judge of configs for the engine of the chosen instance, by a survey of the host. A record that
    /// cannot be read counts as absent: the commands that need it say what is wrong with it.
    pub(crate) fn config_judge(&self, survey: &Survey) -> ConfigJudge {
        let record = Record::read(&self.instance.record_path()).unwrap_or_default();
        let node = survey.node_for(Some(&record)).map(|node| node.version);
        ConfigJudge::new(record.engine, node.as_deref())
            .with_include_roots(self.instance_context().include_roots())
    }

    /// Returns the folder with the files that all instances of this user share.
    pub(crate) fn state_home(&self) -> PathBuf {
        registry::state_home(self.host, &self.env)
    }

    /// Returns the `ssh` of this host, through which the remote hosts answer in the language of this run.
    pub(crate) fn ssh(&self) -> SshClient<'a> {
        SshClient::find(self.host, &self.state_home(), self.ui.lang())
    }

    /// Acquires the host-wide lock, and first recovers the transaction of a run that was interrupted.
    pub(crate) fn lock(&self) -> Result<HostLock> {
        let lock = HostLock::acquire(
            &registry::state_home(self.host, &self.env),
            HostLock::WAIT_TIMEOUT,
        )?;
        if let Some(recovered) = apply::recover(&lock)? {
            for msg in &recovered.msgs {
                self.ui.print_note(msg);
            }
        }
        Ok(lock)
    }

    /// Completes a change of this instance's files in which an earlier run was killed. A gateway on a mixture of two
    /// states would serve half of each, and write into both.
    ///
    /// # Errors
    /// When the change can't be completed, or another process is writing. A service may try again later.
    pub(crate) fn complete_interrupted_change(&self) -> Result<()> {
        let paths = [self.instance.config_path.as_path(), &self.instance.state_dir];
        if apply::changes_any(&self.state_home(), &paths) {
            self.lock()?;
        }
        self.put_back_switch()
    }

    /// Puts back what an upgrade or a rollback of this instance that was killed has left. One that is under way holds the
    /// lock of the releases, and starts the gateway itself.
    fn put_back_switch(&self) -> Result<()> {
        let state_home = self.state_home();
        let store = ReleaseStore::in_state_home(&state_home);
        if SwitchJournal::read(&store, &self.instance).is_none() {
            return Ok(());
        }
        let Ok(_lock) = StoreLock::acquire(&store) else {
            return Ok(());
        };
        let switch = Switch::new(self.instance_context(), &store, &state_home);
        if let Some(entry) = switch.recover_files()? {
            let engine = entry.switch.from.name();
            self.ui.print_note(&msg!("engine.recovered", engine = engine));
        }
        Ok(())
    }

    /// Prints a notice if an earlier run was interrupted and nobody has completed it yet.
    pub(crate) fn print_interrupted_note(&self) {
        if let Some(interrupted) = apply::interrupted_transaction(&self.state_home()) {
            self.ui.print_note(&msg!(
                "apply.interrupted",
                path = abbreviate_home(&self.env.home, &interrupted.about),
                command = self.instance.command()
            ));
        }
    }

    /// Returns a hint with the existing instance profile whose name is nearest to the chosen one's, where one is
    /// near.
    pub(crate) fn nearest_profile_hint(&self, survey: &Survey) -> Option<Msg> {
        let names = survey.instances.iter().filter_map(|found| found.profile.as_ref());
        let near = profile::nearest_name(
            &self.instance.profile,
            names.filter(|name| **name != self.instance.profile),
        )?;
        Some(msg!("profiles.meant", profile = near))
    }

    /// Refuses a profile of the command line that does not exist where its name is probably a misspelling of one that does.
    ///
    /// # Errors
    /// Exit 1 with the name that was probably meant.
    pub(crate) fn refuse_misspelled_profile(&self) -> Result<()> {
        let (instance, typed) = (&self.instance, &self.instance.profile);
        if instance.config_path.exists() || instance.state_dir.exists() {
            return Ok(());
        }
        let survey = self.survey();
        let names = survey.instances.iter().filter_map(|found| found.profile.as_ref());
        if names.clone().any(|name| name == typed) {
            return Ok(());
        }
        match profile::misspelled_name(typed, names) {
            Some(near) => Err(Error::failed(msg!("profiles.unknown", profile = typed))
                .hint(msg!("profiles.meant", profile = near))),
            None => Ok(()),
        }
    }

    /// Returns the present time as OpenClaw writes it: `2026-11-22T19:22:45.123Z`.
    pub(crate) fn now(&self) -> String {
        crate::time::format_millis(self.host.now())
    }
}
