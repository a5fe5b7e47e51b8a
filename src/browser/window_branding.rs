//! The name and the colour of a browser window, by which a person tells the windows of two instances apart.
//!
//! Chromium reads both from its settings files (docs/openclaw.md#browser-decoration): the name from `Local State`, the
//! colour of the frame from `Preferences`. They are written before the browser starts, so that it need not be started
//! twice; all other settings are kept. A settings file that cannot be read is left as it is: a browser without a name
//! is better than one that lost its settings.

use std::path::Path;

use serde_json::{Map, Value};

use super::profiles::{BrowserProfile, MANAGED_PROFILE};
use crate::apply;
use crate::error::Result;
use crate::host::read::{self, ReadError};
use crate::profile::ProfileName;

/// Path, in a browser's user-data folder, of the settings that all of Chromium's own profiles share.
const LOCAL_STATE_FILE: &str = "Local State";
/// Path, in a browser's user-data folder, of the settings of Chromium's default profile.
const PREFERENCES_FILE: &str = "Default/Preferences";

/// The name and the colour of the windows of a browser, by which a person tells two instances apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WindowBranding {
    /// The name that Chromium shows for its profile.
    name: String,
    /// The colour as `#RRGGBB`. A text of another form sets no colour.
    color: String,
}

impl WindowBranding {
    /// Returns the name and the colour of the windows of a browser profile's browser. The managed profile has the
    /// instance's name alone, every other one also its own.
    pub(super) fn for_profile(instance: &ProfileName, profile: &BrowserProfile) -> Self {
        let name = if profile.name == MANAGED_PROFILE {
            instance.to_string()
        } else {
            format!("{instance} · {}", profile.name)
        };
        let color = profile.color.clone();
        Self { name, color }
    }

    /// Writes the name and the colour of a browser's windows into the settings files of a user-data folder on which
    /// no browser runs. Files that have it already are not written.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(super) fn write(&self, user_data: &Path) -> Result<()> {
        let mut state = vec![(
            &["profile", "info_cache", "Default", "name"][..],
            Value::from(self.name.as_str()),
        )];
        let mut preferences = vec![(&["profile", "name"][..], Value::from(self.name.as_str()))];
        if let Some(color) = parse_argb(&self.color) {
            state.push((
                &["profile", "info_cache", "Default", "profile_color_seed"],
                color.into(),
            ));
            preferences.push((&["browser", "theme", "user_color2"], color.into()));
        }
        set_keys(&user_data.join(LOCAL_STATE_FILE), &state)?;
        set_keys(&user_data.join(PREFERENCES_FILE), &preferences)
    }
}

/// Converts a colour `#RRGGBB` to the form of Chromium's settings: opaque 0xAARRGGBB as a signed 32-bit number.
fn parse_argb(color: &str) -> Option<i32> {
    let hex = color.strip_prefix('#').filter(|hex| hex.len() == 6)?;
    let rgb = u32::from_str_radix(hex, 16).ok()?;
    Some((0xFF00_0000 | rgb).cast_signed())
}

/// Sets keys of a JSON settings file, each given as the path of nested keys. A file that is not a JSON object, or
/// cannot be read, is left as it is.
fn set_keys(path: &Path, keys: &[(&[&str], Value)]) -> Result<()> {
    let before = match read::bytes(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).ok(),
        Err(ReadError::Missing) => Some(Value::Object(Map::new())),
        Err(_) => None,
    };
    let Some(before) = before.filter(Value::is_object) else {
        return Ok(());
    };
    let mut after = before.clone();
    for (key, value) in keys {
        set_key(&mut after, key, value);
    }
    if after == before {
        return Ok(());
    }
    apply::write_file(path, after.to_string().as_bytes())
}

/// Sets a nested key of a JSON object. Missing objects on its path are created.
fn set_key(root: &mut Value, key: &[&str], value: &Value) {
    let target = key.iter().fold(root, |object, part| {
        if !object.is_object() {
            *object = Value::Object(Map::new());
        }
        &mut object[*part]
    });
    *target = value.clone();
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(folder: &Path, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    }

    #[test]
    fn name_and_colour_are_written_and_other_settings_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let state =
            json!({"profile": {"info_cache": {"Default": {"gaia_id": "1", "name": "Person 1"}}}, "x": 1});
        std::fs::write(dir.path().join(LOCAL_STATE_FILE), state.to_string()).unwrap();
        let branding = WindowBranding {
            name: "rescue".to_owned(),
            color: "#FF4500".to_owned(),
        };
        branding.write(dir.path()).unwrap();
        assert_eq!(
            read(dir.path(), LOCAL_STATE_FILE),
            json!({"profile": {"info_cache": {"Default":
                {"gaia_id": "1", "name": "rescue", "profile_color_seed": -47872}}}, "x": 1})
        );
        assert_eq!(
            read(dir.path(), PREFERENCES_FILE),
            json!({"profile": {"name": "rescue"}, "browser": {"theme": {"user_color2": -47872}}})
        );
    }

    #[test]
    fn complete_settings_and_broken_settings_are_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let branding = WindowBranding {
            name: "rescue".to_owned(),
            color: "orange".to_owned(),
        };
        std::fs::write(dir.path().join(LOCAL_STATE_FILE), "{broken").unwrap();
        std::fs::create_dir(dir.path().join("Default")).unwrap();
        let text = "{ \"profile\" : { \"name\" : \"rescue\" } }";
        std::fs::write(dir.path().join(PREFERENCES_FILE), text).unwrap();
        branding.write(dir.path()).unwrap();
        let now = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            (now(LOCAL_STATE_FILE).as_str(), now(PREFERENCES_FILE).as_str()),
            ("{broken", text)
        );
    }
}
