//! What no two instances may share (docs/design.md#isolation-rules): config, state folder, workspace. The
//! ports are judged by [`crate::ports`].

use std::path::Path;

use crate::error::{Error, Result};
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::situation::Situation;
use crate::survey::Surveyed;

/// Refuses an instance whose config or state folder is another's.
pub fn instance(situation: &Situation<'_>) -> Result<()> {
    let own = &situation.instance;
    let (config, state) = (
        canonicalize_existing(&own.config_path),
        canonicalize_existing(&own.state_dir),
    );
    // What stands already is not written, but a gateway would share it all the same: links in the state
    // folder must not lead to another's sessions or keys.
    let below = [
        own.sessions(),
        own.auth_profiles(),
        own.env_file(),
        own.record_path(),
    ]
    .map(|path| (canonicalize_existing(&path), path));
    for other in situation.others() {
        if config == other.config {
            return Err(shared(
                "isolation.config",
                situation,
                &own.config_path,
                other.found,
            ));
        }
        if state == other.state || inside(&state, &other.state) || inside(&other.state, &state) {
            return Err(shared("isolation.state", situation, &own.state_dir, other.found));
        }
        if let Some((_, path)) = below.iter().find(|(real, _)| inside(real, &other.state)) {
            return Err(shared("isolation.state", situation, path, other.found));
        }
    }
    Ok(())
}

/// Refuses a workspace that is another instance's, lies in one or around one, or in another's state folder.
pub fn workspace(situation: &Situation<'_>, path: &Path) -> Result<()> {
    let refused =
        |why| Error::usage(why).hint(msg!("isolation.workspace-way-out", path = proposed(situation)));
    let shown = situation.shown(path);
    let real = canonicalize_existing(path);
    let home = canonicalize_existing(&situation.env.home);
    if path.to_str().is_none() {
        return Err(refused(msg!("isolation.workspace-unicode", path = shown)));
    }
    if real.exists() && !real.is_dir() {
        return Err(refused(msg!("isolation.workspace-file", path = shown)));
    }
    let own_state = canonicalize_existing(&situation.instance.state_dir);
    if real == home || inside(&home, &real) || real == own_state || inside(&own_state, &real) {
        return Err(refused(msg!("isolation.workspace-around", path = shown)));
    }
    // What an early release of OpenClaw left in the default's folder under this very name is this instance's.
    let legacy = situation
        .instance
        .legacy_workspace(&situation.env.home)
        .map(|legacy| canonicalize_existing(&legacy));
    for other in situation.others() {
        let holder = &other.found.label;
        // The survey has followed the links in them.
        for theirs in &other.found.workspaces {
            if real == *theirs || inside(&real, theirs) || inside(theirs, &real) {
                return Err(refused(msg!(
                    "isolation.workspace",
                    path = shown,
                    holder = holder
                )));
            }
        }
        let in_state = real == other.state || inside(&real, &other.state) || inside(&other.state, &real);
        if in_state && legacy.as_ref() != Some(&real) {
            return Err(refused(msg!(
                "isolation.workspace-state",
                path = shown,
                holder = holder
            )));
        }
    }
    Ok(())
}

fn proposed(situation: &Situation<'_>) -> String {
    situation.shown(&situation.instance.default_workspace())
}

fn shared(key: &'static str, situation: &Situation<'_>, path: &Path, other: &Surveyed) -> Error {
    let msg = crate::i18n::Msg::new(key)
        .with("path", situation.shown(path))
        .with("holder", &other.label);
    Error::blocked(msg).hint(msg!(
        "isolation.way-out",
        command = "openclaw --profile NAME onboard"
    ))
}

/// Whether the first lies below the second.
fn inside(path: &Path, folder: &Path) -> bool {
    path != folder && path.starts_with(folder)
}
