//! What is done with a running browser, and with the profiles themselves.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};

use super::cdp::{Cdp, Tab};
use super::control::{Control, blocking};
use super::profiles::{Ground, Place, Profile, Profiles};
use super::route::Action;
use super::{Fault, Result, leftover, ports, screenshots, snapshot};
use crate::i18n::msg;
use crate::sync::lock;

impl Control {
    /// Does what is asked of a running browser.
    pub(super) async fn drive(&self, profile: &Profile, config: &Value, action: Action) -> Result<Value> {
        let cdp = self.connection(profile, config).await?;
        let slot = self.slot(&profile.name);
        let remember = |tab: &Tab| *lock(&slot.last) = Some(tab.target_id.clone());
        let found = |tabs: &[Tab], typed: Option<&str>| {
            let last = lock(&slot.last).clone();
            pick(tabs, typed, last.as_deref())
        };
        match action {
            Action::Tabs => Ok(json!({ "running": true, "tabs": cdp.tabs().await? })),
            Action::Open(url) => {
                let tab = cdp.open(&url).await?;
                remember(&tab);
                Ok(json!(tab))
            }
            Action::Focus(typed) => {
                let tab = found(&cdp.tabs().await?, Some(&typed))?;
                cdp.focus(&tab.target_id).await?;
                remember(&tab);
                Ok(json!({ "ok": true, "targetId": tab.target_id }))
            }
            Action::Close(typed) => {
                let tab = found(&cdp.tabs().await?, Some(&typed))?;
                cdp.close(&tab.target_id).await?;
                Ok(json!({ "ok": true, "targetId": tab.target_id }))
            }
            Action::Navigate(url, typed) => {
                let id = target(&cdp, typed.as_deref(), &found).await?;
                let tab = cdp.navigate(&id, &url).await?;
                remember(&tab);
                Ok(json!({ "ok": true, "targetId": tab.target_id, "url": tab.url, "title": tab.title }))
            }
            Action::Screenshot {
                target: typed,
                full_page,
                format,
                inline,
            } => {
                let tab = found(&cdp.tabs().await?, typed.as_deref())?;
                let bytes = cdp.screenshot(&tab.target_id, format, full_page).await?;
                let mut answer =
                    json!({ "ok": true, "targetId": tab.target_id, "url": tab.url, "bytes": bytes.len() });
                if inline {
                    let coded = base64::engine::general_purpose::STANDARD.encode(&bytes);
                    answer["base64"] = coded.into();
                    answer["contentType"] = format!("image/{}", format.name()).into();
                } else {
                    let (world, name) = (self.world.clone(), profile.name.clone());
                    let path = blocking(move || screenshots::keep(&world, &name, format.name(), &bytes));
                    answer["path"] = json!(path.await?);
                }
                Ok(answer)
            }
            Action::Snapshot { target: typed, limit } => {
                let tab = found(&cdp.tabs().await?, typed.as_deref())?;
                let snapshot = snapshot::text(&cdp.tree(&tab.target_id).await?, limit);
                Ok(json!({
                    "ok": true,
                    "format": "aria",
                    "targetId": tab.target_id,
                    "url": tab.url,
                    "snapshot": snapshot.text,
                    "stats": { "lines": snapshot.lines, "chars": snapshot.text.chars().count() },
                    "truncated": snapshot.truncated,
                }))
            }
            // The others are done before a browser is needed.
            _ => Err(Fault::failed(msg!("browser.broken"))),
        }
    }

    /// Keeps a new profile in `instance.toml`, with a port of its own.
    pub(super) async fn create(
        &self,
        profiles: &Profiles,
        name: String,
        color: Option<String>,
        config: &Value,
    ) -> Result<Value> {
        if profiles.find(Some(&name)).is_some() {
            return Err(Fault::conflict(msg!("browser.exists", name = name)));
        }
        let profile = Profile {
            color: color.unwrap_or_else(|| profiles.free_color()),
            place: Place::Pool,
            ground: Ground::Record,
            name,
        };
        let (world, wanted, config) = (self.world.clone(), profile.clone(), config.clone());
        let port = blocking(move || ports::settle(&world, &wanted, &config)).await?;
        Ok(json!({
            "ok": true,
            "profile": profile.name,
            "cdpPort": port,
            "cdpUrl": format!("http://127.0.0.1:{port}"),
            "color": profile.color,
            "isRemote": false,
        }))
    }

    /// Ends a profile that was created at run time: its folder is moved aside, its port is free again.
    pub(super) async fn delete(&self, profiles: &Profiles, name: &str) -> Result<Value> {
        let profile = profiles
            .find(Some(name))
            .ok_or_else(|| Fault::unknown(msg!("browser.no-such-profile", name = name)))?
            .clone();
        match profile.ground {
            Ground::BuiltIn => return Err(Fault::bad(msg!("browser.built-in", name = name))),
            Ground::Config => {
                return Err(Fault::conflict(msg!("browser.in-config", name = name)).hint(msg!(
                    "browser.unset-profile",
                    command = self.world.instance.command(),
                    name = name
                )));
            }
            Ground::Record => {}
        }
        let slot = self.slot(name);
        // Kept until the folder is gone: nothing may be started on it meanwhile.
        let _turn = slot.turn.lock().await;
        self.end(&slot, name).await;
        let world = self.world.clone();
        let aside = blocking(move || {
            let folder = world.instance.browser(&profile.name);
            leftover::clear(&folder)?;
            let aside = move_aside(&folder, world.host.now())?;
            ports::forget(&world, &profile.name)?;
            Ok(aside)
        })
        .await?;
        Ok(json!({ "ok": true, "profile": name, "deleted": aside.is_some(), "movedTo": aside }))
    }
}

/// The tab to show a page in: one is opened where there is none.
async fn target(
    cdp: &Cdp,
    typed: Option<&str>,
    found: &impl Fn(&[Tab], Option<&str>) -> Result<Tab>,
) -> Result<String> {
    let tabs = cdp.tabs().await?;
    if tabs.is_empty() && typed.is_none() {
        return Ok(cdp.open("about:blank").await?.target_id);
    }
    Ok(found(&tabs, typed)?.target_id)
}

/// The tab that is meant: by its id or the start of it; else the one that was used last, else the first.
fn pick(tabs: &[Tab], typed: Option<&str>, last: Option<&str>) -> Result<Tab> {
    let Some(typed) = typed else {
        let same = |id: &&str| tabs.iter().find(|tab| tab.target_id == *id);
        let tab = last.as_ref().and_then(same).or_else(|| tabs.first());
        return tab
            .cloned()
            .ok_or_else(|| Fault::conflict(msg!("browser.no-tabs")));
    };
    let typed = typed.to_ascii_uppercase();
    let starts = |tab: &&Tab| tab.target_id.to_ascii_uppercase().starts_with(&typed);
    let mut found = tabs.iter().filter(starts);
    match (found.next(), found.next()) {
        (Some(tab), None) => Ok(tab.clone()),
        (Some(_), Some(_)) => Err(Fault::conflict(msg!("browser.ambiguous-tab", id = typed))),
        (None, _) => Err(Fault::unknown(msg!("browser.no-tab", id = typed))),
    }
}

/// Moves a profile's folder to a name that no profile can have. `None` where there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "a folder of the gateway's own, moved whole within its parent"
)]
fn move_aside(folder: &Path, now: std::time::SystemTime) -> Result<Option<PathBuf>> {
    if !folder.exists() {
        return Ok(None);
    }
    let stamp: String = humantime::format_rfc3339_millis(now)
        .to_string()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".aside-{stamp}"));
    let aside = folder.with_file_name(name);
    std::fs::rename(folder, &aside)
        .map_err(|cause| Fault::failed(msg!("browser.not-moved", path = folder.display())).because(cause))?;
    Ok(Some(aside))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;

    fn tab(id: &str) -> Tab {
        Tab {
            target_id: id.to_owned(),
            title: String::new(),
            url: String::new(),
            kind: "page".to_owned(),
        }
    }

    #[test]
    fn a_tab_is_meant_by_the_start_of_its_id() {
        let tabs = [tab("ABC1"), tab("ABD2")];
        let picked = |typed, last| {
            pick(&tabs, typed, last)
                .map(|t| t.target_id)
                .map_err(|f| f.status)
        };
        assert_eq!(picked(Some("abd"), None).unwrap(), "ABD2");
        assert_eq!(picked(Some("AB"), None), Err(409));
        assert_eq!(picked(Some("X"), None), Err(404));
        assert_eq!(picked(None, Some("ABD2")).unwrap(), "ABD2");
        assert_eq!(picked(None, Some("gone")).unwrap(), "ABC1");
        assert_eq!(pick(&[], None, None).unwrap_err().status, 409);
    }

    #[test]
    fn a_folder_is_moved_and_not_deleted() {
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
