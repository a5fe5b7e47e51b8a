//! What stands anywhere on the command line before `--`: the profile, the language, colour.
//!
//! OpenClaw honours `--profile` before and after the command, so these words are taken out before the
//! commands are parsed. Given twice with different values, or with an unusable name: exit 2.

use std::ffi::OsString;

use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::profile::ProfileName;

/// The global wishes, and the words that are left.
#[derive(Debug, Default)]
pub struct Selection {
    /// `--profile NAME` or `--dev`.
    pub profile: Option<ProfileName>,
    /// `--no-color`.
    pub no_color: bool,
    /// `--accessible`.
    pub accessible: bool,
    /// `--json`, which is the command's own flag and stays in `rest`; an error must know of it early.
    pub json: bool,
    /// Everything else, the program's name first.
    pub rest: Vec<OsString>,
}

/// The profile of `--dev` (docs/openclaw.md#profile-flags).
const DEV: &str = "dev";

/// The value of `--lang`, needed before anything can go wrong.
pub fn lang(args: &[OsString]) -> Option<&str> {
    let words: Vec<_> = args
        .iter()
        .map_while(|a| a.to_str())
        .take_while(|a| *a != "--")
        .collect();
    words
        .iter()
        .enumerate()
        .find_map(|(at, word)| match word.strip_prefix("--lang")? {
            "" => words.get(at + 1).copied(),
            value => value.strip_prefix('='),
        })
}

/// Takes the global words out of the arguments.
pub fn scan(args: &[OsString]) -> Result<Selection> {
    let mut selection = Selection::default();
    let mut words = args.iter();
    // Behind `gateway`, --dev is that command's own flag (docs/openclaw.md#profile-flags).
    let mut gateway = false;
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--") => {
                selection.rest.push(word.clone());
                break;
            }
            Some("--dev") if !gateway => selection.choose(DEV)?,
            Some("--no-color") => selection.no_color = true,
            Some("--accessible") => selection.accessible = true,
            Some("--profile") => {
                let value = words.next().filter(|v| !v.as_encoded_bytes().starts_with(b"-"));
                selection.choose_word(value)?;
            }
            Some("--lang") => {
                words.next().ok_or_else(|| Error::usage(msg!("cli.lang-value")))?;
            }
            Some(text) if text.starts_with("--lang=") => {}
            Some(text) if text.starts_with("--profile=") => selection.choose(&text["--profile=".len()..])?,
            other => {
                gateway |= other == Some("gateway");
                selection.json |= other == Some("--json");
                selection.rest.push(word.clone());
            }
        }
    }
    selection.rest.extend(words.cloned());
    Ok(selection)
}

impl Selection {
    fn choose_word(&mut self, word: Option<&OsString>) -> Result<()> {
        let word = word.ok_or_else(|| Error::usage(msg!("profile.value")))?;
        self.choose(&word.to_string_lossy())
    }

    fn choose(&mut self, typed: &str) -> Result<()> {
        if typed.trim().is_empty() {
            return Err(Error::usage(msg!("profile.value")));
        }
        let name = ProfileName::parse(typed).map_err(|e| e.refuse(typed))?;
        match &self.profile {
            Some(before) if *before != name => {
                Err(Error::usage(msg!("profile.twice", first = before, second = name)))
            }
            _ => {
                self.profile = Some(name);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(line: &str) -> Result<Selection> {
        super::scan(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_profile_counts_wherever_it_stands() {
        for line in [
            "openclaw --profile rescue ports",
            "openclaw ports --profile rescue",
            "openclaw --profile=rescue ports",
            "openclaw --profile rescue ports --profile rescue",
        ] {
            let selection = scan(line).unwrap();
            assert_eq!(selection.profile.unwrap().as_str(), "rescue", "{line}");
            assert_eq!(selection.rest, ["openclaw", "ports"], "{line}");
        }
        assert_eq!(
            scan("openclaw --dev ports").unwrap().profile.unwrap().as_str(),
            "dev"
        );
        assert_eq!(
            scan("openclaw --dev --profile dev")
                .unwrap()
                .profile
                .unwrap()
                .as_str(),
            "dev"
        );
    }

    #[test]
    fn other_commands_keep_their_own_words() {
        let selection = scan("openclaw gateway --dev -- --profile x").unwrap();
        assert_eq!(selection.profile, None);
        assert_eq!(
            selection.rest,
            ["openclaw", "gateway", "--dev", "--", "--profile", "x"]
        );
    }

    #[test]
    fn contradictions_and_gaps_are_usage_errors() {
        for (line, code) in [
            ("openclaw --profile a ports --profile b", "profile.twice"),
            ("openclaw --dev --profile rescue", "profile.twice"),
            ("openclaw --profile", "profile.value"),
            ("openclaw --profile --json", "profile.value"),
            ("openclaw --profile=", "profile.value"),
            ("openclaw --profile a/b", "profile.character"),
        ] {
            let error = scan(line).unwrap_err();
            assert_eq!((error.code(), error.kind.exit_code()), (code, 2), "{line}");
        }
    }

    #[test]
    fn the_language_is_found_before_anything_is_parsed() {
        let lang = |line: &str| {
            super::lang(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).map(str::to_owned)
        };
        assert_eq!(lang("openclaw ports --lang tr").as_deref(), Some("tr"));
        assert_eq!(lang("openclaw --lang=en --profile").as_deref(), Some("en"));
        assert_eq!(lang("openclaw -- --lang tr"), None);
    }
}
