//! Profile names: a [`ProfileName`] is parsed once and valid everywhere after.
//!
//! The rule is OpenClaw's (`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`, case kept), made stricter by the device
//! names of Windows, so that a name is also a folder, a unit and a task on every system.

use std::fmt;

use crate::error::Error;
use crate::host::is_device_name;
use crate::i18n::{Msg, msg};
use crate::text::strip_diacritic;

/// Maximum length of the name of an instance profile, in characters.
pub(crate) const MAX_NAME_LENGTH: usize = 64;

/// Name by which people speak of the default instance, whose profile has another name.
const MAIN_NAME: &str = "main";

/// A valid name of an instance profile, by which an instance is named. `default`, in any case, is the name of the
/// unnamed instance.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

/// The reason why a text can't be the name of an instance profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileNameError {
    /// The name is empty.
    #[error("empty profile name")]
    Empty,
    /// The name has more than [`MAX_NAME_LENGTH`] characters.
    #[error("profile name of {0} characters")]
    TooLong(usize),
    /// The name starts with something else than an ASCII letter or digit.
    #[error("profile name starts with {0:?}")]
    Start(char),
    /// The name contains something else than ASCII letters, digits, `_` and `-`.
    #[error("profile name holds {0:?}")]
    Character(char),
    /// The name is a device name of Windows (`CON`, `NUL`, `COM1`, ...).
    #[error("profile name is a device name")]
    Device,
}

impl ProfileName {
    /// Returns the profile name of the unnamed instance, `default`.
    pub fn default_profile() -> Self {
        Self("default".to_owned())
    }

    /// Parses the name of an instance profile as a user types it. Blanks around it are ignored
    /// (docs/openclaw.md#profile-names).
    pub fn parse(typed: &str) -> Result<Self, ProfileNameError> {
        let name = typed.trim();
        let Some(first) = name.chars().next() else {
            return Err(ProfileNameError::Empty);
        };
        if !first.is_ascii_alphanumeric() {
            return Err(ProfileNameError::Start(first));
        }
        if let Some(odd) = name
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        {
            return Err(ProfileNameError::Character(odd));
        }
        if name.len() > MAX_NAME_LENGTH {
            return Err(ProfileNameError::TooLong(name.len()));
        }
        if is_device_name(name) {
            return Err(ProfileNameError::Device);
        }
        if name.eq_ignore_ascii_case("default") {
            return Ok(Self::default_profile());
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns a profile name that no instance can have, in place of an invalid one from the environment.
    pub(crate) fn unusable() -> Self {
        Self(String::new())
    }

    /// Returns the name of an instance profile as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a profile name is that of the unnamed instance.
    pub fn is_default(&self) -> bool {
        self.0 == "default"
    }

    /// Returns whether a profile name is that of the development instance, which has a base port of its own
    /// (docs/openclaw.md#default-base-ports).
    pub fn is_dev(&self) -> bool {
        self.0 == "dev"
    }

    /// Returns whether a profile is for a rescue bot by its name: OpenClaw's documentation calls it `rescue`, its guide
    /// `NAME-rescue`.
    pub(crate) fn is_of_rescue_bot(&self) -> bool {
        self.0.ends_with("rescue")
    }

    /// Returns whether two names of instance profiles differ by case only: a file system that ignores case would give
    /// both one folder.
    pub fn differs_only_by_case(&self, other: &Self) -> bool {
        self != other && self.0.eq_ignore_ascii_case(&other.0)
    }

    /// Returns the suffix that OpenClaw appends to names of folders and services of an instance profile: nothing for
    /// `default`, else `-NAME`.
    pub fn suffix(&self) -> String {
        if self.is_default() {
            String::new()
        } else {
            format!("-{}", self.0)
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Returns a valid name of an instance profile that resembles a typed one: Turkish letters lose their marks, other
/// invalid characters become `-`. `None` where no letter and no digit is left.
pub fn suggest_name(typed: &str) -> Option<String> {
    let mut name = String::new();
    for c in typed.trim().chars() {
        let c = strip_diacritic(c);
        let usable = c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match c {
            _ if usable => name.push(c),
            // Combining marks, such as the dot above of a decomposed İ, are dropped.
            '\u{300}'..='\u{36f}' => {}
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let start = name.find(|c: char| c.is_ascii_alphanumeric())?;
    let mut name: String = name[start..].chars().take(MAX_NAME_LENGTH).collect();
    name.truncate(name.trim_end_matches('-').len());
    if is_device_name(&name) {
        name.push_str("-1");
    }
    Some(name)
}

/// Returns the existing profile name that was probably meant by a typed one: the nearest of those at most two typing
/// errors away.
pub(crate) fn nearest_name<'a>(
    typed: &ProfileName,
    names: impl Iterator<Item = &'a ProfileName>,
) -> Option<&'a ProfileName> {
    let with_distance = names.map(|name| (strsim::damerau_levenshtein(typed.as_str(), name.as_str()), name));
    with_distance
        .filter(|(errors, _)| *errors <= 2)
        .min_by_key(|(errors, _)| *errors)
        .map(|(_, name)| name)
}

/// Returns the existing profile name of which a typed one is probably a misspelling: one typing error in a short name, two
/// in a long one. A name that differs in its digits only is another one of a numbered series; `main` stands for the default.
pub(crate) fn misspelled_name<'a>(
    typed: &ProfileName,
    names: impl Iterator<Item = &'a ProfileName> + Clone,
) -> Option<&'a ProfileName> {
    const MIN_LENGTH: usize = 4;
    const MIN_LONG_LENGTH: usize = 8;
    let without_digits =
        |name: &ProfileName| -> String { name.as_str().chars().filter(|c| !c.is_ascii_digit()).collect() };
    if typed.as_str() == MAIN_NAME {
        return names.clone().find(|name| name.is_default());
    }
    let max_errors = match typed.as_str().len() {
        ..MIN_LENGTH => return None,
        MIN_LENGTH..MIN_LONG_LENGTH => 1,
        _ => 2,
    };
    let others = names.filter(|name| without_digits(name) != without_digits(typed));
    let near = nearest_name(typed, others)?;
    (strsim::damerau_levenshtein(typed.as_str(), near.as_str()) <= max_errors).then_some(near)
}

impl ProfileNameError {
    /// Returns the error for an invalid profile name that a user typed, with a valid name as a hint where there is
    /// one: exit 2.
    pub fn to_error(&self, typed: &str) -> Error {
        let shown = typed.trim().escape_debug().to_string();
        let msg = match self {
            Self::Empty => msg!("profile.empty"),
            Self::TooLong(len) => msg!("profile.too-long", len = len, max = MAX_NAME_LENGTH),
            Self::Start(c) => msg!("profile.start", name = shown, char = c.escape_debug()),
            Self::Character(c) if c.is_whitespace() => msg!("profile.blank", name = shown),
            Self::Character(c) => msg!("profile.character", name = shown, char = c.escape_debug()),
            Self::Device => msg!("profile.device", name = shown),
        };
        let error = Error::usage(msg);
        match suggest_name(typed) {
            Some(name) => error.hint(msg!("profile.suggest", name = name)),
            None => error.hint(Msg::new("profile.rule")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_openclaw_accepts_are_valid() {
        for good in ["rescue", "Rescue", "a", "0", "a_b-c", " main ", &"x".repeat(64)] {
            assert_eq!(ProfileName::parse(good).unwrap().as_str(), good.trim());
        }
        assert!(ProfileName::parse("DEFAULT").unwrap().is_default());
    }

    #[test]
    fn invalid_names_are_refused_with_a_reason() {
        let refused = |name: &str| ProfileName::parse(name).unwrap_err();
        assert_eq!(refused(""), ProfileNameError::Empty);
        assert_eq!(refused("  "), ProfileNameError::Empty);
        assert_eq!(refused("-x"), ProfileNameError::Start('-'));
        assert_eq!(refused(".."), ProfileNameError::Start('.'));
        assert_eq!(refused("a/b"), ProfileNameError::Character('/'));
        assert_eq!(refused("a b"), ProfileNameError::Character(' '));
        assert_eq!(refused("a\0"), ProfileNameError::Character('\0'));
        assert_eq!(refused("ısı"), ProfileNameError::Start('ı'));
        assert_eq!(refused("İSTANBUL"), ProfileNameError::Start('İ'));
        assert_eq!(refused("CON"), ProfileNameError::Device);
        assert_eq!(refused("lpt9"), ProfileNameError::Device);
        assert_eq!(refused(&"x".repeat(65)), ProfileNameError::TooLong(65));
    }

    #[test]
    fn misspelled_name_is_recognised_and_a_numbered_one_is_not() {
        let names = ["default", "rescue", "bot1", "dev", "telegram-bot"];
        let names = names.map(|name| ProfileName::parse(name).unwrap());
        let meant = |typed: &str| {
            let typed = ProfileName::parse(typed).unwrap();
            misspelled_name(&typed, names.iter()).map(ProfileName::as_str)
        };
        assert_eq!(meant("resuce"), Some("rescue"));
        assert_eq!(meant("defualt"), Some("default"));
        assert_eq!(meant("telegrma-bto"), Some("telegram-bot"));
        assert_eq!(meant("main"), Some("default"));
        for other in ["bot2", "bot12", "dew", "residue", "helper"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }

    #[test]
    fn suggested_name_resembles_the_typed_one() {
        for (typed, usable) in [
            ("İSTANBUL", "ISTANBUL"),
            ("i\u{307}stanbul", "istanbul"),
            ("ısı", "isi"),
            ("kurtarma botu", "kurtarma-botu"),
            ("../etc/passwd", "etc-passwd"),
            ("CON", "CON-1"),
            ("-x", "x"),
        ] {
            assert_eq!(suggest_name(typed).as_deref(), Some(usable), "{typed}");
        }
        assert_eq!(suggest_name("…"), None);
    }

    #[test]
    fn names_that_differ_by_case_only_are_recognized() {
        let parse = |n| ProfileName::parse(n).unwrap();
        assert!(parse("Rescue").differs_only_by_case(&parse("rescue")));
        assert!(!parse("rescue").differs_only_by_case(&parse("rescue")));
    }

    proptest! {
        #[test]
        fn suggested_name_is_always_valid(typed in any::<String>()) {
            if let Some(name) = suggest_name(&typed) {
                prop_assert_eq!(ProfileName::parse(&name).map(|n| n.as_str().len()), Ok(name.len()));
            }
        }

        #[test]
        fn parsed_name_is_one_ordinary_path_component(typed in any::<String>()) {
            if let Ok(name) = ProfileName::parse(&typed) {
                let path = std::path::Path::new(name.as_str());
                prop_assert_eq!(path.components().count(), 1);
                prop_assert!(path.file_name().is_some());
            }
        }
    }
}
