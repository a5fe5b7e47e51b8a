//! Profile names: parsed once, valid everywhere after.
//!
//! The rule is OpenClaw's (`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`, case kept), made stricter by the device
//! names of Windows, so that a name is also a folder, a unit and a task on every system.

use std::fmt;

use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::text::strip_diacritic;

/// The longest name, in characters.
pub const MAX_LEN: usize = 64;

/// The name of an instance. `default`, in any case, is the unnamed one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

/// Why a name can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("empty profile name")]
    Empty,
    /// More than [`MAX_LEN`] characters.
    #[error("profile name of {0} characters")]
    TooLong(usize),
    /// Starts with something else than a letter or a digit of ASCII.
    #[error("profile name starts with {0:?}")]
    Start(char),
    /// Holds something else than letters, digits, `_` and `-` of ASCII.
    #[error("profile name holds {0:?}")]
    Character(char),
    /// A device name of Windows (`CON`, `NUL`, `COM1`, ...).
    #[error("profile name is a device name")]
    Device,
}

impl ProfileName {
    /// The unnamed instance.
    pub fn default_profile() -> Self {
        Self("default".to_owned())
    }

    /// Parses a name as typed. Blanks around it are not part of it (docs/openclaw.md#profile-names).
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        let name = typed.trim();
        let Some(first) = name.chars().next() else {
            return Err(NameError::Empty);
        };
        if !first.is_ascii_alphanumeric() {
            return Err(NameError::Start(first));
        }
        if let Some(odd) = name
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        {
            return Err(NameError::Character(odd));
        }
        if name.len() > MAX_LEN {
            return Err(NameError::TooLong(name.len()));
        }
        if is_device(name) {
            return Err(NameError::Device);
        }
        if name.eq_ignore_ascii_case("default") {
            return Ok(Self::default_profile());
        }
        Ok(Self(name.to_owned()))
    }

    /// A name that no instance can have: stands for an unusable one that was inherited.
    pub(crate) fn unusable() -> Self {
        Self(String::new())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the unnamed instance.
    pub fn is_default(&self) -> bool {
        self.0 == "default"
    }

    /// Whether this is the development instance, which owns a port of its own (docs/openclaw.md#default-base-ports).
    pub fn is_dev(&self) -> bool {
        self.0 == "dev"
    }

    /// Whether both names would be one folder on a file system that ignores case.
    pub fn same_but_case(&self, other: &Self) -> bool {
        self != other && self.0.eq_ignore_ascii_case(&other.0)
    }

    /// What OpenClaw appends to a name for this profile: nothing for the default, else `-NAME`.
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

/// The nearest usable name: Turkish letters lose their marks, anything else becomes `-`.
/// `None` where nothing of the name is left.
pub fn suggest(typed: &str) -> Option<String> {
    let mut name = String::new();
    for c in typed.trim().chars() {
        let c = strip_diacritic(c);
        let usable = c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match c {
            _ if usable => name.push(c),
            // The dot above of a decomposed İ and other combining marks leave no trace.
            '\u{300}'..='\u{36f}' => {}
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let start = name.find(|c: char| c.is_ascii_alphanumeric())?;
    let mut name: String = name[start..].chars().take(MAX_LEN).collect();
    name.truncate(name.trim_end_matches('-').len());
    if is_device(&name) {
        name.push_str("-1");
    }
    Some(name)
}

/// The name that was probably meant: at most two slips of the pen away.
pub fn nearest<'a>(
    typed: &ProfileName,
    names: impl Iterator<Item = &'a ProfileName>,
) -> Option<&'a ProfileName> {
    let with_distance = names.map(|name| (strsim::damerau_levenshtein(typed.as_str(), name.as_str()), name));
    with_distance
        .filter(|(slips, _)| *slips <= 2)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// Device names of Windows, which are no folder there (Win32 "Naming Files").
fn is_device(name: &str) -> bool {
    const PLAIN: [&str; 4] = ["con", "prn", "aux", "nul"];
    if PLAIN.iter().any(|d| name.eq_ignore_ascii_case(d)) {
        return true;
    }
    let Some((stem, digit)) = name.split_at_checked(3) else {
        return false;
    };
    let numbered = matches!(digit.as_bytes(), [b'1'..=b'9']);
    numbered && (stem.eq_ignore_ascii_case("com") || stem.eq_ignore_ascii_case("lpt"))
}

impl NameError {
    /// The refusal in words, with a usable name proposed where there is one: exit 2.
    pub fn refuse(&self, typed: &str) -> Error {
        let shown = typed.trim().escape_debug().to_string();
        let msg = match self {
            Self::Empty => msg!("profile.empty"),
            Self::TooLong(len) => msg!("profile.too-long", len = len, max = MAX_LEN),
            Self::Start(c) => msg!("profile.start", name = shown, char = c.escape_debug()),
            Self::Character(c) => msg!("profile.character", name = shown, char = c.escape_debug()),
            Self::Device => msg!("profile.device", name = shown),
        };
        let error = Error::usage(msg);
        match suggest(typed) {
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
    fn names_as_openclaw_takes_them() {
        for good in ["rescue", "Rescue", "a", "0", "a_b-c", " main ", &"x".repeat(64)] {
            assert_eq!(ProfileName::parse(good).unwrap().as_str(), good.trim());
        }
        assert!(ProfileName::parse("DEFAULT").unwrap().is_default());
    }

    #[test]
    fn unusable_names_are_refused_each_for_its_reason() {
        let refused = |name: &str| ProfileName::parse(name).unwrap_err();
        assert_eq!(refused(""), NameError::Empty);
        assert_eq!(refused("  "), NameError::Empty);
        assert_eq!(refused("-x"), NameError::Start('-'));
        assert_eq!(refused(".."), NameError::Start('.'));
        assert_eq!(refused("a/b"), NameError::Character('/'));
        assert_eq!(refused("a b"), NameError::Character(' '));
        assert_eq!(refused("a\0"), NameError::Character('\0'));
        assert_eq!(refused("ısı"), NameError::Start('ı'));
        assert_eq!(refused("İSTANBUL"), NameError::Start('İ'));
        assert_eq!(refused("CON"), NameError::Device);
        assert_eq!(refused("lpt9"), NameError::Device);
        assert_eq!(refused(&"x".repeat(65)), NameError::TooLong(65));
    }

    #[test]
    fn suggestions_keep_what_a_reader_would_keep() {
        for (typed, usable) in [
            ("İSTANBUL", "ISTANBUL"),
            ("i\u{307}stanbul", "istanbul"),
            ("ısı", "isi"),
            ("kurtarma botu", "kurtarma-botu"),
            ("../etc/passwd", "etc-passwd"),
            ("CON", "CON-1"),
            ("-x", "x"),
        ] {
            assert_eq!(suggest(typed).as_deref(), Some(usable), "{typed}");
        }
        assert_eq!(suggest("…"), None);
    }

    #[test]
    fn names_that_differ_by_case_only_are_told_apart() {
        let parse = |n| ProfileName::parse(n).unwrap();
        assert!(parse("Rescue").same_but_case(&parse("rescue")));
        assert!(!parse("rescue").same_but_case(&parse("rescue")));
    }

    proptest! {
        #[test]
        fn a_suggestion_is_always_usable(typed in any::<String>()) {
            if let Some(name) = suggest(&typed) {
                prop_assert_eq!(ProfileName::parse(&name).map(|n| n.as_str().len()), Ok(name.len()));
            }
        }

        #[test]
        fn a_parsed_name_is_one_harmless_path_component(typed in any::<String>()) {
            if let Ok(name) = ProfileName::parse(&typed) {
                let path = std::path::Path::new(name.as_str());
                prop_assert_eq!(path.components().count(), 1);
                prop_assert!(path.file_name().is_some());
            }
        }
    }
}
