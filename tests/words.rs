//! The catalogues of sentences: every language has the same keys with the same arguments, and the program uses exactly
//! these keys. The tests find a new language by its file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use openclaw::cli::Cli;
use openclaw::help;

/// The sentences of one language by their keys.
type Catalogue = BTreeMap<String, String>;

/// Keys of sentences that are equal in Turkish and in English, because developers use the English word, or because they
/// are only names, code or values.
const SAME_IN_TURKISH: &[&str] = &[
    "dashboard.page-chat",
    "models.with-words",
    "engine.column-node",
    "bot.alert-event",
    "bot.alert-versions",
    "bot.alert-word-because",
    "bot.value",
    "bot.said",
    "bot.port",
    "bot.menu-line",
    "bot.failed",
    "size.whole",
    "apply.failed",
    "bot.state-line",
    "channels.account",
    "channels.line",
    "channels.token-ask",
    "cli.meaning",
    "config.finding",
    "config.include-broken",
    "dashboard.page-port",
    "help.heading.gateway",
    "help.value.ip",
    "help.value.json",
    "help.value.model",
    "help.value.ms",
    "help.value.n",
    "help.value.port",
    "help.value.token",
    "help.value.url",
    "language.own",
    "overview.port",
    "plan.release-name",
    "ports.process",
    "profiles.port",
    "service.launchd",
    "service.systemd",
    "status.agent-because",
    "status.port",
    "step.auth-choice.anthropic",
    "step.auth-choice.google",
    "step.auth-choice.openai",
    "step.auth-choice.openrouter",
    "step.channel.discord",
    "step.channel.telegram",
    "step.gateway-token.ask",
    "step.model.ask",
    "ui.and",
    "ui.help-instance",
    "ui.spoken-value",
    "ui.spoken-value-note",
    "ui.arrows-horizontal",
    "ui.arrows-vertical",
    "ui.spoken-answered",
    "ui.spoken-option",
    "ui.spoken-word",
    "ui.typed",
];

/// Returns the top folder of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every catalogue by the code of its language, with tables flattened to dotted keys.
fn catalogues() -> BTreeMap<String, Catalogue> {
    let folder = root().join("locales");
    let mut catalogues = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
            let mut catalogue = Catalogue::new();
            flatten("", &toml::Value::Table(table), &mut catalogue);
            let code = path.file_stem().unwrap().to_str().unwrap().to_owned();
            catalogues.insert(code, catalogue);
        }
    }
    assert!(catalogues.len() > 1 && catalogues.contains_key("en"));
    catalogues
}

/// Enters the texts of a TOML value under their dotted keys.
fn flatten(prefix: &str, value: &toml::Value, into: &mut Catalogue) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let dot = if prefix.is_empty() { "" } else { "." };
                flatten(&format!("{prefix}{dot}{key}"), value, into);
            }
        }
        value => {
            into.insert(prefix.to_owned(), value.as_str().expect("a text").to_owned());
        }
    }
}

/// Returns the `{arguments}` of a sentence.
fn arguments(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .map(|rest| rest.split_once('}').expect("a closed brace").0)
        .collect()
}

/// Returns a sentence without its `{arguments}`.
fn without_arguments(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        rest = after.split_once('}').expect("a closed brace").1;
    }
    plain + rest
}

/// Returns the text of a source up to its tests.
fn without_tests(text: &str) -> &str {
    let mut marks = ["#[cfg(test)]", "#[cfg(all(test, unix))]"]
        .into_iter()
        .flat_map(|mark| text.match_indices(mark));
    let tests = marks.find(|(at, _)| {
        text[*at..]
            .lines()
            .take(3)
            .any(|line| line.ends_with("mod tests {"))
    });
    tests.map_or(text, |(at, _)| &text[..at])
}

/// Returns every source file that is part of the program, with its text up to its tests.
pub fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let below = path.strip_prefix(root()).unwrap().to_path_buf();
                into.push((below, without_tests(&text).to_owned()));
            }
        }
    }
    let mut sources = Vec::new();
    walk(&root().join("src"), &mut sources);
    sources.sort();
    sources
}

/// Returns the text literals of a source that look like a key of the catalogue: `"section.some-key"`.
fn literals<'a>(source: &'a str, sections: &BTreeSet<&str>) -> Vec<&'a str> {
    let is_key = |text: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        text.split_once('.')
            .is_some_and(|(section, rest)| sections.contains(section) && !rest.is_empty())
            && text.chars().all(plain)
            && ![".toml", ".json", ".lock"]
                .iter()
                .any(|ending| text.ends_with(ending))
    };
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| is_key(text))
        .collect()
}

#[test]
fn every_language_has_the_same_sentences_with_the_same_arguments() {
    let catalogues = catalogues();
    let english = &catalogues["en"];
    let mut faults = Vec::new();
    for (code, catalogue) in &catalogues {
        for key in english.keys().filter(|key| !catalogue.contains_key(*key)) {
            faults.push(format!("{code} lacks {key}"));
        }
        for (key, text) in catalogue {
            match english.get(key) {
                None => faults.push(format!("only {code} has {key}")),
                Some(other) if arguments(other) != arguments(text) => {
                    faults.push(format!("{code} has other arguments than en in {key}"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Returns the config schemas of both releases of OpenClaw.
fn config_schemas() -> [serde_json::Value; 2] {
    let texts = [
        include_str!("../schemas/openclaw-2026.1.30.config.schema.json"),
        include_str!("../schemas/openclaw-2026.9.6.config.schema.json"),
    ];
    texts.map(|text| serde_json::from_str(text).expect("JSON"))
}

/// Returns whether a part of a schema names a key by these steps.
fn has_config_key(schema: &serde_json::Value, part: &serde_json::Value, steps: &[&str]) -> bool {
    let [step, rest @ ..] = steps else {
        return true;
    };
    let reference = part.get("$ref").and_then(serde_json::Value::as_str);
    if let Some(part) = reference.and_then(|path| schema.pointer(path.trim_start_matches('#'))) {
        return has_config_key(schema, part, steps);
    }
    let key = part.get("properties").and_then(|keys| keys.get(step));
    let key = key.or_else(|| part.get("additionalProperties").filter(|_| *step == "*"));
    let has_rest = key.is_some_and(|part| has_config_key(schema, part, rest));
    let mut alternatives = ["anyOf", "oneOf", "allOf"]
        .into_iter()
        .filter_map(|name| part.get(name)?.as_array());
    has_rest || alternatives.any(|parts| parts.iter().any(|part| has_config_key(schema, part, steps)))
}

#[test]
fn every_used_sentence_exists_and_every_sentence_is_used() {
    let catalogues = catalogues();
    let english = &catalogues["en"];
    let sections: BTreeSet<&str> = english.keys().filter_map(|key| key.split('.').next()).collect();
    let sources = sources();
    let mut used: BTreeMap<String, String> = help::catalogue_keys(Cli::command())
        .into_iter()
        .map(|key| (key, "the commands".to_owned()))
        .collect();
    // Keys of OpenClaw's config and names of its methods look like keys of sentences where a section has the same name.
    let tables = ["gateway/methods", "gateway/methods.rs"];
    let methods = sources
        .iter()
        .filter(|(path, _)| tables.iter().any(|table| path.to_string_lossy().contains(table)));
    let methods: Vec<_> = methods.flat_map(|(_, text)| literals(text, &sections)).collect();
    assert!(methods.len() > 2, "the table of methods is there");
    let schemas = config_schemas();
    let is_config_key = |steps: &[&str]| schemas.iter().any(|schema| has_config_key(schema, schema, steps));
    let is_of_openclaw =
        |key: &str| methods.contains(&key) || is_config_key(&key.split('.').collect::<Vec<_>>());
    for (path, source) in &sources {
        let literals = literals(source, &sections).into_iter();
        for key in literals.filter(|key| english.contains_key(*key) || !is_of_openclaw(key)) {
            used.entry(key.to_owned())
                .or_insert_with(|| path.display().to_string());
        }
        // A key given to msg! or Msg::new counts whatever its section, so that a typo there is found.
        for call in ["msg!(", "Msg::new("] {
            for rest in source.split(call).skip(1) {
                if let Some((key, _)) = rest
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|r| r.split_once('"'))
                {
                    used.entry(key.to_owned())
                        .or_insert_with(|| path.display().to_string());
                }
            }
        }
    }
    let missing: Vec<_> = used
        .iter()
        .filter(|(key, _)| !english.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "used, but in no catalogue: {missing:#?}");
    let unused: Vec<_> = english.keys().filter(|key| !used.contains_key(*key)).collect();
    assert!(
        unused.is_empty(),
        "in the catalogues, but used nowhere: {unused:#?}"
    );
}

#[test]
fn sentences_of_other_languages_differ_from_english() {
    let catalogues = catalogues();
    let english = &catalogues["en"];
    for (code, catalogue) in catalogues.iter().filter(|(code, _)| *code != "en") {
        let same: Vec<_> = catalogue
            .iter()
            .filter(|(key, text)| english.get(*key) == Some(text) && !SAME_IN_TURKISH.contains(&key.as_str()))
            .collect();
        assert!(same.is_empty(), "{code}: the same as in English: {same:#?}");
    }
    for key in SAME_IN_TURKISH {
        assert_eq!(
            english[*key], catalogues["tr"][*key],
            "{key} is allowed to be the same and is not"
        );
    }
}

#[test]
fn sentences_keep_the_rules_of_their_language() {
    for (code, catalogue) in catalogues() {
        for (key, text) in catalogue {
            let plain = text.trim() == text && !text.is_empty();
            assert!(
                plain,
                "{code}: {key}: it is empty or has blanks around it: {text:?}"
            );
            for glued in ["(s)", "(ler)", "(lar)", "(ları)", "(leri)"] {
                assert!(
                    !text.contains(glued),
                    "{code}: {key}: a number takes no {glued}: {text}"
                );
            }
            for word in ["Please", "please", "Lütfen", "lütfen"] {
                assert!(
                    !text.contains(word),
                    "{code}: {key}: the imperative is polite enough: {text}"
                );
            }
            if code == "en" {
                // "is not a file"; only "there is no file" and "is no longer a file" are English.
                let plain = text
                    .replace("here is no ", "")
                    .replace("here are no ", "")
                    .replace("is no longer ", "");
                for phrase in [" is no ", " are no "] {
                    assert!(!plain.contains(phrase), "{key}: {phrase:?}: {text}");
                }
            }
            if code == "tr" {
                // A suffix would have to follow the vowels of a value that is not known.
                assert!(!text.contains("}’"), "{key}: a suffix on a placeholder: {text}");
            }
        }
    }
}

#[test]
fn apostrophes_and_quotation_marks_are_typographic_outside_code() {
    let mut texts: Vec<(String, String)> = catalogues()
        .into_iter()
        .flat_map(|(code, catalogue)| {
            catalogue
                .into_iter()
                .map(move |(key, text)| (format!("{code}: {key}"), text))
        })
        .collect();
    let workspaces = root().join("locales/workspace");
    for language in std::fs::read_dir(workspaces).unwrap() {
        for file in std::fs::read_dir(language.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            texts.push((
                path.display().to_string(),
                std::fs::read_to_string(&path).unwrap(),
            ));
        }
    }
    for (place, text) in texts {
        // Straight marks belong to code, as in auth.profiles["anthropic:default"].
        let prose = text.replace("[\"", "").replace("\"]", "");
        for straight in ['\'', '"'] {
            assert!(
                !prose.contains(straight),
                "{place}: a straight {straight} in: {text}"
            );
        }
    }
}

#[test]
fn no_word_is_upper_or_lower_cased_at_run_time() {
    // "İ".to_lowercase() is not "i", and "i".to_uppercase() is not "İ": only ASCII is ever cased.
    for (path, source) in sources() {
        for banned in [".to_lowercase()", ".to_uppercase()"] {
            assert!(!source.contains(banned), "{}: {banned}", path.display());
        }
    }
}

/// Returns the rows of the glossary's table, the header first: term, English, Turkish, meaning, and the words that are
/// ruled out for it in English and in Turkish.
fn glossary() -> Vec<Vec<String>> {
    let glossary = std::fs::read_to_string(root().join("locales/GLOSSARY.md")).unwrap();
    let rows = glossary
        .lines()
        .filter(|line| line.starts_with('|') && !line.contains("---"))
        .map(|line| {
            let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
            let cells = inner.expect("a closed row").split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        });
    rows.collect()
}

#[test]
fn glossary_has_a_word_for_each_term_in_every_language() {
    let glossary = glossary();
    let (header, rows) = glossary.split_first().expect("a table");
    assert!(rows.len() > 10);
    for row in rows {
        assert_eq!(row.len(), header.len(), "{row:?}");
        assert!(row[..3].iter().all(|word| !word.is_empty()), "{row:?}");
    }
}

#[test]
fn sentences_use_no_word_that_the_glossary_rules_out() {
    let catalogues = catalogues();
    let glossary = glossary();
    for (code, heading) in [("en", "not in English"), ("tr", "not in Turkish")] {
        let column = glossary[0].iter().position(|cell| cell == heading).unwrap();
        let banned: Vec<&str> = glossary[1..]
            .iter()
            .flat_map(|row| row[column].split(", "))
            .filter(|word| !word.is_empty())
            .collect();
        assert!(banned.len() > 5, "{heading}: {banned:?}");
        for (key, text) in &catalogues[code] {
            let sentence = without_arguments(text).to_ascii_lowercase();
            for word in &banned {
                let found = sentence.match_indices(word).any(|(at, _)| {
                    let before = sentence[..at].chars().next_back();
                    let after = sentence[at + word.len()..].chars().next();
                    [before, after]
                        .into_iter()
                        .flatten()
                        .all(|c| !c.is_alphanumeric())
                });
                assert!(!found, "{code}: {key}: the glossary rules out {word:?}: {text}");
            }
        }
    }
}
