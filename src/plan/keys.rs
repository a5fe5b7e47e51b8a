//! Where a provider's key goes: OpenClaw's key store or its `.env`, never the config itself where there
//! is another place (docs/openclaw.md#provider-keys).

use serde_json::json;

use crate::answers::{Answers, Provider};
use crate::config::document::ConfigDocument;
use crate::config::key_path::KeyPath;
use crate::error::Result;
use crate::instance::Instance;
use crate::secret::{Secret, SecretOrigin, TextPiece};

use super::ground::{Ground, Standing, in_the_way, not_editable};
use super::{Content, FileKind, FileWrite};

/// The line of `.env` that OpenAI's key stands in.
const OPENAI_LINE: &str = "OPENAI_API_KEY=";

/// The file that takes the key, where it is not there yet.
pub(super) fn write(instance: &Instance, ground: &Ground, answers: &Answers) -> Result<Option<FileWrite>> {
    let (Some(provider), Some(key)) = (answers.provider, &answers.provider_key) else {
        return Ok(None);
    };
    let (path, text) = match provider {
        Provider::OpenAi => {
            let path = instance.env_file();
            let before = ground
                .bytes(&path)
                .map(String::from_utf8_lossy)
                .unwrap_or_default();
            (path, env_text(&before, key))
        }
        Provider::Custom | Provider::Skip => return Ok(None),
        Provider::Anthropic | Provider::OpenRouter | Provider::Google => {
            let path = instance.auth_profiles();
            let text = store_text(ground, &path, provider, key)?;
            (path, text)
        }
    };
    let before = ground.bytes(&path).map(<[u8]>::to_vec);
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

/// `.env` with this key in it; its other lines stay.
fn env_text(before: &str, key: &Secret) -> String {
    let line = format!("{OPENAI_LINE}{}", key.expose());
    let mut lines: Vec<&str> = before.lines().collect();
    match lines.iter().position(|l| l.trim_start().starts_with(OPENAI_LINE)) {
        Some(at) => lines[at] = &line,
        None => lines.push(&line),
    }
    lines.join("\n") + "\n"
}

/// The key store with this key in it; its other entries stay. One that can't be read is not written over.
fn store_text(ground: &Ground, path: &std::path::Path, provider: Provider, key: &Secret) -> Result<String> {
    let mut document = match ground.at(path) {
        Standing::Nothing => ConfigDocument::empty(),
        Standing::File(bytes) => {
            crate::config::parse_bytes(bytes.clone()).map_err(|fault| fault.blocked(path))?
        }
        Standing::Folder | Standing::Else => return Err(in_the_way(path)),
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
    fn other_lines_of_an_env_file_stay() {
        let key = Secret::new("sk-1");
        assert_eq!(env_text("", &key), "OPENAI_API_KEY=sk-1\n");
        assert_eq!(
            env_text("A=1\nOPENAI_API_KEY=old\nB=2\n", &key),
            "A=1\nOPENAI_API_KEY=sk-1\nB=2\n"
        );
    }
}
