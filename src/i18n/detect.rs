//! Which language to speak: the flag, `OPENCLAW_LANG`, then the locale variables as gettext reads
//! them, then what the system says. Where nothing tells, English stands in, and the wizard asks.

use super::Lang;

/// The language for these wishes, `None` where nothing tells one that is spoken here; most wanted first: `asked` are the flag and `OPENCLAW_LANG`,
/// `var` reads one locale variable, `system` is the system's own answer where no variable is set.
pub fn detect<'a>(
    asked: impl IntoIterator<Item = &'a str>,
    var: impl Fn(&str) -> Option<&'a str>,
    system: impl FnOnce() -> Option<String>,
) -> Option<Lang> {
    if let Some(lang) = asked.into_iter().find_map(of_locale) {
        return Some(lang);
    }
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(&var);
    match locale {
        // The C locale means "as programs were written", and LANGUAGE does not count then (gettext manual, 2.3).
        Some(locale) if is_c(locale) => Some(Lang::english()),
        Some(locale) => var("LANGUAGE")
            .into_iter()
            .flat_map(|list| list.split(':'))
            .chain([locale])
            .find_map(of_locale),
        None => system().as_deref().and_then(of_locale),
    }
}

/// The language of `tr_TR.UTF-8`, `tr-TR`, `tr`.
fn of_locale(locale: &str) -> Option<Lang> {
    let code = locale.split(['_', '-', '.', '@']).next()?;
    Lang::from_code(code)
}

fn is_c(locale: &str) -> bool {
    let name = locale.split('.').next().unwrap_or(locale);
    name == "C" || name == "POSIX"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(asked: &[&'static str], vars: &'static [(&'static str, &'static str)]) -> &'static str {
        let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        detect(asked.iter().copied(), var, || None).map_or("-", Lang::code)
    }

    #[test]
    fn a_wish_stands_over_the_locale() {
        assert_eq!(with(&["tr"], &[("LC_ALL", "C")]), "tr");
        assert_eq!(with(&["xx"], &[("LANG", "tr_TR.UTF-8")]), "tr");
    }

    #[test]
    fn locale_variables_are_read_as_gettext_reads_them() {
        assert_eq!(with(&[], &[("LANG", "tr_TR.UTF-8")]), "tr");
        assert_eq!(with(&[], &[("LC_ALL", "tr")]), "tr");
        assert_eq!(
            with(
                &[],
                &[("LC_ALL", "C"), ("LANG", "tr_TR.UTF-8"), ("LANGUAGE", "tr")]
            ),
            "en"
        );
        assert_eq!(with(&[], &[("LANG", "en_US.UTF-8"), ("LANGUAGE", "tr:en")]), "tr");
        assert_eq!(with(&[], &[("LANG", "ja_JP.UTF-8")]), "-");
        assert_eq!(with(&[], &[]), "-");
    }
}
