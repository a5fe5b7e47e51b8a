//! Finds the words that were probably meant by a mistyped one.

/// Minimum length of a typed word that counts as the beginning of a longer one.
const MIN_PREFIX_LEN: usize = 3;

/// Returns the known words that were probably meant by a typed one: those with the fewest typing errors, where these
/// are at most a third of its letters. The beginning of a word counts as one error. A part between hyphens counts as
/// well, with one error more: `prot` is near `gateway-port`.
pub(crate) fn nearest_words<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = typed.trim_start_matches('-');
    let limit = (typed.chars().count() / 3).clamp(1, 3);
    let errors_in = |word: &str| {
        if typed.len() >= MIN_PREFIX_LEN && word.starts_with(typed) {
            return Some(1);
        }
        let whole = strsim::damerau_levenshtein(typed, word);
        let parts = word
            .split('-')
            .map(|part| strsim::damerau_levenshtein(typed, part));
        let part = parts.filter(|errors| *errors <= limit).min();
        [
            Some(whole).filter(|errors| *errors <= limit),
            part.map(|errors| errors + 1),
        ]
        .into_iter()
        .flatten()
        .min()
    };
    let near: Vec<_> = known.filter_map(|word| Some((errors_in(word)?, word))).collect();
    let least = near.iter().map(|(errors, _)| *errors).min();
    let nearest = near.into_iter().filter(|(errors, _)| Some(*errors) == least);
    nearest.map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_words_are_those_with_the_fewest_typing_errors() {
        let near = |typed: &str, known: &[&'static str]| nearest_words(typed, known.iter().copied());
        let gateway = [
            "run",
            "status",
            "install",
            "uninstall",
            "start",
            "stop",
            "restart",
        ];
        assert_eq!(near("instal", &gateway), ["install"]);
        assert_eq!(near("statsu", &["setup", "status"]), ["status"]);
        assert_eq!(near("--prot", &["profile", "gateway-port"]), ["gateway-port"]);
        assert_eq!(near("--jsno", &["json", "count"]), ["json"]);
        assert_eq!(near("snap", &["snapshot", "status"]), ["snapshot"]);
        assert!(near("bogus", &["logs", "onboard", "ports"]).is_empty());
        assert!(near("channels", &["status", "browser", "gateway"]).is_empty());
    }
}
