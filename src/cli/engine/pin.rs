//! `openclaw engine pin`: keeps an instance on its release, whatever is upgraded.

use std::process::ExitCode;

use serde_json::json;

use super::lookup::{apply_change, no_instance, record_change};
use crate::cli::Context;
use crate::error::Result;
use crate::i18n::msg;
use crate::record::Record;
use crate::releases::EngineChoice;

/// Runs `openclaw engine pin`: pins the release of the instance, or with `--off` no longer.
pub(super) fn run(context: &Context<'_>, off: bool) -> Result<ExitCode> {
    let (ui, instance) = (&context.ui, &context.instance);
    if !instance.config_path.exists() {
        return Err(no_instance(context));
    }
    let lock = context.lock()?;
    let record = Record::read(&instance.record_path())?;
    if record.pinned == off {
        let change = record_change(context, |document| document.set_pinned(!off))?;
        apply_change(context, &lock, change)?;
    }
    let (profile, engine) = (&instance.profile, EngineChoice::of(&record).name());
    if ui.is_json() {
        ui.print_json(&json!({ "ok": true, "profile": profile.as_str(), "pinned": !off }));
    } else if off {
        ui.print_success(&msg!("engine.unpinned", profile = profile));
    } else {
        ui.print_success(&msg!("engine.pinned-now", profile = profile, engine = engine));
    }
    Ok(ExitCode::SUCCESS)
}
