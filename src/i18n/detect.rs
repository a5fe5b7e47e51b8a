//! Detects the language of the user: the flag, `OPENCLAW_LANG`, then the locale variables as gettext reads them, then
//! the locale of the system. Where none decides, callers use English, and the wizard asks.

use super::Lang;

/// Returns the language of the user from the flag, the environment or the system; `None` where no source names a
/// language that has a catalogue of messages. `asked` are the flag and `OPENCLAW_LANG`, in this order; `var` reads a
/// locale variable; `system` is asked for the locale of the system where no variable is set.
pub(crate) fn detect<'a>(
    asked: impl IntoIterator<Item = &'a str>,
    var: impl Fn(&str) -> Option<&'a str>,
    system: impl FnOnce() -> Option<String>,
) -> Option<Lang> {
    if let Some(lang) = asked.into_iter().find_map(lang_of_locale) {
        return Some(lang);
    }
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(&var);
    match locale {
        // The C locale means "as programs were written", and LANGUAGE does not count then (gettext manual, 2.3).
        Some(locale) if is_c_locale(locale) => Some(Lang::english()),
        Some(locale) => var("LANGUAGE")
            .into_iter()
            .flat_map(|list| list.split(':'))
            .chain([locale])
            .find_map(lang_of_locale),
        None => system().as_deref().and_then(lang_of_locale),
    }
}

/// Returns the language of a locale such as `tr_TR.UTF-8`, `tr-TR` or `tr`.
pub(crate) fn lang_of_locale(locale: &str) -> Option<Lang> {
    let code = locale.split(['_', '-', '.', '@']).next()?;
    Lang::from_code(code)
}

/// Returns whether a locale is the C locale, which is also called POSIX.
fn is_c_locale(locale: &str) -> bool {
    let name = locale.split('.').next().unwrap_or(locale);
    name == "C" || name == "POSIX"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(asked: &[&'static str], vars: &'static [(&'static str, &'static str)]) -> &'static str {
        let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        detect(asked.iter().copied(), var, || None).map_or("-", Lang::code)
    }

    #[test]
    fn explicit_choice_wins_over_the_locale() {
        assert_eq!(detected(&["tr"], &[("LC_ALL", "C")]), "tr");
        assert_eq!(detected(&["xx"], &[("LANG", "tr_TR.UTF-8")]), "tr");
    }

    #[test]
    fn locale_variables_are_read_as_gettext_reads_them() {
        assert_eq!(detected(&[], &[("LANG", "tr_TR.UTF-8")]), "tr");
        assert_eq!(detected(&[], &[("LC_ALL", "tr")]), "tr");
        assert_eq!(
            detected(
                &[],
                &[("LC_ALL", "C"), ("LANG", "tr_TR.UTF-8"), ("LANGUAGE", "tr")]
            ),
            "en"
        );
        assert_eq!(
            detected(&[], &[("LANG", "en_US.UTF-8"), ("LANGUAGE", "tr:en")]),
            "tr"
        );
        assert_eq!(detected(&[], &[("LANG", "ja_JP.UTF-8")]), "-");
        assert_eq!(detected(&[], &[]), "-");
    }
}
