//! Whose browser a window is: the name and the colour that it bears. Two windows side by side look alike
//! otherwise, and a person who means the one instance would type into the other.
//!
//! Chromium takes both from its own settings (docs/openclaw.md#browser-decoration): the name from `Local State`, the colour of the
//! frame from `Preferences`. They are written before it starts, so that it need not be started twice; all
//! other settings stay. Settings that can't be read stay as they are: a browser without a name is better
//! than one that lost its pages.

use std::path::Path;

use serde_json::{Map, Value};

use super::profiles::{MANAGED, Profile};
use crate::apply;
use crate::error::Result;
use crate::host::read::{self, ReadError};
use crate::profile::ProfileName;

/// What all browser profiles of Chromium have in common.
const STATE: &str = "Local State";
/// The settings of the one that it uses.
const PREFERENCES: &str = "Default/Preferences";

/// What a window bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The name.
    pub name: String,
    /// The colour, `#FF4500`; anything else is not put on.
    pub color: String,
}

impl Badge {
    /// That of an instance's browser profile: the managed one bears the instance's name alone.
    pub fn of(instance: &ProfileName, profile: &Profile) -> Self {
        let name = if profile.name == MANAGED {
            instance.to_string()
        } else {
            format!("{instance} · {}", profile.name)
        };
        let color = profile.color.clone();
        Self { name, color }
    }

    /// Writes it into a user-data folder that no browser runs on. Nothing is written where it is there
    /// already.
    ///
    /// # Errors
    /// The folder can't be written to.
    pub fn put_on(&self, user_data: &Path) -> Result<()> {
        let mut state = vec![(
            &["profile", "info_cache", "Default", "name"][..],
            Value::from(self.name.as_str()),
        )];
        let mut preferences = vec![(&["profile", "name"][..], Value::from(self.name.as_str()))];
        if let Some(color) = argb(&self.color) {
            state.push((
                &["profile", "info_cache", "Default", "profile_color_seed"],
                color.into(),
            ));
            preferences.push((&["browser", "theme", "user_color2"], color.into()));
        }
        put(&user_data.join(STATE), &state)?;
        put(&user_data.join(PREFERENCES), &preferences)
    }
}

/// A colour as Chromium keeps it: opaque, 0xAARRGGBB in 32 bits with a sign.
fn argb(color: &str) -> Option<i32> {
    let hex = color.strip_prefix('#').filter(|hex| hex.len() == 6)?;
    let rgb = u32::from_str_radix(hex, 16).ok()?;
    Some((0xFF00_0000 | rgb).cast_signed())
}

/// Sets these keys of a file of settings.
fn put(path: &Path, keys: &[(&[&str], Value)]) -> Result<()> {
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
        set(&mut after, key, value);
    }
    if after == before {
        return Ok(());
    }
    apply::write_file(path, after.to_string().as_bytes())
}

fn set(within: &mut Value, key: &[&str], value: &Value) {
    let spot = key.iter().fold(within, |within, part| {
        if !within.is_object() {
            *within = Value::Object(Map::new());
        }
        &mut within[*part]
    });
    *spot = value.clone();
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test lays out files")]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(folder: &Path, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    }

    #[test]
    fn name_and_colour_are_put_on_and_all_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let state =
            json!({"profile": {"info_cache": {"Default": {"gaia_id": "1", "name": "Person 1"}}}, "x": 1});
        std::fs::write(dir.path().join(STATE), state.to_string()).unwrap();
        let badge = Badge {
            name: "rescue".to_owned(),
            color: "#FF4500".to_owned(),
        };
        badge.put_on(dir.path()).unwrap();
        assert_eq!(
            read(dir.path(), STATE),
            json!({"profile": {"info_cache": {"Default":
                {"gaia_id": "1", "name": "rescue", "profile_color_seed": -47872}}}, "x": 1})
        );
        assert_eq!(
            read(dir.path(), PREFERENCES),
            json!({"profile": {"name": "rescue"}, "browser": {"theme": {"user_color2": -47872}}})
        );
    }

    #[test]
    fn what_is_there_already_is_not_written_again_and_what_is_broken_stays() {
        let dir = tempfile::tempdir().unwrap();
        let badge = Badge {
            name: "rescue".to_owned(),
            color: "orange".to_owned(),
        };
        std::fs::write(dir.path().join(STATE), "{broken").unwrap();
        std::fs::create_dir(dir.path().join("Default")).unwrap();
        let text = "{ \"profile\" : { \"name\" : \"rescue\" } }";
        std::fs::write(dir.path().join(PREFERENCES), text).unwrap();
        badge.put_on(dir.path()).unwrap();
        let now = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            (now(STATE).as_str(), now(PREFERENCES).as_str()),
            ("{broken", text)
        );
    }
}
