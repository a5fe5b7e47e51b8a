//! The API key of a model provider. It goes into OpenClaw's key store or its `.env`, and into the config itself
//! only where there is no other place (docs/openclaw.md#provider-keys).

use std::path::Path;
use std::str::Utf8Error;

use serde_json::{Value, json};

use crate::answers::{Answers, Provider};
use crate::config::document::ConfigDocument;
use crate::config::key_path::KeyPath;
use crate::config::parse_value;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::secret::{Secret, SecretOrigin, TextPiece};

use super::disk::{DiskSnapshot, PathState, in_the_way, not_editable};
use super::{Content, FileKind, FileWrite};

/// Start of the line of an instance's `.env` that holds OpenAI's API key.
const OPENAI_PREFIX: &str = "OPENAI_API_KEY=";

/// Plans the file that stores the model provider's API key, or `None` where no key was given or it is stored already.
pub(super) fn write(
    instance: &Instance,
    disk: &DiskSnapshot,
    answers: &Answers,
) -> Result<Option<FileWrite>> {
    let (Some(provider), Some(key)) = (answers.provider, &answers.provider_key) else {
        return Ok(None);
    };
    let (path, text) = match provider {
        Provider::OpenAi => {
            let path = instance.env_file();
            let before = match disk.state(&path) {
                PathState::Missing => "",
                PathState::File(bytes) => {
                    std::str::from_utf8(bytes).map_err(|error| not_text(&path, error))?
                }
                PathState::Folder | PathState::Unreadable | PathState::Unreachable => {
                    return Err(in_the_way(&path));
                }
            };
            let text = env_text(before, key);
            (path, text)
        }
        Provider::Custom | Provider::Skip => return Ok(None),
        Provider::Anthropic | Provider::OpenRouter | Provider::Google => {
            let path = instance.auth_profiles();
            let text = store_text(disk, &path, provider, key)?;
            (path, text)
        }
    };
    let before = disk.bytes(&path).map(<[u8]>::to_vec);
    if before.as_deref() == Some(text.as_bytes()) {
        return Ok(None);
    }
    let content = Content::in_pieces(text, vec![TextPiece::Hidden(SecretOrigin::Given)]);
    Ok(Some(FileWrite {
        path,
        content,
        before,
        backup: false,
        kind: FileKind::Keys,
    }))
}

/// Returns `true` if a store of API keys (`auth-profiles.json`) with this text has a key of a model provider.
pub(crate) fn holds_key(store: &str, provider: Provider) -> bool {
    let store = parse_value(store).unwrap_or_default();
    let is_usable = |key: &Value| match key.as_str() {
        Some(text) => !Secret::new(text).is_placeholder(),
        None => key.is_object(),
    };
    let profiles = store["profiles"].as_object().into_iter().flatten();
    profiles.map(|(_, profile)| profile).any(|profile| {
        let secrets = [&profile["key"], &profile["keyRef"], &profile["token"]];
        profile["provider"] == provider.id() && secrets.into_iter().any(is_usable)
    })
}

/// Returns the API key of a model provider that a store of API keys (`auth-profiles.json`) with this text has; `None` where
/// it only refers to one.
pub(crate) fn stored_key(store: &str, provider: Provider) -> Option<Secret> {
    let store = parse_value(store).ok()?;
    let mut profiles = store["profiles"].as_object()?.values();
    profiles.find_map(|profile| {
        let is_key = profile["provider"] == provider.id() && profile["type"] == "api_key";
        let key = profile["key"].as_str().filter(|_| is_key)?;
        Some(Secret::new(key.trim()))
    })
}

/// Returns the error for a `.env` file that isn't UTF-8: rewriting it would change bytes that are not ours.
fn not_text(path: &Path, error: Utf8Error) -> Error {
    let why = msg!("config.fault-encoding-at", byte = error.valid_up_to());
    let what = Msg::new("settings.env-file")
        .with("path", path.display())
        .with_msg("why", why);
    Error::blocked(what).hint(msg!("settings.env-file-way-out", path = path.display()))
}

/// Returns the text of an instance's `.env` with this API key in it; its other lines stay.
fn env_text(before: &str, key: &Secret) -> String {
    let line = format!("{OPENAI_PREFIX}{}", key.expose());
    let mut lines: Vec<&str> = before.lines().collect();
    match lines
        .iter()
        .position(|l| l.trim_start().starts_with(OPENAI_PREFIX))
    {
        Some(at) => lines[at] = &line,
        None => lines.push(&line),
    }
    lines.join("\n") + "\n"
}

/// Returns the text of the store of API keys (`auth-profiles.json`) with this API key in it; its other entries stay.
/// A store that cannot be read is an error, so that it is never overwritten.
fn store_text(disk: &DiskSnapshot, path: &Path, provider: Provider, key: &Secret) -> Result<String> {
    let mut document = match disk.state(path) {
        PathState::Missing => ConfigDocument::empty(),
        PathState::File(bytes) => {
            crate::config::parse_bytes(bytes.clone()).map_err(|fault| fault.blocked(path))?
        }
        PathState::Folder | PathState::Unreadable | PathState::Unreachable => return Err(in_the_way(path)),
    };
    let id = provider.id();
    let entry = json!({ "type": "api_key", "provider": id, "key": key.expose() });
    let at = KeyPath::keys(["profiles".to_owned(), format!("{id}:default")]);
    let edit = |document: &mut ConfigDocument| {
        document.set(&KeyPath::keys(["version"]), json!(1))?;
        document.set(&at, entry)
    };
    edit(&mut document).map_err(|e| not_editable(path, e))?;
    Ok(document.text().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_key_replaces_only_its_own_line_of_env_file() {
        let key = Secret::new("sk-1");
        assert_eq!(env_text("", &key), "OPENAI_API_KEY=sk-1\n");
        assert_eq!(
            env_text("A=1\nOPENAI_API_KEY=old\nB=2\n", &key),
            "A=1\nOPENAI_API_KEY=sk-1\nB=2\n"
        );
    }
}
