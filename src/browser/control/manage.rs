//! Creating and deleting browser profiles while the gateway runs.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::BrowserControl;
use crate::browser::blocking::run_blocking;
use crate::browser::profiles::{BrowserEndpoint, BrowserProfile, BrowserProfiles, ProfileOrigin};
use crate::browser::{BrowserError, Result, debug_port, orphan};
use crate::i18n::msg;
use crate::time::{file_stamp, format_millis};

impl BrowserControl {
    /// Creates a browser profile: records it in `instance.toml`, with a debugging port of its own.
    pub(super) async fn create_profile(
        &self,
        profiles: &BrowserProfiles,
        name: String,
        color: Option<String>,
        config: &Value,
    ) -> Result<Value> {
        if profiles.find(Some(&name)).is_some() {
            return Err(BrowserError::conflict(msg!("browser.exists", name = name)));
        }
        let profile = BrowserProfile {
            color: color.unwrap_or_else(|| profiles.next_free_color()),
            endpoint: BrowserEndpoint::Pool,
            origin: ProfileOrigin::Record,
            name,
        };
        let (context, new, config) = (self.context.clone(), profile.clone(), config.clone());
        let port = run_blocking(move || debug_port::choose_and_record(&context, &new, &config)).await?;
        Ok(json!({
            "ok": true,
            "profile": profile.name,
            "cdpPort": port,
            "cdpUrl": format!("http://127.0.0.1:{port}"),
            "color": profile.color,
            "isRemote": false,
        }))
    }

    /// Deletes a browser profile that was created at run time: its browser is stopped, its folder is moved aside, and
    /// its debugging port is free again.
    pub(super) async fn delete_profile(&self, profiles: &BrowserProfiles, name: &str) -> Result<Value> {
        let profile = profiles
            .find(Some(name))
            .ok_or_else(|| BrowserError::not_found(msg!("browser.no-such-profile", name = name)))?
            .clone();
        match profile.origin {
            ProfileOrigin::BuiltIn => {
                return Err(BrowserError::bad_request(msg!("browser.built-in", name = name)));
            }
            ProfileOrigin::Config => {
                let command = self.context.instance.command();
                return Err(
                    BrowserError::conflict(msg!("browser.in-config", name = name)).hint(msg!(
                        "browser.unset-profile",
                        command = command,
                        name = name
                    )),
                );
            }
            ProfileOrigin::Record => {}
        }
        let slot = self.slot(name);
        // Held until the folder is moved: no browser may be started on it meanwhile.
        let _operation = slot.operation_lock.lock().await;
        self.stop_slot(&slot, name).await;
        let context = self.context.clone();
        let moved_to = run_blocking(move || {
            let folder = context.instance.browser(&profile.name);
            orphan::clear_folder(&folder)?;
            let moved_to = move_aside(&folder, context.host.now())?;
            debug_port::remove_from_record(&context, &profile.name)?;
            Ok(moved_to)
        })
        .await?;
        Ok(json!({ "ok": true, "profile": name, "deleted": moved_to.is_some(), "movedTo": moved_to }))
    }
}

/// Renames a profile's folder to a name that no profile can have, and returns the new path. `None` where there is no
/// such folder.
#[expect(
    clippy::disallowed_methods,
    reason = "a folder of the gateway's own, moved whole within its parent"
)]
fn move_aside(folder: &Path, now: std::time::SystemTime) -> Result<Option<PathBuf>> {
    if !folder.exists() {
        return Ok(None);
    }
    let stamp = file_stamp(&format_millis(now));
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".aside-{stamp}"));
    let aside = folder.with_file_name(name);
    std::fs::rename(folder, &aside).map_err(|cause| {
        BrowserError::failed(msg!("browser.not-moved", path = folder.display())).because(cause)
    })?;
    Ok(Some(aside))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;

    #[test]
    fn deleted_profile_folder_is_renamed_and_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("work");
        assert_eq!(
            move_aside(&folder, std::time::SystemTime::UNIX_EPOCH).unwrap(),
            None
        );
        std::fs::create_dir(&folder).unwrap();
        let aside = move_aside(&folder, std::time::SystemTime::UNIX_EPOCH)
            .unwrap()
            .unwrap();
        assert!(!folder.exists() && aside.is_dir());
    }
}
