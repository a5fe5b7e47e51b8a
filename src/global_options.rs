//! Global options, which may stand anywhere on the command line before `--`: `--profile`, `--dev`, `--lang`,
//! `--no-color`, `--accessible`, and before the command `--host`.
//!
//! OpenClaw honours `--profile` before and after the command (docs/openclaw.md#profile-flags), so these options are
//! removed from the arguments before the commands are parsed.

use std::ffi::{OsStr, OsString};

use crate::error::{Error, Result};
use crate::i18n::{Lang, lang_of_locale, msg};
use crate::installation::PROGRAM_NAME;
use crate::profile::ProfileName;

/// The global options of the program's command line, and the arguments that are left for the command.
#[derive(Debug, Default)]
pub(crate) struct GlobalOptions {
    /// The profile of `--profile NAME` or `--dev`.
    pub(crate) profile: Option<ProfileName>,
    /// The remote host of a `--host NAME` before the command. Behind the command it is an option of this program's commands,
    /// which OpenClaw may have too.
    pub(crate) host: Option<String>,
    /// The value of the first `--lang`, which may be a language that has no catalogue.
    pub(crate) lang: Option<OsString>,
    /// `true` where `--no-color` is given.
    pub(crate) no_color: bool,
    /// `true` where `--accessible` is given.
    pub(crate) accessible: bool,
    /// `true` where `--json` is given. It is the command's own option and stays in [`Self::command_line`]; an error that
    /// is reported before the command is parsed needs it too.
    pub(crate) json: bool,
    /// The arguments without the global options, the program's name first.
    pub(crate) command_line: Vec<OsString>,
    /// The arguments for OpenClaw from npm, where it has the command: as they were given from the command on, without
    /// the profile. Options before the command are this program's; of those, OpenClaw knows `--no-color`.
    pub(crate) openclaw_args: Vec<OsString>,
}

/// Name of the instance profile that `--dev` selects (docs/openclaw.md#profile-flags).
const DEV_PROFILE: &str = "dev";

/// Returns the language that `--lang` names, or `None` where it is not given or names none. The arguments need not be
/// valid otherwise: their errors are reported in this language.
pub(crate) fn requested_lang(args: &[OsString]) -> Option<Lang> {
    let mut words = args
        .iter()
        .map(|arg| arg.to_str().unwrap_or_default())
        .take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        match word.strip_prefix("--lang") {
            Some("") => return lang_of_locale(words.next()?),
            Some(value) if value.starts_with('=') => return lang_of_locale(&value[1..]),
            _ => {}
        }
    }
    None
}

/// Separates the global options of the program's command line from the other arguments.
///
/// # Errors
/// Exit 2 where an option lacks its value, or where the profile has an unusable name or is given twice with different
/// names.
pub(crate) fn parse_global_options(args: &[OsString]) -> Result<GlobalOptions> {
    let mut options = GlobalOptions::default();
    let mut words = args.iter();
    // Behind `gateway`, --dev is that command's own option (docs/openclaw.md#profile-flags).
    let mut is_gateway = false;
    while let Some(word) = words.next() {
        let has_command = options.command_line.len() > 1;
        match word.to_str() {
            Some("--") => {
                options.keep(word);
                break;
            }
            Some("--dev") if !is_gateway => options.select_profile(DEV_PROFILE)?,
            Some("--profile") => {
                let value = option_value(words.next()).ok_or_else(missing_profile)?;
                options.select_profile(&value.to_string_lossy())?;
            }
            Some(text) if text.starts_with("--profile=") => {
                options.select_profile(&text["--profile=".len()..])?;
            }
            Some("--host") if !has_command => {
                let value = option_value(words.next()).ok_or_else(missing_host)?;
                options.host = Some(value.to_string_lossy().into_owned());
            }
            Some(text) if !has_command && text.starts_with("--host=") => {
                options.host = Some(text["--host=".len()..].to_owned());
            }
            Some("--no-color") => {
                options.no_color = true;
                options.openclaw_args.push(word.clone());
            }
            Some("--accessible") => {
                options.accessible = true;
                options.pass_on(has_command, &[word]);
            }
            Some("--lang") => {
                let value = option_value(words.next()).ok_or_else(missing_lang)?;
                options.set_lang(value)?;
                options.pass_on(has_command, &[word, value]);
            }
            Some(text) if text.starts_with("--lang=") => {
                options.set_lang(OsStr::new(&text["--lang=".len()..]))?;
                options.pass_on(has_command, &[word]);
            }
            text => {
                is_gateway |= text == Some("gateway");
                options.json |= text == Some("--json");
                options.keep(word);
            }
        }
    }
    words.for_each(|word| options.keep(word));
    options.replace_help_command();
    Ok(options)
}

/// Returns the word after a global option as its value, or `None` where it is missing or is an option itself.
fn option_value(word: Option<&OsString>) -> Option<&OsString> {
    word.filter(|word| !word.as_encoded_bytes().starts_with(b"-"))
}

/// Returns the error of an option such as `--profile` that lacks the name of an instance's profile.
fn missing_profile() -> Error {
    Error::usage(msg!("profile.value"))
}

/// Returns the error of `--host` without the name of a remote host.
fn missing_host() -> Error {
    Error::usage(msg!("hosts.value")).hint(msg!("hosts.see-list"))
}

/// Returns the error of `--lang` without a language.
fn missing_lang() -> Error {
    Error::usage(msg!("cli.lang-value"))
}

impl GlobalOptions {
    /// Adds a word of the command line that is no global option to the arguments for the command. The first one is
    /// the program's name, which is not passed on: whatever it was, help and errors have one name for it.
    fn keep(&mut self, word: &OsString) {
        let is_name = self.command_line.is_empty();
        self.pass_on(!is_name, &[word]);
        self.command_line.push(if is_name {
            PROGRAM_NAME.into()
        } else {
            word.clone()
        });
    }

    /// Returns the words of the command line, from the command on, without a `--host NAME` behind the command.
    pub(crate) fn words_without_host(&self) -> Vec<OsString> {
        let mut words = self.command_line.iter().skip(1);
        let mut kept = Vec::new();
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--") => {
                    kept.push(word.clone());
                    break;
                }
                Some("--host") => drop(words.next()),
                Some(text) if text.starts_with("--host=") => {}
                _ => kept.push(word.clone()),
            }
        }
        kept.extend(words.cloned());
        kept
    }

    /// Replaces the command `help` by the option: `openclaw help gateway` asks for what `openclaw gateway --help` does.
    fn replace_help_command(&mut self) {
        if self.command_line.get(1).is_none_or(|word| word != "help") {
            return;
        }
        self.command_line.remove(1);
        self.command_line.push("--help".into());
        if let Some(at) = self.openclaw_args.iter().position(|word| word == "help") {
            self.openclaw_args.remove(at);
        }
        self.openclaw_args.push("--help".into());
    }

    /// Adds words of the command line to the arguments for OpenClaw where the condition holds.
    fn pass_on(&mut self, condition: bool, words: &[&OsString]) {
        if condition {
            self.openclaw_args.extend(words.iter().copied().cloned());
        }
    }

    /// Sets the language of the program's messages from `--lang`; the first one given is used.
    fn set_lang(&mut self, value: &OsStr) -> Result<()> {
        if value.is_empty() {
            return Err(missing_lang());
        }
        self.lang.get_or_insert_with(|| value.to_os_string());
        Ok(())
    }

    /// Selects the instance profile that a global option names.
    ///
    /// # Errors
    /// Exit 2 for an invalid name, or for another one than before.
    fn select_profile(&mut self, typed: &str) -> Result<()> {
        if typed.trim().is_empty() {
            return Err(missing_profile());
        }
        let name = ProfileName::parse(typed).map_err(|e| e.to_error(typed))?;
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

    /// Checks that `--lang` names a language that has a catalogue of messages.
    ///
    /// # Errors
    /// Exit 2 with the languages that there are.
    pub(crate) fn require_known_lang(&self) -> Result<()> {
        let Some(value) = &self.lang else {
            return Ok(());
        };
        if value.to_str().and_then(lang_of_locale).is_some() {
            return Ok(());
        }
        let value = value.to_string_lossy().escape_debug().to_string();
        let codes: Vec<_> = Lang::all().map(Lang::code).collect();
        Err(
            Error::usage(msg!("cli.bad-value", argument = "--lang", value = value))
                .hint(msg!("cli.values", words = codes.join(", "))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn parse(line: &str) -> Result<GlobalOptions> {
        parse_global_options(&args(line))
    }

    #[test]
    fn profile_is_selected_before_and_after_the_command() {
        for line in [
            "openclaw --profile rescue ports",
            "openclaw ports --profile rescue",
            "openclaw --profile=rescue ports",
            "openclaw --profile rescue ports --profile rescue",
        ] {
            let options = parse(line).unwrap();
            assert_eq!(options.profile.unwrap().as_str(), "rescue", "{line}");
            assert_eq!(options.command_line, ["openclaw", "ports"], "{line}");
        }
        for line in ["openclaw --dev ports", "openclaw --dev --profile dev"] {
            assert_eq!(parse(line).unwrap().profile.unwrap().as_str(), "dev", "{line}");
        }
    }

    #[test]
    fn host_is_a_global_option_before_the_command_and_left_to_the_command_behind_it() {
        for line in [
            "openclaw --host box rescue work --yes",
            "openclaw --host=box rescue work --yes",
        ] {
            let options = parse(line).unwrap();
            assert_eq!(options.host.as_deref(), Some("box"));
            assert_eq!(options.command_line, args("openclaw rescue work --yes"));
        }
        let behind = parse("openclaw logs --host box -f -- --host x").unwrap();
        assert_eq!(behind.host, None);
        assert_eq!(behind.words_without_host(), args("logs -f -- --host x"));
        assert_eq!(
            parse("openclaw node run --host x").unwrap().openclaw_args,
            args("node run --host x")
        );
        assert_eq!(parse("openclaw --host").unwrap_err().code(), "hosts.value");
    }

    #[test]
    fn help_command_is_replaced_by_the_option() {
        let options = parse("openclaw --profile a help gateway run").unwrap();
        assert_eq!(options.command_line, ["openclaw", "gateway", "run", "--help"]);
        assert_eq!(options.openclaw_args, ["gateway", "run", "--help"]);
        assert_eq!(
            parse("openclaw help").unwrap().command_line,
            ["openclaw", "--help"]
        );
        let own_word = parse("openclaw logs help").unwrap();
        assert_eq!(own_word.command_line, ["openclaw", "logs", "help"]);
    }

    #[test]
    fn dev_option_of_gateway_and_words_after_a_double_dash_are_kept() {
        let options = parse("openclaw gateway --dev -- --profile x").unwrap();
        assert_eq!(options.profile, None);
        assert_eq!(
            options.command_line,
            ["openclaw", "gateway", "--dev", "--", "--profile", "x"]
        );
    }

    #[test]
    fn contradictory_options_and_missing_values_are_usage_errors() {
        for (line, code) in [
            ("openclaw --profile a ports --profile b", "profile.twice"),
            ("openclaw --dev --profile rescue", "profile.twice"),
            ("openclaw --profile", "profile.value"),
            ("openclaw --profile --json", "profile.value"),
            ("openclaw --profile=", "profile.value"),
            ("openclaw --profile a/b", "profile.character"),
            ("openclaw --lang", "cli.lang-value"),
            ("openclaw --lang --json ports", "cli.lang-value"),
            ("openclaw --lang= ports", "cli.lang-value"),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!((error.code(), error.kind.exit_code()), (code, 2), "{line}");
        }
    }

    #[test]
    fn language_is_found_although_other_arguments_are_invalid() {
        let lang = |line: &str| requested_lang(&args(line)).map(Lang::code);
        assert_eq!(lang("openclaw ports --lang tr"), Some("tr"));
        assert_eq!(lang("openclaw --lang=tr_TR.UTF-8 --profile"), Some("tr"));
        assert_eq!(lang("openclaw -- --lang tr"), None);
        assert_eq!(lang("openclaw --lang --json ports"), None);
        assert_eq!(lang("openclaw --language tr --lang"), None);
    }

    #[test]
    fn language_without_a_catalogue_is_a_usage_error_that_lists_the_languages() {
        for line in ["openclaw ports", "openclaw --lang TR", "openclaw --lang=en-GB"] {
            assert!(parse(line).unwrap().require_known_lang().is_ok(), "{line}");
        }
        let error = parse("openclaw --lang xx ports").unwrap().require_known_lang();
        let error = error.unwrap_err();
        assert_eq!((error.code(), error.kind.exit_code()), ("cli.bad-value", 2));
        assert_eq!(error.hints[0].render(Lang::english()), "Valid values: en, tr");
    }

    #[test]
    fn command_of_openclaw_keeps_its_options_and_loses_the_profile() {
        let passed_on = |line: &str| parse(line).unwrap().openclaw_args;
        assert_eq!(
            passed_on("openclaw channels login --lang de --profile rescue --accessible --no-color"),
            ["channels", "login", "--lang", "de", "--accessible", "--no-color"]
        );
        assert_eq!(
            passed_on("openclaw --lang tr --accessible --dev --no-color channels --lang=de -- --dev"),
            ["--no-color", "channels", "--lang=de", "--", "--dev"]
        );
    }
}
