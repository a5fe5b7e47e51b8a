//! Renders a changed key of a config for a person: words stand in place of its secrets, for which documents have OpenClaw's
//! mark.

use crate::config::diff::ConfigDifference;
use crate::config::key_path::{KeyPath, PathSegment};
use crate::i18n::{Msg, msg};
use crate::secret::REDACTED;

use super::Ui;

impl Ui {
    /// Renders the old value of a changed config key for a person; `None` where the key is new.
    pub(crate) fn render_old_value(&self, change: &ConfigDifference) -> Option<String> {
        let shown = change.before.as_deref()?;
        Some(self.render_value(shown, &msg!("plan.hidden")))
    }

    /// Renders the new value of a changed config key for a person; `None` where the key goes.
    pub(crate) fn render_new_value(&self, change: &ConfigDifference) -> Option<String> {
        let shown = change.after.as_deref()?;
        Some(self.render_value(shown, &new_secret_msg(&change.path)))
    }

    /// Renders a config value, which is JSON without its secrets, for a person. `whole` stands for a value that is one
    /// secret.
    fn render_value(&self, shown: &str, whole: &Msg) -> String {
        let quoted = format!("\"{REDACTED}\"");
        if shown == quoted {
            return self.render(whole);
        }
        let hidden = self.render(&msg!("plan.hidden"));
        shown.replace(&quoted, &hidden).replace(REDACTED, &hidden)
    }
}

/// Returns the words for a new secret at a config key: a token, a password, an API key, or any other one.
fn new_secret_msg(path: &KeyPath) -> Msg {
    let name = match path.segments().last() {
        Some(PathSegment::Key(name)) => name.to_ascii_lowercase(),
        Some(PathSegment::Index(_)) | None => String::new(),
    };
    match name.as_str() {
        name if name.ends_with("token") => msg!("plan.new-token"),
        name if name.ends_with("password") => msg!("plan.new-password"),
        name if name.ends_with("apikey") => msg!("plan.new-api-key"),
        _ => msg!("plan.new-secret"),
    }
}
