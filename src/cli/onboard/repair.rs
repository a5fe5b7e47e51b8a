//! The repair of a broken config before the wizard goes on: in the person's editor, or by a backup.

use super::OnboardRun;
use crate::cli::{Context, config};
use crate::config::{self as configs, LoadedConfig};
use crate::editor::Editor;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::instance::Instance;
use crate::wizard::terminal::Terminal;
use crate::wizard::{ConfigRepair, Prompter as _};

impl OnboardRun<'_> {
    /// Repairs the broken config of an instance as the person chose. Returns the instance with which the wizard goes on. What
    /// fails is shown, and the wizard asks again.
    pub(super) fn repair_config(
        &self,
        terminal: &mut Terminal,
        instance: &Instance,
        repair: &ConfigRepair,
    ) -> Result<Instance> {
        let repaired = match repair {
            ConfigRepair::Edit => self.edit_config(terminal, instance),
            ConfigRepair::Restore(number) => self.restore_config(terminal, instance, *number),
            ConfigRepair::RescueBot(profile) => return Instance::resolve(&self.context.env, Some(profile)),
        };
        terminal.settle();
        match repaired {
            Err(error) if error.is_about_terminal() => return Err(error),
            Err(error) => terminal.show_rejection(&error),
            Ok(()) => {}
        }
        Ok(instance.clone())
    }

    /// Opens the config of an instance in the editor, at the place of the fault, and waits until it is closed.
    fn edit_config(&self, terminal: &mut Terminal, instance: &Instance) -> Result<()> {
        let host = self.context.host;
        let path = &instance.config_path;
        let editor = Editor::find(host).ok_or_else(|| Error::failed(msg!("onboard.no-editor")))?;
        let position = match configs::load(path) {
            LoadedConfig::Broken(fault) => fault.position,
            LoadedConfig::Ok(_) | LoadedConfig::Missing => None,
        };
        let spec = editor.command(path, position);
        let ended = terminal.release(|| host.run_in_foreground(&spec));
        ended.map(drop).map_err(|cause| {
            Error::failed(msg!("onboard.editor-failed", editor = editor.name())).because(cause)
        })
    }

    /// Replaces the config of an instance by a backup, once the person has confirmed it.
    fn restore_config(
        &self,
        terminal: &mut Terminal,
        instance: &Instance,
        number: Option<usize>,
    ) -> Result<()> {
        let context = Context {
            instance: instance.clone(),
            ..self.context.clone()
        };
        let path = instance.config_path.display();
        if !terminal.confirm(&msg!("onboard.restore-ask", path = path), Some(true))? {
            return Ok(());
        }
        for said in config::restore_backup(&context, number)?.messages(&instance.config_path) {
            self.context.ui.eprint_paragraph(&said);
        }
        Ok(())
    }
}
