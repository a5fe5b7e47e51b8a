//! Writes another name of the program into the commands of a text.

/// The name of the program in texts.
const NAME: &str = "openclaw";

/// The second name of the program, by which it was started, and the commands before which it takes the place of the first.
#[derive(Debug)]
pub(crate) struct SecondName {
    name: &'static str,
    commands: Vec<String>,
}

impl SecondName {
    /// Creates the second name for the commands of the program with these names.
    pub(crate) fn new(name: &'static str, commands: Vec<String>) -> Self {
        Self { name, commands }
    }

    /// Returns a text with the second name in each command of the program. Elsewhere, as in a path or a sentence about the
    /// program, the first name stays.
    pub(crate) fn write_in(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(NAME) {
            let (before, found) = rest.split_at(at);
            let after = &found[NAME.len()..];
            let is_part_of_word = |c: char| c.is_alphanumeric() || "-_./\\@".contains(c);
            let begins =
                !before.ends_with(is_part_of_word) && (!before.is_empty() || !out.ends_with(is_part_of_word));
            out.push_str(before);
            out.push_str(if begins && self.is_command(after) {
                self.name
            } else {
                NAME
            });
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// Returns whether a text goes on behind the name of the program as a command does: with an option, a command of the
    /// program, or what stands for one.
    fn is_command(&self, after: &str) -> bool {
        let Some(words) = after.strip_prefix(' ').map(str::trim_start) else {
            return false;
        };
        let length = words
            .find(|c: char| !c.is_alphanumeric() && c != '-')
            .unwrap_or(words.len());
        let word = &words[..length];
        let is_placeholder = !word.is_empty() && word.chars().all(char::is_uppercase);
        words.starts_with(['…', '[', '<'])
            || word.starts_with("--")
            || is_placeholder
            || self.commands.iter().any(|command| command == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_name_is_written_in_commands_alone() {
        let names = ["onboard", "config", "completions", "doctor"].map(str::to_owned);
        let second = SecondName::new("openclaw-rs", names.to_vec());
        for (text, expected) in [
            ("Set one up: openclaw onboard", "Set one up: openclaw-rs onboard"),
            (
                "openclaw --profile rescue config",
                "openclaw-rs --profile rescue config",
            ),
            (
                "openclaw doctor && openclaw onboard",
                "openclaw-rs doctor && openclaw-rs onboard",
            ),
            (
                "source <(openclaw completions bash)",
                "source <(openclaw-rs completions bash)",
            ),
            ("HOME=/x sudo -H openclaw …", "HOME=/x sudo -H openclaw-rs …"),
            ("`openclaw KOMUT --help`.", "`openclaw-rs KOMUT --help`."),
            ("openclaw [SEÇENEKLER]", "openclaw-rs [SEÇENEKLER]"),
            (
                "Çalıştırın: `openclaw doctor`",
                "Çalıştırın: `openclaw-rs doctor`",
            ),
        ] {
            assert_eq!(second.write_in(text), expected);
            assert_eq!(second.write_in(expected), expected, "it is there already");
        }
        for text in [
            "npm install -g openclaw",
            "Another openclaw process is writing.",
            "~/my openclaw files/openclaw.json",
            "/srv/openclaw doctor",
            "systemctl --user start openclaw-default",
            "[openclaw] doctor",
            "--browser-profile openclaw",
        ] {
            assert_eq!(second.write_in(text), text);
        }
    }
}
